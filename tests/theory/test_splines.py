"""Splines of ReLU networks, against quadrature, scipy's cubic splines, many random features, and cvxpy."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import CubicSpline

from tests.theory.rational import lasso_minimum, rational
from theory import splines

pytestmark = pytest.mark.fast

X = np.array([-1.0, -0.55, 0.1, 0.4, 1.0])
Y = np.array([-1.2, 0.4, -0.3, 1.1, 0.6])
GRID = np.linspace(-1, 1, 201)


@pytest.mark.parametrize(("x", "z"), [(-0.3, 0.8), (0.5, 0.5), (1.5, -1.5)])
def test_kernels_by_quadrature(x, z):
    reach = 2.0
    points = [p for p in (x, z) if abs(p) < reach]
    right = quad(lambda b: max(x - b, 0) * max(z - b, 0), -reach, reach, points=points)[0] / (2 * reach)
    left = quad(lambda b: max(b - x, 0) * max(b - z, 0), -reach, reach, points=points)[0] / (2 * reach)
    assert splines.breakpoint_kernel([x], [z], reach, sides="right")[0, 0] == pytest.approx(right, rel=1e-10)
    assert splines.breakpoint_kernel([x], [z], reach)[0, 0] == pytest.approx((right + left) / 2, rel=1e-10)
    both = quad(lambda b: float((x > b) == (z > b)), -reach, reach, points=points, limit=200)[0]
    inner = (1 + x * z) * both / (4 * reach)
    kernel = splines.tangent_kernel([x], [z], reach, 0.5)[0, 0]
    assert kernel == pytest.approx((right + left) / 2 + 0.25 * inner, rel=1e-8)


def fitted(reach, sides="both"):
    kernels = [splines.breakpoint_kernel(z, X, reach, sides=sides) for z in (X, GRID)]
    return splines.interpolant(kernels[0], kernels[1], Y)


def test_interpolant_is_the_least_norm_fit_of_many_features():
    b = -2 + 4 * (np.arange(4000) + 0.5) / 4000
    features = np.hstack([np.maximum(X[:, None] - b, 0), np.maximum(b - X[:, None], 0)])
    weights = np.linalg.lstsq(features, Y, rcond=1e-12)[0]
    test = np.hstack([np.maximum(GRID[:, None] - b, 0), np.maximum(b - GRID[:, None], 0)])
    assert fitted(2.0) == pytest.approx(test @ weights, abs=1e-4)
    assert np.abs(fitted(2.0) - splines.natural_spline(X, Y)(GRID)).max() > 1e-3


def test_natural_spline_from_afar_with_its_correction():
    off = {reach: reach * (fitted(reach) - splines.natural_spline(X, Y)(GRID)) for reach in (20.0, 40.0, 80.0)}
    correction = splines.finite_reach_correction(X, Y)(GRID)
    size = np.abs(correction).max()
    # What is left falls as 1/L: extrapolated from the two furthest.
    assert np.abs(2 * off[80.0] - off[40.0] - correction).max() < 0.01 * size
    assert np.abs(off[80.0] - correction).max() < 0.6 * np.abs(off[40.0] - correction).max()
    assert np.abs(2 * off[80.0] - off[40.0] - 2 * correction).max() > 0.5 * size


def test_one_orientation_is_a_cubic_spline_for_every_reach():
    for reach in (1.5, 4.0):
        assert fitted(reach, "right") == pytest.approx(splines.one_sided_spline(X, Y, reach)(GRID), abs=1e-9)
    assert np.abs(fitted(1.5, "right") - splines.natural_spline(X, Y)(GRID)).max() > 0.01


def test_variations():
    spline = CubicSpline(X, Y)
    fine = np.linspace(-1, 1, 400_001)
    assert splines.cubic_variation(spline) == pytest.approx(np.mean(np.abs(spline(fine, 2))) * 2, rel=1e-4)
    slopes = np.diff(np.interp(fine, X, Y)) / np.diff(fine)
    assert splines.linear_variation(X, Y) == pytest.approx(np.abs(np.diff(slopes)).sum(), rel=1e-6)


@pytest.mark.parametrize("strength", [0.3, 0.01, 0.001])
@pytest.mark.parametrize("trend", [0.0, 5.0])
def test_variation_minimum_is_a_lasso_over_neurons_by_cvxpy(strength, trend):
    """Neurons of slope 1 at many knots, samples among them, and a constant at no cost: what free biases allow."""
    cvxpy = pytest.importorskip("cvxpy", reason="the extra `oracle` holds cvxpy")
    y = Y + trend * X
    knots = np.unique(np.concatenate([np.linspace(-3, 3, 25), X]))
    features = np.hstack([np.maximum(X[:, None] - knots, 0), np.maximum(knots - X[:, None], 0)])
    c, constant = cvxpy.Variable(features.shape[1]), cvxpy.Variable()
    goal = cvxpy.sum_squares(features @ c + constant - y) / (2 * len(X)) + strength * cvxpy.norm1(c)
    exact = cvxpy.Problem(cvxpy.Minimize(goal)).solve(solver="CLARABEL")
    found = splines.variation_minimum(X, y, strength)
    assert found.value == pytest.approx(exact, rel=1e-6)
    assert 0 <= found.value - found.lower < 1e-12 * found.value
    assert np.mean((found.values - y) ** 2) / 2 + strength * found.cost == pytest.approx(found.value, rel=1e-9)


def centred(row):
    return [entry - sum(row) / len(row) for entry in row]


@pytest.mark.parametrize("strength", [1.0, 1e-1, 1e-3, 1e-6, 1e-12])
@pytest.mark.parametrize("trend", [0.0, 3.0])
def test_variation_minimum_in_rational_numbers(strength, trend):
    """The lasso over neurons at the samples, the constant taken out of columns and targets."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x = np.sort(rng.normal(size=4)) + 0.25 * np.arange(4)
        y = rng.normal(size=4) + trend * x
        at, wanted = rational(np.stack([x, y]))
        right = [[max(a - b, Fraction(0)) for a in at] for b in at[:-1]]
        left = [[max(b - a, Fraction(0)) for a in at] for b in at[1:-1]]
        exact = lasso_minimum([centred(row) for row in right + left], centred(wanted), [Fraction(strength)] * 5)
        found = splines.variation_minimum(x, y, strength)
        assert Fraction(found.lower) <= exact
        assert abs(Fraction(found.value) - exact) <= 1e-13 * exact
        assert found.value - found.lower <= 1e-12 * found.value


