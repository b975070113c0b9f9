"""The observable: a number, or an array, of the objective and the particles."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from meanfield.arguments.described import html, text
from meanfield.arguments.meant import function as callable_with
from meanfield.arguments.pickling import getstate, setstate
from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles


class AbstractObservable(eqx.Module):
    """A number (or an array) of the objective and the particles, and of what is kept of the start.

    One that keeps nothing is a subclass of `AbstractSnapshot`, and needs `__call__` alone.
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    name: eqx.AbstractClassVar[str]
    symbol: eqx.AbstractClassVar[str]
    unit: eqx.AbstractClassVar[str]

    @abstractmethod
    def init(self, objective: AbstractObjective, mu: Particles) -> Any:
        """Return what is kept of the start."""

    @abstractmethod
    def __call__(self, objective: AbstractObjective, mu: Particles, start: Any) -> Float[Array, "*shape"]:
        """The value at `mu`, `start` being what `init` returned."""


class AbstractSnapshot(AbstractObservable):
    """An observable of the present alone.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> class Kurtosis(mf.observables.AbstractSnapshot):
    ...     name, symbol, unit = "kurtosis", "κ", ""
    ...     def __call__(self, objective, mu, start):
    ...         return jnp.mean(mu.position**4) / jnp.mean(mu.position**2) ** 2
    >>> unit = mf.Neuron("tanh")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=20, d=2)
    >>> run = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=[0, 1.0], observables=[Kurtosis()])
    >>> run.values["kurtosis"].shape
    (2,)
    """

    def init(self, objective: AbstractObjective, mu: Particles) -> None:
        """Keep nothing."""
        return


class Function(AbstractSnapshot):
    """A function of the user's as an observable."""

    function: Callable
    name: ClassVar[str] = "function"
    symbol: ClassVar[str] = ""
    unit: ClassVar[str] = ""

    def __init__(self, function: Callable):
        self.function = callable_with("function", function, 2, "a function (objective, particles) ↦ array")

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None):
        return self.function(objective, mu)
