"""Units of Arora et al. (2019): their descent on a sum over samples, written out, is the engine's."""

import jax
import numpy as np
import pytest

import meanfield as mf
from simulations.published import arora2019fine as study
from theory import arc_cosine


def authors(theta, x, y, rate, steps):
    """Descend ½ Σ_i (m^−½ Σ_r a_r relu(w_r·x_i) − y_i)² in the w_r by steps η; return them."""
    a, w = theta[:, 0], theta[:, 1:].copy()
    for _ in range(steps):
        z = w @ x.T
        u = a @ np.maximum(z, 0) / np.sqrt(len(a))
        w = w - rate / np.sqrt(len(a)) * ((a[:, None] * (z > 0) * (u - y)) @ x)
    return w


@pytest.fixture(scope="module")
def run():
    return study.Descent(particles=60, samples=16, tested=10, rate=0.05, radius=0.3, seed=1)


def test_a_step_is_theirs(run):
    x, y = run.data[:2]
    with jax.enable_x64(True):
        problem = mf.Objective(mf.Neuron("relu"), mf.Square(), x, y, scale=run.written.scale)
        flow = mf.InputFlow(mf.HeavyBall(run.step))
        found = mf.simulate(problem, flow, mf.Particles(run.theta), times=[0, 20]).particles.position
        wrong = mf.InputFlow(mf.HeavyBall(run.rate))  # the step of a mean over samples
        other = mf.simulate(problem, wrong, mf.Particles(run.theta), times=[0, 20]).particles.position
    expected = authors(run.theta, x, y, 0.05, 20)
    assert np.max(np.abs(expected - run.theta[:, 1:])) > 0.01
    np.testing.assert_allclose(found[:, 1:], expected, atol=1e-12)
    assert np.array_equal(found[:, 0], run.theta[:, 0])
    assert np.max(np.abs(np.asarray(other[:, 1:]) - expected)) > 0.01


def test_what_is_trained_is_what_is_tested(run):
    """The run's own problem and flow, in single precision, make the author's steps to its rounding."""
    (setup, *_) = run.setups()["levels"]
    found = mf.simulate(setup.problem, setup.flow, setup.start, times=[0, 5]).particles.position
    expected = authors(run.theta, run.data[0], run.labels[0], 0.05, 5)
    np.testing.assert_allclose(found[:, 1:], expected, atol=1e-5)


def test_the_predicted_curve_is_their_theorem(run):
    """‖y − u(k)‖² = Σ_i (1 − ηλ_i)^2k (v_i·y)² with the eigenvalues of H^∞, which is written out here."""
    x, found = run.data[0], run.theory()
    inner = np.clip(x @ x.T, -1, 1)
    kernel = inner * (np.pi - np.arccos(inner)) / (2 * np.pi)
    np.testing.assert_allclose(run.kernels[0], kernel, atol=1e-7)
    values, vectors = np.linalg.eigh(arc_cosine.tangent_kernel(x, layers="input"))
    for label, limit in zip(run.labels, found["limit_residual"], strict=True):
        powers = (1 - run.rate * values) ** (2 * found["marks"][:, None]) * (label @ vectors) ** 2
        np.testing.assert_allclose(limit, np.sqrt(powers.sum(axis=1) / 16), rtol=1e-8)


def test_inputs_have_length_one_and_are_not_centred(run):
    x = run.data[0]
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, rtol=1e-12)
    assert np.linalg.norm(x.mean(axis=0)) > 0.5
    assert np.array_equal(study.Complexity(samples=16, tested=10, seed=1).data[0], x)


def test_complexity_and_error_in_the_same_order():
    """Of the three pairs of 1, 2, 3 and .1, .3, .2 two are alike."""
    record = {"complexity": np.array([[1.0, 2.0, 3.0]]), "error": np.array([[0.1, 0.3, 0.2]])}
    assert study.alike(record) == pytest.approx(2 / 3)
