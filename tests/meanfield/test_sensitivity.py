"""Sensitivity of losses to inputs, by finite differences; critical samples where they are known."""

import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("loss", [mf.Square(), mf.Logistic()])
def test_sensitivity_by_differences(x64, loss):
    rng = np.random.default_rng(0)
    x, y, theta = rng.normal(size=(4, 3)), rng.choice([-1.0, 1.0], 4), rng.normal(size=(5, 4))
    unit, mu = mf.Neuron("tanh"), mf.Particles(theta)
    found = mf.observables.loss_sensitivity(mf.Objective(unit, loss, x, y, 2.0), mu)
    slopes = np.zeros((4, 3))
    for i in range(3):
        move = 1e-5 * np.eye(3)[i]
        high, low = (np.array([float(mf.Objective(unit, loss, x[j : j + 1] + at, y[j : j + 1], 2.0).risk(mu))
                               for j in range(4)]) for at in (move, -move))  # fmt: skip
        slopes[:, i] = (high - low) / 2e-5
    np.testing.assert_allclose(found, np.abs(slopes).sum(axis=1), rtol=1e-7, atol=1e-9)


def test_sensitivity_of_several_outputs(x64):
    """A linear network: f = W x, and the loss's gradient Wᵀ r."""
    x, y = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
    theta = np.array([[1.0, 2.0, 1.0, 1.0], [0.0, 1.0, 0.0, 3.0]])  # a (2), w (2)
    w = theta[:, :2].T @ theta[:, 2:] / 2
    found = mf.observables.loss_sensitivity(
        mf.Objective(mf.Neuron("linear", outputs=2), mf.Square(), x, y), mf.Particles(theta)
    )
    np.testing.assert_allclose(found, np.abs((x @ w.T - y) @ w).sum(axis=1), rtol=1e-12)


def test_critical_samples_of_a_linear_network_are_those_within_its_margin(x64):
    """f = w·x changes its sign in the box of half-width r if and only if |w·x| < r |w|₁."""
    rng = np.random.default_rng(1)
    w, x = rng.normal(size=3), rng.normal(size=(200, 3))
    objective = mf.Objective(mf.Neuron("linear"), mf.Square(), x, np.ones(200))
    mu = mf.Particles(np.append(1.0, w)[None])
    distance = np.abs(x @ w) / np.abs(w).sum()
    for radius in (0.05, 0.5):
        found = mf.observables.critical_samples(objective, mu, x, radius)
        assert np.array_equal(found, distance < radius)
        assert 0 < np.sum(found) < 200


def test_critical_samples_of_several_outputs(x64):
    """Classes by the largest of ±x₁: the boundary is x₁ = 0."""
    objective = mf.Objective(mf.Neuron("linear", outputs=2), mf.Square(), np.ones((1, 2)), np.ones((1, 2)))
    mu = mf.Particles(jnp.array([[1.0, -1.0, 1.0, 0.0]]))
    found = mf.observables.critical_samples(objective, mu, np.array([[0.1, 5.0], [-0.1, 5.0], [0.3, 0.0]]), 0.2)
    assert found.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radius": 0.0}, "radius=0.0: expected a finite number above 0"),
        ({"steps": 0}, "steps=0: expected a whole number"),
        ({"x": np.ones((2, 3))}, "x has 3 columns: expected 2"),
        ({"x": np.ones(2)}, "x has shape"),
    ],
)
def test_bad_input(change, message):
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), np.ones((1, 2)), np.ones(1))
    mu = mf.Particles(np.ones((1, 3)))
    with pytest.raises(ValueError, match=message):
        mf.observables.critical_samples(objective, mu, **({"x": np.ones((1, 2)), "radius": 0.1} | change))
