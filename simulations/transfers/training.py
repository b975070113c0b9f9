"""Losses after a number of updates, for a grid of steps and several seeds, trained as one batch.

The loss of a run is its mean over the last tenth of the updates: with momentum and by normalised steps losses oscillate,
and at one instant the least of many is that of a step that was lucky.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.objectives.losses import AbstractLoss
from simulations.transfers.optimisers import Make, Weights
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
    layers: str = "both"
    unit: mf.Neuron = mf.Neuron("relu", bias=True)
    loss: AbstractLoss = mf.Square()
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
        dtype, d = self.x.dtype, self.x.shape[1]
        keys = [jax.random.key(seed) for seed in self.seeds]
        starts = [self.scaling.start(key, self.unit, m, d, dtype) for key in keys]
        factor = jnp.asarray(self.weight * self.scaling.factor(m), dtype)
        readout = jnp.asarray(m**-self.scaling.multiplier if self.polar else 1.0, dtype)
        once, gradient = jnp.ones((), dtype), None if self.batch is None else mf.gradients.Minibatch(self.batch)
        flows = []
        for step in steps:
            rate = jnp.asarray(step, dtype)
            stepper = Weights(rate, factor, readout, once, self.make, self.unit.outputs, self.layers)
            flows.append(mf.Flow(stepper, gradient))
        pairs = [(flow, r) for flow in flows for r in range(len(starts))]
        with _without_warnings():
            runs = mf.simulate_replicas(
                problem,
                [flow for flow, _ in pairs],
                [starts[r] for _, r in pairs],
                times=[0, *range(self.updates - (self.updates - 1) // TENTH, self.updates + 1)],
                keys=[keys[r] for _, r in pairs],
            )
        last = [np.mean(run.values["risk"][1:]) if run.done else np.inf for run in runs]
        first = [run.values["risk"][0] for run in runs[: len(starts)]]
        table = self.weight * np.reshape(np.asarray(last, float), (len(steps), len(starts)))
        return np.where(np.isfinite(table), table, np.inf), self.weight * np.asarray(first, float)


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
