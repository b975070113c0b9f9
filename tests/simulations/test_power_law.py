"""Power laws on tables whose truth is known: the fit, its intervals' coverage, and the range that it names."""

import itertools

import numpy as np
import pytest
from scipy import stats

from simulations import Record, Records
from simulations.records.record import runs
from simulations.verdicts import intervals
from simulations.verdicts.intervals import bootstrap_half_width, student_half_width
from simulations.verdicts.power_law import fit, power_law

pytestmark = pytest.mark.fast

X = np.geomspace(10, 1000, 4)


def table(exponent=-1.0, noise=0.1, seeds=7, seed=0, x=X, bend=0.0, draw=np.random.Generator.normal):
    """Seeds of x^exponent (1 + bend/x), each with an own factor and log-normal noise."""
    rng = np.random.default_rng(seed)
    errors = noise * (draw(rng, size=(seeds, len(x))) + rng.normal(size=(seeds, 1)))
    return x**exponent * (1 + bend / x) * np.exp(errors)


def test_slope_and_prefactor_are_those_of_one_line_through_all_points():
    values = table()
    law = fit(X, values)
    exponent, offset = np.polyfit(np.tile(np.log(X), 7), np.log(values).ravel(), 1)
    assert law.slope == pytest.approx(exponent, rel=1e-12)
    assert law.prefactor == pytest.approx(np.exp(offset), rel=1e-12)
    residual = np.log(values) - np.log(law(X))
    assert law.r_squared == pytest.approx(1 - residual.var() / np.log(values).var(), rel=1e-12)


def test_student_width_is_students():
    values = table()
    slopes = [np.polyfit(np.log(X), np.log(row), 1)[0] for row in values]
    low, high = stats.t.interval(0.999, 6, loc=np.mean(slopes), scale=stats.sem(slopes))
    assert fit(X, values, 0.999).width == pytest.approx((high - low) / 2, rel=1e-9)


@pytest.mark.parametrize("seeds", [3, 4, 5])
def test_bootstrap_is_the_cluster_bootstrap(seeds):
    """Against all k^k draws of whole rows, each refitted by least squares with its own standard error."""
    values, level = table(seeds=seeds), 0.9
    law, slopes = fit(X, values, level), []
    for rows in itertools.product(range(seeds), repeat=seeds):
        drawn = np.log(values[list(rows)])
        slope = np.polyfit(np.tile(np.log(X), seeds), drawn.ravel(), 1)[0]
        each = np.polyfit(np.log(X), drawn.T, 1)[0]
        same = len(set(rows)) == 1
        slopes.append(np.inf if same else abs(slope - law.slope) / (np.std(each, ddof=1) / np.sqrt(seeds)))
    own = student_half_width(np.polyfit(np.log(X), np.log(values).T, 1)[0], level) / stats.t.ppf(
        (1 + level) / 2, seeds - 1
    )
    expected = np.quantile(slopes, level, method="inverted_cdf") * own
    half = (law.interval[1] - law.interval[0]) / 2
    assert half == pytest.approx(expected, rel=1e-6) or (np.isinf(half) and np.isinf(expected))


def test_five_seeds_carry_no_bootstrap_interval_at_999():
    """One resample in 625 is one seed five times over: more than the level leaves."""
    law = fit(X, table(seeds=5), 0.999)
    assert law.interval == (-np.inf, np.inf)
    assert np.isfinite(law.width)
    assert np.all(np.isfinite(fit(X, table(seeds=6), 0.999).interval))


@pytest.mark.parametrize("seeds", [5, 7, 10])
def test_intervals_hold_95_percent(seeds):
    """600 data sets: both intervals cover no rarer than a share of 95 % allows at p = 1e-4; a percentile one would."""
    covered = np.zeros(2, int)
    for seed in range(600):
        law = fit(X, table(seeds=seeds, seed=seed))
        covered += [law.interval[0] <= -1 <= law.interval[1], abs(law.slope + 1) <= law.width]
    assert np.all(covered >= stats.binom.ppf(1e-4, 600, 0.95))
    assert stats.binom.ppf(1e-4, 600, 0.95) > 0.875 * 600  # the percentile interval's share at seven seeds


@pytest.mark.full
@pytest.mark.parametrize("seeds", [5, 7, 10, 16])
@pytest.mark.parametrize("level", [0.95, 0.999])
@pytest.mark.parametrize("kind", ["normal", "t3", "lognormal"])
def test_intervals_hold_their_levels(seeds, level, kind):
    """The table of `verdicts.intervals`, fewer data sets: none that is reported covers rarer than its level."""
    draws = {
        "normal": np.random.Generator.normal,
        "t3": lambda rng, size: rng.standard_t(3, size),
        "lognormal": lambda rng, size: np.exp(rng.normal(size=size)),
    }
    covered, count = np.zeros(2, int), 4000
    for seed in range(count):
        law = fit(X, table(seeds=seeds, seed=seed, draw=draws[kind]), level)
        covered += [law.interval[0] <= -1 <= law.interval[1], abs(law.slope + 1) <= law.width]
    assert np.all(covered >= stats.binom.ppf(1e-3, count, level))


