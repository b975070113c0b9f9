"""Four points: the networks are sums over ± pairs of units, and descend as two layers written out do."""

import jax
import numpy as np
import pytest

import meanfield as mf
from simulations.published import four_points as study


def descended(theta, mass, x, y, step, steps):
    """Descend ½ mean (Σ_j p_j a_j relu(w_j x + b_j) − y)² by steps h of mean-field time: the gradient over p_j."""
    a, w, b = theta.T.copy()
    for _ in range(steps):
        z = np.outer(w, x) + b[:, None]
        h = np.maximum(z, 0)
        residual = ((mass * a) @ h - y) / len(y)
        inner = a[:, None] * (z > 0) * residual
        a, w, b = a - step * h @ residual, w - step * inner @ x, b - step * inner.sum(axis=1)
    return np.column_stack([a, w, b])


@pytest.mark.parametrize("output", study.SHOWN)
def test_a_step_is_that_of_two_layers(output):
    run = study.Adaptive(output=output, cells=2, seed=1)
    with jax.enable_x64(True):
        start = run.start()
        found = np.asarray(mf.simulate(run.problem(), run.flow(), start, times=[0, 2.0]).particles.position)
        theta, mass = (np.asarray(part) for part in (start.position, start.mass))
    expected = descended(theta, mass, *run.data, run.step, 20)
    assert np.max(np.abs(expected - theta)) > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-12)
    wrong = descended(theta, mass, *run.data, run.step / len(mass), 20)  # a step of the sum's gradient
    assert np.max(np.abs(found - wrong)) > 0.01


@pytest.mark.parametrize("output", study.SHOWN)
def test_the_ratio_of_output_to_input_weights_is_kappa(output):
    """And f is 0 at the start."""
    run = study.Kernel(output=output, seed=1)
    with jax.enable_x64(True):
        theta = np.asarray(run.start().position)
        assert np.max(np.abs(run.problem().predict(run.start()))) < 1e-12
    np.testing.assert_allclose(np.abs(theta[:, 0]) / np.abs(theta[:, 1]), output, atol=1e-15)


def test_distances_between_the_two_splines():
    points, x = np.linspace(-1, 1, 5), np.array([-1.0, 0.0, 1.0])
    y, natural = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.7, 1.0, 0.7, 0.0])
    record = {"exact_points": points, "exact_natural": natural, "x": x, "y": y}
    for f, to_cubic, to_linear in ((natural, 0, 1), (np.interp(points, x, y), 1, 0)):
        record["predictions"] = np.array([0 * f, f])
        assert study.distance(record) == pytest.approx(to_cubic, abs=1e-12)
        assert study.distance(record, to="linear") == pytest.approx(to_linear, abs=1e-12)
