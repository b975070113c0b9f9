"""The exact population risk of ReLU students, against the kernel's formula, means over inputs and differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from theory.arc_cosine import conjugate_kernel

D, LAWS = 4, {"normal": None, "unit sphere": 1.0, "sphere of radius 2": 4.0}


@pytest.fixture
def truth(x64):
    random = np.random.default_rng(1)
    return mf.Particles(np.column_stack([[1.0, -1.0, 2.0], random.normal(size=(3, D))]), [1.0, 0.5, 2.0])


@pytest.fixture
def mu(x64):
    random = np.random.default_rng(2)
    return mf.Particles(random.normal(size=(5, 1 + D)), np.array([0.2, 0.5, 0.0, 0.2, 0.1]))


def difference(mu, truth, scale):
    """(weights, directions) of f − f*, in NumPy."""
    parts = [(scale, mu), (-1.0, truth)]
    c = np.concatenate([sign * np.asarray(of.mass * of.position[:, 0]) for sign, of in parts])
    return c, np.concatenate([np.asarray(of.position[:, 1:]) for _, of in parts])


@pytest.mark.parametrize("law", LAWS)
def test_risk_is_the_kernels_and_the_mean_over_inputs(law, truth, mu, x64):
    scale, norm = 1.7, LAWS[law]
    problem = mf.objectives.ReluPopulation(truth, norm, scale)
    c, v = difference(mu, truth, scale)
    exact = c @ conjugate_kernel(v) @ c / 2 * (1 if norm is None else norm / D)
    assert float(problem.risk(mu)) == pytest.approx(exact, rel=1e-12)
    assert float(problem.value(mu)) == pytest.approx(exact / scale**2, rel=1e-12)
    x = np.random.default_rng(3).normal(size=(100_000, D))
    x = x if norm is None else norm**0.5 * x / np.linalg.norm(x, axis=1, keepdims=True)
    samples = (np.maximum(x @ v.T, 0) @ c) ** 2 / 2
    error = samples.std() / np.sqrt(len(x))
    assert abs(samples.mean() - exact) < 5 * error
    other = mf.objectives.ReluPopulation(truth, 2 * (D if norm is None else norm), scale)
    assert abs(samples.mean() - float(other.risk(mu))) > 5 * error
    assert float(mf.observables.PopulationRisk(problem)(other, mu, None)) == float(problem.risk(mu))


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_velocity_is_minus_the_gradient_over_the_masses(decay, truth, mu, x64):
    problem = mf.objectives.ReluPopulation(truth, 1.0, 1.7, mf.WeightDecay(decay) if decay else None)
    # By differences, as the arccosine of a neuron with itself has no derivative of its own.
    value, step = jax.jit(jax.vmap(lambda position: problem.value(mu.moved(position)))), 1e-6
    moves = step * np.eye(25).reshape(25, 5, 5)
    slope = (value(mu.position + moves) - value(mu.position - moves)).reshape(5, 5) / (2 * step)
    velocity = np.asarray(problem.velocity(mu))
    np.testing.assert_allclose(-np.asarray(mu.mass)[:, None] * velocity, slope, atol=1e-8)
    if not decay:  # at the teacher itself nothing moves, whatever the scale
        same = mf.Particles(truth.position, truth.mass / 1.7)
        assert np.abs(problem.velocity(same)).max() < 1e-7


def test_it_is_the_mean_that_samples_have(truth, mu, x64):
    """The velocity on samples of the sphere, from the data set's own sampler, is the exact one within its errors."""
    data = mf.datasets.teacher(jax.random.key(0), 5, D, n_test=2, amplitude=2.0)
    exact = mf.objectives.ReluPopulation(data.truth, square_norm=1.0)
    problem = mf.Objective.population(exact.unit, mf.Square(), data.sampler, key=jax.random.key(1), samples=8)
    found = mf.objectives.estimate(problem, mu, jax.random.key(2), samples=20_000)
    assert abs(found.risk - exact.risk(mu)) < 5 * found.risk_error
    apart = np.abs(found.velocity - exact.velocity(mu))
    assert np.all(apart <= 5 * found.velocity_error + 1e-12)
    gaussian = mf.objectives.ReluPopulation(data.truth)
    assert abs(found.risk - gaussian.risk(mu)) > 5 * found.risk_error


def test_predictions_are_those_of_the_network(truth, mu, x64):
    c, v = difference(mu, truth, 1.0)
    problem = mf.objectives.ReluPopulation(truth)
    expected = np.maximum(v[5:] @ v[:5].T, 0) @ c[:5]
    np.testing.assert_allclose(problem.predict(mu), expected, rtol=1e-12, atol=1e-14)
    run = mf.simulate(problem, mf.GradientFlow(0.1), mu, times=[0.0, 5.0])
    assert run.values["risk"][-1] < run.values["risk"][0]


@pytest.mark.parametrize(("arguments", "sentence"), [
    ({"square_norm": 0.0}, "square_norm=0.0: expected a finite number above 0"),
    ({"scale": -1.0}, "scale=-1.0: expected"),
    ({"truth": mf.Particles(jnp.ones((2, 1)))}, "truth has one column"),
])  # fmt: skip
@pytest.mark.usefixtures("x64")
def test_what_is_no_teacher(arguments, sentence):
    right = {"truth": mf.Particles(np.ones((2, 3))), "square_norm": 1.0}
    mf.objectives.ReluPopulation(**right)
    with pytest.raises(ValueError, match=sentence):
        mf.objectives.ReluPopulation(**{**right, **arguments})
