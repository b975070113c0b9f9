"""Tile sizes for this machine: a step over tiles by XLA, timed for several sizes, all taking turns."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import meanfield as mf
from meanfield.integrals.offer import Task
from meanfield.integrals.tuning import DEFAULT, Tuning, destination, store
from simulations.scale import timing
from simulations.scale.descent_steps import compiled_steps, problem

CANDIDATES = tuple(Tuning(1 << power, samples) for samples in (1024, 2048, 4096) for power in (20, 21, 22, 23, 24))
"""Tiles of 1 to 16 MiB; the defaults are among them."""

SHAPES = ((4096, 4096, 10, "relu"), (16_384, 1000, 10, "relu"), (8192, 1000, 64, "relu"), (16_384, 1000, 5, "tanh"))
"""(m, n, d, activation): many samples and few, small and large inputs, and an activation that takes its time."""

SECONDS = 40.0
"""After which no further turn is begun."""

MARGIN = 0.03
"""What other sizes must gain over the defaults to be taken."""


def tune(report: Callable[[int, int], None] | None = None, limit: float | None = None) -> dict[str, Any]:
    """Find the sizes with the least geometric mean of seconds over `SHAPES`, store them, and return what was found.

    Every shape is measured by turns at least once, whatever the `limit` in seconds (else `SECONDS`); the
    least of all turns counts.
    Raises `OSError` where the sizes can't be stored.
    """
    destination()  # before the work, not after it
    limit = SECONDS if limit is None else limit
    began, ratios = time.monotonic(), []
    for i, shape in enumerate(SHAPES):
        ratios.append(_ratios(shape, began + limit * (i + 1) / len(SHAPES)))
        if report is not None:
            report(i + 1, len(SHAPES))
    means = np.exp(np.mean(np.log(ratios), axis=0))
    best = CANDIDATES[int(means.argmin())] if means.min() < 1 - MARGIN else DEFAULT
    path = store(best)
    return {
        "tuning": best._asdict(),
        "speedup": 1 / float(means[CANDIDATES.index(best)]),
        "candidates": [{**one._asdict(), "seconds_over_default": float(mean)}
                       for one, mean in zip(CANDIDATES, means, strict=True)],
        "path": str(path),
    }  # fmt: skip


def _ratios(shape: tuple[int, int, int, str], deadline: float) -> np.ndarray:
    """Seconds with every candidate over those with the defaults."""
    m, n, d, activation = shape
    steps, programs = {}, {}
    for candidate in CANDIDATES:
        task = Task(mf.Neuron(activation), m, n, d, np.float32, "cpu", 1 << 29, candidate)
        size = task.block, task.samples
        if size not in programs:
            programs[size] = _step(shape, *size)
        steps[candidate] = size
    seconds = {size: [] for size in programs}
    while not seconds[steps[DEFAULT]] or time.monotonic() < deadline:
        for size, taken in timing.by_turns(programs, 1).items():
            seconds[size].append(taken[0])
    least = np.array([min(seconds[steps[candidate]]) for candidate in CANDIDATES])
    return least / least[CANDIDATES.index(DEFAULT)]


def _step(shape: tuple[int, int, int, str], particles: int, samples: int) -> Callable[[], Any]:
    """Return one compiled step over tiles of these sizes."""
    m, n, d, activation = shape
    kernel = mf.integrals.Blocked(particles, None if samples == n else samples)
    return compiled_steps(mf.Neuron(activation), kernel, problem(m, n, d))[0]
