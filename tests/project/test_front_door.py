"""README and pages: what they show in Python runs as it stands, commands can be read, links lead somewhere."""

import contextlib
import importlib.util
import io
import re
import shlex
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import pytest

import meanfield.command.reading
import simulations
from meanfield.command.command_line import Refused
from meanfield.command.main import COMMANDS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"

if not (ROOT / ".docs").is_dir():
    pytest.skip("the pages are not here: this is no checkout", allow_module_level=True)

_spec = importlib.util.spec_from_file_location("notebooks", ROOT / ".docs/_notebooks.py")
notebooks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(notebooks)

PAGES = [README, *sorted((ROOT / ".docs").glob("*.md")), *sorted((ROOT / ".github").glob("*.md"))]
GALLERY = [ROOT / "figures/README.md", ROOT / "figures/PUBLISHED.md"]


def fenced(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def headings(page: Path) -> set[str]:
    """Return the names under which headings are linked: lower case, without punctuation, hyphens for blanks."""
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    marked = re.findall(r'<a (?:id|name)="([^"]+)"', page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines} | set(marked)


def test_the_readme_is_read_in_a_minute():
    assert len(README.read_text(encoding="utf-8").split()) <= 700


def test_counts_of_the_readme_are_those_of_the_ledger():
    studies = simulations.STUDIES.values()
    told = f"{len(studies)} studies, {sum(len(study.claims) for study in studies)} claims"
    assert told in README.read_text(encoding="utf-8")


def test_the_table_of_studies_has_every_study_with_its_claims():
    rows = re.findall(
        r"^\| \[`(\w+/\w+)`\]\(\S+\) \| .+ \| (\d+) \|$", (ROOT / ".docs/studies.md").read_text("utf-8"), re.M
    )
    assert rows == [(f"{study.group}/{study.name}", str(len(study.claims))) for study in simulations.STUDIES.values()]


def code(page: Path) -> list[str]:
    return [cell["source"] for cell in notebooks.notebook(page)["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_cells_are_all_the_python_of_a_page(page):
    assert code(page) == [block.strip() for block in fenced(page, "python")]
    assert (page in notebooks.examples()) == bool(code(page))


def test_text_of_a_notebook_has_no_links_into_the_checkout(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("[a](b.md) ![c](d.png) [e](https://f.org)\n```python\n1\n```\n<!-- g -->\nh\n", encoding="utf-8")
    texts = [cell["source"] for cell in notebooks.notebook(page)["cells"]]
    assert texts == ["a  [e](https://f.org)", "1", "h"]


def test_the_page_of_examples_has_them_all():
    text = (ROOT / ".docs/examples.md").read_text(encoding="utf-8")
    made = [page.stem for page in [*notebooks.examples(), *sorted((ROOT / ".docs/tutorials").glob("*.py"))]]
    assert sorted(re.findall(r'href="notebooks/(\w+)\.ipynb"', text)) == sorted(made)


@pytest.mark.parametrize("page", notebooks.examples(), ids=lambda page: page.stem)
def test_notebooks_run_as_they_stand(page, tmp_path, monkeypatch):
    """Cells of a page one after the other, with one key for everything that JAX finds nowhere used twice."""
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    try:
        with jax.debug_key_reuse(True), contextlib.redirect_stdout(said):
            exec("\n".join(code(page)), {"__name__": "example"})
    finally:
        plt.close("all")
    wanted = {"README": [], "introduction": ["done "], "certificates": ["within ", "certified"]}
    for words in wanted.get(page.stem, []):
        assert words in said.getvalue()
    if page == README:
        assert (tmp_path / "lazy.png").stat().st_size > 10_000


def commands() -> list[str]:
    lines = [line for page in PAGES for block in fenced(page, "sh") for line in block.splitlines()]
    return sorted({line.partition(" #")[0].strip() for line in lines if line.startswith("meanfield ")})


def test_commands_of_the_pages_are_all_there():
    named = {shlex.split(line)[1] for line in commands()}
    assert named == set(COMMANDS)


MINE = """
import simulations

class Steps(simulations.Experiment):
    step: float = simulations.number(0.1, "h", "step", above=0)
    sizes = simulations.grid(smoke={"seeds": 3})

    def run(self):
        return {"half": self.step / 2}

STUDY = simulations.Study("mine", "limits", "half of a step", experiments=(Steps,))
"""
"""A study of one's own, in the place of `study.py`."""


class Read(Exception):
    """A line of the command was read."""


@pytest.mark.parametrize("line", commands())
def test_commands_can_be_read(line, monkeypatch, tmp_path):
    """Options and studies of each command are there; one that computes is stopped when its line was read."""
    (tmp_path / "study.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    read = meanfield.command.reading.read

    def reading(*arguments, **options):
        read(*arguments, **options)
        raise Read

    monkeypatch.setattr(meanfield.command.reading, "read", reading)
    _, name, *rest = shlex.split(re.sub(r"\[.*?\]", "", line))
    with pytest.raises(Read):
        COMMANDS[name](rest)
    with pytest.raises(Refused, match="not an option"):
        COMMANDS[name]([*rest, "--no-such-option"])


@pytest.mark.parametrize("page", [*PAGES, *GALLERY], ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$|\$\$.*?\$\$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\$[^$\n]+\$|`[^`\n]+`", "", text)
    links = [
        link for link in re.findall(r"(?<!\\)\]\(([^)\s]+)\)", text) if not link.startswith(("http://", "https://"))
    ]
    for link in links:
        path, _, place = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), link
        if place and there.suffix == ".md":
            assert place in headings(there), link
