"""Training of the output layer alone: a linear model, whatever integrates it."""

import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast

N, D, M, SCALE, DECAY = 5, 2, 6, 2.0, 0.1


@pytest.fixture
def scene(x64):
    rng = np.random.default_rng(0)
    x, y, theta = rng.normal(size=(N, D)), rng.normal(size=N), rng.normal(size=(M, D + 1))
    objective = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y, SCALE, mf.WeightDecay(DECAY))
    return objective, x, y, theta


def test_steps_are_those_of_a_linear_model(scene):
    objective, x, y, theta = scene
    run = mf.simulate(objective, mf.OutputFlow(0.25), mf.Particles(theta), times=[0, 10.0])
    a, phi = theta[:, 0], np.tanh(x @ theta[:, 1:].T)
    for _ in range(40):
        residual = SCALE * phi @ a / M - y
        a = a - 0.25 * (phi.T @ residual / (SCALE * N) + DECAY * a)
    assert np.array_equal(run.particles.position[:, 1:], theta[:, 1:])
    # rounding of 40 steps of a contraction
    np.testing.assert_allclose(run.particles.position[:, 0], a, rtol=0, atol=1e-13)


def test_any_flow_and_replicas(scene):
    """Steps of order 4, in a batch: the closed form of the linear flow, within (λh)⁴ T for λ = 1, h = 0.02."""
    objective, x, y, theta = scene
    flow = mf.OutputFlow(mf.RungeKutta(0.02))
    runs = mf.simulate_replicas(objective, flow, [mf.Particles(theta), mf.Particles(2 * theta)], times=[0, 3.0])
    for run, start in zip(runs, (theta, 2 * theta), strict=True):
        phi = np.tanh(x @ start[:, 1:].T)
        square = phi.T @ phi / (M * N) + DECAY * np.eye(M)
        rest = np.linalg.solve(square, phi.T @ y / (SCALE * N))
        values, vectors = np.linalg.eigh(square)
        exact = rest + vectors @ (np.exp(-3 * values) * (vectors.T @ (start[:, 0] - rest)))
        np.testing.assert_allclose(run.particles.position[:, 0], exact, rtol=0, atol=1e-6)
        assert np.array_equal(run.particles.position[:, 1:], start[:, 1:])


def test_tangent_model_of_the_output_layer_is_itself(scene):
    objective, _, _, theta = scene
    flow = mf.OutputFlow(0.25)
    runs = [mf.simulate(objective, one, mf.Particles(theta), times=[0, 5.0]) for one in (flow, mf.OutputFlow(flow))]
    assert np.array_equal(runs[0].particles.position, runs[1].particles.position)


def test_kernel_of_both_layers_drifts(scene):
    """Output weights move, and with them the part of the tangent kernel that they weigh."""
    objective, _, _, theta = scene
    watched = [mf.observables.KernelDrift(), mf.observables.KernelAlignment()]
    run = mf.simulate(objective, mf.OutputFlow(0.25), mf.Particles(theta), times=[0, 5.0], observables=watched)
    first, last = (mf.tangent_kernel(objective.unit, mu, objective.x) for mu in (mf.Particles(theta), run.particles))
    drift = np.linalg.norm(last - first) / np.linalg.norm(first)
    assert drift > 0.01
    assert run.values["kernel_drift"][-1] == pytest.approx(drift, rel=1e-12)


def test_a_tangent_flow_of_the_output_layer_is_the_flow_of_that_layer(scene):
    """Linear in the output weights already: with inputs that stay, linearised and not are one flow."""
    _, x, y, theta = scene
    objective, mu = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y), mf.Particles(theta)
    tangent = mf.simulate(objective, mf.TangentFlow(mf.OutputFlow(0.1)), mu, times=[0, 1.0])
    plain = mf.simulate(objective, mf.OutputFlow(0.1), mu, times=[0, 1.0])
    assert tangent.done
    # ten steps of numbers of order one, each with a few roundings
    assert np.abs(tangent.particles.position - plain.particles.position).max() < 1e-13
