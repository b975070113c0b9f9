"""The convex minimum, against cvxpy, closed forms, a lasso on a fine grid, and its own optimality conditions."""

from fractions import Fraction

import numpy as np
import pytest

from tests.theory.rational import lasso_minimum, rational
from theory import _cells, _conic_program
from theory.convex import arrangement_minimum, enumerable, feature_minimum, network, planar_minimum


def problem(seed, n, d=2, noise=0.1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    y = np.maximum(x @ rng.normal(size=(d, 3)), 0) @ np.array([1.0, -1.0, 1.0])
    return x, y + noise * rng.normal(size=n)


def objective(measure, x, y, strength):
    f = np.maximum(x @ measure[:, 1:].T, 0) @ measure[:, 0]
    return np.mean((f - y) ** 2) / 2 + strength * np.abs(measure[:, 0]).sum()


def circle(count):
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("seed", "n", "strength"), [(0, 5, 0.1), (1, 12, 0.01), (2, 25, 0.003)])
def test_minimum_is_that_of_the_whole_program_by_cvxpy(seed, n, strength, signed):
    """All cells at once, cells found by the signs of random directions, solved through another modeller and solver."""
    cvxpy = pytest.importorskip("cvxpy", reason="the extra `oracle` holds cvxpy")
    x, y = problem(seed, n)
    on = np.unique(circle(50_001) @ x.T > 0, axis=0)
    assert len(on) == 2 * n
    vectors = {sign: cvxpy.Variable((len(on), 2)) for sign in ((1, -1) if signed else (1,))}
    f, length, inside = 0, 0, []
    for sign, v in vectors.items():
        for c, pattern in enumerate(on):
            f = f + sign * (pattern[:, None] * x) @ v[c]
            length = length + cvxpy.norm(v[c])
            inside.append((np.where(pattern, 1, -1)[:, None] * x) @ v[c] >= 0)
    goal = cvxpy.sum_squares(f - y) / (2 * n) + strength * length
    exact = cvxpy.Problem(cvxpy.Minimize(goal), inside).solve(solver="CLARABEL")
    found = planar_minimum(x, y, strength, signed=signed)
    assert found.value == pytest.approx(exact, rel=1e-6, abs=1e-9)
    assert found.gap < 1e-12
    # Control: twice the penalty is another problem.
    assert planar_minimum(x, y, 2 * strength, signed=signed).value > exact + 1e-4


@pytest.mark.parametrize(("seed", "n", "strength"), [(3, 15, 0.01), (4, 40, 0.01), (5, 200, 0.02)])
def test_no_grid_of_neurons_is_better_and_a_fine_one_as_good(seed, n, strength):
    """On a grid that holds all kinks a neuron is a sum of its two neighbours, which costs 1/cos(δ/2) times as much."""
    from sklearn.linear_model import LassoLars

    x, y = problem(seed, n)
    kinks = np.arctan2(x[:, 0], -x[:, 1])
    angle = np.concatenate([2 * np.pi * np.arange(1000) / 1000, kinks, kinks + np.pi])
    features = np.maximum(x @ np.stack([np.cos(angle), np.sin(angle)]), 0)
    for signed in (True, False):
        found = planar_minimum(x, y, strength, signed=signed)
        c = LassoLars(alpha=strength, fit_intercept=False, positive=not signed, max_iter=2000).fit(features, y).coef_
        grid = np.mean((features @ c - y) ** 2) / 2 + strength * np.abs(c).sum()
        dearer = 1 / np.cos(np.pi / 1000) - 1
        assert objective(found.measure, x, y, strength) == pytest.approx(found.value, rel=1e-13)
        assert found.lower <= found.value <= grid
        assert grid <= found.value + dearer * strength * np.abs(found.measure[:, 0]).sum() + 1e-12
        assert signed or np.all(found.measure[:, 0] > 0)


