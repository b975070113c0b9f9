"""Nothing passes on nothing: no run, nothing in a run, nothing that is a number, one run twice."""

import numpy as np
import pytest

import simulations
from simulations import Record, Records
from simulations.optimisation.shares_of_success import more_often
from simulations.records.record import runs
from simulations.verdicts.checks import asymptotic_slope, largest, least, limit, mean, median_slope, share, slope

STUDIES = [name for name in simulations.STUDIES if name != "throughput"]
ONE = {"select": runs(), "value": lambda record: record["y"], "what": "y"}
LINE = {"select": runs(), "x": "m", "value": lambda record: record["y"]}
CHECKS = {
    "equals": (mean, ONE),
    "below": (mean, {**ONE, "relation": "<="}),
    "above": (mean, {**ONE, "relation": ">="}),
    "not_below": (mean, {**ONE, "relation": ">=", "attained": True}),
    "largest": (largest, ONE),
    "least": (least, ONE),
    "share": (share, ONE),
    "slope": (slope, LINE),
    "slope_above": (slope, {**LINE, "relation": ">="}),
    "asymptotic_slope": (asymptotic_slope, LINE),
    "median_slope": (median_slope, LINE),
    "limit": (limit, {**LINE, "order": 1.0, "what": "y"}),
    "more_often": (more_often, {**ONE, "select": runs(m=1), "fewer": runs(m=(2, 4))}),
}


def made(value, status: str = "done") -> Records:
    """Eight seeds at three m, each with this array."""
    return Records(
        Record({"m": m, "seed": seed}, {"y": np.asarray(value)}, {"status": status})
        for m in (1, 2, 4)
        for seed in range(8)
    )


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize(
    ("records", "why"),
    [
        (Records([]), "needs a run"),
        (made([1.0], "diverged at t = 1"), "needs a run"),
        (made([1.0], "failed: ValueError"), "needs a run"),
        (made([]), "y is empty"),
        (made(np.empty((0, 3))), "y is empty"),
        (made([np.nan]), "y: NaN decides"),
        (made([np.inf]), "a value is inf"),
        (made([-np.inf]), "a value is -inf"),
        (made([1.0, np.nan, 2.0]), "y: NaN decides"),
    ],
)
@pytest.mark.parametrize("predicted", [-1e9, 0.0, 1.0, 1e9])
def test_what_is_not_there_is_not_tested(name, records, why, predicted):
    check, settings = CHECKS[name]
    verdict = check(records, predicted=predicted, **settings)
    assert verdict.passed is None
    assert verdict.statistic.startswith("not tested: ")
    assert why in verdict.statistic
    assert np.isnan(verdict.measured)


@pytest.mark.parametrize("name", CHECKS)
def test_a_measure_that_keeps_nothing_is_no_measurement(name):
    """Of any run; a run of which nothing is kept does not count beside others."""
    check, settings = CHECKS[name]

    def kept(record: Record) -> np.ndarray:
        return record["y"][record["y"] > 1]

    verdict = check(made([0.5]), predicted=0.0, **{**settings, "value": kept})
    assert (verdict.passed, verdict.statistic) == (None, "not tested: nothing was observed in any run")
    few = Records([*made([1.5]), Record({"m": 1, "seed": 99}, {"y": np.array([0.5])})])
    with_few, without = (check(some, predicted=0.0, **{**settings, "value": kept}) for some in (few, made([1.5])))
    assert (with_few.measured, with_few.error) == (without.measured, without.error)


def test_what_compares_with_nan_is_not_counted():
    """It is false, and so a success for whoever asks what did not happen."""
    holed = made([0.2, np.nan])
    for value in (lambda record: record["y"] < 1, lambda record: ~(record["y"] > 1)):
        verdict = share(holed, select=runs(), value=value, predicted=0.5, what="small")
        assert (verdict.passed, verdict.statistic) == (None, "not tested: y: NaN decides")
    late = largest(made([np.nan, 1.0, 2.0]), select=runs(), value=lambda r: r["y"][-1], predicted=3.0, what="last")
    assert (late.passed, late.measured) == (True, 2.0), "0/0 at the start, which nobody asks for"


def test_a_run_given_twice_counts_once():
    wins = Records(Record({"m": 1, "seed": seed}, {"y": np.array([seed > 0])}) for seed in range(8))
    thrice = Records([*wins, *wins, *wins])
    once, more = (share(some, **ONE, predicted=0.1) for some in (wins, thrice))
    assert once == more
    assert once.statistic == "y, 7 of 8"
    means = [mean(some, **ONE, predicted=1.0) for some in (made([1.0]), Records([*made([1.0]), *made([1.0])]))]
    assert means[0] == means[1]


def test_what_theory_refuses_is_told():
    def refuse(record: Record) -> float:
        raise ValueError("x must be finite, got nan.")

    verdict = largest(made([1.0]), select=runs(), value=refuse, predicted=1.0, what="y")
    assert (verdict.passed, verdict.statistic) == (None, "not tested: x must be finite, got nan.")


def test_a_power_of_what_has_no_logarithm_is_not_tested():
    records = Records(Record({"m": m, "seed": seed}, {"y": np.ones(1)}) for m in (0, 1, 2) for seed in range(4))
    assert slope(records, **LINE, predicted=0.0).statistic == "not tested: m = 0 has no logarithm"


@pytest.mark.parametrize("user", ["raise", "warn", "ignore"])
def test_floating_point_settings_of_the_user_decide_nothing(user):
    at = {"select": runs(), "value": lambda record: np.log(record["y"] * 1e-300 * 1e-300), "what": "y"}
    with np.errstate(all=user):
        verdict = mean(made([1.0]), predicted=0.0, **at)
    assert verdict.statistic == "not tested: a value is -inf"


@pytest.mark.parametrize("study", simulations.STUDIES)
def test_no_claim_passes_without_runs(study):
    for entry in simulations.verify(simulations.find(study), Records([])):
        assert (entry.verdict.passed, entry.control.passed, entry.passed) == (None, None, None), entry.claim.name


def hollow(records: Records, change) -> Records:
    """The records with every array, of one axis or more, changed."""

    def changed(values: dict) -> dict:
        return {name: change(np.asarray(value)) if np.ndim(value) else value for name, value in values.items()}

    return Records(Record(record.parameters, changed(record.values), record.provenance) for record in records)


def nothing_but_nan(array: np.ndarray) -> np.ndarray:
    return np.full_like(array, np.nan) if array.dtype.kind == "f" else array


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("study", STUDIES[::-1])  # another process starts from the first: they share what they made
def test_no_claim_passes_on_hollow_runs(study, smoke_of):
    """Arrays without an entry, or of NaN: a claim holds at most where it asks for neither, and then to the digit."""
    records, found = smoke_of(study), simulations.find(study)
    for change in (lambda array: array[:0], lambda array: array[..., :0], nothing_but_nan):
        without = hollow(records, change)
        for claim in (*found.claims, *found.sanity):
            verdict = claim.check(without)
            if verdict.passed:
                whole = claim.check(records)
                assert (verdict.measured, verdict.error) == (whole.measured, whole.error), claim.name
    diverged = Records(Record(one.parameters, one.values, {**one.provenance, "status": "diverged"}) for one in records)
    assert {claim.check(diverged).passed for claim in found.claims} == {None}
