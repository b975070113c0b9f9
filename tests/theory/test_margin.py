"""Largest margins against brute force, other solvers, and their own certificates."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from theory.margin import kernel_margin, variation_margin

GAP = 1e-8


def xor(seed, n=14, d=3):
    """Four clusters with alternating labels, noise coordinates, and the constant."""
    rng = np.random.default_rng(seed)
    cell = np.array([(i % 2, i // 2 % 2) for i in range(n)])
    plane = 1.2 * cell - 0.6 + rng.uniform(-0.3, 0.3, size=(n, 2))
    x = np.column_stack([plane, rng.uniform(-0.5, 0.5, size=(n, d - 3)), np.ones(n)])
    return x, np.where(cell[:, 0] == cell[:, 1], 1.0, -1.0)


def relu(z):
    return np.maximum(z, 0)


@pytest.mark.parametrize(("seed", "n", "d"), [(0, 14, 3), (1, 12, 3), (2, 8, 4)])
def test_bounds_meet_and_each_proves_itself(seed, n, d):
    x, y = xor(seed, n, d)
    margin = variation_margin(x, y, gap=GAP)
    lower, upper = margin
    assert 0 < lower <= upper
    assert upper - lower <= 2 * GAP * upper
    # Lower: the measure is there, of total variation 1, and has this margin.
    c, u = margin.measure[:, 0], margin.measure[:, 1:]
    assert np.abs(c).sum() <= 1 + 1e-12
    assert np.allclose(np.linalg.norm(u, axis=1), 1, atol=1e-12)
    assert np.min(y * (relu(x @ u.T) @ c)) == pytest.approx(lower, rel=1e-12)
    # Upper: no neuron among many is above it, and the best of them is near.
    p = margin.dual
    assert p.min() >= 0
    assert p.sum() == pytest.approx(1)
    directions = np.random.default_rng(3).normal(size=(100_000, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    heights = np.abs(relu(directions @ x.T) @ (p * y))
    assert heights.max() <= upper * (1 + 1e-12)
    assert heights.max() > 0.95 * upper
    # Control: equal weights prove less.
    assert np.abs(relu(directions @ x.T) @ (y / n)).max() > 1.05 * upper


def test_plane_by_brute_force():
    """In the plane a linear program over a fine grid of directions is right to half its width."""
    x, y = xor(4, 10)
    x = x[:, :2]
    angles = np.linspace(0, 2 * np.pi, 1500, endpoint=False)
    gains = y[:, None] * relu(x @ np.stack([np.cos(angles), np.sin(angles)]))
    both = np.hstack([gains, -gains, -np.ones((len(y), 1))])
    cost, total = np.zeros(both.shape[1]), np.ones(both.shape[1])
    cost[-1], total[-1] = -1, 0
    bounds = [(0, None)] * (both.shape[1] - 1) + [(None, None)]
    solved = linprog(cost, A_ub=-both, b_ub=np.zeros(len(y)), A_eq=total[None], b_eq=[1.0], bounds=bounds)
    lower, upper = variation_margin(x, y, gap=GAP)
    assert -solved.fun <= upper * (1 + 1e-9)
    assert -solved.fun > lower * (1 - np.pi / 1500)


def test_two_opposite_samples_by_hand():
    """Each needs a neuron of its own, so that each gets half."""
    for labels in ([1.0, -1.0], [1.0, 1.0]):
        lower, upper = variation_margin([[0.0, 2.0], [0.0, -2.0]], labels)
        assert lower == pytest.approx(1, rel=1e-9)
        assert upper == pytest.approx(1, rel=1e-9)


def test_bounds_allow_for_rounding():
    """The margin of one sample is its length, which rational numbers compare with without rounding."""
    for x in np.random.default_rng(5).normal(size=(40, 1, 3)):
        square = sum(Fraction(float(entry)) ** 2 for entry in x[0])
        for lower, upper in (variation_margin(x, [1.0]), kernel_margin(x @ x.T, [1.0])):
            assert Fraction(lower) ** 2 <= square <= Fraction(upper) ** 2
            assert upper - lower < 1e-13 * upper


def features(seed, n=20, k=60):
    rng = np.random.default_rng(seed)
    x, y = xor(seed, n)
    return relu(x @ rng.normal(size=(3, k))) / np.sqrt(k), y


def test_kernel_margin_is_certified():
    phi, y = features(0)
    margin = kernel_margin(phi @ phi.T, y)
    assert 0 < margin.lower <= margin.upper
    assert margin.upper - margin.lower < 1e-6 * margin.upper
    w = phi.T @ margin.coefficients
    assert np.linalg.norm(w) == pytest.approx(1, rel=1e-9)
    assert np.min(y * (phi @ w)) == pytest.approx(margin.lower, rel=1e-9)


def test_kernel_margin_is_that_of_cvxpy():
    cvxpy = pytest.importorskip("cvxpy")
    phi, y = features(1)
    w = cvxpy.Variable(phi.shape[1])
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [cvxpy.multiply(y, phi @ w) >= 1])
    problem.solve(solver="CLARABEL")
    assert kernel_margin(phi @ phi.T, y).lower == pytest.approx(1 / np.linalg.norm(w.value), rel=1e-5)


def test_scikit_learn_has_an_intercept():
    """Samples in pairs ±(x, y) leave an intercept nothing to do; with others it widens the margin."""
    svm = pytest.importorskip("sklearn.svm")
    rng = np.random.default_rng(2)
    half = rng.uniform(-1, 1, size=(8, 3)) + np.array([2.0, 0, 0])
    phi, y = np.vstack([half, -half]), np.repeat([1.0, -1.0], 8)

    def with_intercept(kernel, y):
        machine = svm.SVC(kernel="precomputed", C=1e3, tol=1e-7).fit(kernel, y)
        c = np.zeros(len(y))
        c[machine.support_] = machine.dual_coef_[0]
        return 1 / np.sqrt(c @ kernel @ c)

    kernel = phi @ phi.T
    assert kernel_margin(kernel, y).lower == pytest.approx(with_intercept(kernel, y), rel=1e-5)
    moved = phi + np.array([3.0, 0, 0])
    moved = np.column_stack([moved, np.ones(16)])  # separable without an intercept too
    kernel = moved @ moved.T
    assert kernel_margin(kernel, y).upper < 0.9 * with_intercept(kernel, y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: variation_margin([[1.0]], [2.0]), "y must hold labels -1 and 1, got"),
        (lambda: variation_margin([[1.0]], [1.0, 1.0]), "y must agree with the rows of x, got 2"),
        (lambda: variation_margin([[0.0]], [1.0]), "x must have no row of zeros"),
        (lambda: variation_margin(np.eye(60)[:, :10] + 1, np.ones(60)), "x must have at most 40000 cells"),
        (lambda: kernel_margin([[1.0, 2.0], [0.0, 1.0]], [1.0, -1.0]), "kernel must be symmetric"),
        (lambda: kernel_margin([[1.0, 2.0], [2.0, 1.0]], [1.0, -1.0]), "kernel must be positive semidefinite"),
        (lambda: kernel_margin([[1.0, 1.0], [1.0, 1.0]], [1.0, -1.0]), "kernel must separate the labels"),
        (lambda: kernel_margin([[1.0]], [1.0, -1.0]), "kernel must agree with y"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