@pytest.mark.parametrize(("seed", "n", "d"), [(0, 20, 2), (1, 12, 3), (2, 10, 4)])
def test_optimality_conditions(seed, n, d):
    """|(1/n) r·relu(x·u)| ≤ λ for every u, with equality and the opposite sign at the atoms."""
    strength = 0.02
    x, y = problem(seed, n, d)
    found = planar_minimum(x, y, strength) if d == 2 else arrangement_minimum(x, y, strength)
    r = found.predictions - y
    np.testing.assert_allclose(
        found.predictions, np.maximum(x @ found.measure[:, 1:].T, 0) @ found.measure[:, 0], atol=1e-12
    )
    u = np.random.default_rng(9).normal(size=(50_000, d))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    assert np.abs(np.maximum(u @ x.T, 0) @ r).max() / n <= strength * (1 + 1e-9)
    at_atoms = np.maximum(found.measure[:, 1:] @ x.T, 0) @ r / n
    np.testing.assert_allclose(at_atoms, -strength * np.sign(found.measure[:, 0]), rtol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(found.measure[:, 1:], axis=1), 1, rtol=1e-12)
    assert 0 <= found.gap < 1e-11
    # Directly from Fenchel's inequality, with p = r/n shrunk a little so as to be feasible.
    p = r / n * (1 - 1e-9)
    assert found.value - (-(n / 2) * p @ p - p @ y) < 1e-8


@pytest.mark.parametrize("n", [1, 2, 5, 12, 40])
def test_rounding_never_lifts_the_lower_bound_above_the_value(n):
    """Both are the minimum to the last digits; without an allowance for rounding, one in five of these crosses."""
    for seed in range(12):
        x, y = problem(seed, n)
        for signed in (True, False):
            found = planar_minimum(x, y, 10.0 ** -(1 + seed % 3), signed=signed)
            assert found.lower < found.value
            assert found.gap < 1e-9 * found.value


def test_enumeration_and_arcs_agree():
    for seed, n in ((0, 1), (1, 2), (2, 9), (3, 20)):
        x, y = problem(seed, n)
        assert arrangement_minimum(x, y, 0.01).value == pytest.approx(planar_minimum(x, y, 0.01).value, rel=1e-11)


def test_one_sample_in_closed_form():
    """One atom along x with f = |x| c: min (|x|c − y)²/2 + λ|c|, so f = y ∓ λ/|x|, or nothing if λ ≥ |x||y|."""
    for x, y, strength in (([3.0, 4.0], 2.0, 0.1), ([0.1, -0.2], -1.0, 0.05), ([1.0, 0.0], 0.3, 0.31)):
        length = np.linalg.norm(x)
        f = np.sign(y) * max(0.0, abs(y) - strength / length)
        exact = (f - y) ** 2 / 2 + strength * abs(f) / length
        value, measure = planar_minimum([x], [y], strength)
        assert value == pytest.approx(exact, rel=1e-13)
        assert len(measure) == (1 if f else 0)
        assert (measure[:, 0] * length).sum() == pytest.approx(f, rel=1e-12)


def test_two_samples_in_closed_form():
    # Opposite inputs do not share a neuron: two problems of one sample, each with half the weight.
    value, measure = planar_minimum([[1.0, 0.0], [-2.0, 0.0]], [1.0, -1.0], 0.1)
    exact = sum((0.2 / a) ** 2 / 4 + 0.1 * (1 - 0.2 / a) / a for a in (1.0, 2.0))
    assert value == pytest.approx(exact, rel=1e-12)
    assert len(measure) == 2
    # Orthonormal inputs, equal targets: one neuron along their sum, f = c/√2 on both.
    value, measure = planar_minimum(np.eye(2), [1.0, 1.0], 0.1)
    f = 1 - np.sqrt(2) * 0.1
    assert value == pytest.approx((f - 1) ** 2 / 2 + 0.1 * np.sqrt(2) * f, rel=1e-12)
    np.testing.assert_allclose(measure[0, 1:], np.sqrt([0.5, 0.5]), atol=1e-8)


