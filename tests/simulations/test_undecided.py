"""Too few seeds are undecided: a check fails, and a control passes, at the seeds that the study asks for."""

from functools import partial

import numpy as np
import pytest

import simulations
from simulations import Claim, Record, Records, Study, all_passed, checks, claim
from simulations.optimisation.shares_of_success import more_often
from simulations.records.record import runs
from simulations.verdicts.ledger import few_seeds
from theory.prediction import Prediction

STUDIES = [name for name in simulations.STUDIES if name != "throughput"]
ZERO = Prediction(0.0, ">=", "always", "meanfield")
BOUND = Prediction(0.0, "<=", "always", "meanfield")


class Draw(simulations.Experiment):
    """Draws of one number; larger sizes have more seeds, and one more setting each."""

    shift: float = simulations.number(0.0, "", "its mean")
    sizes = simulations.grid(
        smoke={"shift": (0.0,), "seeds": 6},
        default={"shift": (0.0, 1.0), "seeds": 9},
        large={"shift": (0.0, 1.0, 2.0), "seeds": 12},
    )

    def run(self):
        return {}


def study(*claims: Claim) -> Study:
    return Study("draws", "regimes", "a test", experiments=(Draw,), claims=claims)


def records(count: int, shifts=(0.0,), value: float = 1.0) -> Records:
    return Records(
        Record({"experiment": "draw", "seed": seed, "shift": shift}, {"y": np.array([value + shift + (-1) ** seed])})
        for seed in range(count)
        for shift in shifts
    )


def of_y(check, wrong, **settings):
    settings = {"select": runs(), "value": lambda record: record["y"], "what": "y", **settings}
    predicted = BOUND if check is checks.largest else ZERO
    return claim("name", "y is large", predicted, check, wrong="another", control=wrong, **settings)


@pytest.mark.parametrize(
    ("count", "shifts", "said"),
    [
        (5, (0.0,), "5 of 6 seeds"),
        (6, (0.0,), ""),
        (6, (0.0, 1.0), "6 of 9 seeds"),
        (9, (0.0, 1.0), ""),
        (11, (0.0, 1.0, 2.0), "11 of 12 seeds"),
        (12, (0.0, 1.0, 2.0), ""),
        (5, (7.0,), "5 of 6 seeds"),  # a grid of one's own
        (6, (0.0, 7.0), ""),
    ],
)
def test_how_many_seeds_are_asked_for(count, shifts, said):
    """By the size that has all of these settings; of a grid of one's own by the one that asks for the fewest."""
    assert few_seeds(study(), records(count, shifts)) == said


def test_seeds_are_counted_setting_by_setting():
    some = Records([*records(9, (0.0,)), *records(4, (1.0,))])
    assert few_seeds(study(), some) == "4 of 9 seeds"
    assert few_seeds(study(), Records([*some, *some])) == "4 of 9 seeds"
    without = Study("draws", "regimes", "a test", experiments=(type("Draw", (Draw,), {"sizes": {}}),))
    assert few_seeds(without, some) == ""
    assert few_seeds(study(), Records([])) == ""


def test_an_interval_that_is_too_wide_is_no_failure():
    """The mean is 1 ± 1: four seeds tell it from nothing, six would have to."""
    wide = of_y(checks.mean, {"value": lambda record: -record["y"] - 9})
    (few,), (enough,) = (simulations.verify(study(wide), records(count)) for count in (4, 6))
    assert (few.verdict.passed, few.control.passed, few.passed) == (None, False, None)
    assert few.verdict.statistic == "undecided, 4 of 6 seeds: y, mean of 4 seeds"
    assert few.verdict.measured == pytest.approx(1.0)
    assert (enough.verdict.passed, enough.passed) == (False, False)


def test_a_control_that_passes_for_want_of_seeds_is_undecided():
    loose = of_y(checks.mean, {"value": lambda record: record["y"] + 1e3}, value=lambda record: record["y"] + 1e4)
    (few,), (enough,) = (simulations.verify(study(loose), records(count)) for count in (4, 6))
    assert (few.verdict.passed, few.control.passed, few.passed) == (True, None, None)
    assert (enough.verdict.passed, enough.control.passed, enough.passed) == (True, True, False)


def test_one_run_is_enough_against_a_bound_that_is_proved():
    proved = of_y(checks.largest, {"value": lambda record: record["y"] + 9})
    (entry,) = simulations.verify(study(proved), records(1))
    assert (entry.verdict.passed, entry.passed) == (False, False)
    held = of_y(checks.largest, {"value": lambda record: record["y"] + 9}, value=lambda record: -record["y"])
    (entry,) = simulations.verify(study(held), records(1))
    assert (entry.verdict.passed, entry.control.passed, entry.passed) == (True, False, True)


def test_a_claim_that_fails_fails_whatever_became_of_its_control():
    alone = of_y(checks.largest, {"select": runs(shift=5.0)})
    (entry,) = simulations.verify(study(alone), records(6))
    assert (entry.verdict.passed, entry.control.passed, entry.passed) == (False, None, False)
    untested = of_y(checks.largest, {"select": runs(shift=5.0)}, value=lambda record: -record["y"])
    (entry,) = simulations.verify(study(untested), records(6))
    assert (entry.verdict.passed, entry.passed) == (True, None)
    assert entry.as_json()["control"]["statistic"] == "not tested: needs a run"


@pytest.mark.parametrize("count", range(1, 14))
def test_outcomes_of_which_even_successes_alone_would_not_do(count):
    """Nine wins of nine may be luck at an even chance, 2⁻⁹ being above the level; ten may not."""
    won = Records([Record({"seed": 0}, {"won": np.ones(count, bool)})])
    verdict = checks.share(won, select=runs(), value=lambda record: record["won"], predicted=0.5, what="won")
    assert verdict.passed is (True if count >= 10 else None)
    assert verdict.measured == 1.0
    assert ("needs 10 outcomes" in verdict.statistic) == (count < 10)


@pytest.mark.parametrize(("count", "total", "decided"), [(3, 3, False), (5, 5, False), (6, 6, True), (7, 6, True)])
def test_a_comparison_of_too_few_is_undecided(count, total, decided):
    """Of five against none of five the interval of the difference reaches 0, of six against none of six it does not."""
    both = Records([Record({"m": m, "seed": 0}, {"won": np.full(k, m == 1)}) for m, k in ((1, count), (2, total))])
    check = partial(more_often, select=runs(m=1), fewer=runs(m=2), value=lambda record: record["won"], what="won")
    assert check(both, predicted=0.0).passed is (True if decided else None)


def test_all_passed():
    assert all_passed([True, True]) is True
    assert all_passed([True, None, False]) is False
    assert all_passed([True, None]) is None
    assert all_passed([]) is None


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.turns(12)
def test_nothing_fails_for_want_of_seeds(study, smoke_of):
    """Of any study with any number of seeds below its own; and with its own nothing is undecided."""
    records, found = smoke_of(study), simulations.find(study)
    seeds = sorted(set(records.column("seed").tolist()))
    assert few_seeds(found, records) == ""
    for count in (1, 2, 3, len(seeds) - 1):
        entries = simulations.verify(found, records.where(seed=tuple(seeds[:count])))
        assert [one.claim.name for one in entries if one.passed is False or one.verdict.passed is False] == []
