"""Counting false alarms: of a check that is right, of one that is not, after a stop, and from the command line."""

import json
from pathlib import Path

import pytest

import simulations
from meanfield.command.main import main
from simulations import Study, calibrate, checks
from simulations.records.record import runs
from simulations.study.study import claim
from simulations.verdicts.calibration import Alarms
from theory.prediction import Prediction

ZERO = Prediction(0.0, "=", "the mean of fair draws", "meanfield")


def study(calls: Path | None = None, bias: float = 0.0) -> Study:
    """A study of draws; what it computes is written to the file `calls`: a list that it fills would be part of it."""

    class Draw(simulations.Experiment):
        """Normal numbers."""

        shift: float = simulations.number(0.0, "", "mean")
        sizes = simulations.grid(smoke={"shift": (0.0, 50.0), "seeds": 8})

        def run(self):
            if calls is not None:
                with calls.open("a") as written:
                    print(self.seed, file=written)
            return {"draw": self.generator(f"shift {self.shift}").normal(self.shift + bias, 1.0, 1)}

    check = claim(
        "mean", "the mean is zero", ZERO, checks.mean, widest=9.0, select=runs(shift=0.0), what="mean",
        value=lambda record: float(record["draw"][0]), wrong="shifted", control={"select": runs(shift=50.0)},
    )  # fmt: skip
    return Study("draws", "regimes", "a test", experiments=(Draw,), claims=(check,))


@pytest.mark.parametrize("count", [30, pytest.param(300, marks=pytest.mark.full)])
def test_a_right_check_is_as_stated(tmp_path, count):
    (row,) = calibrate(study(), "smoke", count, out=tmp_path)
    assert (row.reseedings, row.missed) == (count, 0)
    assert row.alarms <= 3  # four or more of 300 have probability 3e-4 at a level of 1e-3
    assert row.passed


def test_a_wrong_check_is_found_out(tmp_path):
    (row,) = calibrate(study(bias=1.5), "smoke", 15, out=tmp_path)
    assert row.alarms > 3
    assert row.passed is False


def test_no_run_is_shared_and_a_stop_costs_one_reseeding(tmp_path):
    calls = tmp_path / "calls"

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(study(calls), "smoke", 5, out=tmp_path, report=stop)
    (row,) = calibrate(study(calls), "smoke", 5, out=tmp_path)
    assert row.reseedings == 5
    made = [int(seed) for seed in calls.read_text().split()]
    assert len(made) == 5 * 16, "what was there was counted, not made again"
    assert len(set(made)) == 5 * 8
    assert min(made) >= 1000


def test_another_study_or_a_damaged_file_is_counted_anew(tmp_path):
    calls = tmp_path / "calls"
    calibrate(study(calls), "smoke", 1, out=tmp_path)
    (path,) = (tmp_path / "calibration").iterdir()
    path.write_bytes(path.read_bytes()[:20])
    calibrate(study(calls), "smoke", 1, out=tmp_path)
    assert len(calls.read_text().split()) == 32


def test_probability_is_the_binomial_tail():
    assert Alarms("s", "c", 200, 0, 0).probability == 1.0
    assert Alarms("s", "c", 200, 1, 0).probability == pytest.approx(1 - 0.999**200)
    assert Alarms("s", "c", 200, 4, 0).passed is False
    assert Alarms("s", "c", 200, 0, 1).passed is False, "a control that passes is as bad"
    assert Alarms("s", "c", 0, 0, 0).passed is None


def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(simulations, "find", lambda name: study())
    status = main(["verify", "draws", "--size", "smoke", "--calibrate", "3", "--out", str(tmp_path), "--json"])
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert status == 0
    assert answer["passed"] is True
    assert answer["calibration"][0]["reseedings"] == 3
    assert "draws: 3 of 3 re-seedings" in said.err
    assert "as stated" in said.err


def test_bad_count(tmp_path, capsys):
    status = main(["verify", "lazy_scaling", "--calibrate", "-2", "--out", str(tmp_path)])
    assert status == 2
    assert "count=-2: expected a whole number of at least 1" in capsys.readouterr().err
