"""Any solver of diffrax, with any of its step-size controllers."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.arguments import positive_scalar, said
from meanfield.arguments.typing import Count, Scalar
from meanfield.flows.start import AbstractChecked, Start
from meanfield.flows.steppers.abstract import AbstractStepperWithMemory, Field, Move, Moving
from meanfield.flows.steppers.controlled import resolved, shrunk


class Memory(eqx.Module):
    """The state that the integrator carries from attempt to attempt."""

    trial: Scalar
    """End of the next attempt, before it is cut at the horizon."""
    horizon: Scalar
    solver: Any
    controller: Any
    jump: Any


class Diffrax(AbstractStepperWithMemory, AbstractChecked):
    r"""The gradient flow θ_j' = −∇F'[μ](θ_j) by an attempt of a diffrax solver, whose length a controller chooses.

    **Arguments:**

    - `solver`: of ordinary differential equations, such as `diffrax.Dopri8()`.
    - `controller`: such as `diffrax.PIDController(rtol=1e-6, atol=1e-8)`, for a solver that estimates its error, or
      `diffrax.ConstantStepSize()`.
    - `first`: length of the first step; where it is not given the controller chooses it.

    One step is one attempt, accepted or not; observation times are hit exactly. Order and stability are the solver's.
    Units with kinks (relu) make the velocity jump where a particle's hyperplane crosses a sample, and the error control
    takes short steps there: tolerances below 1e-6 pay for smooth units only. Raises `ValueError` for what is no solver
    or controller, for a pair that fails together, and for a tolerance that the particles' type can't resolve.
    Source: Kidger (2021), On neural differential equations.
    """

    solver: Any
    controller: Any
    first: Scalar | None
    length: ClassVar[None] = None

    def __init__(self, solver: Any, controller: Any, first: Any = None):
        import diffrax  # imported here because it takes longer to load than the rest of the package

        if not isinstance(solver, diffrax.AbstractSolver):
            raise ValueError(f"{said('solver', solver)}: expected a solver of diffrax, such as diffrax.Tsit5().")
        if not isinstance(controller, diffrax.AbstractStepSizeController):
            raise ValueError(
                f"{said('controller', controller)}: expected a step-size controller of diffrax, such as "
                f"diffrax.PIDController(rtol=1e-6, atol=1e-8)."
            )
        self.solver, self.controller = solver, controller
        self.first = None if first is None else positive_scalar("first", first)

    @property
    def evaluations(self) -> int:
        tableau: Any = getattr(self.solver, "tableau", None)
        return tableau.num_stages - bool(tableau.fsal) if hasattr(tableau, "num_stages") else 1

    @property
    def advice(self) -> str:
        return shrunk(getattr(self.controller, "rtol", None))

    def prepare(self, start: Start) -> None:
        if (rtol := getattr(self.controller, "rtol", None)) is not None:
            resolved(rtol, start.particles)
        if self._packaged:
            return
        try:
            start.once()
        except Exception as error:  # whatever solver and controller raise: they are a stranger's code
            told = " ".join(str(error).split())[:200]
            raise ValueError(
                f"solver={type(self.solver).__name__}(…): fails with this controller, {type(error).__name__}: {told}; "
                f"expected a solver of ordinary differential equations, with an error estimate where the controller "
                f"asks for one, and `first` where it does not choose the first step."
            ) from error

    @property
    def _packaged(self) -> bool:
        return type(self.solver).__name__ == "Tsit5" and type(self.controller).__name__ == "PIDController"

    def init(self, field: Field, position: Moving) -> Memory:
        dtype = position.dtype
        start, end = jnp.zeros((), dtype), jnp.asarray(jnp.finfo(dtype).max)  # no horizon yet
        term, controller = self._parts(dtype)
        first = None if self.first is None else self.first.astype(dtype)
        trial, carried = controller.init(
            term, start, end, position, first, field.at, self.solver.func, self.solver.error_order(term)
        )
        solver = self.solver.init(term, start, trial, position, field.at)
        return Memory(jnp.asarray(trial, dtype), end, solver, carried, jnp.asarray(False))

    def step(self, field: Field, position: Moving, memory: Memory, time: Scalar, number: Count) -> Move:
        def attempt(carry: tuple) -> tuple:
            return self._attempt(field, *carry)

        # A state at its horizon waits there: this is what lets a chunk be of any length.
        moved, end, after = jax.lax.cond(time < memory.horizon, attempt, lambda carry: carry, (position, time, memory))
        return Move(moved, end - time, after, time=end)

    def _attempt(self, field: Field, position: Moving, time: Scalar, memory: Memory) -> tuple:
        term, controller = self._parts(position.dtype)
        end = jnp.minimum(memory.trial, memory.horizon)
        moved, error, _, carry, _ = self.solver.step(term, time, end, position, field.at, memory.solver, memory.jump)
        order: Any = self.solver.error_order(term)
        keep, start, trial, jump, carried, _ = controller.adapt_step_size(
            time, end, position, moved, field.at, error, order, memory.controller
        )
        # An attempt cut short at the horizon says little about the next: fall back on what was planned.
        trial = jnp.where(keep & (end < memory.trial), jnp.maximum(trial, start + memory.trial - time), trial)
        moved, carry = jax.tree.map(
            lambda new, old: jnp.where(keep, new, old), (moved, carry), (position, memory.solver)
        )
        # Refused at the shortest step that moves the clock, the flow would go on for ever: it has diverged. So has one
        # whose step no longer moves the clock: it would be accepted again and again, because nothing moves.
        stuck = ~(end > time) | (~keep & ~(end > jnp.nextafter(time, memory.horizon)))
        return jnp.where(stuck, jnp.nan, moved), start, Memory(trial, memory.horizon, carry, carried, jump)

    def _parts(self, dtype) -> tuple[Any, Any]:
        """The equation, whose argument is the field, and the controller in the positions' type."""
        import diffrax

        term = diffrax.ODETerm(lambda t, position, at: at(position))
        own = jax.tree.map(lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, self.controller)
        return term, own
