"""The statistics behind verdicts, on synthetic records whose truth is known."""

import numpy as np
import pytest

from simulations import Record, Records
from simulations.records.record import along, narrowest, runs, widest
from simulations.verdicts.checks import (
    LEVEL,
    asymptotic_slope,
    half_width,
    largest,
    least,
    limit,
    mean,
    median_slope,
    share,
    slope,
)


def line(exponent: float, noise: float, seeds: int = 6, seed: int = 0, bend: float = 0.0) -> Records:
    """Records whose value is x^exponent (1 + bend/x) with log-normal noise."""
    rng = np.random.default_rng(seed)
    return Records(
        Record(
            {"particles": x, "seed": s},
            {"y": np.array([x**exponent * (1 + bend / x) * np.exp(noise * rng.normal())])},
        )
        for s in range(seeds)
        for x in (10.0, 100.0, 1000.0, 10000.0)
    )


def last(record):
    return float(record["y"][-1])


SETTINGS = {"select": runs(), "x": "particles", "value": last}


def test_slope_of_an_exact_power_is_exact():
    verdict = slope(line(-0.5, 0.0), **SETTINGS, predicted=-0.5)
    # Rounding of 4 logarithms of size 10 through a least-squares fit.
    assert abs(verdict.measured + 0.5) < 1e-14
    assert not slope(line(-0.5, 0.0), **SETTINGS, predicted=-0.51).passed


def test_false_alarms_are_as_rare_as_stated():
    """3000 data sets on which the claim holds: the count turned down is binomial with rate LEVEL; 12 has p < 1e-4."""
    alarms = sum(not slope(line(-1.0, 0.3, seed=s), **SETTINGS, predicted=-1.0).passed for s in range(3000))
    assert alarms <= 12
    # and not far rarer: at five times the level a Student interval would be right one time in two hundred
    assert LEVEL == 1e-3


def test_slope_has_power():
    assert not slope(line(-1.0, 0.1), **SETTINGS, predicted=-0.5).passed
    assert not slope(line(0.0, 0.1), **SETTINGS, predicted=-1.0).passed


def test_the_asymptotic_slope_covers_a_bend_and_no_more():
    bent = line(-1.0, 0.0, bend=5.0)
    assert not slope(bent, **SETTINGS, predicted=-1.0).passed
    assert asymptotic_slope(bent, **SETTINGS, predicted=-1.0).passed
    assert not asymptotic_slope(bent, **SETTINGS, predicted=-1.2).passed


def test_the_asymptotic_slope_covers_a_bend_that_is_seen_over_two_doublings():
    """y = (1 + c/x)/x at x = 50, 100, 200: the slope still to come is twice what leaving x = 50 out has changed."""
    bends = np.random.default_rng(0).uniform(1, 2, 9)
    records = Records(
        Record({"particles": x, "seed": seed}, {"y": np.array([(1 + bend / x) / x])})
        for seed, bend in enumerate(bends)
        for x in (50, 100, 200)
    )
    assert asymptotic_slope(records, **SETTINGS, predicted=-1.0).passed
    assert not asymptotic_slope(records, **SETTINGS, predicted=-1.03).passed
    assert not asymptotic_slope(records, **SETTINGS, predicted=-0.99).passed


MEAN = {"select": narrowest(runs()), "value": last, "what": "y"}


@pytest.mark.parametrize(
    ("relation", "predicted", "passed"),
    [
        ("=", 1.0, True), ("=", 1.2, False), ("=", 0.8, False),
        ("<=", 1.2, True), ("<=", 1.0, False), ("<=", 0.8, False),
        (">=", 0.8, True), (">=", 1.0, False), (">=", 1.2, False),
    ],
)  # fmt: skip
def test_the_relation_of_the_prediction_decides(relation, predicted, passed):
    """The mean is 1 within an error of .02: it equals 1, and an inequality has to be shown."""
    assert mean(line(0.0, 0.01), **MEAN, predicted=predicted, relation=relation).passed is passed


@pytest.mark.parametrize(("relation", "beyond"), [("<=", 0.8), (">=", 1.2)])
def test_an_inequality_that_is_attained_only_has_to_be_reached(relation, beyond):
    records = line(0.0, 0.01)
    assert mean(records, **MEAN, predicted=1.0, relation=relation, attained=True).passed
    assert not mean(records, **MEAN, predicted=beyond, relation=relation, attained=True).passed


