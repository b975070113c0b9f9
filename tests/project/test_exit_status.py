"""What the command ends with: 0 where all holds, 1 where something failed, 2 for bad usage, 3 where nothing decides."""

import json

import pytest

import simulations
from meanfield.command.main import USAGE, main
from simulations import Study, checks, claim
from simulations.records.record import runs
from theory.prediction import Prediction

pytestmark = pytest.mark.fast


def study(bias: float = 0.0, status: str = "done", claims: bool = True) -> Study:
    class Draw(simulations.Experiment):
        """Draws of one number."""

        shift: float = simulations.number(0.0, "", "mean")
        sizes = simulations.grid(smoke={"shift": (0.0, 50.0), "seeds": 8})

        def run(self):
            return {"y": self.generator(f"shift {self.shift}").normal(self.shift + bias, 1.0, 1)}, status

    zero = Prediction(0.0, "=", "always", "meanfield")
    check = claim(
        "mean", "the mean is zero", zero, checks.mean, widest=9.0,
        select=runs(shift=0.0), what="mean", value=lambda record: record["y"],
        wrong="shifted", control={"select": runs(shift=50.0)},
    )  # fmt: skip
    return Study("draws", "regimes", "a test", experiments=(Draw,), claims=(check,) if claims else ())


ENDS = [
    ({}, [], 0, True),
    ({"bias": 20.0}, [], 1, False),
    ({"bias": 20.0}, ["--seeds", "3"], 3, None),
    ({}, ["--seeds", "2"], 3, None),
    ({"claims": False}, [], 3, None),
    ({"status": "diverged at t = 1"}, [], 1, False),
]


@pytest.mark.parametrize(("what", "more", "status", "passed"), ENDS)
def test_status_of_verify(what, more, status, passed, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(simulations, "find", lambda name: study(**what))
    assert main(["verify", "draws", "--size", "smoke", *more, "--out", str(tmp_path), "--json"]) == status
    answer = json.loads(capsys.readouterr().out)
    assert answer["passed"] is passed


@pytest.mark.parametrize(
    ("what", "status", "passed"), [({}, 0, True), ({"bias": 20.0}, 1, False), ({"claims": False}, 3, None)]
)
def test_status_of_a_calibration(what, status, passed, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(simulations, "find", lambda name: study(**what))
    arguments = ["verify", "draws", "--size", "smoke", "--calibrate", "2", "--out", str(tmp_path), "--json"]
    assert main(arguments) == status
    assert json.loads(capsys.readouterr().out)["passed"] is passed


SMALL = ["--particles", "10", "--samples", "4", "--dimension", "2", "--time", "1"]


def test_a_grid_of_ones_own_tests_nothing(tmp_path, capsys):
    assert main(["run", "lazy_scaling", *SMALL, "--out", str(tmp_path), "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["passed"] is None
    assert {row["passed"] for row in answer["claims"]} == {None}
    assert "3 something could not be tested or is undecided and nothing failed" in USAGE


@pytest.mark.parametrize(
    ("study", "more"),
    [
        ("langevin", ["--seed", "3"]),
        ("lazy_scaling", ["--particles", "10", "--seeds", "2"]),
        ("lazy_scaling", SMALL),
        ("langevin", ["--seed", "3", "--dry-run"]),
    ],
)
@pytest.mark.parametrize("size", ["smoke", "default", "large"])
def test_a_size_and_parameters_contradict_each_other(study, more, size, tmp_path, capsys):
    out = tmp_path / "new"
    assert main(["run", study, "--size", size, *more, "--out", str(out), "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"size='{size}' and {more[0][2:]}" in said.err
    assert said.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("call", [simulations.run, simulations.prepare])
def test_a_size_and_parameters_in_python(call):
    with pytest.raises(
        ValueError, match=r"^size='smoke' and seed: .* chosen by seeds and first_seed.*; expected either"
    ):
        call("langevin", "smoke", seed=3)
    with pytest.raises(ValueError, match=r"^size='default' and particles, steps: .*; expected either"):
        call("langevin", size="default", particles=3, steps=4)
    with pytest.raises(ValueError, match=r"^size='': expected"):
        call("langevin", "")


def test_a_size_with_other_seeds_is_that_size():
    plan = simulations.prepare("langevin", "smoke", seeds=2, first_seed=5)
    assert {run.seed for run in plan.runs.values()} == {5, 6}
    assert plan.size == "smoke"
    assert simulations.prepare("langevin").size == "default"
    assert simulations.prepare("langevin/line", seed=3).size is None