@pytest.mark.parametrize("n", [30, 100])
@pytest.mark.parametrize("strength", [0.03, 0.001, 1e-5])
def test_variation_minimum_of_many_samples_meets_its_bound(n, strength):
    rng = np.random.default_rng(n)
    x = np.sort(rng.normal(size=n))
    y = np.sin(3 * x) + 0.1 * rng.normal(size=n)
    found = splines.variation_minimum(x, y, strength)
    # The bound allows for rounding: of residuals, which may be large, in slopes, which are the decay.
    size = np.mean(np.abs(found.values - y)) * np.ptp(x) * np.sqrt(n)
    assert 0 <= found.value - found.lower < 1e-15 * (n + 20) * (1 + size / strength) * found.value
    # The dual at the residual itself, as the docstring has it.
    r = found.values - y
    assert abs(r.sum()) < 1e-12 * n
    steepest = max(abs(np.maximum(side * (x - b), 0) @ r) / n for b in x for side in (1, -1))
    assert steepest == pytest.approx(strength, rel=1e-8)
    assert -(r @ y + r @ r / 2) / n == pytest.approx(found.value, rel=1e-8)


def test_variation_minimum_of_any_size():
    """x in units of s and y in units of t: λ in units of s t, the objective in those of t²."""
    plain = splines.variation_minimum(X, Y, 0.125)
    for s, t in ((2.0**400, 1.0), (2.0**-900, 1.0), (1.0, 2.0**-500), (1.0, 2.0**500), (2.0**300, 2.0**-300)):
        found = splines.variation_minimum(s * X, t * Y, 0.125 * s * t)
        assert found.value == pytest.approx(t * t * plain.value, rel=1e-14)
        assert found.lower <= found.value
        np.testing.assert_allclose(found.values, t * plain.values, rtol=1e-13)
        assert found.cost == pytest.approx(plain.cost / s * t, rel=1e-13)


def test_variation_minimum_of_a_large_or_no_decay():
    """Beyond the largest slope a constant is best, and the least decay leaves the linear spline."""
    for strength in (1e3, 1e30, 1e300):
        found = splines.variation_minimum(X, Y, strength)
        assert found.cost == 0
        assert found.value == pytest.approx(np.var(Y) / 2, rel=1e-14)
        assert 0 <= found.value - found.lower <= 1e-13 * found.value
    for strength in (1e-30, 1e-300):
        found = splines.variation_minimum(X, Y, strength)
        assert found.value == pytest.approx(strength * splines.linear_variation(X, Y), rel=1e-13)
        assert found.lower <= found.value


def test_bad_input_is_refused():
    for call, name in (
        (lambda: splines.breakpoint_kernel([2.0], [0.0], 1.0), "reach"),
        (lambda: splines.breakpoint_kernel([0.0], [0.0], 1.0, sides="left"), "sides"),
        (lambda: splines.natural_spline([1.0, 0.0], [0.0, 0.0]), "increase"),
        (lambda: splines.one_sided_spline(X, Y, 0.5), "reach"),
        (lambda: splines.variation_minimum(X, Y, 0.0), "strength"),
        (lambda: splines.variation_minimum(X, Y[:3], 0.1), "agree"),
        (lambda: splines.interpolant(np.eye(2), np.eye(3), [0.0, 1.0]), "columns"),
    ):
        with pytest.raises(ValueError, match=name):
            call()
