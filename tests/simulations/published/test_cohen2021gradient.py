"""Units of Cohen et al. (2021): with particles of mass 1 steps, loss and sharpness are the author's own."""

import jax
import numpy as np
import pytest

import meanfield as mf
from simulations.published import cohen2021gradient as study


def gradient(theta, x, y):
    """The derivatives of ½ mean (Σ v tanh(u x + b) − y)² in (v, u, b), [h, 3]."""
    v, u, b = theta.T
    h = np.tanh(np.outer(u, x) + b[:, None])
    residual = (v @ h - y) / len(y)
    inner = v[:, None] * (1 - h**2) * residual
    return np.column_stack([h @ residual, inner @ x, inner.sum(axis=1)])


def authors(theta, x, y, step, steps):
    for _ in range(steps):
        theta = theta - step * gradient(theta, x, y)
    return theta


@pytest.fixture(scope="module")
def run():
    return study.Descent(particles=6, samples=9, degree=3, step=0.3, seed=1)


def test_a_step_is_theirs(run):
    x, y = run.data
    with jax.enable_x64(True):
        found = mf.simulate(run.problem(), run.flow(), run.start(), times=[0, 25])
        mean = mf.simulate(run.problem(), run.flow(), mf.Particles(run.theta), times=[0, 25])  # f as a mean
    expected = authors(run.theta, x[:, 0], y, 0.3, 25)
    assert np.max(np.abs(expected - run.theta)) > 0.1
    np.testing.assert_allclose(found.particles.position, expected, atol=1e-13)
    assert np.max(np.abs(np.asarray(mean.particles.position) - expected)) > 0.01


def test_the_sharpness_is_the_largest_eigenvalue_of_their_hessian(run):
    x, y = run.data
    eps, size = 1e-5, run.theta.size
    rows = []
    for i in range(size):
        step = np.zeros(size)
        step[i] = eps
        sides = [gradient(run.theta + side * step.reshape(run.theta.shape), x[:, 0], y) for side in (1, -1)]
        rows.append((sides[0] - sides[1]).ravel() / (2 * eps))
    expected = np.linalg.eigvalsh(np.array(rows))[-1]
    with jax.enable_x64(True):
        sharpness = mf.observables.Sharpness()
        found = float(sharpness(run.problem(), run.start(), None))
        mean = float(sharpness(run.problem(), mf.Particles(run.theta), None))
    assert found == pytest.approx(expected, rel=1e-6)  # of central differences
    assert mean != pytest.approx(expected, rel=0.1)


def test_targets_are_the_polynomial_and_the_start_is_xaviers():
    run = study.Descent(particles=20_000, seed=2)
    x, y = run.data
    np.testing.assert_allclose(y, 8 * x[:, 0] ** 4 - 8 * x[:, 0] ** 2 + 1, atol=1e-14)
    assert (x[0, 0], x[-1, 0], len(x)) == (-1, 1, 20)
    v, u, b = run.theta.T
    assert not b.any()
    assert np.var(v) == pytest.approx(2 / 20_001, rel=0.06)  # six deviations, √(2/m) each
    assert np.var(u) == pytest.approx(1.9**2 * 2 / 20_001, rel=0.06)
