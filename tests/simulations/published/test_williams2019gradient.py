"""Williams et al.'s gradient flow in NumPy against the flow of the experiment, and what it keeps for every unit."""

import numpy as np
import pytest

import meanfield as mf
from simulations.published.williams2019gradient import TOLERANCE, Layers


def paper(theta: np.ndarray, x: np.ndarray, y: np.ndarray, time: float, steps: int) -> np.ndarray:
    """Follow the gradient flow of (1/2n) Σ (f − y)², f = (1/m) Σ c (w x + b)₊, in units of 1/m, by Heun's method."""

    def velocity(theta: np.ndarray) -> np.ndarray:
        c, w, b = theta.T
        fields = np.outer(w, x) + b[:, None]
        rise = np.maximum(fields, 0)
        residual = (c @ rise / len(c) - y) / len(y)
        on = c[:, None] * (fields > 0) * residual
        return -np.column_stack([rise @ residual, on @ x, on.sum(axis=1)])

    h = time / steps
    for _ in range(steps):
        first = velocity(theta)
        theta = theta + h / 2 * (first + velocity(theta + h * first))
    return theta


@pytest.mark.parametrize("size", [1.0, 4.0])
def test_flow_is_the_papers(size):
    run = Layers(particles=20, size=size)
    (x, y), time = run.data, 3.0 / size**2
    start = np.asarray(run.start().position, float)
    exact = paper(start, x, y, time, 4000)
    found = mf.simulate(run.problem(), run.flow(), run.start(), times=[time]).particles.position
    found, moved = np.asarray(found, float), np.abs(exact - start).max()
    assert np.abs(found - exact).max() < 100 * TOLERANCE * np.abs(exact).max() < 0.5 * moved
    # Time that is not in units of 1/m is another.
    assert np.abs(paper(start, x, y, time / run.particles, 400) - exact).max() > 0.5 * moved


def test_flow_keeps_the_difference_of_squares_of_every_unit():
    """δ = c² − w² − b², −W²(1 + knot²) at the start."""
    run = Layers(particles=20, size=2.0)
    found = mf.simulate(run.problem(), run.flow(), run.start(), times=[2.0]).particles.position
    start, end = np.asarray(run.start().position, float), np.asarray(found, float)
    kept, before = (one[:, 0] ** 2 - one[:, 1] ** 2 - one[:, 2] ** 2 for one in (end, start))
    assert np.abs(kept - before).max() < 100 * TOLERANCE * np.abs(before).max()
    assert np.abs(end - start).max() > 0.05
