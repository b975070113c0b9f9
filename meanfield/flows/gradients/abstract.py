"""The gradient of a flow: an estimate of the slopes of F at μ, with a memory and a random stream of its own."""

import functools
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
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
        potential, velocity = sample_mean(problem).slopes(_with(self.reaction.prior, mu))
        return Slope(self.part(velocity[: mu.m]), potential)

    def part(self, array: Array) -> Array:
        """Return the columns that move of an array whose last axis runs over a particle's parameters."""
        return array if self.columns is None or array.ndim == 0 else array[..., self._index]

    def put(self, array: Array, part: Array) -> Array:
        """Return the array with this part in the columns that move; all else keeps its bits."""
        return part if self.columns is None else array.at[..., self._index].set(part)

    @property
    def _index(self) -> Any:
        """Columns that follow each other are a slice, which compiles in a fifth of the time."""
        assert self.columns is not None
        first, last = self.columns[0], self.columns[-1]
        return slice(first, last + 1) if last - first + 1 == len(self.columns) else np.array(self.columns)


class Estimate(NamedTuple):
    """The slopes that one step sees: at μ, elsewhere on the same samples, and the value that belongs to them."""

    here: Callable[[], Slope]
    at: Callable[[Particles], Slope]
    value: Callable[[Particles], Scalar]
    memory: Any


class AbstractGradient(eqx.Module):
    r"""An estimate of the slopes of F. A gradient of your own needs `draws` and `estimate`; with a memory it is an
    `AbstractGradientWithMemory`, and what it has to check at the start makes it an `AbstractChecked` as well.

    Random numbers of step k come from `stream(key, "a name of its own", k)` (`meanfield.streams`).

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> from meanfield.streams import stream
    >>> class Halves(mf.gradients.AbstractGradient):
    ...     # The samples of even or those of odd numbers, by the toss of a coin.
    ...     draws = "coins"
    ...     def estimate(self, problem, slopes, mu, memory, key, step):
    ...         odd = jax.random.bernoulli(stream(key, "a name of its own", step)).astype(int)
    ...         half = problem.subset(mu, 2 * jnp.arange(problem.samples() // 2) + odd)
    ...         return mf.gradients.of_problem(half, slopes, mu)
    >>> problem = mf.Objective(mf.Neuron("tanh"), mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), problem.unit, m=20, d=4)
    >>> flow = mf.Flow(mf.steppers.Heun(0.1), Halves())
    >>> mf.simulate(problem, flow, mu, times=1.0, key=jax.random.key(1)).status
    'done'
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    draws: eqx.AbstractClassVar[str]
    """What is drawn at random, such as "samples"; empty for an exact gradient."""

    evaluations: ClassVar[int] = 1
    """Velocities of one evaluation; what a memory costs beside them is its field `evaluations`."""
    advice: ClassVar[str] = ""
    """What to try when a flow diverges, such as "raise the batch"."""

    @abstractmethod
    def estimate(
        self, problem: AbstractObjective, slopes: Slopes, mu: Particles, memory: Any, key: Random | None, step: Count
    ) -> Estimate:
        """Return the slopes of step number `step` at μ."""


class AbstractGradientWithMemory(AbstractGradient):
    """An estimate that carries something from step to step."""

    @abstractmethod
    def init(self, problem: AbstractObjective, slopes: Slopes, mu: Particles) -> Any:
        """Return the memory at the start."""


def _with(prior: Particles | None, mu: Particles) -> Particles:
    """μ with the prior's places at mass zero, where F'[μ] is then computed as well."""
    if prior is None:
        return mu
    position = jnp.concatenate([mu.position, prior.position.astype(mu.dtype)])
    mass = jnp.concatenate([mu.mass, jnp.zeros(prior.m, mu.dtype)])
    return eqx.tree_at(lambda particles: (particles.position, particles.mass), mu, (position, mass))


def of_problem(problem: AbstractObjective, slopes: Slopes, mu: Particles, memory: Any = None) -> Estimate:
    """Return the estimate that is exact for `problem`, which may be one of few samples."""
    return Estimate(functools.cache(lambda: slopes(problem, mu)), lambda nu: slopes(problem, nu), problem.value, memory)


Rows = Int[Array, " b"]
