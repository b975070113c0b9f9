"""Depth as a preconditioner, against products of factors, matrix powers of scipy, and descent of two numbers."""

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from theory import depth

pytestmark = pytest.mark.fast


def balanced(matrix, n):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    root = np.diag(s ** (1 / n))
    return [root @ vt, *[root] * (n - 2), u @ root] if n > 1 else [matrix]


def product(factors):
    out = factors[0]
    for factor in factors[1:]:
        out = factor @ out
    return out


def descended(factors, gradient, step):
    """Factors after one step of gradient descent, every derivative written out."""
    after = []
    for j, factor in enumerate(factors):
        above = product([np.eye(factor.shape[0]), *factors[j + 1 :]])
        below = product([np.eye(gradient.shape[1]), *factors[:j]])
        after.append(factor - step * above.T @ gradient @ below.T)
    return after


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 4)), rng.normal(size=(3, 4))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_rule_is_the_derivative_of_a_step_and_second_order_its_second(problem, n):
    matrix, gradient = problem
    step = 1e-3
    moved = [product(descended(balanced(matrix, n), gradient, sign * step)) for sign in (1, -1)]
    first = (moved[1] - moved[0]) / (2 * step)
    second = (moved[0] + moved[1] - 2 * matrix) / (2 * step**2)
    rule, beyond = depth.preconditioned(matrix, gradient, n), depth.second_order(matrix, gradient, n)
    # Central differences leave terms of relative order step².
    assert np.abs(first - rule).max() < 1e-3 * np.abs(rule).max()
    assert np.abs(second - beyond).max() < 1e-3 * max(np.abs(beyond).max(), 1.0)
    # Control: exponents doubled are another rule, for all but one factor.
    wrong = depth.preconditioned(matrix, gradient, n, exponent=2.0)
    assert n == 1 or np.abs(first - wrong).max() > 0.1 * np.abs(rule).max()


@pytest.mark.parametrize("n", [2, 3])
def test_rule_by_matrix_powers(problem, n):
    matrix, gradient = (part[:, :3] for part in problem)
    squares = [matrix @ matrix.T, matrix.T @ matrix]

    def power(square, p):
        return np.real(fractional_matrix_power(square, p)) if p else np.eye(3)

    parts = [power(squares[0], (n - j) / n) @ gradient @ power(squares[1], (j - 1) / n) for j in range(1, n + 1)]
    assert depth.preconditioned(matrix, gradient, n) == pytest.approx(sum(parts), abs=1e-8)


def test_end_to_end_takes_steps_of_the_rule(problem):
    matrix, target = problem
    x = np.random.default_rng(1).normal(size=(10, 4))
    y = x @ target.T
    once = depth.end_to_end(matrix, x, y, 0.01, 1, 3)
    gradient = (x @ matrix.T - y).T @ x / 10
    assert once == pytest.approx(matrix - 0.01 * depth.preconditioned(matrix, gradient, 3), rel=1e-12)
    assert depth.end_to_end(matrix, x, y, 0.01, 7, 3) == pytest.approx(
        depth.end_to_end(depth.end_to_end(matrix, x, y, 0.01, 3, 3), x, y, 0.01, 4, 3), rel=1e-12
    )


def test_monotone_step_is_the_largest_without_overshoot():
    for p, n in ((2.0, 1), (2.0, 3), (4.0, 1), (4.0, 2), (6.0, 3)):
        a, w = 2 - 2 / n, np.linspace(0, 3, 3001)
        for share, over in ((1.0, False), (1.05, True)):
            step = share * depth.monotone_step(3.0, p, n)
            after = w + step * n * w**a * (3 - w) ** (p - 1)
            assert bool(np.max(after) > 3 * (1 + 1e-9)) is over


@pytest.mark.parametrize(("p", "n"), [(4.0, 2), (4.0, 3)])
def test_speed_up_is_that_of_the_small_residual(p, n):
    """Two coordinates by the rule itself, halving the small residual once the large one is gone; O(1/y²) is left."""
    counts = []
    for factors in (1, n):
        step, count = 0.25 * depth.monotone_step(20.0, p, factors), [0, 0]
        w, target = np.array([1e-6, 0.0]), np.array([20.0, 1.0])
        while 1 - w[1] > 0.25:
            move = np.abs(target - w) ** (p - 2) * (target - w)
            size = np.sqrt(w @ w)
            # For a row vector P(G) = |w|^{2−2/N} (G + (N − 1) ŵ ŵ·G).
            w = w + step * size ** (2 - 2 / factors) * (move + (factors - 1) * (w @ move) / size**2 * w)
            count[int(1 - w[1] <= 0.5)] += 1
        counts.append(count[1])
    assert counts[0] / counts[1] == pytest.approx(depth.speed_up(p, n), rel=0.02)


def test_second_order_of_three_factors_by_hand():
    """Scalars: w = 8 has three factors of 2; a step of η on each gives (2 − 4 η g)³ = 8 − 48 η g + 96 η² g² − …"""
    assert depth.second_order([[8.0]], [[0.5]], 3) == pytest.approx(24.0, rel=1e-12)
    assert depth.preconditioned([[8.0]], [[0.5]], 3) == pytest.approx(24.0, rel=1e-12)


def test_bad_input_is_refused(problem):
    matrix, gradient = problem
    assert depth.speed_up(2.0, 3) == pytest.approx(1 / 3)
    for call, name in (
        (lambda: depth.preconditioned(matrix, gradient.T, 2), "gradient"),
        (lambda: depth.preconditioned(matrix, gradient, 0), "depth"),
        (lambda: depth.end_to_end(matrix, np.ones((5, 3)), np.ones((5, 3)), 0.1, 1, 2), "matrix"),
        (lambda: depth.end_to_end(matrix, np.ones((5, 4)), np.ones((5, 3)), 0.0, 1, 2), "step"),
        (lambda: depth.monotone_step(0.0, 4.0, 2), "top"),
        (lambda: depth.speed_up(1.5, 2), "power"),
    ):
        with pytest.raises(ValueError, match=name):
            call()
