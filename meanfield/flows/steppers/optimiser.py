"""Any optax optimiser as a stepper."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from meanfield.arguments import host, positive_scalar, said
from meanfield.arguments.typing import Count, Position, Scalar
from meanfield.flows.start import AbstractChecked, Start
from meanfield.flows.steppers.abstract import AbstractStepperWithMemory, Field, Move, Moving
from meanfield.particles import Particles


class Optax(AbstractStepperWithMemory, AbstractChecked):
    r"""An update of an optax optimiser fed with the gradient ∇F'[μ](θ_j) = −v_j of every particle.

    **Arguments:**

    - `optimiser`: an `optax.GradientTransformation`, such as `optax.adam(1e-2)`. One that looks at the value or
      searches along lines (`optax.lbfgs`, `optax.polyak_sgd`) is given `value`, `grad` and `value_fn` of m F,
      whose gradient is −v for particles of mass 1/m each.
    - `interval`: the time that one update counts for; with the default of one, times are numbers of updates. For
      `optax.sgd(h)` an interval of h gives the time of `Euler(h)`.

    Parameters that are not trained are not shown to the optimiser: they enter no norm and no moment. Cost: one
    velocity, and what the optimiser asks for. Raises `ValueError` for what is no optimiser, for one whose update asks
    for more than that, and where the value is looked at for masses that differ.
    """

    optimiser: optax.GradientTransformation
    interval: Scalar
    advice: ClassVar[str] = "lower the optimiser's learning rate"

    def __init__(self, optimiser: Any, interval=1.0):
        if isinstance(optimiser, optax.MultiSteps):
            optimiser = optimiser.gradient_transformation()
        if not (hasattr(optimiser, "update") and hasattr(optimiser, "init")):
            made = getattr(optimiser, "__module__", None) or ""
            hint = (
                f" Did you mean optax.{getattr(optimiser, '__name__', '')}(…)?"
                if callable(optimiser) and made.startswith("optax")
                else ""
            )
            raise ValueError(f"{said('optimiser', optimiser)}: expected an optax.GradientTransformation.{hint}")
        self.optimiser = optimiser
        self.interval = positive_scalar("interval", interval)

    @property
    def length(self) -> Scalar:
        return self.interval

    def prepare(self, start: Start) -> None:
        mass = host(start.particles.mass)
        try:
            looks = self._looks(start.particles)
            start.once()
        except Exception as error:  # whatever the optimiser raises: it is a stranger's code
            said = " ".join(str(error).split())[:200]
            raise ValueError(
                f"optimiser: its update fails with {type(error).__name__}: {said}; expected one that makes do with the "
                f"gradient, the parameters, value, grad and value_fn."
            ) from error
        if looks and mass is not None and np.any(mass != mass[0]):
            raise ValueError(
                f"mass holds {mass.min():.6g} and {mass.max():.6g}: expected equal masses for an optimiser that looks "
                f"at the value."
            )

    def init(self, field: Field, position: Moving) -> Any:
        return self.optimiser.init(position)

    def step(self, field: Field, position: Moving, memory: Any, time: Scalar, number: Count) -> Move:
        gradient = -field.velocity()
        extra = {}
        if self._takes_more:
            extra = {"value": field.value(position), "grad": gradient, "value_fn": field.value}
        change, memory = self.optimiser.update(gradient, memory, position, **extra)
        moved = jnp.asarray(optax.apply_updates(position, change))
        return Move(moved, self.interval.astype(time.dtype), memory)

    def _looks(self, mu: Particles) -> bool:
        """Return True if an update may depend on the value or calls the function."""
        called = []

        def update(value: Scalar, position: Position):
            def function(position: Position) -> Scalar:
                called.append(True)
                return value + 0 * jnp.sum(position)

            extra = {"value": value, "grad": position, "value_fn": function} if self._takes_more else {}
            return self.optimiser.update(position, self.optimiser.init(position), position, **extra)

        program = jax.make_jaxpr(update)(jnp.zeros((), mu.dtype), mu.position).jaxpr
        needed = {id(variable) for variable in program.outvars}
        for line in reversed(program.eqns):
            if any(id(variable) in needed for variable in line.outvars):
                needed |= {id(variable) for variable in line.invars}
        return bool(called) or id(program.invars[0]) in needed

    @property
    def _takes_more(self) -> bool:
        return isinstance(self.optimiser, optax.GradientTransformationExtraArgs)
