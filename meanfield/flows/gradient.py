"""Explicit Euler on the Wasserstein gradient flow, which is gradient descent."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield._meant import instance, schedule
from meanfield._typing import Random, Scalar
from meanfield.arguments import positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, beginning
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles


class GradientFlow(AbstractFlow):
    r"""Gradient descent θ_j ← θ_j + h v_j, v_j = −∇F'[μ](θ_j) (= −m ∇_{θ_j} F for equal masses).

    **Arguments:**

    - `step`: h, in units of mean-field time: a positive number, or a schedule k ↦ h_k such as optax makes. Time after k
      steps is h_0 + … + h_{k−1}.

    Raises `ValueError` for a step that is not positive.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=2)
    >>> run = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=10.0)
    >>> run.status
    'done'
    """

    size: Scalar | Callable

    def __init__(self, step):
        self.size = schedule("step", step) if callable(step) else positive_scalar("step", step)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        return objective.started(mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return beginning(mu, key)

    def step(self, objective: AbstractObjective, state: State) -> State:
        mu = state.particles
        h = jnp.asarray(self.size(state.step) if callable(self.size) else self.size).astype(mu.dtype)
        position = mu.position + h * objective.velocity(mu)
        return eqx.tree_at(
            lambda s: (s.particles, s.time, s.step), state, (mu.moved(position), state.time + h, state.step + 1)
        )

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not callable(self.size):
            return constant_clock(float(self.size), times)
        return _scheduled_clock(self.size, times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return f"lower the step (now {self.now}) or use AdaptiveFlow"

    @property
    def now(self) -> str:
        """The step as advice names it."""
        return "its schedule" if callable(self.size) else f"{float(self.size):.3g}"


def constant_clock(step: float, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(nearest step numbers, their times) for steps of one size."""
    number = np.rint(times / step).astype(int)
    return number, number * step


def _scheduled_clock(schedule: Callable, times: np.ndarray, most: int = 10**8) -> tuple[np.ndarray, np.ndarray]:
    """The same for a schedule, whose sizes are summed on the host in blocks until the last time is reached."""
    reached, block = [np.zeros(1)], 4096
    while reached[-1][-1] < times[-1]:
        first = sum(map(len, reached)) - 1
        sizes = np.asarray(jax.vmap(schedule)(jnp.arange(first, first + block)), dtype=float)
        if not np.all(np.isfinite(sizes)) or np.any(sizes < 0) or sizes.max() == 0 or first > most:
            raise ValueError(
                f"step: this schedule reaches time {reached[-1][-1]:.6g} and not {times[-1]:.6g}; expected steps that "
                f"are finite, not negative, and together long enough."
            )
        reached.append(reached[-1][-1] + np.cumsum(sizes))
    stamps = np.concatenate(reached)
    after = np.clip(np.searchsorted(stamps, times), 1, len(stamps) - 1)
    nearest = np.where(times - stamps[after - 1] < stamps[after] - times, after - 1, after)
    return nearest, stamps[nearest]


def integrator(flow) -> AbstractFlow:
    """The flow itself; for a number, or a schedule, gradient descent with that step."""
    if isinstance(flow, type | str) or hasattr(flow, "update"):
        instance("flow", flow, AbstractFlow)
    try:
        return flow if isinstance(flow, AbstractFlow) else GradientFlow(flow)
    except ValueError as problem:
        raise ValueError(str(problem).replace("step", "flow", 1)) from None
