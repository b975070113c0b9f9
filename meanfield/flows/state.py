"""Where a simulation stands."""

from typing import Any, NamedTuple

import equinox as eqx

from meanfield.arguments.typing import Count, Random, Scalar
from meanfield.particles import Particles


class Memory(NamedTuple):
    """The memory that the factors of a flow carry from step to step."""

    gradient: Any
    """A table of velocities, a snapshot; None for gradients without memory."""
    stepper: Any
    """An optimiser's moments, an integrator's step size; None for steppers without memory."""


class State(eqx.Module):
    """Where a simulation stands: all that the next step depends on, and nothing else."""

    particles: Particles
    time: Scalar
    step: Count
    key: Random | None
    memory: Memory
