"""The authors' two descents, step by step in NumPy, against the engine's with the conversions of the study."""

import dataclasses

import jax
import numpy as np
import pytest

import meanfield as mf
from meanfield.streams import stream
from simulations.published.chizat2019lazy import InitialScale, Online, Width

SMALL = {"dimension": 5, "steps": 8, "seed": 3}


def descended(w, x, y, x_test, y_test, s, step, steps):
    """Test losses of the authors' gradient descent: f = s Σ_j a_j relu(w_j·x), rows of w are (w_j, a_j)."""
    losses = []
    for _ in range(steps + 1):
        hidden = np.maximum(w[:, :-1] @ x.T, 0)
        residual = (s * w[:, -1] @ hidden - y) / len(y)
        gradient = np.column_stack([(w[:, -1:] * (hidden > 0)) @ (x * residual[:, None]), hidden @ residual])
        output = s * w[:, -1] @ np.maximum(w[:, :-1] @ x_test.T, 0)
        losses.append(np.mean((output - y_test) ** 2) / 2)
        w = w - step / s * gradient
    return np.array(losses)


def streamed(w, a, batches, step):
    """Parameters of the authors' stochastic descent: f = (1/m) Σ, the gradient without 1/m, times d for w."""
    for x, y in batches:
        hidden = np.maximum(w @ x.T, 0)
        residual = (a @ hidden / len(a) - y) / len(y)
        of_w, of_a = (a[:, None] * (hidden > 0)) @ (x * residual[:, None]), hidden @ residual
        w, a = w - step * of_w * w.shape[1], a - step * of_a
    return w, a


def rows(mu):
    """Particles (a, w) as the authors' rows (w, a)."""
    return np.roll(np.asarray(mu.position), -1, axis=1)


def trained(run, factor=1):
    """Test losses of the engine after every step, which is a multiple of the study's."""
    step = factor * run.paper.step(run.rate)
    flow = run.flow() if factor == 1 else mf.GradientFlow(step)
    times = step * np.arange(run.steps + 1)
    return mf.simulate(run.problem(), flow, run.start(), times=times, observables=run.observe()).values["test_risk"]


DESCENTS = [
    (InitialScale(particles=6, samples=7, tau=tau, **SMALL), 1.0, tau, min(10, 0.1 / tau**2))
    for tau in (0.02, 0.7, 3.0)
]
WIDE = {"particles": 6, "samples": 40, **SMALL, "dimension": 50}  # so large a teacher diverges in few dimensions
DESCENTS += [
    (Width(scaling="1/√m", **WIDE), 6**-0.5, 1.0, 1 / 6),
    (Width(scaling="1/m", **WIDE), 1 / 6, 1.0, 0.05 / 6),
]


@pytest.mark.parametrize(("run", "s", "tau", "step"), DESCENTS)
def test_descent_is_the_authors(run, s, tau, step, x64):
    run = dataclasses.replace(run)  # whose data were not drawn in other numbers
    data, start = run.data, tau * rows(run.start())
    sets = (np.asarray(part) for part in (data.x, data.y, data.x_test, data.y_test))
    expected = descended(start, *sets, s, step, run.steps)
    found = trained(run)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    assert abs(found[-1] / found[0] - 1) > 1e-4
    # Steps of another unit, such as those along the gradient of R itself, are other steps.
    assert np.abs(trained(run, 2) / expected - 1).max() > 1e-5


@pytest.mark.parametrize("tau", [0.05, 2.0])
def test_stochastic_descent_is_the_authors(tau, x64):
    run = Online(particles=6, tau=tau, batch=4, **SMALL)
    flow, key, d = run.flow(), jax.random.key(7), run.dimension
    start = run.start()
    fresh = [run.data.sampler(stream(key, "fresh samples", k), run.batch) for k in range(run.steps)]
    batches = [tuple(np.asarray(part) for part in one) for one in fresh]
    # Ours are particles (a, w/√d) at inputs √d x, in units of τ.
    a, w = tau * np.asarray(start.position[:, 0]), tau * np.sqrt(d) * np.asarray(start.position[:, 1:])
    expected_w, expected_a = streamed(w, a, batches, min(0.25 / tau**2, 25))
    time = run.paper.step(run.rate) * run.steps
    last = mf.simulate(run.problem(), flow, start, times=[time], key=key).particles.position
    np.testing.assert_allclose(tau * last[:, 0], expected_a, rtol=1e-11, atol=1e-13 * tau)
    np.testing.assert_allclose(tau * np.sqrt(d) * last[:, 1:], expected_w, rtol=1e-11, atol=1e-13 * tau)
    assert np.abs(expected_w - w).max() > 1e-6 * tau
    # Steps of the same size in both layers are others.
    slow_w, _ = streamed(w / np.sqrt(d), a, batches, min(0.25 / tau**2, 25))
    assert np.abs(slow_w * np.sqrt(d) - expected_w).max() > 1e-8 * tau


def test_the_population_loss_is_that_of_the_authors_samples(x64):
    run = Online(particles=6, tau=0.5, batch=4, dimension=5, seed=3)
    (exact,) = run.observe()
    start = mf.Particles(np.asarray(run.start().position) * np.linspace(0.5, 1.5, 6))
    x, y = (np.asarray(part) for part in run.data.sampler(jax.random.key(1), 100_000))
    a, w = 0.5 * np.asarray(start.position[:, 0]), 0.5 * np.sqrt(5) * np.asarray(start.position[:, 1:])
    losses = (a @ np.maximum(w @ x.T, 0) / 6 - y) ** 2 / 2
    assert abs(losses.mean() - float(exact(None, start, None))) < 5 * losses.std() / np.sqrt(len(y))


def test_the_teacher_is_the_authors(x64):
    """Three unit vectors with random signs, times 1, 100, or 1 over the batch."""
    for run, amplitude in ((InitialScale(), 1.0), (Width(), 100.0), (Online(), 1 / 200)):
        truth = run.data.truth
        np.testing.assert_allclose(np.linalg.norm(truth.position[:, 1:], axis=1), 1, rtol=1e-12)
        np.testing.assert_allclose(truth.mass * np.abs(truth.position[:, 0]), amplitude, rtol=1e-12)
        assert truth.position.shape == (3, 101)
