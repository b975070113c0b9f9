"""Neurons with normalised weights: Φ by its formula, and the gradients of a scale-invariant function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(("bias", "outputs"), [(False, 1), (True, 1), (True, 2)])
def test_formula(bias, outputs, x64):
    unit = mf.units.NormalisedNeuron("tanh", bias=bias, outputs=outputs)
    theta, x = np.array([1.5, -0.5, 2.0, 1.0, 0.5])[: unit.size(2)], np.array([0.3, 0.7])
    w = theta[outputs:]
    expected = theta[:outputs] * np.tanh(w @ np.append(x, 1.0)[: len(w)] / np.linalg.norm(w))
    found = unit(jnp.asarray(theta), jnp.asarray(x))
    assert found.shape == (() if outputs == 1 else (2,))
    assert np.allclose(np.ravel(found), expected, rtol=1e-15)


def test_gradient_is_orthogonal_and_shrinks_with_the_norm(x64):
    unit, x = mf.units.NormalisedNeuron("tanh", bias=True), jnp.array([0.3, 0.7])
    theta = jnp.array([1.5, 1.0, 2.0, -0.5])
    g, scaled = (np.asarray(jax.grad(unit)(theta * jnp.array([1, s, s, s]), x))[1:] for s in (1.0, 4.0))
    assert abs(g @ np.asarray(theta)[1:]) < 1e-15
    assert np.abs(g).max() > 1e-3
    assert np.allclose(scaled, g / 4, rtol=1e-14)


def test_network_is_trained(x64):
    """Descent lowers the risk, and by Pythagoras never shortens the weights."""
    unit = mf.units.NormalisedNeuron("relu")
    objective = mf.Objective(unit, mf.Square(), np.eye(3), np.array([1.0, -1.0, 0.5]))
    mu = mf.Particles.gaussian(jax.random.key(0), unit, m=6, d=3, dtype=jnp.float64)
    run = mf.simulate(objective, mf.GradientFlow(0.2), mu, times=[0, 40.0])
    assert run.values["risk"][1] < 0.1 * run.values["risk"][0]
    before, after = (np.linalg.norm(one.position[:, 1:], axis=1) for one in (mu, run.particles))
    assert np.all(after >= before * (1 - 1e-15))


def test_bad_input():
    with pytest.raises(ValueError, match="activation='rel'"):
        mf.units.NormalisedNeuron("rel")
    with pytest.raises(ValueError, match="outputs=0"):
        mf.units.NormalisedNeuron("relu", outputs=0)
