"""Any optax optimiser as a flow."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax

from meanfield._typing import Random, Scalar
from meanfield.arguments import positive_scalar, said
from meanfield.flows.abstract import AbstractFlow, State, beginning
from meanfield.flows.gradient import constant_clock
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles


class OptimiserFlow(AbstractFlow):
    r"""An optax optimiser fed with the gradient ∇F'[μ](θ_j) = −v_j of every particle.

    **Arguments:**

    - `optimiser`: an `optax.GradientTransformation`, such as `optax.adam(1e-2)`.
    - `interval`: the time that one update counts for; with the default of one, times are numbers of updates. For
      `optax.sgd(h)` an interval of h gives the time of `GradientFlow(h)`.

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

    def __init__(self, optimiser: optax.GradientTransformation, interval=1.0):
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
        return objective.started(mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return beginning(mu, key, self.optimiser.init(mu.position))

    def step(self, objective: AbstractObjective, state: State) -> State:
        mu = state.particles
        move, memory = self.optimiser.update(-objective.velocity(mu), state.memory, mu.position)
        position = optax.apply_updates(mu.position, move)
        time = state.time + self.interval.astype(state.time.dtype)
        return eqx.tree_at(
            lambda s: (s.particles, s.time, s.step, s.memory),
            state,
            (mu.moved(jnp.asarray(position)), time, state.step + 1, memory),
        )

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return constant_clock(float(self.interval), times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return "lower the optimiser's learning rate"
