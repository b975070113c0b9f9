"""The statistics behind verdicts, on synthetic records whose truth is known."""

import numpy as np
import pytest

from simulations import Record, Records
from simulations.records.record import along, narrowest, runs, widest
from simulations.verdicts.checks import (
    LEVEL,
    above,
    at_least,
    below,
    bounded,
    equals,
    half_width,
    limit,
    share_above,
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


def test_drift_covers_a_bend_and_no_more():
    bent = line(-1.0, 0.0, bend=5.0)
    assert not slope(bent, **SETTINGS, predicted=-1.0).passed
    assert slope(bent, **SETTINGS, predicted=-1.0, drift=True).passed
    assert not slope(bent, **SETTINGS, predicted=-1.2, drift=True).passed


def test_drift_covers_a_bend_that_is_seen_over_two_doublings():
    """y = (1 + c/x)/x at x = 50, 100, 200: the slope still to come is twice what leaving x = 50 out has changed."""
    bends = np.random.default_rng(0).uniform(1, 2, 9)
    records = Records(
        Record({"particles": x, "seed": seed}, {"y": np.array([(1 + bend / x) / x])})
        for seed, bend in enumerate(bends)
        for x in (50, 100, 200)
    )
    assert slope(records, **SETTINGS, predicted=-1.0, drift=True).passed
    assert not slope(records, **SETTINGS, predicted=-1.03, drift=True).passed
    assert not slope(records, **SETTINGS, predicted=-0.99, drift=True).passed


def test_mean_checks():
    records = line(0.0, 0.01)
    at = {"select": narrowest(runs()), "value": last, "what": "y"}
    assert equals(records, **at, predicted=1.0).passed
    assert not equals(records, **at, predicted=1.2).passed
    assert below(records, **at, predicted=1.2).passed
    assert not below(records, **at, predicted=1.0).passed
    assert bounded(records, **at, predicted=1.2).passed
    assert not bounded(records, **at, predicted=0.9).passed


def test_runs_of_one_seed_count_as_their_mean():
    """Twenty runs that share a seed's error are worth one: the interval is that of the four seeds."""
    errors = np.array([-1.0, 0.5, 1.5, 3.0])
    records = Records(
        Record({"part": part, "seed": seed}, {"y": np.array([error + 0.01 * part])})
        for seed, error in enumerate(errors)
        for part in range(20)
    )
    verdict = equals(records, select=runs(), value=last, predicted=0.0, what="y")
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


@pytest.mark.parametrize("check", [equals, below])
def test_two_seeds_decide_nothing(check):
    two = line(0.0, 0.1, seeds=2)
    assert check(two, select=widest(runs()), value=last, predicted=1.0, what="y").passed is None
    assert slope(two, **SETTINGS, predicted=0.0).passed is None


def test_runs_that_diverged_do_not_count():
    good = line(-1.0, 0.01)
    bad = [Record({"particles": 10.0, "seed": 99}, {"y": np.array([1e9])}, {"status": "diverged at t = 1"})]
    assert slope(Records([*good, *bad]), **SETTINGS, predicted=-1.0).passed


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


def test_checks_from_above():
    records = line(0.0, 0.01)
    at = {"select": narrowest(runs()), "value": last, "what": "y"}
    assert above(records, **at, predicted=0.9).passed
    assert not above(records, **at, predicted=1.0).passed
    assert at_least(records, **at, predicted=0.9).passed
    assert not at_least(records, **at, predicted=1.2).passed


@pytest.mark.parametrize(("wins", "count"), [(0, 10), (7, 10), (40, 40), (1, 1)])
def test_share_is_clopper_and_pearsons(wins, count):
    from scipy import stats

    low = stats.binomtest(wins, count, alternative="greater").proportion_ci(1 - LEVEL).low
    records = Records([Record({"seed": 0}, {"won": np.arange(count) < wins})])
    verdict = share_above(records, select=runs(), value=lambda r: r["won"], predicted=0.5, what="won")
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
