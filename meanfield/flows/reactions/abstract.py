"""The reaction of a flow: masses that change, or particles that are replaced, by the first variation of F."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Float, Int

from meanfield.arguments.described import html, text
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Count, Random, Scalar
from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles


class Reacted(NamedTuple):
    """The particles after a reaction, and of which particle each took the place of memory: its own, or a parent."""

    particles: Particles
    parents: Int[Array, " m"] | None
    """None where nobody was replaced; m or more for a particle that was born anew."""


class AbstractReaction(eqx.Module):
    """A change of masses by F'[μ]. A reaction of your own needs `react`, and what it says about itself.

    Random numbers of step k come from `stream(key, "a name of its own", k)` (`meanfield.streams`).
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    draws: eqx.AbstractClassVar[str]
    """What is drawn at random, such as "births"; empty for a reaction that draws nothing."""
    whole: eqx.AbstractClassVar[bool]
    """Whether it replaces particles as a whole, for which all their parameters have to be trained."""

    @abstractmethod
    def prepare(self, problem: AbstractObjective, mu: Particles) -> None:
        """Raise `ValueError` for particles that this reaction can't change."""

    @abstractmethod
    def seen(self, mu: Particles) -> Particles:
        """Return the particles at which F' is asked for: μ, and behind it places of mass 0."""

    @abstractmethod
    def react(
        self,
        before: Particles,
        moved: Particles,
        potential: Float[Array, " c"],
        length: Scalar,
        key: Random | None,
        step: Count,
    ) -> Reacted:
        """Return the particles after step number `step`, of length h: F' was taken `before`, and they have `moved`."""

    @abstractmethod
    def advice(self) -> str:
        """Return what to try when a flow diverges; empty for nothing."""
