"""Birthday statistics against enumeration, scipy's distributions, and simulation."""

import itertools
from math import comb

import numpy as np
import pytest
from scipy import stats

from theory import birthday

pytestmark = pytest.mark.fast

P = np.array([0.4, 0.3, 0.2, 0.1])


def enumerated(p, s):
    """P(C = c) by summing over all N^s samples."""
    law = np.zeros(comb(s, 2) + 1)
    for sample in itertools.product(range(len(p)), repeat=s):
        counts = np.bincount(sample)
        law[int(np.sum(counts * (counts - 1)) // 2)] += np.prod(p[list(sample)])
    return law


@pytest.mark.parametrize("s", [1, 2, 3, 5])
def test_collision_law_by_enumeration(s):
    law = enumerated(P, s)
    np.testing.assert_allclose(birthday.collision_law(P, s, comb(s, 2)), law, atol=1e-15)
    assert birthday.no_collision(P, s) == pytest.approx(law[0], abs=1e-15)


def test_no_collision_of_a_uniform_law_is_the_classical_product():
    exact = np.prod(1 - np.arange(23) / 365)
    assert birthday.no_collision(np.full(365, 1 / 365), 23) == pytest.approx(exact, rel=1e-12)
    assert birthday.no_collision(P, 5) == 0  # five samples of four kinds


def test_moments_of_the_collision_law():
    """Mean s(s − 1)/2 Σp², and the variance of a U-statistic, both from sums of powers."""
    p, s = 1 / np.arange(1, 31) / np.sum(1 / np.arange(1, 31)), 20
    law, count = birthday.collision_law(p, s, comb(s, 2)), np.arange(comb(s, 2) + 1)
    two, three = np.sum(p**2), np.sum(p**3)
    assert law.sum() == pytest.approx(1, rel=1e-12)
    assert law @ count == pytest.approx(comb(s, 2) * two, rel=1e-12)
    variance = comb(s, 2) * (two * (1 - two) + 2 * (s - 2) * (three - two**2))
    assert law @ (count - law @ count) ** 2 == pytest.approx(variance, rel=1e-10)


def test_long_samples_do_not_overflow():
    law = birthday.collision_law(np.full(2000, 1 / 2000), 200, 60)
    assert law.sum() == pytest.approx(1, abs=1e-9)
    assert law[0] == pytest.approx(np.prod(1 - np.arange(200) / 2000), rel=1e-10)


def test_poisson_interval_is_garwoods():
    pairs, s = np.array([0.0, 1.0, 7.0, 300.0]), 30
    low, high = birthday.poisson_interval(pairs, s, 0.9)
    upper, lower = stats.chi2.ppf(0.95, 2 * (pairs + 1)) / 2, stats.chi2.ppf(0.05, 2 * np.maximum(pairs, 0.5)) / 2
    np.testing.assert_allclose(low, comb(s, 2) / upper)
    np.testing.assert_allclose(high[1:], comb(s, 2) / lower[1:])
    assert high[0] == np.inf


def test_disjoint_interval_is_clopper_and_pearsons():
    hits = np.array([0, 3, 12])
    low, high = birthday.disjoint_interval(hits, 12, 0.95)
    for k, least, most in zip(hits, low, high, strict=True):
        exact = stats.binomtest(int(k), 12).proportion_ci(0.95, method="exact")
        assert (1 / most, 1 / least) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_coverage_against_simulation():
    """Uneven law: the Poisson interval covers too seldom, as often as the exact law of C says."""
    p, s, draws = 1 / np.arange(1, 61) / np.sum(1 / np.arange(1, 61)), 30, 4000
    counts = np.random.default_rng(0).multinomial(s, p, size=draws)
    low, high = birthday.poisson_interval(birthday.pairs(counts), s)
    truth = birthday.effective_number(p)
    held, exact = int(np.sum((low <= truth) & (truth <= high))), birthday.poisson_coverage(p, s)
    assert stats.binomtest(held, draws, exact).pvalue > 1e-3
    assert exact < 0.85


def test_moment_interval_covers_when_samples_are_many():
    """Its variance is right: 95 % of intervals hold the truth, within a binomial error bar, at s = 2000."""
    counts = np.random.default_rng(1).multinomial(2000, P, size=2000)
    low, high = birthday.moment_interval(counts)
    held = int(np.sum((low <= birthday.effective_number(P)) & (birthday.effective_number(P) <= high)))
    assert stats.binomtest(held, 2000, 0.95).pvalue > 1e-3
    nothing = birthday.moment_interval([1, 1, 1])
    assert (float(nothing[0]), float(nothing[1])) == (0.0, np.inf)


@pytest.mark.parametrize(
    ("counts", "two", "variance"),
    [
        ([2, 1], 2 / 6, 2 * (1 / 3) * (2 / 3) / 6),  # Σp³ is estimated as 0: independent pairs alone
        ([4, 1, 0], 12 / 20, (4 * 3 * (24 / 60 - 0.36) + 2 * 0.6 * 0.4) / 20),
    ],
)
def test_moment_interval_by_hand(counts, two, variance):
    low, high = birthday.moment_interval(counts, 0.9)
    width = stats.norm.ppf(0.95) * np.sqrt(variance)
    assert float(low) == pytest.approx(1 / (two + width), rel=1e-12)
    assert float(high) == (pytest.approx(1 / (two - width), rel=1e-12) if two > width else np.inf)


@pytest.mark.parametrize("s", [2, 5, 6])
def test_coverage_of_disjoint_pairs_by_enumeration(s):
    """Every sample of s, its couples one after the other; the interval is scipy's."""
    held, truth = 0.0, 1 / np.sum(P**2)
    for sample in itertools.product(range(4), repeat=s):
        hits = sum(sample[2 * k] == sample[2 * k + 1] for k in range(s // 2))
        ends = stats.binomtest(hits, s // 2).proportion_ci(0.5, method="exact")
        held += np.prod(P[list(sample)]) * (ends.low <= 1 / truth <= ends.high)
    assert birthday.disjoint_coverage(P, s, 0.5) == pytest.approx(held, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: birthday.no_collision([0.5, 0.4], 2), "sum to 1"),
        (lambda: birthday.no_collision([1.5, -0.5], 2), "at least 0"),
        (lambda: birthday.collision_law(P, 3, -1), "most"),
        (lambda: birthday.poisson_interval(1.0, 1), "samples"),
        (lambda: birthday.poisson_interval(1.0, 10, 1.0), "level"),
        (lambda: birthday.moment_interval([[1, 2, 3], [1, 1, 1]]), "rows of one number"),
        (lambda: birthday.disjoint_interval(5, 4), "at most couples"),
    ],
)
def test_bad_input(call, said):
    with pytest.raises(ValueError, match=said):
        call()