def test_rotation_scaling_and_order():
    x, y = problem(6, 14)
    value = planar_minimum(x, y, 0.02).value
    turn = np.array([[np.cos(1.3), -np.sin(1.3)], [np.sin(1.3), np.cos(1.3)]])
    assert planar_minimum(x @ turn.T, y, 0.02).value == pytest.approx(value, rel=1e-12)
    assert planar_minimum(x * [1, -1], y, 0.02).value == pytest.approx(value, rel=1e-12)
    assert planar_minimum(x[::-1], y[::-1], 0.02).value == pytest.approx(value, rel=1e-12)
    assert planar_minimum(x, -y, 0.02).value == pytest.approx(value, rel=1e-12)
    for s, t in ((1e-6, 1.0), (1e5, 1e-4), (1.0, 1e8)):
        assert planar_minimum(s * x, t * y, 0.02 * s * t).value == pytest.approx(t * t * value, rel=1e-11)
    assert planar_minimum(np.vstack([x, x]), np.append(y, y), 0.02).value == pytest.approx(value, rel=1e-12)


def test_duplicate_antipodal_and_zero_inputs():
    x = np.array([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0], [1.0, 2.0], [0.0, 0.0], [0.5, -1.0]])
    y = np.array([1.0, 2.5, -1.0, 1.2, 3.0, 0.4])
    found = planar_minimum(x, y, 0.05)
    assert found.gap < 1e-12
    assert arrangement_minimum(x, y, 0.05).value == pytest.approx(found.value, rel=1e-11)
    assert found.predictions[4] == 0
    # A sample at the origin adds y²/2n and dilutes the others.
    kept = planar_minimum(np.delete(x, 4, 0), np.delete(y, 4), 0.05 * 6 / 5).value
    assert found.value == pytest.approx(5 / 6 * kept + 9 / 12, rel=1e-12)
    for nothing in (planar_minimum(np.zeros((2, 2)), [1.0, 2.0], 0.1), planar_minimum(x, 0 * y, 0.1)):
        assert nothing.gap == 0
        assert nothing.measure.shape == (0, 3)
    assert planar_minimum(np.zeros((2, 2)), [1.0, 2.0], 0.1).value == 5 / 4  # (1² + 2²) / 2 over two samples
    # Decay beyond the largest slope at f = 0 leaves nothing.
    slope = np.abs(np.maximum(circle(100_000) @ x.T, 0) @ y).max() / 6
    assert len(planar_minimum(x, y, 1.0001 * slope).measure) == 0
    assert len(planar_minimum(x, y, 0.999 * slope).measure) > 0


def test_bias_is_a_constant_input():
    x, y = np.linspace(-1, 1, 9), np.abs(np.linspace(-1, 1, 9)) - 0.3
    found = planar_minimum(x, y, 0.01, bias=True)
    assert found.value == planar_minimum(x[:, None], y, 0.01, bias=True).value
    assert found.value == planar_minimum(np.column_stack([x, np.ones(9)]), y, 0.01).value


def test_network_reaches_the_value_under_weight_decay():
    x, y = problem(7, 12)
    found = planar_minimum(x, y, 0.02)
    theta = network(found.measure)
    f = np.mean(theta[:, :1] * np.maximum(theta[:, 1:] @ x.T, 0), axis=0)
    decay = np.mean(np.sum(theta**2, axis=1)) * 0.02 / 2
    assert np.mean((f - y) ** 2) / 2 + decay == pytest.approx(found.value, rel=1e-12)


