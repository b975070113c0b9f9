"""Transformations of a flow's problem before it starts: `on` of a `Flow`."""

from abc import abstractmethod
from typing import Any

import equinox as eqx

from meanfield.arguments.described import html, text
from meanfield.arguments.pickling import getstate, setstate
from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles


class AbstractTransformation(eqx.Module):
    """A function (problem, μ_0) ↦ problem."""

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    @abstractmethod
    def __call__(self, problem: AbstractObjective, mu0: Particles) -> AbstractObjective:
        """Return the problem that is descended by a flow that starts at μ_0."""


class Linearised(AbstractTransformation):
    """The problem of the model linearised at the start."""

    def __call__(self, problem: AbstractObjective, mu0: Particles) -> AbstractObjective:
        return problem.linearised(mu0)


class Trained(AbstractTransformation):
    """The problem in which only the parameters `which` of a particle move."""

    which: Any = eqx.field(static=True)

    def __call__(self, problem: AbstractObjective, mu0: Particles) -> AbstractObjective:
        return problem.trained(self.which)


class Both(AbstractTransformation):
    """One transformation after another."""

    first: Any
    second: Any

    def __call__(self, problem: AbstractObjective, mu0: Particles) -> AbstractObjective:
        return self.second(self.first(problem, mu0), mu0)
