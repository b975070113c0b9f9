"""The stepper of a flow: how positions move along a field of velocities in one step."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import numpy as np

from meanfield.arguments.described import Described, fields, html, text
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Count, Scalar
from meanfield.particles import Particles

Moving = Any
"""The parameters of the particles that move, [m, q]."""


class Field(NamedTuple):
    """The flow as a stepper sees it: functions of positions [m, q], of the parameters that move and of no others."""

    velocity: Callable[[], Moving]
    """The velocity at the particles."""
    at: Callable[[Moving], Moving]
    """The velocity elsewhere, on the same samples."""
    value: Callable[[Moving], Scalar]
    """m F, whose gradient is −velocity for particles of mass 1/m each."""
    proximal: Callable[[Moving, Any], Moving]
    """(positions, h) ↦ the proximal step of a penalty that has no gradient; the positions where there is none."""
    part: Callable[[jax.Array], jax.Array]
    """What belongs to the parameters that move, of a number or of an array whose last axis is p."""


class Move(NamedTuple):
    """The result of a step."""

    position: Moving
    time: Scalar
    length: Any
    """h, for noise beside the motion: one number, or one for each parameter that moves."""
    memory: Any
    duration: Any = None
    """How long a reaction acts beside the motion: one number, the length where it is not given."""


class AbstractStepper(eqx.Module):
    """How positions move. A stepper of your own needs `step` and `clock`; `init` says what it remembers.

    Sizes are in units of mean-field time, and numbers that are swept are arrays.
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    controlled: eqx.AbstractClassVar[bool]
    """Whether it chooses its steps to a tolerance, for which the field has to be exact."""
    proximal: eqx.AbstractClassVar[bool]
    """Whether it takes the proximal step of a penalty that has no gradient."""
    evaluations: eqx.AbstractClassVar[int]
    """Velocities of one step."""
    alternative: ClassVar[str] = ""
    """What to try in its place when it diverges, half a sentence."""

    def _described(self) -> Described:
        return (("step" if name == "size" else name, value) for name, value in fields(self))

    @abstractmethod
    def prepare(self, mu: Particles, position: Moving, once: Callable[[], Any]) -> None:
        """Raise `ValueError` for particles that this stepper can't move: `position` is what moves of them, and `once`
        traces one step.
        """

    @abstractmethod
    def init(self, field: Field, position: Moving) -> Any:
        """Return the memory at the start."""

    @abstractmethod
    def step(self, field: Field, position: Moving, memory: Any, time: Scalar, number: Count) -> Move:
        """Return where step `number`, which begins at `time`, leads to."""

    @abstractmethod
    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return (step numbers nearest to `times`, the times of those steps), or None where steps are chosen."""

    @abstractmethod
    def advice(self) -> str:
        """Return what to try when a flow diverges, such as "lower the step"."""

    @abstractmethod
    def evaluated(self, steps: int, memory: Any) -> int:
        """Return how many velocities were computed in so many steps."""