def test_cells_are_counted():
    """In general position 2 Σ_{k<d} C(n−1, k); otherwise as many as random directions find."""
    rng = np.random.default_rng(0)
    for n, d, cells in ((12, 3, 134), (15, 3, 212), (15, 4, 940), (20, 4, 2320), (12, 5, 1124), (3, 5, 8)):
        assert len(_cells.patterns(rng.normal(size=(n, d)))) == _cells.count(n, d) == cells
    lattice = np.array([row for row in np.ndindex(3, 3, 3) if row != (1, 1, 1)]) - 1.0
    seen = np.unique(rng.normal(size=(100_000, 3)) @ lattice.T > 0, axis=0)
    assert np.array_equal(np.unique(_cells.patterns(lattice), axis=0), seen)
    on, rays = _cells.planar(lattice[:, :2][np.any(lattice[:, :2] != 0, axis=1)])
    assert len(on) == len(rays) == 8


def test_cells_of_huge_spaces_are_counted_at_once():
    """Beyond n dimensions nothing is added; numbers without end are not written out."""
    assert _cells.count(15, 10**15) == _cells.count(15, 15) == 2**15
    assert _cells.count(10**15, 3) == _cells.count(10**9, 10**9) == _cells.count(10**15, 10**15) == np.inf
    assert enumerable(15, 10**15)
    assert not enumerable(10**6, 10**6)


def test_features_against_scikit_learn():
    from sklearn.linear_model import Lasso, Ridge

    rng = np.random.default_rng(1)
    features, y = rng.normal(size=(20, 30)), rng.normal(size=20)
    for cost in (np.ones(30), rng.uniform(0.5, 2, 30)):
        value, c = feature_minimum(features, y, 0.05, cost=cost)
        lasso = Lasso(alpha=0.05, fit_intercept=False, tol=1e-10, max_iter=100_000).fit(features / cost, y)
        np.testing.assert_allclose(c, lasso.coef_ / cost, atol=1e-6)
        assert value == pytest.approx(np.mean((features @ c - y) ** 2) / 2 + 0.05 * np.sum(cost * np.abs(c)), rel=1e-13)
        value, c = feature_minimum(features, y, 0.05, norm="l2", cost=cost)
        ridge = Ridge(alpha=20 * 0.05, fit_intercept=False).fit(features / np.sqrt(cost), y)
        np.testing.assert_allclose(c, ridge.coef_ / np.sqrt(cost), atol=1e-10)
        assert value == pytest.approx(np.mean((features @ c - y) ** 2) / 2 + 0.05 / 2 * np.sum(cost * c**2), rel=1e-13)


@pytest.mark.parametrize("strength", [1.0, 1e-1, 1e-3, 1e-6, 1e-9, 1e-15])
def test_features_against_rational_numbers(strength):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        n, k = int(rng.integers(2, 7)), int(rng.integers(1, 5))
        features, y, cost = rng.normal(size=(n, k)), rng.normal(size=n), rng.uniform(0.5, 2, size=k)
        penalties = [Fraction(strength) * price for price in rational(cost[None])[0]]
        exact = lasso_minimum(rational(features.T), rational(y[None])[0], penalties)
        value, _ = feature_minimum(features, y, strength, cost=cost)
        assert abs(Fraction(value) - exact) <= 1e-13 * exact


@pytest.mark.parametrize(("power", "height"), [(-900, 0), (900, 0), (0, -400), (0, 400), (-400, 400)])
def test_features_of_any_size(power, height):
    """Columns of 2^p and targets of 2^q make weights of 2^(q − p): powers of two change no digit."""
    rng = np.random.default_rng(3)
    features, y = rng.normal(size=(6, 4)), rng.normal(size=6)
    value, c = feature_minimum(features, y, 0.125)
    scaled, moved = feature_minimum(2.0**power * features, 2.0**height * y, 0.125, cost=2.0 ** (power + height))
    assert scaled == pytest.approx(2.0 ** (2 * height) * value, rel=1e-14)
    np.testing.assert_allclose(np.ldexp(moved, power - height), c, rtol=1e-12)


