"""Losses after a number of updates, for a grid of steps and several seeds, trained as one batch."""

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
from simulations.transfers.scalings import Scaling


@dataclass(frozen=True)
class Task:
    """What is trained, at any width: data, unit, parametrisation, optimiser, number of updates and seeds."""

    x: jax.Array
    y: jax.Array
    unit: mf.Neuron
    loss: AbstractLoss
    scaling: Scaling
    make: Make
    polar: bool
    """Whether the optimiser wants the weights with multiplier 1, as Muon's factors do."""
    updates: int
    batch: int | None
    seeds: tuple[int, ...]

    def losses(self, m: int, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the losses [steps, seeds] after the updates at width m, infinite where a run diverged, and those of
        the starts, [seeds].
        """
        problem = mf.Objective(self.unit, self.loss, self.x, self.y, scale=self.scaling.scale(m))
        dtype, d = self.x.dtype, self.x.shape[1]
        keys = [jax.random.key(seed) for seed in self.seeds]
        starts = [self.scaling.start(key, self.unit, m, d, dtype) for key in keys]
        factor = jnp.asarray(self.scaling.factor(m), dtype)
        unit = jnp.asarray(m ** -self.scaling.multiplier if self.polar else 1.0, dtype)
        one, gradient = jnp.ones((), dtype), None if self.batch is None else mf.gradients.Minibatch(self.batch)
        flows = [
            mf.Flow(Weights(jnp.asarray(step, dtype), factor, unit, one, self.make, self.unit.outputs), gradient)
            for step in steps
        ]
        pairs = [(flow, r) for flow in flows for r in range(len(starts))]
        with _without_warnings():
            runs = mf.simulate_replicas(
                problem,
                [flow for flow, _ in pairs],
                [starts[r] for _, r in pairs],
                times=[0, self.updates],
                keys=[keys[r] for _, r in pairs],
            )
        last = [run.values["risk"][-1] if run.done else np.inf for run in runs]
        first = [run.values["risk"][0] for run in runs[: len(starts)]]
        return np.reshape(np.asarray(last, float), (len(steps), len(starts))), np.asarray(first, float)


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
