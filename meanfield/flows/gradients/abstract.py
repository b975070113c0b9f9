"""The gradient of a flow: an estimate of the slopes of F at μ, with a memory and a random stream of its own."""

import functools
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from meanfield.arguments.described import html, text
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Count, Random, Scalar
from meanfield.objectives.abstract import AbstractObjective, sample_mean
from meanfield.particles import Particles


class Slope(NamedTuple):
    """The velocity of the parameters that move, [m, q], and F' where a reaction asks for it."""

    velocity: Float[Array, "m q"]
    potential: Float[Array, " c"] | None


class Slopes(eqx.Module):
    """How slopes are taken: a function (problem, μ) ↦ `Slope` of the parameters that move."""

    columns: tuple[int, ...] | None = eqx.field(static=True)
    reaction: Any

    def __call__(self, problem: AbstractObjective, mu: Particles) -> Slope:
        if self.reaction is None:
            return Slope(self.part(problem.velocity(mu)), None)
        potential, velocity = sample_mean(problem).slopes(self.reaction.seen(mu))
        return Slope(self.part(velocity[: mu.m]), potential)

    def part(self, array: Array) -> Array:
        """Return the columns that move of an array whose last axis runs over a particle's parameters."""
        return array if self.columns is None or array.ndim == 0 else array[..., jnp.array(self.columns)]


class Estimate(NamedTuple):
    """The slopes that one step sees: at μ, elsewhere on the same samples, and the value that belongs to them."""

    here: Callable[[], Slope]
    at: Callable[[Particles], Slope]
    value: Callable[[Particles], Scalar]
    memory: Any


class AbstractGradient(eqx.Module):
    """An estimate of the slopes of F. A gradient of your own needs `estimate`, and the three words about itself.

    Random numbers of step k come from `stream(key, "a name of its own", k)` (`meanfield.streams`).
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    draws: eqx.AbstractClassVar[str]
    """What is drawn at random, such as "samples"; empty for an exact gradient."""

    @abstractmethod
    def prepare(self, problem: AbstractObjective, mu: Particles) -> None:
        """Raise `ValueError` for a problem that this gradient can't estimate."""

    @abstractmethod
    def init(self, problem: AbstractObjective, slopes: Slopes, mu: Particles) -> Any:
        """Return the memory at the start."""

    @abstractmethod
    def estimate(
        self, problem: AbstractObjective, slopes: Slopes, mu: Particles, memory: Any, key: Random | None, step: Count
    ) -> Estimate:
        """Return the slopes of step number `step` at μ."""

    @abstractmethod
    def evaluated(self, calls: int, memory: Any) -> int:
        """Return how many velocities were computed in so many evaluations of an estimate."""

    @abstractmethod
    def advice(self) -> str:
        """Return what to try when a flow diverges, such as "raise the batch"; empty for nothing."""


def of_problem(problem: AbstractObjective, slopes: Slopes, mu: Particles, memory: Any = None) -> Estimate:
    """Return the estimate that is exact for `problem`, which may be one of few samples."""
    return Estimate(functools.cache(lambda: slopes(problem, mu)), lambda nu: slopes(problem, nu), problem.value, memory)


Rows = Int[Array, " b"]
