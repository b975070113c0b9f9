"""Where a flow starts, as its factors are shown it before the first step."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax

from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles


class Start(NamedTuple):
    """The problem that a flow descends, and the particles it starts from."""

    problem: AbstractObjective
    particles: Particles
    part: Callable[[jax.Array], jax.Array]
    """What belongs to the parameters that move, of a number or of an array whose last axis is p."""
    once: Callable[[], Any]
    """Traces one step, which shows what a stranger's code raises."""


class AbstractChecked(eqx.Module):
    """A factor of a flow that can refuse a start."""

    @abstractmethod
    def prepare(self, start: Start) -> None:
        """Raise `ValueError` for a start that this factor can't serve."""
