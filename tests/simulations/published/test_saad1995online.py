"""Saad & Solla's algorithm, step by step, against the steps of the experiment."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

import meanfield as mf
from simulations.published.saad1995online import Ignorant, largest_rate

STEPS = 20


class OneSample(eqx.Module):
    """A stream that gives the same sample at every step."""

    x: jax.Array
    y: jax.Array

    def __call__(self, key, batch):
        return self.x[None], self.y[None]


def paper(w: np.ndarray, x: np.ndarray, y: float, rate: float, d: int) -> np.ndarray:
    """Follow J_i ← J_i + (η/d) δ_i ξ, δ_i = g'(J_i·ξ) (ζ − σ), g = erf(·/√2)."""
    w = w.copy()
    for _ in range(STEPS):
        fields = w @ x
        error = y - erf(fields / np.sqrt(2)).sum()
        w += rate / d * (np.sqrt(2 / np.pi) * np.exp(-(fields**2) / 2) * error)[:, None] * x
    return w


def engine(run: Ignorant, sample: OneSample, share: float = 1.0) -> np.ndarray:
    """Take the steps of an experiment on that sample, or a share of each."""
    setup = run.setups()["students"][0]
    flow = eqx.tree_at(lambda flow: flow.gradient.sampler, setup.flow, sample)
    flow = eqx.tree_at(lambda flow: flow.stepper.length, flow, share * flow.stepper.length)
    times = [STEPS * float(flow.stepper.length)]
    found = mf.simulate(setup.problem, flow, setup.start, times=times, key=jax.random.key(0))
    return np.asarray(found.particles.position, float)


def test_steps_are_the_papers():
    run = Ignorant(dimension=24, time=10.0, replicas=2)
    setup = run.setups()["students"][0]
    filled = setup.start.position.shape[1]
    x = np.zeros(filled)
    x[:24] = np.random.default_rng(0).normal(size=24)
    y = float(erf(x[:3] / np.sqrt(2)).sum())
    sample = OneSample(jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32))
    start = np.asarray(setup.start.position, float)
    exact = paper(start, x, y, run.rate, 24)
    moved = np.abs(exact - start).max()
    rounding = STEPS * 64 * np.finfo(np.float32).eps * np.abs(x).max()
    assert np.abs(engine(run, sample) - exact).max() < rounding < 0.01 * moved
    # Steps without the factor K of the conversion are others.
    assert np.abs(engine(run, sample, share=1 / 3) - exact).max() > 0.2 * moved


def test_largest_rate_of_one_student_is_known():
    """For K = 1 the equations' threshold is √3π/(3/√5), as the paper's formula has it; for K = 3 it is no more than 1 %
    off.
    """
    formula = [np.sqrt(3) * np.pi / (k + 3 / np.sqrt(5) - 1) for k in (1, 3)]
    assert largest_rate(1) == pytest.approx(formula[0], rel=1e-6)
    assert largest_rate(3) == pytest.approx(formula[1], rel=0.01)
    assert largest_rate(3) != pytest.approx(formula[1], rel=0.001)
