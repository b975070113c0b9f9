"""Pages: every public name is on one, tutorials are listed and can fail, what the contributor's page names exists."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import figures
import meanfield
import simulations
import theory

ROOT = Path(__file__).parents[2]
DOCS = ROOT / ".docs"
THEORY = sorted(path.stem for path in Path(theory.__file__).parent.glob("[!_]*.py"))

if not DOCS.is_dir():
    pytest.skip("the pages are not here: this is no checkout", allow_module_level=True)

PAGES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DOCS / "api").glob("*.md")))
NAMED = set(re.findall(r"^\.\. auto(?:class|function|exception|data):: (\S+)$", PAGES, re.MULTILINE))
# Modules whose members are shown, that is, without an option that says otherwise.
WHOLE = set(re.findall(r"^\.\. automodule:: (\S+)$(?!\n   :no-members:)", PAGES, re.MULTILINE))
TOUCHED = WHOLE | set(re.findall(r"^\.\. automodule:: (\S+)$", PAGES, re.MULTILINE))


def on_a_page(package, name: str) -> bool:
    """By its own line, or as a member, with a docstring, of a module that is shown whole."""
    thing = getattr(package, name)
    if inspect.ismodule(thing):
        return thing.__name__ in WHOLE
    return f"{package.__name__}.{name}" in NAMED or (
        getattr(thing, "__module__", None) in WHOLE and bool((thing.__doc__ or "").strip())
    )


@pytest.mark.parametrize("package", [meanfield, simulations, figures], ids=lambda package: package.__name__)
def test_every_public_name_is_on_a_page(package):
    assert [name for name in package.__all__ if not on_a_page(package, name)] == []


@pytest.mark.parametrize("module", THEORY)
def test_every_public_function_of_theory_is_on_a_page(module):
    found = importlib.import_module(f"theory.{module}")
    own = [thing for name, thing in vars(found).items() if not name.startswith("_") and callable(thing)]
    own = [thing for thing in own if getattr(thing, "__module__", None) == found.__name__]
    assert found.__name__ in WHOLE
    assert [thing.__name__ for thing in own if not (thing.__doc__ or "").strip()] == []  # else it is left out


def test_every_study_is_on_a_page():
    homes = {f"simulations.{study.group}.{study.name}" for study in simulations.STUDIES.values()}
    assert homes <= TOUCHED


def test_nothing_on_a_page_is_gone():
    """Before the build would say so."""
    for name in sorted(NAMED):
        package, _, thing = name.rpartition(".")
        assert hasattr(importlib.import_module(package), thing), name


def test_tutorials_are_listed_and_can_fail():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    scripts = sorted((DOCS / "tutorials").glob("*.py"))
    assert len(scripts) >= 5
    for script in scripts:
        assert f"tutorials/{script.stem}\n" in index
        tree = ast.parse(script.read_text(encoding="utf-8"))
        assert sum(isinstance(node, ast.Assert) for node in ast.walk(tree)) >= 3, script.name


def test_what_the_contributors_page_names_exists():
    text = (DOCS / "contributing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\.?\w[\w./]*/[\w./]*)`", text))
    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).exists() and not re.search("[A-Z]{4}", path)] == []
    for path, name in ((p, n) for n, p in re.findall(r"`(\w+)` (?:in|of)\s+`([\w./]+\.py)`", text)):
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), (path, name)
