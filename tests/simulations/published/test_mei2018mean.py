"""Mei, Montanari & Nguyen's algorithm, step by step, against the steps of the experiment; and the risks of laws."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from simulations.published.mei2018mean import Radii, least_risk, one_is_least, one_radius
from theory.radial_pde import RadialProblem

STEPS, SMALL = 12, {"particles": 30, "dimension": 8, "steps": 400, "time": 1.0, "batch": 1, "tested": 10}


class OneSample(eqx.Module):
    """A stream that gives the same sample at every step."""

    x: jax.Array
    y: jax.Array

    def __call__(self, key, batch):
        return self.x[None], self.y[None]


def paper(w: np.ndarray, x: np.ndarray, y: float, epsilon: float) -> np.ndarray:
    """Follow θ_i ← θ_i + 2ε (y − ŷ) ∇σ(x; θ_i), ŷ = (1/N) Σ σ(θ_j·x)."""
    w = w.copy()
    for _ in range(STEPS):
        fields = w @ x
        predicted = np.mean(-2.5 + 10 * np.clip(fields - 0.5, 0, 1))
        slope = np.where((fields > 0.5) & (fields < 1.5), 10.0, 0.0)
        w += 2 * epsilon * (y - predicted) * slope[:, None] * x
    return w


def engine(run: Radii, x: np.ndarray, y: float, share: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return particles at the start and after steps of the experiment on one sample, or of a share of each."""
    (setup,) = run.setups()["1ε"]
    flow = eqx.tree_at(lambda flow: flow.gradient.sampler, setup.flow, OneSample(jnp.asarray(x), jnp.asarray(y)))
    flow = eqx.tree_at(lambda flow: flow.stepper.length, flow, share * flow.stepper.length)
    times = [STEPS * float(flow.stepper.length)]
    found = mf.simulate(setup.problem, flow, setup.start, times=times, key=jax.random.key(0))
    n = run.particles
    return np.asarray(setup.start.position[:n], float), np.asarray(found.particles.position[:n], float)


def test_steps_are_the_papers():
    run = Radii(**SMALL)
    x = np.random.default_rng(0).normal(size=8).astype(np.float32) * 2
    start, found = engine(run, x, 1.0)
    exact = paper(start, x.astype(float), 1.0, 1 / run.steps)
    moved = np.abs(exact - start).max()
    rounding = STEPS * 16 * np.finfo(np.float32).eps * np.abs(x).max() * 10
    assert np.abs(found - exact).max() < rounding < 0.01 * moved
    # Steps without the factor 2 of the paper are others.
    assert np.abs(engine(run, x, 1.0, share=0.5)[1] - exact).max() > 0.1 * moved


def test_one_radius_is_the_least_of_laws_where_no_other_lowers_it():
    """Up to the grid of radii the least risk of laws is that of one radius at Δ = 0.3, and well below it at 0.6."""
    assert one_is_least(40, 0.3)
    assert not one_is_least(40, 0.6)
    assert least_risk(40, 0.3) == pytest.approx(one_radius(40, 0.3)[1], rel=1e-3)
    assert least_risk(40, 0.6) < 0.2 * one_radius(40, 0.6)[1]


def test_the_equation_ends_at_one_radius_where_that_is_the_least():
    flow = RadialProblem(40, 0.3).integrate([8.0])
    assert flow.risk[0] == pytest.approx(least_risk(40, 0.3), rel=1e-3)
