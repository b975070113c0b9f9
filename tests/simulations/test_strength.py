"""What a claim is worth: its kind, its width or slack, what deviation it would find, and the level of many together."""

import numpy as np
import pytest

import simulations
from meanfield.command.main import main
from simulations import Record, Records, checks
from simulations.records.record import runs
from simulations.study.study import claim
from simulations.verdicts.ledger import by_chance, family_level
from theory.prediction import Prediction

pytestmark = pytest.mark.fast

ONE = Prediction(1.0, "=", "always", "meanfield")
ZERO = Prediction(0.0, "=", "always", "meanfield")
MOST = Prediction(1.0, "<=", "always", "meanfield")
LEAST = Prediction(1.0, ">=", "always", "meanfield")


def value(record: Record) -> float:
    return float(record["y"])


def half(record: Record) -> float:
    return float(record["y"]) / 2


SETTINGS = {"select": runs(), "value": value, "what": "y", "wrong": "half", "control": {"value": half}}


def records(values) -> Records:
    """A run of each seed with these numbers."""
    return Records(Record({"seed": seed}, {"y": float(one)}) for seed, one in enumerate(values))


def entry(made, values) -> simulations.Entry:
    """The entry of one claim on runs with these numbers."""

    class Numbers(simulations.Experiment):
        """Runs that nobody makes."""

        def run(self):
            return {}

    study = simulations.Study("numbers", "limits", "numbers", experiments=(Numbers,), claims=(made,))
    (found,) = simulations.verify(study, records(values))
    return found


def test_an_equality_with_too_large_an_error_decides_nothing():
    """Eight seeds of noise 0.1 have an interval of 0.19 or so, those of noise 1 one of 1.9."""
    noise = np.random.default_rng(0).normal(size=8)
    made = claim("one", "y is 1", ONE, checks.mean, **SETTINGS)
    narrow, wide = (entry(made, 1 + size * noise) for size in (0.05, 1.0))
    assert narrow.passed is True
    assert wide.verdict.passed is None
    assert wide.verdict.statistic.startswith("undecided, ± ")
    assert "is wider than 0.2" in wide.verdict.statistic
    assert wide.control.passed is not None, "a control may be as wide as it is"
    loose = claim("one", "y is 1", ONE, checks.mean, widest=5.0, **SETTINGS)
    assert entry(loose, 1 + noise).verdict.passed is True


def test_the_largest_error_of_a_prediction_of_zero_is_asked_for():
    with pytest.raises(ValueError, match="the prediction of 'none' is 0; expected the largest error that decides"):
        claim("none", "y is 0", ZERO, checks.mean, **SETTINGS)
    assert entry(claim("none", "y is 0", ZERO, checks.mean, widest=0.1, **SETTINGS), [1e-3, -1e-3, 0]).verdict.passed


@pytest.mark.parametrize("widest", [0.0, -1.0, float("nan")])
def test_a_largest_error_is_above_zero(widest):
    made = claim("one", "y is 1", ONE, checks.mean, widest=widest or -0.1, **SETTINGS)
    with pytest.raises(ValueError, match="widest="):
        made.check(records([1, 1, 1]))


@pytest.mark.parametrize(
    ("predicted", "check", "kind"),
    [(ONE, checks.mean, "equality"), (MOST, checks.largest, "bound"), (LEAST, checks.least, "bound"),
     (MOST, checks.mean, "ordering"), (LEAST, checks.share, "ordering")],
)  # fmt: skip
def test_the_kind_follows_from_relation_and_check(predicted, check, kind):
    assert claim("one", "y", predicted, check, **SETTINGS).kind == kind


def test_a_check_of_ones_own_against_a_proved_bound_makes_bounds():
    @checks.check("<=", proved=True)
    def last(records, *, select, value, what):
        return checks.Estimate(value([*select(records)][-1]), 0.0, what)

    made = claim("one", "y", MOST, last, **SETTINGS | {"control": {"value": lambda record: 2 + value(record)}})
    assert made.kind == "bound"
    assert entry(made, [5.0, 0.5]).passed is True
    assert entry(made, [0.5, 1.5]).verdict == checks.Verdict(False, 1.5, 0.0, 1.0, "y", proved=True)


def test_kinds_are_known():
    with pytest.raises(ValueError, match="kind='law'"):
        claim("one", "y", ONE, checks.mean, kind="law", **SETTINGS)