def test_features_of_mixed_sizes():
    """Columns that are alike but for their length: the longest is the cheapest, and does alone what all could."""
    column, y = np.array([1.0, -2.0, 0.5]), np.array([0.5, -1.5, 1.0])
    value, c = feature_minimum(np.outer(column, [1e-300, 1e30, 1.0]), y, 0.25)
    along = float(column @ y) / 3
    assert value == pytest.approx(np.mean(y**2) / 2 - along**2 / 2 / np.mean(column**2), rel=1e-14)
    assert c[0] == c[2] == 0
    assert c[1] * 1e30 == pytest.approx(along / np.mean(column**2), rel=1e-14)


def test_features_do_not_depend_on_the_last_digits_of_the_solver(monkeypatch):
    rng, solver = np.random.default_rng(4), _conic_program.solved
    cases = [(rng.normal(size=(n, k)), rng.normal(size=n)) for n, k in ((20, 30), (50, 20), (30, 100))]
    plain = [[feature_minimum(*case, strength) for strength in (0.1, 1e-3, 1e-6)] for case in cases]

    def moved(*arguments):
        point = solver(*arguments)
        return point + 1e-6 * np.abs(point).max() * rng.normal(size=point.shape)

    monkeypatch.setattr(_conic_program, "solved", moved)
    for case, known in zip(cases, plain, strict=True):
        for strength, (value, c) in zip((0.1, 1e-3, 1e-6), known, strict=True):
            other, found = feature_minimum(*case, strength)
            assert other == pytest.approx(value, rel=1e-13)
            np.testing.assert_allclose(found, c, atol=1e-12 * np.abs(c).max())


def test_features_are_never_better_than_all_neurons():
    x, y = problem(8, 15)
    rng = np.random.default_rng(2)
    best = planar_minimum(x, y, 0.02)
    for m in (3, 30, 300):
        w = rng.normal(size=(m, 2))
        value, _ = feature_minimum(np.maximum(x @ w.T, 0), y, 0.02, cost=np.linalg.norm(w, axis=1))
        assert value >= best.lower
    directions = best.measure[:, 1:]
    value, _ = feature_minimum(np.maximum(x @ directions.T, 0), y, 0.02)
    assert value == pytest.approx(best.value, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: planar_minimum([[1.0, 2.0]], [1.0, 2.0], 0.1), "y must agree with rows of x, got 2"),
        (lambda: planar_minimum([[1.0, 2.0]], [1.0], 0.0), "strength must be a finite number > 0, got 0"),
        (lambda: planar_minimum([[1.0, np.nan]], [1.0], 0.1), "x must be finite, got nan"),
        (lambda: planar_minimum([[1.0, 2.0]], [np.inf], 0.1), "y must be finite, got inf"),
        (lambda: planar_minimum(np.ones((3, 3)), np.ones(3), 0.1), r"x must have 2 column\(s\), got shape \(3, 3\)"),
        (lambda: planar_minimum(np.ones((3, 2)), np.ones(3), 0.1, bias=True), r"x must have 1 column\(s\) with a bias"),
        (lambda: planar_minimum([1.0, 2.0], [1.0, 2.0], 0.1), r"x must be an array of shape \[n, d\]"),
        (lambda: arrangement_minimum(np.ones((100, 5)), np.ones(100), 0.1), "x must have few rows and columns"),
        (lambda: feature_minimum(np.eye(2), [1.0], 0.1), "y must agree with features"),
        (lambda: feature_minimum(np.eye(2), [1.0, 1.0], 0.1, norm="l3"), "norm must be one of l1, l2, got 'l3'"),
        (lambda: feature_minimum(np.eye(2), [1.0, 1.0], 0.1, cost=[1.0, 0.0]), "cost must be positive, got 0"),
        (lambda: feature_minimum(np.eye(2), [1.0, 1.0], 0.1, cost=[1.0]), "cost must agree with columns of features"),
        (lambda: network([1.0, 2.0]), r"measure must be an array of shape \[k, 1 \+ d\]"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
