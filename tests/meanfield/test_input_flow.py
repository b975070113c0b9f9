"""Training of the input layer alone: the steps of descent by hand, and the kernel of that layer."""

import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast

N, D, M, SCALE, DECAY = 5, 2, 6, 2.0, 0.1


@pytest.fixture
def scene(x64):
    rng = np.random.default_rng(0)
    x, y, theta = rng.normal(size=(N, D)), rng.normal(size=N), rng.normal(size=(M, D + 2))
    objective = mf.Objective(mf.Neuron("tanh", bias=True), mf.Square(), x, y, SCALE, mf.WeightDecay(DECAY))
    return objective, x, y, theta


def test_steps_are_those_by_hand(scene):
    objective, x, y, theta = scene
    run = mf.simulate(objective, mf.InputFlow(0.25), mf.Particles(theta), times=[0, 10.0])
    a, v = theta[:, 0], theta[:, 1:].copy()
    ones = np.column_stack([x, np.ones(N)])
    for _ in range(40):
        z = ones @ v.T
        residual = SCALE * np.tanh(z) @ a / M - y
        v -= 0.25 * (a[:, None] * ((residual[:, None] / np.cosh(z) ** 2).T @ ones) / (SCALE * N) + DECAY * v)
    assert np.array_equal(run.particles.position[:, 0], a)
    # rounding of 40 steps
    np.testing.assert_allclose(run.particles.position[:, 1:], v, rtol=0, atol=1e-13)


def test_first_move_is_that_of_the_kernel_of_the_input_layer(scene):
    """df/dt = −K r/n: over a step of 1e-6 to first order, within the second."""
    objective, x, _, theta = scene
    mu, plain = mf.Particles(theta), mf.Objective(objective.unit, mf.Square(), x, objective.y, SCALE)
    step = 1e-6
    flow = mf.InputFlow(mf.RungeKutta(step))
    run = mf.simulate_replicas(plain, flow, [mu], times=[0, step], observables=[mf.Predictions()])[0]
    before, after = run.values["predictions"]
    kernel = np.asarray(mf.tangent_kernel(objective.unit, mu, x, layers="input"))
    expected = -kernel @ (before - np.asarray(objective.y)) / N
    np.testing.assert_allclose((after - before) / step, expected, rtol=0, atol=1e-4)
