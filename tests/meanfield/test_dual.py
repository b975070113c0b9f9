"""The unit with its arguments exchanged: the discrepancy of a kernel, and its flow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast


def waves(random, count):
    return np.column_stack(
        [np.full(count, np.sqrt(2)), random.normal(size=(count, 2)), random.uniform(0, 2 * np.pi, count)]
    )


def test_objective_is_half_the_squared_discrepancy():
    """∫∫ k d(μ − ν)² with k the mean product of features, by numpy; and near the Gaussian kernel for many."""
    random = np.random.default_rng(0)
    z, x, theta = random.normal(size=(6, 2)), random.normal(size=(9, 2)), waves(random, 20000)

    def feature(points):
        return np.sqrt(2) * np.cos(points @ theta[:, 1:3].T + theta[:, 3])

    with jax.enable_x64(True):
        unit = mf.units.Dual(mf.Neuron("cosine", bias=True), 2)
        objective = mf.Objective(unit, mf.Square(), theta, feature(x).mean(axis=0))
        found = float(objective.value(mf.Particles(z)))
    both, weight = np.concatenate([z, x]), np.append(np.full(6, 1 / 6), np.full(9, -1 / 9))
    kernel = feature(both) @ feature(both).T / len(theta)
    assert found == pytest.approx(weight @ kernel @ weight / 2, rel=1e-10)
    gauss = np.exp(-np.sum((both[:, None] - both) ** 2, axis=2) / 2)
    noise = np.std((feature(both).T @ weight) ** 2) / np.sqrt(len(theta)) / 2
    assert abs(found - weight @ gauss @ weight / 2) < 4 * noise


def test_the_flow_lowers_the_discrepancy():
    random = np.random.default_rng(1)
    unit, theta = mf.units.Dual(mf.Neuron("cosine", bias=True), 2), waves(random, 30).astype(np.float32)
    objective = mf.Objective(unit, mf.Square(), theta, np.zeros(30, np.float32))
    mu = mf.Particles(random.normal(size=(8, 2)).astype(np.float32))
    risk = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=[0, 5.0, 10.0]).values["risk"]
    assert risk[0] > risk[1] > risk[2]


def test_bad_input():
    with pytest.raises(ValueError, match="one output"):
        mf.units.Dual(mf.Neuron("relu", outputs=2), 2)
    with pytest.raises(ValueError, match="dimension=0"):
        mf.units.Dual(mf.Neuron("relu"), 0)
    objective = mf.Objective(mf.units.Dual(mf.Neuron("relu", bias=True), 2), mf.Square(), jnp.ones((3, 5)), jnp.ones(3))
    with pytest.raises(ValueError, match="x has 5 columns: expected 4"):
        objective.value(mf.Particles(jnp.ones((4, 2))))
