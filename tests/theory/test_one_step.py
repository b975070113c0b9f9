"""The best step of one step: against networks in plain NumPy, drawn at random, and against finite differences."""

import numpy as np
import pytest
from scipy import optimize

from theory import one_step

pytestmark = pytest.mark.fast

ANGLES = 2 * np.pi * (np.arange(8) + 0.5) / 8
X, Y = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), np.cos(ANGLES) + np.sin(2 * ANGLES) / 2
LAW = one_step.best_step(X, Y, nodes=20)


def risk(theta, masses, h):
    """The risk after a step of particles [m, 3] with masses [m], in mean-field time."""
    a, w = theta[:, 0], theta[:, 1:]
    units = np.tanh(w @ X.T)
    residual = masses * a @ units - Y
    moved_a = a - h * units @ residual / len(Y)
    moved_w = w - h * (a[:, None] * (1 - units**2) * residual) @ X / len(Y)
    return np.mean((masses * moved_a @ np.tanh(moved_w @ X.T) - Y) ** 2) / 2


def best(theta, masses):
    near = (0.5 * LAW.step, 1.6 * LAW.step)
    options = {"xatol": 1e-11}
    return optimize.minimize_scalar(lambda h: risk(theta, masses, h), bounds=near, method="bounded", options=options).x


def test_the_limit_is_that_of_a_quadrature_as_a_network():
    """Nodes and weights of the quadrature are particles with masses."""
    nodes, weights = one_step._gauss_hermite(3, 20)
    assert best(nodes, weights) == pytest.approx(LAW.step, rel=1e-6)
    assert risk(nodes, weights, LAW.step) == pytest.approx(LAW.risk, rel=1e-12)


def test_the_influence_is_a_derivative_in_the_share_of_a_particle():
    """ψ is that of h* along μ + ε(δ_θ − μ), by central differences of a minimiser."""
    nodes, weights = one_step._gauss_hermite(3, 20)
    rng = np.random.default_rng(0)
    for theta in rng.normal(size=(3, 3)):
        share = 0.01
        particles = np.vstack([nodes, theta])
        low, high = (best(particles, np.append((1 - part) * weights, part)) for part in (-share, share))
        # Central differences miss the third derivative, by share² of its size.
        assert (high - low) / 2 / share == pytest.approx(float(LAW.influence(theta[None])[0]), rel=0.02, abs=0.02)


def test_variance_and_bias_are_those_of_networks():
    """Thousands of networks of 64 units; the influence takes off what fluctuates to first order."""
    rng, m, count = np.random.default_rng(0), 64, 1200
    starts = rng.normal(size=(count, m, 3))
    steps = np.array([best(theta, np.full(m, 1 / m)) for theta in starts])
    shift = LAW.influence(starts.reshape(-1, 3)).reshape(count, m).mean(axis=1)
    left = m * (steps - LAW.step - shift)
    # Terms of the order 1/m that the expansion leaves out are a few per cent at m = 64.
    error = 4 * left.std() / np.sqrt(count)
    assert abs(left.mean() - LAW.bias) < error + 0.1 * abs(LAW.bias)
    assert error < 0.5 * abs(LAW.bias)
    assert m * np.var(steps) == pytest.approx(LAW.variance, rel=4 * np.sqrt(2 / count) + 0.15)
    assert np.mean((steps - LAW.step - shift) ** 2) < 0.2 * np.var(steps)


def test_the_influence_has_mean_zero_and_the_stated_variance():
    nodes, weights = one_step._gauss_hermite(3, 20)
    first = LAW.influence(nodes)
    assert abs(weights @ first) < 1e-8 * np.sqrt(LAW.variance)
    assert weights @ first**2 == pytest.approx(LAW.variance, rel=1e-12)


def test_more_nodes_change_little():
    finer = one_step.best_step(X, Y, nodes=28)
    for name in ("step", "curvature", "variance", "bias"):
        assert getattr(LAW, name) == pytest.approx(getattr(finer, name), rel=3e-3)


def test_bad_input():
    with pytest.raises(ValueError, match="x must have at most 3 columns, got 4"):
        one_step.best_step(np.eye(4), np.ones(4))
    with pytest.raises(ValueError, match="y must be targets other than 0"):
        one_step.best_step(X, np.zeros(8))
    with pytest.raises(ValueError, match="columns of theta must agree with 1"):
        LAW.influence(np.ones((2, 2)))