def test_width_and_slack_in_the_ledger():
    equality = entry(claim("one", "y is 1", ONE, checks.mean, **SETTINGS), [0.99, 1.0, 1.01, 1.0])
    assert equality.width == pytest.approx(equality.verdict.error)
    assert equality.strength == f"equality ± {100 * equality.verdict.error:.2g} %"
    above = entry(claim("most", "y ≤ 1", MOST, checks.largest, **SETTINGS), [0.1, 0.25])
    assert (above.slack, above.strength) == (4.0, "bound, ×4")
    below = entry(claim("least", "y ≥ 1", LEAST, checks.least, **SETTINGS), [8.0, 5.0])
    assert below.slack == 5.0
    rounding = entry(claim("same", "y ≤ 1", MOST, checks.largest, kind="identity", **SETTINGS), [0.5])
    assert rounding.strength == "identity, rounding ×2"
    assert above.as_json()["slack"] == 4.0
    assert equality.as_json()["kind"] == "equality"


def test_p_values_of_what_is_exact_are_uniform():
    """Of 600 data sets; Kolmogorov's distance above 0.08 has probability 8e-4. With a bias they are not."""
    from scipy.stats import kstest

    draws = np.random.default_rng(1).normal(size=(600, 7))
    for bias, uniform in ((0.0, True), (0.5, False)):
        found = [checks.mean(records(1 + bias + row), predicted=1.0, **MEAN).p for row in draws]
        assert (kstest(found, "uniform").statistic < 0.08) == uniform


MEAN = {"select": runs(), "value": value, "what": "y"}


def test_the_deviation_that_is_told_is_found_nine_times_in_ten():
    """`seen` is told from each interval's own length; its mean over data sets is what it is for the true spread."""
    draws = np.random.default_rng(2).normal(size=(600, 7))
    seen = float(np.mean([checks.mean(records(row), predicted=0.0, **MEAN).seen for row in draws]))
    missed = sum(checks.mean(records(seen + row), predicted=0.0, **MEAN).passed for row in draws)
    assert 0.86 <= 1 - missed / 600 <= 0.94


def test_levels_of_many_claims():
    assert by_chance(0) == 0
    assert by_chance(140) == pytest.approx(0.1307, abs=1e-4)
    assert family_level(100) == 1e-4
    assert family_level(1) == checks.LEVEL, "one claim is not tested at a higher level than it states"
    assert by_chance(284, family_level(284)) < 0.01


def test_a_lower_level_is_a_longer_interval():
    values = records([0.9, 1.0, 1.2, 1.1])
    usual, low = (checks.mean(values, predicted=1.0, level=level, **MEAN).error for level in (1e-3, 1e-5))
    assert low > 4 * usual
    with pytest.raises(ValueError, match=r"level=1\.0: expected"):
        checks.mean(values, predicted=1.0, level=1, **MEAN)


STUDY = '''
import simulations
from theory.prediction import Prediction

ONE = Prediction(1.0, "=", "always", "meanfield")
MOST = Prediction(2.0, "<=", "always", "meanfield")

class Draw(simulations.Experiment):
    """Normal numbers."""

    sizes = simulations.grid(smoke={"seeds": 8})

    def run(self):
        return {"y": self.generator("y").normal(1, 0.02)}

def value(record):
    return float(record["y"])

def twice(record):
    return SANE * float(record["y"])

def thrice(record):
    return 3 * float(record["y"])

def checked(name, predicted, value):
    return simulations.claim(
        name, "y", predicted, simulations.checks.mean, select=simulations.runs(), value=value, what="y",
        wrong="three times", control={"value": thrice},
    )

STUDY = simulations.Study(
    "draws", "limits", "draws", experiments=(Draw,),
    claims=(checked("one", ONE, value),), sanity=(checked("two", MOST, twice),),
)
'''


@pytest.mark.parametrize(("sane", "status"), [("1.5", 0), ("2.5", 1)])
def test_sanity_checks_count_for_the_exit_status_and_not_in_the_ledger(tmp_path, capsys, sane, status):
    (tmp_path / "study.py").write_text(STUDY.replace("SANE", sane))
    given = ["verify", str(tmp_path / "study.py"), "--size", "smoke", "--out", str(tmp_path / "out")]
    assert main([*given, "--family"]) == status
    told = capsys.readouterr().out
    assert "1 claims hold, 0 fail" in " ".join(told.split())
    assert f"{1 - status} of 1 sanity checks hold." in " ".join(told.split())
    assert ("draws: two" in told) is bool(status)
    assert "at least one of 1 equalities would fail by chance with a probability of 0.1 %" in " ".join(told.split())
    assert main([*given, "--family", "--calibrate", "3"]) == 2
    assert "family: says how claims are tested together" in capsys.readouterr().err