def test_the_same_table_gives_the_same_numbers():
    values = table(seeds=12)
    before = np.random.default_rng().bit_generator.state
    assert fit(X, values) == fit(X, values)
    intervals._resamples.cache_clear()
    assert fit(X, values) == fit(X, values)
    assert before is not None


def test_range_ends_where_the_law_bends():
    """1/x (1 + 50/x): at x ≥ 1e4 the bend is below the noise, at 10 it is far above."""
    x = np.geomspace(10, 1e7, 7)
    law = fit(x, table(x=x, bend=50.0, noise=0.02), 0.99)
    assert law.curvature_p < 1e-3
    assert law.holds is not None
    assert law.holds[0] >= 100
    assert law.holds[1] == pytest.approx(1e7)
    straight = fit(x, table(x=x, noise=0.02), 0.99)
    assert straight.holds == pytest.approx((10.0, 1e7))
    assert straight.curvature_p > 0.01


def test_curvature_is_tested_at_its_level():
    """400 straight data sets: at 5 % the count turned down is binomial."""
    bends = sum(fit(X, table(seed=seed)).curvature_p < 0.05 for seed in range(400))
    assert stats.binom.ppf(1e-4, 400, 0.05) <= bends <= stats.binom.ppf(1 - 1e-4, 400, 0.05)


def test_nowhere_straight():
    x = np.geomspace(1, 16, 5)
    values = np.exp(np.log(x) ** 2) * np.exp(1e-3 * np.random.default_rng(0).normal(size=(6, 5)))
    law = fit(x, values, 0.999)
    assert law.holds is None
    assert "nowhere" in str(law)


def test_exact_power_is_exact():
    law = fit(X, np.outer([1.0, 2.0, 4.0], X**-2.5))
    assert law.slope == pytest.approx(-2.5, abs=1e-14)
    assert law.holds == pytest.approx((10.0, 1000.0))
    assert law.curvature_p == 1.0
    assert bootstrap_half_width(np.full(5, 0.1), 0.95) == 0.0
    constant = fit(X, np.ones((3, 4)))
    assert (constant.slope, constant.r_squared) == (0.0, 1.0)


def test_of_records():
    made = [
        Record({"m": m, "seed": s, "kind": kind}, {"risk": np.array([9.0, float(value)])})
        for kind, exponent in (("a", -1.0), ("b", -2.0))
        for s, row in enumerate(table(exponent, seeds=4))
        for m, value in zip(X, row, strict=True)
    ]
    gone = Record({"m": 10.0, "seed": 9, "kind": "a"}, {"risk": np.array([1e9])}, {"status": "diverged at t = 1"})
    law = power_law(Records([*made, gone]), x="m", value="risk", select=runs(kind="b"))
    assert law == fit(X, table(-2.0, seeds=4))
    assert law == power_law(Records(made).where(kind="b"), x="m", value=lambda record: float(record["risk"][-1]))
    both = power_law(Records(made), x="m", value="risk")  # two lines of each seed are worth one
    assert both == fit(X, (table(-1.0, seeds=4) + table(-2.0, seeds=4)) / 2)
    assert both.seeds == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0, 3.0], np.ones((2, 3))), "three seeds"),
        (([1.0, 2.0], np.ones((3, 2))), "three seeds"),
        (([1.0, 2.0, 3.0], np.ones((3, 4))), "3 ≥ 3 columns"),
        (([1.0, 3.0, 2.0], np.ones((3, 3))), "increase"),
        (([0.0, 1.0, 2.0], np.ones((3, 3))), "x holds values that have no logarithm"),
        (([1.0, 2.0, 3.0], np.full((3, 3), np.nan)), "table holds values"),
        (([1.0, 2.0, 3.0], [["a"] * 3] * 3), "a table of numbers"),
        ((1.0, np.ones((3, 3))), "a list of numbers"),
        (([1.0, 2.0, 3.0], np.ones((3, 3)), 1.0), "level=1.0"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        fit(*arguments)
    assert str(error.value).count(".") <= 4
    assert "\n" not in str(error.value)


def test_too_few_records():
    with pytest.raises(ValueError, match=r"0 of 0 runs reached their end, .* expected three seeds or more"):
        power_law(Records([]), x="m", value="risk")
