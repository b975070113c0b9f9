"""What a flow promises, and the state that it carries."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from meanfield._pickling import getstate, setstate
from meanfield._typing import Count, Random, Scalar
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles


class State(eqx.Module):
    """Where a simulation stands: all that the next step depends on, and nothing else."""

    particles: Particles
    time: Scalar
    step: Count
    key: Random | None
    memory: Any
    """What this flow alone carries: an optimiser's moments, an integrator's step size."""


class AbstractFlow(eqx.Module):
    """A flow on particles: `init` makes a state, `step` moves it on.

    Random steps draw from `stream(state.key, "a name", state.step)` (`meanfield.streams`), so that 70 + 130 steps equal
    200 steps bit for bit.
    """

    __getstate__, __setstate__ = getstate, setstate

    @abstractmethod
    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        """The objective that this flow descends when it starts at `mu`; raises `ValueError` where it can't."""

    @abstractmethod
    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        """The state at time zero."""

    @abstractmethod
    def step(self, objective: AbstractObjective, state: State) -> State:
        """The state one step later."""

    @abstractmethod
    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """(step numbers nearest to `times`, the times of those steps), or None for a flow that chooses its steps."""

    @abstractmethod
    def aim(self, state: State, time: float | Scalar) -> State:
        """The state of a flow that chooses its steps, told to stop at `time`."""

    @abstractmethod
    def advice(self) -> str:
        """What to try when the flow diverges: half a sentence."""

    def evaluated(self, state: State) -> int:
        """Velocities computed on the way to `state`: one a step unless a flow says otherwise."""
        return int(state.step)


def beginning(mu: Particles, key: Random | None, memory: Any = None) -> State:
    """The state of step zero at time zero."""
    return State(mu, jnp.zeros((), mu.dtype), jnp.zeros((), jnp.int32), key, memory)


def random_beginning(mu: Particles, key: Random | None, what: str) -> State:
    """The same for a flow that draws random numbers; raises `ValueError` without a key, saying `what` it draws."""
    if key is None:
        raise ValueError(f"key=None: {what}; expected a key such as jax.random.key(0).")
    return beginning(mu, key)


class AbstractDerivedFlow(AbstractFlow):
    """A flow that integrates another objective than the one it is given, made by `prepare`, as `flow` does."""

    flow: eqx.AbstractVar[AbstractFlow]

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return self.flow.init(objective, mu, key=key)

    def step(self, objective: AbstractObjective, state: State) -> State:
        return self.flow.step(objective, state)

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        return self.flow.clock(times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return self.flow.aim(state, time)

    def advice(self) -> str:
        return self.flow.advice()

    def evaluated(self, state: State) -> int:
        return self.flow.evaluated(state)
