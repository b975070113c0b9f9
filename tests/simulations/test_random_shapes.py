"""The planned step against plain JAX off the panel: 100 random shapes, in processor seconds."""

import time

import numpy as np
import pytest

from simulations.scale import timing
from simulations.scale.descent_steps import engine, plain_step

LEAST, MEAN = 0.95, 4.5
"""Ratios of plain JAX's seconds to ours: of every shape, and in the geometric mean."""

TURN = 0.05
"""Seconds of plain JAX in one timed call, at least: so many steps are taken in it."""


def shapes(count: int) -> list[tuple[int, int, int]]:
    """(m, n, d), log-uniform for m from 1e3 to 5e5, n from 50 to 5000, d from 2 to 128, where m·n is at most 3e8."""
    rng, found = np.random.default_rng(20), []
    low, high = np.log([1e3, 50, 2]), np.log([5e5, 5000, 128])
    while len(found) < count:
        m, n, d = (int(size) for size in np.rint(np.exp(rng.uniform(low, high))))
        if m * n <= 3e8:
            found.append((m, n, d))
    return found


def ratio(m: int, n: int, d: int, repeats: int = 3) -> tuple[float, str]:
    """Return (seconds of plain JAX over ours, the kernel), the least of a few turns each."""
    # About what a processor core does in a second at such sizes; which number is of no consequence for a ratio.
    steps = max(1, round(TURN / (1e-9 * m * n + 1e-5)))
    step, plain = engine(m, n, d, "auto", steps), plain_step(m, n, d, steps)
    assert plain is not None
    seconds = timing.by_turns({"ours": step.call, "plain": plain}, repeats, time.process_time)
    return float(seconds["plain"].min() / seconds["ours"].min()), step.kernel.label()


def test_shapes_are_what_was_asked_for():
    found = np.array(shapes(100))
    assert found.shape == (100, 3)
    assert np.all(found >= [1000, 50, 2])
    assert np.all(found <= [500_000, 5000, 128])
    assert (found[:, 0] * found[:, 1]).max() <= 3e8
    assert shapes(100) == shapes(100)
    # In logarithms each is spread over its range: d uniformly, because only m and n are bound to one another.
    logarithms = np.log(found[:, 2] / 2) / np.log(64)
    assert abs(logarithms.mean() - 0.5) <= 3 * np.sqrt(1 / 12 / 100)


@pytest.mark.full
def test_planned_steps_are_faster_off_the_panel():
    measured = {shape: ratio(*shape) for shape in shapes(100)}
    slower = {shape: found for shape, found in measured.items() if found[0] < LEAST}
    ratios = [found[0] for found in measured.values()]
    assert not slower, slower
    assert np.exp(np.mean(np.log(ratios))) >= MEAN
