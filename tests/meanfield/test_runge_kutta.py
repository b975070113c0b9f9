"""Runge–Kutta steps against their formulas, and their order against a fine solution."""

import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast

EPS = np.finfo(float).eps


@pytest.fixture
def scene(x64):
    rng = np.random.default_rng(0)
    x, y, theta = rng.normal(size=(5, 2)), rng.normal(size=5), rng.normal(size=(6, 3))
    return mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y, 3.0, mf.WeightDecay(0.1)), theta


def by_hand(objective, theta, h, steps, order):
    def v(at):
        return np.asarray(objective.velocity(mf.Particles(at)))

    for _ in range(steps):
        k1 = v(theta)
        if order == 2:
            theta = theta + h / 2 * (k1 + v(theta + h * k1))
        else:
            k2 = v(theta + h / 2 * k1)
            k3 = v(theta + h / 2 * k2)
            theta = theta + h / 6 * (k1 + 2 * k2 + 2 * k3 + v(theta + h * k3))
    return theta


@pytest.mark.parametrize("order", [2, 4])
def test_steps_are_their_formula(scene, order):
    objective, theta = scene
    run = mf.simulate(objective, mf.RungeKutta(0.25, order), mf.Particles(theta), times=[0, 1.0, 2.5])
    assert run.done
    assert run.times.tolist() == [0, 1, 2.5]
    assert run.stats["steps"] == 10
    assert run.stats["evaluations"] == order * 10
    # rounding of 10 steps of a flow that stretches little
    assert np.abs(run.particles.position - by_hand(objective, theta, 0.25, 10, order)).max() < 1e4 * EPS


@pytest.mark.parametrize(("order", "low", "high"), [(2, 1.8, 2.2), (4, 3.7, 4.3)])
def test_order(scene, order, low, high):
    objective, theta = scene
    flows = [mf.RungeKutta(h, order) for h in (0.2, 0.1, 0.0125)]
    runs = mf.simulate_replicas(objective, flows, mf.Particles(theta), times=[0, 2.0])
    coarse, middle, fine = (np.asarray(run.particles.position) for run in runs)
    assert low < np.log2(np.abs(coarse - fine).max() / np.abs(middle - fine).max()) < high


def test_keeps_the_type():
    objective = mf.Objective(mf.Neuron("tanh"), mf.Square(), jnp.eye(2, dtype=jnp.float32), jnp.ones(2, jnp.float32))
    run = mf.simulate(objective, mf.RungeKutta(0.5), mf.Particles(jnp.ones((3, 3), jnp.float32)), times=2.0)
    assert run.particles.dtype == jnp.float32


def test_bad_input():
    with pytest.raises(ValueError, match="step=-1: expected a finite number above 0"):
        mf.RungeKutta(-1)
    with pytest.raises(ValueError, match="order=3: expected one of 2, 4"):
        mf.RungeKutta(0.1, 3)
