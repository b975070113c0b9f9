"""Equivalents of weight decay: against numpy's roots, exact fractions, and descents of scale-invariant functions."""

from fractions import Fraction

import numpy as np
import pytest

from theory import exponential_rate as exact

pytestmark = pytest.mark.fast

EPS = np.finfo(float).eps


@pytest.mark.parametrize(("momentum", "strength"), [(0.0, 0.3), (0.5, 0.01), (0.9, 0.002), (0.99, 1e-5)])
def test_roots_are_those_of_the_polynomial(momentum, strength):
    """Against the eigenvalues of the companion matrix, which lose half of the digits where the roots are close."""
    expected = np.roots([1, -(1 + momentum - strength), momentum])[::-1]
    assert np.allclose(sorted(exact.roots(momentum, strength)), sorted(expected.real), rtol=0, atol=1e-9)
    assert np.prod(exact.roots(momentum, strength)) == pytest.approx(momentum, rel=4 * EPS)


def test_largest_strength_is_where_roots_meet():
    gamma = 0.81
    s = exact.largest_strength(gamma)
    assert s == pytest.approx(0.01, rel=1e-13)
    larger, smaller = exact.roots(gamma, s * (1 - 1e-12))
    assert larger - smaller < 1e-5
    with pytest.raises(ValueError, match="real roots"):
        exact.roots(gamma, s * (1 + 1e-12))


def test_factors_against_fractions():
    """Every factor is the float64 next to the exact one, for rates of any kind and a momentum."""
    rates, decay, momentum = np.array([0.5, 0.25, 0.75, 0.125]), 0.25, 0.5
    before, now, expected = Fraction(1), Fraction(1), [Fraction(1)]
    eta = [Fraction(rate) for rate in rates]
    for last, rate in zip([eta[0], *eta], eta, strict=False):
        pushed = Fraction(momentum) * rate / last
        before, now = now, (1 + pushed - rate * Fraction(decay)) * now - pushed * before
        expected.append(now)
    assert exact.factors(rates, decay, momentum).tolist() == [float(value) for value in expected]


def test_factors_of_descent_are_powers():
    assert np.allclose(exact.factors(np.full(50, 0.1), 0.1), 0.99 ** np.arange(51), rtol=60 * EPS)
    assert np.allclose(exact.root_factors(0.0, 0.01, 50), 0.99 ** np.arange(51), rtol=60 * EPS)


@pytest.mark.parametrize("root", ["larger", "smaller"])
def test_root_factors_solve_the_recursion(root):
    c = exact.root_factors(0.5, 0.01, 40, root)
    assert np.allclose(c[2:], (1.5 - 0.01) * c[1:-1] - 0.5 * c[:-2], rtol=0, atol=4 * EPS * c[:-2].max())
    assert c[1] == exact.roots(0.5, 0.01)[root == "smaller"]


def turned(rates, momentum, decay, buffer, steps, gradient):
    """Heavy-ball descent on one vector."""
    w, v, path = np.array([1.0, 0.5]), buffer, []
    for t in range(steps):
        v = momentum * v + gradient(w) + decay * w
        w = w - rates[t] * v
        path.append(w)
    return np.array(path)


def gradient(w):
    """Of w₀/|w|, which is scale-invariant."""
    norm = np.linalg.norm(w)
    return np.array([1.0, 0.0]) / norm - w[0] * w / norm**3


@pytest.mark.parametrize("start", ["rest", "larger", "smaller"])
def test_equivalent_descents_take_the_same_directions(start):
    steps, momentum, decay, eta = 30, 0.5, 0.1, np.full(30, 0.1)
    if start == "rest":
        eta = 0.1 * np.linspace(1, 0.3, steps)
        c, buffer = exact.factors(eta, decay, momentum), np.zeros(2)
    else:
        c = exact.root_factors(momentum, decay * eta[0], steps, start)
        buffer = exact.initial_buffer([1.0, 0.5], eta[0], c[1])
    decayed = turned(eta, momentum, decay, np.zeros(2), steps, gradient)
    grown = turned(exact.equivalent_rates(eta, c), momentum, 0.0, buffer, steps, gradient)
    assert np.abs(decayed - c[1:, None] * grown).max() < 100 * steps * EPS
    wrong = turned(exact.equivalent_rates(eta, c) * 1.01, momentum, 0.0, buffer, steps, gradient)
    assert np.abs(decayed - c[1:, None] * wrong).max() > 1e-4


@pytest.mark.parametrize(("momentum", "strength"), [(0.9, 0.01), (0.5, 0.12), (0.95, 0.3), (0.3, 0.9), (0.0, 1.0)])
def test_lasts_as_long_as_the_recursion(momentum, strength):
    before, now, step = 1.0, 1.0, 0
    while now > 0:
        before, now, step = now, (1 + momentum - strength) * now - momentum * before, step + 1
    assert exact.lasts(momentum, strength) == step


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: exact.roots(1.0, 0.1), "momentum must be below 1, got 1"),
        (lambda: exact.roots(0.5, -0.1), "strength must be"),
        (lambda: exact.root_factors(0.0, 0.1, 5, "smaller"), "the smaller one is zero without momentum"),
        (lambda: exact.root_factors(0.5, 0.01, 5, "big"), "root must be one of larger, smaller"),
        (lambda: exact.root_factors(0.5, 0.01, 2000, "smaller"), "range of float64"),
        (lambda: exact.factors([0.1, 0.0], 0.1), "rates must be positive"),
        (lambda: exact.equivalent_rates([0.1], [1.0]), "factors must agree with rates"),
        (lambda: exact.equivalent_rates([0.1], [1.0, 0.0]), "must not be zero"),
        (lambda: exact.initial_buffer([1.0], 0.1, 1.5), "root must be at most 1"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ValueError, match=says):
        call()