def test_intervals_of_inequalities_have_one_side():
    records, samples = line(0.0, 0.01), []
    samples = [last(record) for record in narrowest(runs())(records)]
    for relation, sides in (("=", 2), ("<=", 1), (">=", 1)):
        found = mean(records, **MEAN, predicted=1.0, relation=relation)
        assert found.error == pytest.approx(half_width(np.array(samples), sides), rel=1e-12)


def test_extremes_have_no_error():
    records = line(0.0, 0.01)
    assert largest(records, **MEAN, predicted=1.2).passed
    assert not largest(records, **MEAN, predicted=0.9).passed
    assert least(records, **MEAN, predicted=0.9).passed
    assert not least(records, **MEAN, predicted=1.2).passed
    assert largest(records, **MEAN, predicted=1.2).proved


@pytest.mark.parametrize("check", [slope, asymptotic_slope, median_slope])
@pytest.mark.parametrize(
    ("relation", "predicted", "passed"),
    [("slope", -0.5, True), ("slope", -0.8, False), (">=", -0.8, True), (">=", -0.5, False), ("<=", -0.2, True)],
)
def test_slopes_are_compared_by_the_relation(check, relation, predicted, passed):
    found = check(line(-0.5, 0.02, seeds=8), **SETTINGS, predicted=predicted, relation=relation)
    assert found.passed is passed


@pytest.mark.parametrize(("check", "relation"), [(largest, ">="), (least, "="), (share, "<="), (mean, "slope")])
def test_a_statistic_that_cannot_decide_a_relation_says_so(check, relation):
    with pytest.raises(ValueError, match=f"relation='{relation}': expected one of"):
        check(line(0.0, 0.01), **MEAN, predicted=1.0, relation=relation)


def test_a_median_slope_is_not_moved_by_one_disturbed_time():
    calm = line(1.0, 0.01)
    disturbed = Records(
        Record(record.parameters, {"y": record["y"] * 30}) if k == 7 else record for k, record in enumerate(calm)
    )
    assert abs(median_slope(disturbed, **SETTINGS, predicted=1.0).measured - 1) < 0.02
    assert abs(slope(disturbed, **SETTINGS, predicted=1.0).measured - 1) > 0.02


def test_runs_of_one_seed_count_as_their_mean():
    """Twenty runs that share a seed's error are worth one: the interval is that of the four seeds."""
    errors = np.array([-1.0, 0.5, 1.5, 3.0])
    records = Records(
        Record({"part": part, "seed": seed}, {"y": np.array([error + 0.01 * part])})
        for seed, error in enumerate(errors)
        for part in range(20)
    )
    verdict = mean(records, select=runs(), value=last, predicted=0.0, what="y")
    assert verdict.measured == pytest.approx(errors.mean() + 0.095, rel=1e-12)
    assert verdict.error == pytest.approx(half_width(errors), rel=1e-12)
    assert verdict.statistic == "y, mean of 4 seeds, 80 runs"


def test_lines_of_one_seed_count_as_their_mean():
    copies = Records(
        Record({**record.parameters, "part": part}, record.values) for record in line(-1.0, 0.2) for part in range(3)
    )
    once, thrice = (slope(records, **SETTINGS, predicted=-1.0) for records in (line(-1.0, 0.2), copies))
    assert thrice.error == pytest.approx(once.error, rel=1e-9)
    assert "6 seeds" in thrice.statistic


def test_half_width_is_students():
    from scipy import stats

    samples = np.array([1.0, 2.0, 4.0, 8.0])
    low, high = stats.t.interval(1 - LEVEL, 3, loc=samples.mean(), scale=stats.sem(samples))
    assert half_width(samples) == pytest.approx((high - low) / 2, rel=1e-10)


@pytest.mark.parametrize("relation", ["=", "<="])
def test_two_seeds_decide_nothing(relation):
    two = line(0.0, 0.1, seeds=2)
    assert mean(two, select=widest(runs()), value=last, predicted=1.0, what="y", relation=relation).passed is None
    assert slope(two, **SETTINGS, predicted=0.0).passed is None


