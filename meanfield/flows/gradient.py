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


MAX_STEPS = 2**31 - 1
"""Steps are counted in 32 bits."""


def constant_clock(step: float, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (nearest step numbers, their times) for steps of one size.

    Raises `ValueError` for a last time that is no step at all, or more steps than can be counted.
    """
    with np.errstate(all="ignore"):
        number = np.rint(times / step)
    if not number[-1] <= MAX_STEPS:
        raise ValueError(
            f"times ends at {times[-1]:.6g}, after {number[-1]:.6g} steps of {step:.6g}: expected times up to "
            f"{MAX_STEPS * step:.6g}, since {MAX_STEPS} steps can be counted."
        )
    _moves(number, times, step)
    number = number.astype(int)
    return number, number * step


def _moves(number: np.ndarray, times: np.ndarray, first: float) -> None:
    """Refuse a simulation of no step that was to reach a later time than 0."""
    if number[-1] == 0 and times[-1] > 0:
        raise ValueError(
            f"times ends at {times[-1]:.6g}, to which no step is nearest: expected 0, or times near {first:.6g}, where "
            f"the first step ends, and later."
        )


def _scheduled_clock(schedule: Callable, times: np.ndarray, most: int = 10**8) -> tuple[np.ndarray, np.ndarray]:
    """The same for a schedule, whose sizes are summed on the host in blocks until the last time is reached."""
    number, stamps = np.zeros(len(times), int), np.zeros(len(times))
    first, reached, after_one = 0, 0.0, 0.0
    left = int(np.searchsorted(times, 0.0, side="right"))
    """Times before this one are reached."""
    while left < len(times):
        # Small blocks first, because most simulations are short; then large ones, so that long ones are known soon.
        block = 4096 if first < 2**20 else 2**20
        sizes = _sizes(schedule, first, block)
        wrong = ~np.isfinite(sizes) | (sizes < 0)
        sizes = sizes[: np.argmax(wrong)] if wrong.any() else sizes
        ends = np.concatenate([[reached], reached + np.cumsum(sizes)])
        after_one = float(ends[1]) if first == 0 and len(sizes) else after_one
        until = int(np.searchsorted(times, ends[-1], side="right"))
        after = np.clip(np.searchsorted(ends, times[left:until]), 1, None)
        nearer = times[left:until] - ends[after - 1] < ends[after] - times[left:until]
        nearest = np.where(nearer, after - 1, after)
        number[left:until], stamps[left:until] = first + nearest, ends[nearest]
        stuck = ends[-1] == reached
        first, reached, left = first + len(sizes), float(ends[-1]), until
        if left < len(times) and (wrong.any() or stuck or first > most):
            why = "negative or not finite there" if wrong.any() else "0 from there on" if stuck else "too small there"
            raise ValueError(
                f"step: this schedule reaches time {reached:.6g} and not {times[-1]:.6g}, the last of times: after "
                f"{first} steps it is {why}; expected steps that are finite, not negative, and together long enough."
            )
    _moves(number, times, after_one)
    return number, stamps


def _sizes(schedule: Callable, first: int, count: int) -> np.ndarray:
    """The sizes of so many steps from `first` on, in float64."""
    steps = jnp.arange(first, first + count)
    return np.asarray((jax.vmap(schedule) if count <= 4096 else jax.jit(jax.vmap(schedule)))(steps), dtype=float)


def integrator(flow) -> AbstractFlow:
    """The flow itself; for a number, or a schedule, gradient descent with that step."""
    if isinstance(flow, type | str) or hasattr(flow, "update"):
        instance("flow", flow, AbstractFlow)
    try:
        return flow if isinstance(flow, AbstractFlow) else GradientFlow(flow)
    except ValueError as problem:
        raise ValueError(str(problem).replace("step", "flow", 1)) from None
