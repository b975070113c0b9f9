"""The command reproduce: lists, tables, exit statuses and pages, on a paper that takes no time, and all papers quickly.

A figure of a file of one's own is made as one of the package's.
"""

import json
import time

import pytest

import figures
import simulations
from figures import published_page
from meanfield.__main__ import main

PAPER = """
import simulations
from simulations import PublishedFigure, checks, reading


class Draws(simulations.Experiment):
    sizes = simulations.grid(
        smoke={"seeds": 4}, default={"draws": (100, 400), "seeds": 4}, large={"draws": 10000, "seeds": 5}
    )
    draws: int = simulations.count(100, "n", "numbers of a mean")

    def run(self):
        return {"mean": self.generator("draws").normal(1.0, 0.1, self.draws).mean()}


def mean(record):
    return float(record["mean"])


def twice(record):
    return 2 * mean(record)


def compared(name, value, **select):
    return simulations.claim(
        name, "the mean of numbers around 1", reading(value, 0.02, "chizat2019lazy"), checks.mean,
        select=Draws.at("mean", **select), value=mean, what="mean", wrong="twice the mean",
        control={"value": twice},
    )


def figure(name, *claims):
    return PublishedFigure(name, "Means are one.", (Draws,), claims, "Figure 1 of a paper.", "Numbers are normal.")


STUDY = simulations.Study(
    "means", "published", "means", experiments=(Draws,),
    claims=(compared("right", 1.0), compared("wrong", 1.2), compared("large", 1.0, draws=10000)),
    published=(figure("1a", "right"), figure("1b", "right", "wrong"), figure("1c", "right", "large")),
)
"""


@pytest.fixture
def paper(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "means.py").write_text(PAPER)
    return "means.py"


def test_list(capsys):
    assert main(["reproduce", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["paper"], row["figure"]) for row in rows] == [
        (study.name, figure.name) for study in simulations.PUBLISHED.values() for figure in study.published
    ]
    for row in rows:
        assert set(row) == {"paper", "figure", "statement", "cost"}
        assert row["cost"].get("quick", 0) > 0, f"{row['paper']} {row['figure']}: meanfield reproduce --quick --measure"
    assert main(["reproduce"]) == 0
    said = capsys.readouterr().out
    assert all(row["statement"].split()[0] in said for row in rows)


@pytest.mark.parametrize(("words", "status", "agrees"), [
    (["1a"], 0, True), (["1b"], 1, False), (["1c"], 3, None), (["1c", "--full"], 0, True), ([], 1, False),
])  # fmt: skip
def test_rows_and_exit_status(paper, capsys, words, status, agrees):
    quick = [] if "--full" in words else ["--quick"]
    assert main(["reproduce", paper, *words, *quick, "--json"]) == status
    spoken = capsys.readouterr()
    found = json.loads(spoken.out)
    assert found["agrees"] is agrees
    for row in found["rows"]:
        assert {"quantity", "paper", "ours", "error", "agrees"} <= set(row)
        if row["quantity"] == "right":
            assert (row["paper"], row["accuracy"], row["agrees"]) == (1.0, 0.02, True)
            assert abs(row["ours"] - 1) <= row["error"] + 0.02
        if row["quantity"] == "wrong":
            assert row["agrees"] is False
    assert "Figure 1 of a paper." in spoken.err
    assert "Numbers are normal." in spoken.err


def test_table_picture_and_what_was_chosen(paper, capsys, tmp_path):
    assert main(["reproduce", paper, "1b", "--quick", "--out", "there"]) == 1
    said = capsys.readouterr().out
    assert "= 1.2 ± 0.02" in said
    assert "NO" in said
    assert "yes within 0.0" in said
    assert "stated: Figure 1 of a paper." in said
    assert "chosen here: Numbers are normal." in said
    assert [path.name for path in (tmp_path / "there" / "figures").iterdir()] == ["means_1b.png"]


@pytest.mark.parametrize(("words", "sentence"), [
    (["means.py", "1d", "--quick"], "figure='1d': expected one of 1a, 1b, 1c"),
    (["nobody2019", "1c"], "study='nobody2019': expected one of"),
    (["lazy_scaling", "1c"], "paper='lazy_scaling': has no published figures; expected one of chizat2019lazy"),
    (["means.py", "1a", "1b"], "expected a paper, and one of its figures or none"),
    (["all", "1a"], "expected a paper, and one of its figures or none"),
    (["means.py", "1a", "--quick", "--full"], "quick and full: expected one of them"),
    (["means.py", "1a", "--format", "bmp"], "format='bmp'"),
    (["means.py", "1a", "--page", "here"], "page: is of the papers of this package; expected none for means"),
    (["means.py", "1a", "--quik"], "Did you mean --quick?"),
])  # fmt: skip
def test_bad_usage(paper, capsys, words, sentence):
    assert main(["reproduce", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", simulations.PUBLISHED)
def test_figures_are_well_made(name):
    study = simulations.find(name)
    assert study.group == "published"
    for figure in study.published:
        assert figure.statement.endswith(".")
        assert figure.stated.strip()
        assert figure.chosen.strip()
        part = study.making(figure.name)
        assert all(part.grid(size, None, 0) for size in ("smoke", "default", "large"))
    assert {claim for figure in study.published for claim in figure.claims} == {claim.name for claim in study.claims}
    empty = figures.draw(study, simulations.Records([]))
    assert any("no runs" in text.get_text() for axes in empty.axes for text in axes.texts)


def test_the_page_holds_every_figure():
    page = published_page.committed()
    for study in simulations.PUBLISHED.values():
        for figure in study.published:
            assert f"### {study.name} {figure.name}\n" in page, f"meanfield reproduce {study.name} --page figures"
            for claim in study.claims:
                if claim.name in figure.claims:
                    assert f"| **{published_page.cell(claim.name)}**" in page
            assert (published_page.PAGE.parent / "gallery" / f"{study.name}_{figure.name}.png").is_file()


@pytest.mark.full
def test_all_papers_quickly(tmp_path, capsys):
    """All of them in less than 12 minutes of computing: nothing disagrees, and each figure shows something."""
    before = time.process_time()
    status = main(["reproduce", "all", "--quick", "--json", "--out", str(tmp_path), "--page", str(tmp_path)])
    found = json.loads(capsys.readouterr().out)
    assert status in (0, 3), [row for row in found["rows"] if row["agrees"] is False]
    assert time.process_time() - before < 12 * 60
    for study in simulations.PUBLISHED.values():
        for figure in study.published:
            assert (tmp_path / "gallery" / f"{study.name}_{figure.name}.png").is_file()
    page = (tmp_path / "PUBLISHED.md").read_text(encoding="utf-8")
    assert published_page.text(published_page.kept(page)) == page  # figures that are not made anew keep their parts