def test_runs_that_diverged_do_not_count():
    good = line(-1.0, 0.01)
    at = (10.0, 100.0, 1000.0, 10000.0)
    for seed in (0, 99):  # a run beside others of its seed, and a whole line
        there = {"seed": seed, "other": True}
        bad = [Record({**there, "particles": x}, {"y": np.array([1e9])}, {"status": "diverged at t = 1"}) for x in at]
        assert slope(Records([*good, *bad]), **SETTINGS, predicted=-1.0) == slope(good, **SETTINGS, predicted=-1.0)
        done = [Record(record.parameters, record.values) for record in bad]
        assert slope(Records([*good, *done]), **SETTINGS, predicted=-1.0) != slope(good, **SETTINGS, predicted=-1.0)


def test_nonpositive_values_fail():
    records = Records(
        Record({"particles": x, "seed": s}, {"y": np.array([0.0])}) for s in range(3) for x in (1.0, 2.0, 3.0)
    )
    assert slope(records, **SETTINGS, predicted=0.0).passed is False


def test_along_takes_the_points_that_all_lines_have():
    records = Records([*line(-1.0, 0.0, seeds=2), Record({"particles": 5.0, "seed": 7}, {"y": np.ones(1)})])
    x, table = along(records, "particles", last)
    assert x.tolist() == [10.0, 100.0, 1000.0, 10000.0]
    assert table.shape == (2, 4)


@pytest.mark.parametrize(("wins", "count"), [(0, 10), (7, 10), (40, 40), (1, 1)])
def test_share_is_clopper_and_pearsons(wins, count):
    from scipy import stats

    low = stats.binomtest(wins, count, alternative="greater").proportion_ci(1 - LEVEL).low
    records = Records([Record({"seed": 0}, {"won": np.arange(count) < wins})])
    verdict = share(records, select=runs(), value=lambda r: r["won"], predicted=0.5, what="won")
    assert verdict.measured == wins / count
    assert verdict.measured - verdict.error == pytest.approx(low, abs=1e-12)
    assert verdict.passed == (None if count < 10 else low > 0.5)  # ten are fewest: 2^−10 is below the level


def test_limit_takes_away_what_is_still_missing():
    exact = line(0.0, 0.0, bend=5.0)  # 1 + 5/x
    at = {"select": runs(), "x": "particles", "value": last, "what": "y"}
    verdict = limit(exact, **at, order=1.0, predicted=1.0)
    # 1e4 − 1e3 is divided out again: a few units of rounding of 1e4/9e3.
    assert abs(verdict.measured - 1.0) < 1e-14
    noisy = line(0.0, 0.01, bend=5.0, seeds=8)
    assert limit(noisy, **at, order=1.0, predicted=1.0).passed
    assert not limit(noisy, **at, order=1.0, predicted=1.1).passed
    assert limit(line(0.0, 0.1, seeds=2), **at, order=1.0, predicted=1.0).passed is None


@pytest.mark.parametrize("relation", [">=", "<="])
def test_an_inequality_is_shown_with_the_whole_interval(relation):
    """Half an interval beyond the number shows nothing, and one and a half show it."""
    values = np.array([0.9, 1.0, 1.2, 1.1])
    records = Records(Record({"seed": seed}, {"y": np.array([one])}) for seed, one in enumerate(values))
    error = half_width(values, 1)
    for times, shown in ((0.5, False), (1.5, True)):
        number = values.mean() + times * error * (-1 if relation == ">=" else 1)
        verdict = mean(records, select=runs(), value=last, what="y", predicted=number, relation=relation)
        assert (verdict.passed, verdict.error) == (shown, pytest.approx(error))


def test_an_inequality_of_slopes_has_students_error():
    records = line(-1.0, 0.3)
    x, table = along(records, "particles", last)
    slopes = np.polynomial.polynomial.polyfit(np.log(x), np.log(table).T, 1)[1]
    verdict = slope(records, **SETTINGS, predicted=-3.0, relation=">=")
    assert (verdict.measured, verdict.error) == (pytest.approx(slopes.mean()), pytest.approx(half_width(slopes, 1)))


def test_replicas_of_other_numbers_are_on_one_line():
    """Where larger networks had fewer replicas, their points still belong to the line of the seed."""
    several = [(10.0, 8), (100.0, 4), (1000.0, 1)]
    records = Records(
        Record({"particles": x, "replicas": r, "seed": seed}, {"y": np.array([1 / x])})
        for seed in range(3)
        for x, r in several
    )
    x, table = along(records, "particles", last)
    assert (x.tolist(), table.shape) == ([10.0, 100.0, 1000.0], (3, 3))
