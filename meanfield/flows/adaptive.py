"""The gradient flow itself, to a tolerance: steps chosen by an embedded Runge–Kutta pair."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield._typing import Random, Scalar
from meanfield.arguments import host, positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, beginning
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles


class Memory(eqx.Module):
    """What the integrator carries from attempt to attempt."""

    trial: Scalar
    """End of the next attempt, before it is cut at the horizon."""
    horizon: Scalar
    solver: Any
    controller: Any
    jump: Any


class AdaptiveFlow(AbstractFlow):
    r"""The gradient flow θ_j' = −∇F'[μ](θ_j), by Tsitouras' 5(4) pair with a PI step-size controller (diffrax).

    **Arguments:**

    - `rtol`, `atol`: relative and absolute tolerance on a particle's parameters, one step at a time.

    One step here is one attempt, accepted or not. Observation times are hit exactly. Raises `ValueError` for tolerances
    that are not positive, or that the particles' type can't resolve.

    Units with kinks (relu) make the velocity jump where a particle's hyperplane crosses a sample, and the error control
    then takes short steps there: tolerances below 1e-6 pay for smooth units only.
    """

    rtol: Scalar
    atol: Scalar

    def __init__(self, rtol=1e-4, atol=1e-6):
        self.rtol = positive_scalar("rtol", rtol)
        self.atol = positive_scalar("atol", atol)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        resolved(self.rtol, mu)
        return objective.started(mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        start, end = jnp.zeros((), mu.dtype), jnp.asarray(jnp.finfo(mu.dtype).max)  # no horizon yet
        term, solver, controller = self._parts(mu)
        trial, carried = controller.init(
            term, start, end, mu.position, None, objective_at(objective, mu), solver.func, solver.error_order(term)
        )
        first = solver.init(term, start, trial, mu.position, objective_at(objective, mu))
        return beginning(mu, key, Memory(jnp.asarray(trial, mu.dtype), end, first, carried, jnp.asarray(False)))

    def step(self, objective: AbstractObjective, state: State) -> State:
        # A state at its horizon waits there: this is what lets a chunk be of any length.
        return jax.lax.cond(
            state.time < state.memory.horizon, lambda s: self._attempt(objective, s), lambda s: s, state
        )

    def _attempt(self, objective: AbstractObjective, state: State) -> State:
        mu, memory = state.particles, state.memory
        term, solver, controller = self._parts(mu)
        arguments = objective_at(objective, mu)
        end = jnp.minimum(memory.trial, memory.horizon)
        position, error, _, carry, _ = solver.step(
            term, state.time, end, mu.position, arguments, memory.solver, memory.jump
        )
        order: Any = solver.error_order(term)
        keep, start, trial, jump, carried, _ = controller.adapt_step_size(
            state.time, end, mu.position, position, arguments, error, order, memory.controller
        )
        # An attempt cut short at the horizon says little about the next: fall back on what was planned.
        trial = jnp.where(keep & (end < memory.trial), jnp.maximum(trial, start + memory.trial - state.time), trial)
        moved, carry = jax.tree.map(
            lambda new, old: jnp.where(keep, new, old), (position, carry), (mu.position, memory.solver)
        )
        # Refused at the shortest step that moves the clock, the flow would go on for ever: it has diverged. So has one
        # whose step no longer moves the clock: it would be accepted again and again, because nothing moves.
        stuck = ~(end > state.time) | (~keep & ~(end > jnp.nextafter(state.time, memory.horizon)))
        moved = jnp.where(stuck, jnp.nan, moved)
        return eqx.tree_at(
            lambda s: (s.particles, s.time, s.step, s.memory),
            state,
            (mu.moved(moved), start, state.step + 1, Memory(trial, memory.horizon, carry, carried, jump)),
        )

    def _parts(self, mu: Particles):
        import diffrax  # imported here because it takes longer to load than the rest of the package

        term = diffrax.ODETerm(lambda t, position, at: at(position))
        rtol, atol = self.rtol.astype(mu.dtype), self.atol.astype(mu.dtype)
        return term, diffrax.Tsit5(), diffrax.PIDController(rtol, atol, pcoeff=0.3, icoeff=0.4)

    def clock(self, times: np.ndarray) -> None:
        return None

    def aim(self, state: State, time: float | Scalar) -> State:
        return aimed(state, time)

    def advice(self) -> str:
        return shrunk(self.rtol)

    def evaluated(self, state: State) -> int:
        return 6 * int(state.step)


def objective_at(objective: AbstractObjective, mu: Particles):
    """position ↦ velocity, with the masses of μ."""
    return lambda position: objective.velocity(mu.moved(position))


def aimed(state: State, time: float | Scalar) -> State:
    """The state whose integrator stops at `time`."""
    return eqx.tree_at(lambda s: s.memory.horizon, state, jnp.asarray(time, state.time.dtype))


def shrunk(rtol: Scalar) -> str:
    """What to try when steps to a tolerance became too short to move the clock."""
    return (
        f"its steps shrank to nothing; check that the objective is bounded below, or raise rtol "
        f"(now {float(rtol):.3g}) or use float64"
    )


def resolved(rtol: Scalar, mu: Particles) -> None:
    """Raises `ValueError` for a relative tolerance that the particles' type can't resolve."""
    known, least = host(rtol), 10 * float(jnp.finfo(mu.dtype).eps)
    if known is not None and known < least:
        raise ValueError(
            f"rtol={known.item():.3g}: {mu.dtype} resolves {least:.2g} at best; raise rtol, or give "
            f"float64 particles under jax.enable_x64(True)."
        )
