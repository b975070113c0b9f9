"""Losses after a number of updates, for a grid of steps and several seeds, trained as one batch.

The loss of a run is its mean over the last tenth of the updates: with momentum and by normalised steps losses
oscillate, and at one instant the least of many is that of a step that was lucky.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.objectives.losses import AbstractLoss
from simulations.transfers.optimisers import FACTORS, Factor, Make, Weights
from simulations.transfers.scalings import SCALINGS, Scaling

TENTH = 10
"""The last updates divided by all, upside down."""


@dataclass(frozen=True)
class Task:
    """A problem that is trained at any width: data, parametrisation, optimiser, number of updates and seeds."""

    x: jax.Array
    y: jax.Array
    make: Make
    scaling: Scaling = SCALINGS["mup"]
    polar: bool = False
    """Whether the optimiser wants weights whose multiplier s is 1, as Muon's factors do."""
    factor: Factor = FACTORS["none"]
    """What changes of a layer are multiplied by, a function of its sizes (out, in)."""
    layers: str = "both"
    unit: mf.Neuron = field(default_factory=partial(mf.Neuron, "relu", bias=True))
    loss: AbstractLoss = field(default_factory=mf.Square)
    weight: float = 1.0
    """Number that the loss is multiplied by: 2 makes a mean of squares of `Square()`."""
    updates: int = 100
    batch: int | None = None
    seeds: tuple[int, ...] = tuple(range(8))

    def losses(self, m: int, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the losses [steps, seeds] at the end of the updates at width m, infinite where a run diverged, and
        those of the starts, [seeds].
        """
        problem = mf.Objective(self.unit, self.loss, self.x, self.y, scale=self.scaling.scale(m))
        keys = [jax.random.key(seed) for seed in self.seeds]
        starts = [self.scaling.start(key, self.unit, m, self.x.shape[1], self.x.dtype) for key in keys]
        pairs = [(flow, r) for flow in self.flows(m, steps) for r in range(len(starts))]
        with _without_warnings():
            runs = mf.simulate_replicas(
                problem,
                [flow for flow, _ in pairs],
                [starts[r] for _, r in pairs],
                times=end_of(self.updates),
                keys=[keys[r] for _, r in pairs],
            )
        table = self.weight * np.reshape([mean_at_the_end(run) for run in runs], (len(steps), len(starts)))
        return table, self.weight * np.array([run.values["risk"][0] for run in runs[: len(starts)]], float)

    def flows(self, m: int, steps: np.ndarray) -> list[mf.Flow]:
        """Return a flow for each of the steps at width m; they differ in one number."""
        dtype, k = self.x.dtype, self.unit.outputs
        sizes = (k, m), (m, self.x.shape[1] + self.unit.bias)
        factors = jnp.array([self.factor(*size) for size in sizes], dtype)
        gradient = jnp.asarray(self.weight * self.scaling.factor(m), dtype)
        readout = jnp.asarray(m**-self.scaling.multiplier if self.polar else 1.0, dtype)
        once, batch = jnp.ones((), dtype), None if self.batch is None else mf.gradients.Minibatch(self.batch)
        rates = [jnp.asarray(step, dtype) for step in steps]
        of = [Weights(rate, gradient, readout, factors, once, self.make, k, self.layers) for rate in rates]
        return [mf.Flow(stepper, batch) for stepper in of]


def end_of(updates: int) -> list[int]:
    """Return the start, and the last tenth of the updates."""
    return [0, *range(updates - (updates - 1) // TENTH, updates + 1)]


def mean_at_the_end(run: mf.Trajectory) -> float:
    """Return the mean risk of a run over the times of `end_of`, infinite where it diverged."""
    found = float(np.mean(run.values["risk"][1:])) if run.done else np.inf
    return found if np.isfinite(found) else np.inf


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Leave out the engine's warnings: steps that diverge are what the grid is there to find."""
    logger = logging.getLogger("meanfield")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
