"""Any optax optimiser as a flow."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from meanfield._typing import Position, Random, Scalar
from meanfield.arguments import host, positive_scalar, said
from meanfield.flows.abstract import AbstractFlow, State, beginning
from meanfield.flows.gradient import constant_clock
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles


class OptimiserFlow(AbstractFlow):
    r"""An optax optimiser fed with the gradient ∇F'[μ](θ_j) = −v_j of every particle.

    **Arguments:**

    - `optimiser`: an `optax.GradientTransformation`, such as `optax.adam(1e-2)`. One that looks at the value or
      searches along lines (`optax.lbfgs`, `optax.polyak_sgd`) is given `value`, `grad` and `value_fn` of m F,
      whose gradient is −v for particles of mass 1/m each.
    - `interval`: the time that one update counts for; with the default of one, times are numbers of updates. For
      `optax.sgd(h)` an interval of h gives the time of `GradientFlow(h)`.

    Raises `ValueError` for what is no optimiser, for one whose update asks for more than that, and where the value is
    looked at for masses that differ.

    >>> import jax, jax.numpy as jnp, meanfield as mf, optax
    >>> unit = mf.Neuron("tanh")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=20, d=2)
    >>> run = mf.simulate(objective, mf.OptimiserFlow(optax.adam(1e-2)), mu, times=[0, 100])
    >>> bool(run.values["risk"][-1] < run.values["risk"][0])
    True
    """

    optimiser: optax.GradientTransformation
    interval: Scalar

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

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        objective, mass = objective.started(mu), host(mu.mass)

        def once(mu: Particles) -> State:
            return self.step(objective, self.init(objective, mu))

        try:
            looks = self._looks(mu)
            jax.eval_shape(once, mu)
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
        return objective

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return beginning(mu, key, self.optimiser.init(mu.position))

    def step(self, objective: AbstractObjective, state: State) -> State:
        mu = state.particles
        gradient = -objective.velocity(mu)
        move, memory = self.optimiser.update(
            gradient, state.memory, mu.position, **self._extra(objective, mu, gradient)
        )
        position = optax.apply_updates(mu.position, move)
        time = state.time + self.interval.astype(state.time.dtype)
        return eqx.tree_at(
            lambda s: (s.particles, s.time, s.step, s.memory),
            state,
            (mu.moved(jnp.asarray(position)), time, state.step + 1, memory),
        )

    def _extra(self, objective: AbstractObjective, mu: Particles, gradient: Position) -> dict[str, Any]:
        """What is passed to an optimiser that takes more than gradients and parameters."""
        if not self._takes_more:
            return {}

        def value(position: Position) -> Scalar:
            return mu.m * objective.value(mu.moved(position))

        return {"value": value(mu.position), "grad": gradient, "value_fn": value}

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

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return constant_clock(float(self.interval), times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return "lower the optimiser's learning rate"
