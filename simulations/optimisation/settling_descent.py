"""A linearised network under stochastic gradients until its moments have settled; step and batch may change once."""

import math
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.optimisation.linearised_network import LinearisedNetwork, linearised_network
from simulations.optimisation.temperature_ratios import LATE
from simulations.study.parameters import count, number
from simulations.study.simulation import Simulations

BLOCK = 4
"""Batches up to a multiple of so many share a program."""

MOST = 40
"""Parameters of a linearised network: its second moments follow from matrices of the order of their square."""


class Switch(eqx.Module):
    """A schedule of two values, the second from some step on."""

    before: jax.Array
    after: jax.Array
    since: jax.Array

    def __call__(self, step):
        return jnp.where(step < self.since, self.before, self.after)


class Linearised(Simulations):
    """Replicas of a linearised network under stochastic gradients, which differ in the samples drawn."""

    fineness: float = number(
        4.0, "1/(ηL)", "sets the step η; L is the largest Lipschitz constant of one sample's gradient, and above "
        "ηL = 2 second moments do not settle", above=0.5, batched=False,
    )  # fmt: skip
    batch: int = count(1, "B", "samples of a step")
    noise: float = number(0.5, "σ", "standard deviation of the noise in the labels", unit="units of f", above=0)
    ridge: float = number(0.1, "λ", "weight decay", unit="risk", above=0)
    length: float = number(
        10.0, "", "steps until it has settled", unit="1/(least eigenvalue of the Hessian)", above=0, batched=False
    )
    particles: int = count(3, "m", "particles")
    dimension: int = count(3, "d", "inputs")
    samples: int = count(40, "n", "samples", at_least=2)
    replicas: int = count(32, "", "independent runs from one start")

    def refusal(self):
        size = self.particles * (self.dimension + 1)
        if size > MOST:
            return f"particles={self.particles}: expected m (d + 1) of at most {MOST} here, have {size}."
        return None

    @cached_property
    def network(self) -> LinearisedNetwork:
        sizes = self.particles, self.dimension, self.samples
        return linearised_network(self.generator("data and network"), *sizes, self.ridge, self.noise)

    @property
    def step(self) -> float:
        """η."""
        return 1 / (self.fineness * self.network.problem.smoothness)

    @cached_property
    def stops(self) -> np.ndarray:
        """Numbers of steps of the observations until it has settled; the last `LATE` are those of the later half."""
        last = max(2 * LATE, math.ceil(self.length / (self.step * self.network.problem.convexity)))
        early = np.unique(np.rint(np.concatenate([[0], np.geomspace(1, last / 2, 12)])))[:-1]
        return np.concatenate([early, np.rint(np.linspace(last / 2, last, LATE))]).astype(int)

    def flow(self, step, batch, since: int, replacement: bool = True) -> mf.Flow:
        """Return SGD with steps and batches (before, after) the step `since`: one program for all of them."""
        sizes = Switch(jnp.asarray(step[0], float), jnp.asarray(step[1], float), jnp.asarray(since))
        counts = Switch(jnp.asarray(batch[0], float), jnp.asarray(batch[1], float), jnp.asarray(since))
        return mf.ScheduledSGD(sizes, counts, most=filled(max(batch)), replacement=replacement)


def filled(batch: int) -> int:
    """Return the size of a program's batches."""
    return -(-batch // BLOCK) * BLOCK
