"""Rotskoff & Vanden-Eijnden's algorithm, step by step, against the steps of the experiment."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.published.rotskoff2018neural import SpinEnergy, Spins

STEPS = 15


class SameSamples(eqx.Module):
    """A stream that gives the same samples at every step."""

    x: jax.Array
    y: jax.Array

    def __call__(self, key, batch):
        return self.x, self.y


def paper(c: np.ndarray, w: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray, step: float) -> np.ndarray:
    """Follow each parameter of f = (1/n) Σ c σ(w·x + b) by −n h times the gradient of ½ mean (f − y)²."""
    c, w, b = c.copy(), w.copy(), b.copy()
    for _ in range(STEPS):
        rise = 1 / (1 + np.exp(-(w @ x.T + b[:, None])))
        residual = (c @ rise / len(c) - y) / len(y)
        slope = c[:, None] * rise * (1 - rise) * residual
        c, w, b = c - step * rise @ residual, w - step * slope @ x, b - step * slope.sum(axis=1)
    return np.column_stack([c, w, b])


def engine(run: Spins, x: np.ndarray, y: np.ndarray, share: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return units at the start and after steps of the experiment on these samples, or of a share of each."""
    setup = run.setups()["networks"][0]
    flow = eqx.tree_at(lambda flow: flow.gradient.sampler, setup.flow, SameSamples(jnp.asarray(x), jnp.asarray(y)))
    flow = eqx.tree_at(lambda flow: flow.stepper.length, flow, share * flow.stepper.length)
    times = [STEPS * float(flow.stepper.length)]
    found = mf.simulate(setup.problem, flow, setup.start, times=times, key=jax.random.key(0))
    return np.asarray(setup.start.position, float), np.asarray(found.particles.position, float)


def test_steps_are_the_papers():
    run = Spins(dimension=4, particles=20, time=2.0)
    drawn = np.random.default_rng(0)
    x, y = drawn.normal(size=(4, 4)).astype(np.float32), drawn.normal(size=4).astype(np.float32)
    start, found = engine(run, x, y)
    exact = paper(start[:, 0], start[:, 1:5], start[:, 5], x.astype(float), y.astype(float), run.step)
    moved = np.abs(exact - start).max()
    rounding = STEPS * 16 * np.finfo(np.float32).eps * np.abs(start).max()
    assert np.abs(found - exact).max() < rounding < 0.01 * moved
    # A rate that is not multiplied by n is another.
    assert np.abs(engine(run, x, y, share=1 / run.particles)[1] - exact).max() > 0.5 * moved


def test_the_energy_is_the_sum_over_all_triples():
    drawn = np.random.default_rng(1)
    couplings = drawn.normal(size=(3, 3, 3))
    x = drawn.normal(size=(6, 3))
    exact = np.einsum("pqr,np,nq,nr->n", couplings, x, x, x) / 3
    found = np.asarray(SpinEnergy(jnp.asarray(couplings, jnp.float32)).energy(jnp.asarray(x, jnp.float32)))
    assert (
        np.abs(found - exact).max() < 27 * 8 * np.finfo(np.float32).eps * np.abs(couplings).max() * np.abs(x).max() ** 3
    )


def test_samples_are_on_the_sphere_and_carry_its_energy():
    energy = SpinEnergy(jnp.asarray(np.random.default_rng(2).normal(size=(5, 5, 5)), jnp.float32))
    x, y = energy(jax.random.key(0), 50)
    assert np.abs(np.linalg.norm(x, axis=1) - 5**0.5).max() < 1e-5
    assert np.array_equal(y, energy.energy(x))
