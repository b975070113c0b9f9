"""A study in a file of the user's, by its path: as a packaged one, from the command and in several processes too."""

import json
import textwrap

import numpy as np
import pytest

import simulations
from meanfield.command.main import main

pytestmark = pytest.mark.fast

STUDY = '''
    """Do halves add up?"""

    import simulations
    from companion import HALF
    from simulations import checks
    from theory.prediction import Prediction


    class Sums(simulations.Experiment):
        """Sums of halves."""

        terms: int = simulations.count(4, "n", "terms")
        sizes = simulations.grid(smoke={"terms": (2, 4), "seeds": 5})

        def run(self):
            noise = self.generator("noise").normal(scale=1e-3)
            return {"share": [HALF * self.terms / self.terms + noise]}


    CLAIMS = (
        simulations.claim(
            "half",
            "the share of a half is a half",
            Prediction(0.5, "=", "always", "arithmetic"),
            checks.mean,
            select=Sums.at(terms=4),
            value=lambda record: record["share"][-1],
            what="share",
            wrong="a third is predicted",
            control={"predicted": 1 / 3},
        ),
    )
    STUDY = simulations.Study("halves", "regimes", "halves are halves", experiments=(Sums,), claims=CLAIMS)
'''


@pytest.fixture
def path(tmp_path):
    (tmp_path / "companion.py").write_text("HALF = 0.5\n")
    path = tmp_path / "halves.py"
    path.write_text(textwrap.dedent(STUDY))
    return path


def test_it_runs_as_a_packaged_one(path, tmp_path, capsys):
    study = simulations.find(str(path))
    assert study is simulations.find(str(path)) is simulations.find(f"{path}:STUDY")
    records = simulations.run(str(path), "smoke", out=tmp_path / "results")
    (entry,) = simulations.verify(study, records)
    assert (len(records), entry.verdict.passed, entry.control.passed, entry.passed) == (10, True, False, True)
    assert study.about == "Do halves add up?"
    out = str(tmp_path / "results")
    assert main(["run", str(path), "--size", "smoke", "--out", out, "--format", "png", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["passed"] is True
    assert [figure.rpartition("/")[2] for figure in answer["figures"]] == ["halves.png"]
    assert main(["verify", f"{path}:STUDY", "--size", "smoke", "--out", out]) == 0
    assert "half" in capsys.readouterr().out
    assert main(["run", str(path), "--terms", "2", "3", "--seeds", "2", "--out", out, "--format", "png"]) == 3
    assert (tmp_path / "results" / "tables" / "halves.csv").exists()


def test_workers_compute_it_by_value(path, tmp_path):
    """They can't import the file, and need not: what it imports they find where this process does."""
    alone = simulations.run(str(path), "smoke", out=tmp_path / "alone")
    several = simulations.run(str(path), "smoke", out=tmp_path / "several", workers=2)
    for one, other in zip(alone, several, strict=True):
        assert (one.parameters, one.status) == (other.parameters, "done")
        assert np.array_equal(one["share"], other["share"])


def test_its_own_figure_is_drawn(path, tmp_path):
    from matplotlib.figure import Figure

    import figures

    with open(path, "a") as file:
        file.write(
            "from matplotlib.figure import Figure\n"
            "def draw(records):\n"
            "    figure = Figure()\n"
            "    figure.subplots().set_xlabel(f'{len(records)} halves')\n"
            "    return figure\n"
            "import dataclasses\n"
            "STUDY = dataclasses.replace(STUDY, draw=draw)\n"
        )
    records = simulations.run(str(path), "smoke")
    drawn = figures.draw(simulations.find(str(path)), records)
    assert isinstance(drawn, Figure)
    assert drawn.axes[0].get_xlabel() == "10 halves"


WRONG = {
    "missing": (None, "", r"there is no such file"),
    "nothing": ("x = 1\n", "", r"expected one Study at the top of the file, there is none"),
    "several": (
        "import dataclasses\nOTHER = dataclasses.replace(STUDY, name='thirds')\n",
        "",
        r"there is STUDY and OTHER",
    ),
    "no such": ("", ":SECOND", r"SECOND is no Study there; expected STUDY"),
    "raises": ("1 / 0\n", "", r"the file raises ZeroDivisionError in line \d+: division by zero"),
    "no Python": ("def\n", "", r"the file raises SyntaxError in line \d+"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(case, path, capsys):
    more, name, sentence = WRONG[case]
    if more is None:
        path.unlink()
    elif case == "nothing":
        path.write_text(more)
    else:
        path.write_text(path.read_text() + more)
    with pytest.raises(ValueError, match=sentence) as refused:
        simulations.find(f"{path}{name}")
    assert str(refused.value).startswith(f"study={f'{path}{name}'!r}: ")
    assert main(["run", f"{path}{name}", "--size", "smoke"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
