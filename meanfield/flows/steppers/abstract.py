"""The stepper of a flow: how positions move along a field of velocities in one step."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax

from meanfield.arguments.described import Described, fields, html, text
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Count, Scalar

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
    mass: jax.Array
    """p_j, the masses of the particles, [m]."""
    size: int
    """p, the number of parameters of a particle, those that do not move included."""


class Move(NamedTuple):
    """The result of a step."""

    position: Moving
    length: Any
    """h, for noise beside the motion: one number, or one for each parameter that moves."""
    memory: Any = None
    duration: Any = None
    """The time that passed, in which a reaction acts: one number, `length` where it is not given."""
    time: Any = None
    """When the step ends, where that is known better than by adding: steps that are chosen hit times exactly."""


class AbstractStepper(eqx.Module):
    r"""How positions move. A stepper of your own needs `step`, and `length`; with a memory it is an
    `AbstractStepperWithMemory`, and what it has to check at the start makes it an `AbstractChecked` as well.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> class SignDescent(mf.steppers.AbstractStepper):
    ...     length: float
    ...     def step(self, field, position, memory, time, number):
    ...         return mf.steppers.Move(position + self.length * jnp.sign(field.velocity()), self.length)
    >>> problem = mf.Objective(mf.Neuron("tanh"), mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), problem.unit, m=20, d=4)
    >>> flow = mf.Flow(SignDescent(0.01), mf.gradients.Minibatch(2))
    >>> mf.simulate(problem, flow, mu, times=1.0, key=jax.random.key(1)).status
    'done'
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    length: eqx.AbstractVar[Any]
    """The mean-field time that a step takes: a number, a schedule k ↦ h_k, or None for steps that are chosen."""
    proximal: ClassVar[bool] = False
    """Whether it takes the proximal step of a penalty that has no gradient."""
    evaluations: ClassVar[int] = 1
    """Velocities of one step; a memory with a field `evaluations` counts for itself."""
    advice: ClassVar[str] = "lower the step (now {length})"
    """What to try when a flow diverges, half a sentence."""
    alternative: ClassVar[str] = ""
    """What to try in its place when it diverges, half a sentence."""

    def _described(self) -> Described:
        return (("step" if name in ("length", "size") else name, value) for name, value in fields(self))

    @abstractmethod
    def step(self, field: Field, position: Moving, memory: Any, time: Scalar, number: Count) -> Move:
        """Return where step `number`, which begins at `time`, leads to."""


class AbstractStepperWithMemory(AbstractStepper):
    """A stepper that carries something from step to step: arrays, of which those with a first axis of m belong to the
    particles.
    """

    @abstractmethod
    def init(self, field: Field, position: Moving) -> Any:
        """Return the memory at the start."""
