"""Weights that an L1 penalty makes sparse beside places that it leaves alone, each with a step of its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast

UNIT = mf.units.Spike()
STRENGTH, WEIGHTS, PLACES = 0.1, 0.3, 0.002


def problem(strength):
    data = mf.datasets.spikes_at([[0.3], [0.62]], [1.0, -0.7], order=3)
    return mf.Objective(UNIT, mf.Square(), data.x, data.y, penalty=mf.penalties.L1(strength))


def forward_backward(x, y, theta, steps):
    """Proximal gradient steps on (1/2n) Σ (f − y)² + (λ/m) Σ |a_j|, m times the gradient, block by block."""
    a, t = theta.T.copy()
    for _ in range(steps):
        angle = 2 * np.pi * np.outer(t, x[:, 1]) - x[:, 2]
        wave, slope = x[:, 0] * np.cos(angle), -2 * np.pi * x[:, 1] * x[:, 0] * np.sin(angle)
        r = (a @ wave / len(a) - y) / len(y)
        new = a - WEIGHTS * wave @ r
        t = t - PLACES * a * (slope @ r)
        a = np.sign(new) * np.maximum(np.abs(new) - WEIGHTS * STRENGTH, 0)
    return np.column_stack([a, t])


def by_engine(strength, transport, start, steps=200):
    flow = mf.Flow(mf.steppers.Euler(1.0, transport=transport))
    return mf.simulate(problem(strength), flow, mf.Particles(start), times=float(steps)).particles.position


def test_a_step_for_each_block(x64):
    """The engine's forward–backward steps are those of NumPy, and places are shrunk by no penalty."""
    start = np.column_stack([np.zeros(8), np.arange(8) / 8 + 0.01])
    whole = problem(STRENGTH)
    expected = forward_backward(np.asarray(whole.x), np.asarray(whole.y), start, 200)
    found = by_engine([STRENGTH, 0.0], [WEIGHTS, PLACES], start)
    assert np.abs(found - expected).max() < 1e-12
    assert 0 < np.sum(expected[:, 0] == 0) < 8
    assert np.array_equal(found[:, 0] == 0, expected[:, 0] == 0)
    # Controls: one strength for all parameters pulls places to 0; one step for all is another flow.
    assert np.abs(by_engine(STRENGTH, [WEIGHTS, PLACES], start) - expected).max() > 1e-3
    assert np.abs(by_engine([STRENGTH, 0.0], [WEIGHTS, WEIGHTS], start) - expected).max() > 1e-3


def test_one_strength_is_as_many_alike():
    theta = jnp.array([-2.0, 0.25, 1.0])
    one, many = mf.penalties.L1(0.5), mf.penalties.L1([0.5, 0.5, 0.5])
    assert float(one(theta)) == float(many(theta)) == 1.625
    assert one.proximal(theta, 1.0).tolist() == many.proximal(theta, jnp.ones(3)).tolist() == [-1.5, 0.0, 0.5]


def test_strengths_that_are_none():
    with pytest.raises(ValueError, match=r"strength has shape \(3,\): expected one number, or \(2,\)"):
        mf.penalties.L1([0.1, 0.1, 0.1])(jnp.ones(2))
    with pytest.raises(ValueError, match="strength holds -1: expected numbers of at least 0"):
        mf.penalties.L1([-1.0, 0.0])
    with pytest.raises(ValueError, match=r"strength=-1\.0: expected a finite number at least 0"):
        mf.penalties.L1(-1.0)


def test_radii_of_both_layers():
    """Output weights ± one radius, input weights on a sphere of another, in the directions of the law with one."""
    key, unit = jax.random.key(0), mf.Neuron("relu", bias=True)
    one = mf.Particles.sphere(key, unit, 6, 3, output="signs", radius=2.0).position
    two = mf.Particles.sphere(key, unit, 6, 3, output="signs", radius=2.0, output_radius=0.5).position
    assert jnp.array_equal(two[:, 0], one[:, 0] / 4)
    assert jnp.array_equal(two[:, 1:], one[:, 1:])
    with pytest.raises(ValueError, match=r"output_radius=0\.5: expected none, since output='joint'"):
        mf.Particles.sphere(key, unit, 6, 3, output_radius=0.5)
