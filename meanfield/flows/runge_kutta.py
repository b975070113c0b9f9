"""Explicit Runge–Kutta steps of one size: the gradient flow with an error of known order."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield._typing import Random, Scalar
from meanfield.arguments import one_of, positive_count, positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, beginning
from meanfield.flows.gradient import constant_clock
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles

STAGES = {2: (0.0, 1.0), 4: (0.0, 0.5, 0.5, 1.0)}
"""Where on the step each stage is evaluated, by the order: Heun's method, and the classical one."""

WEIGHTS = {2: (0.5, 0.5), 4: (1 / 6, 1 / 3, 1 / 3, 1 / 6)}


class RungeKutta(AbstractFlow):
    r"""The gradient flow θ_j' = −∇F'[μ](θ_j) by fixed steps of a method of order 2 or 4.

    **Arguments:**

    - `step`: h, in mean-field time.
    - `order`: 4 for the classical method (four velocities a step, error h⁴ at a fixed time), 2 for Heun's (two
      velocities, error h²). `GradientFlow` is order 1.

    The order is that of smooth units: where a kink (relu) makes the velocity jump, every method falls back to order 1
    at best. Raises `ValueError` for a step that is not positive or another order.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("tanh")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=20, d=2)
    >>> mf.simulate(objective, mf.RungeKutta(0.25), mu, times=10.0).status
    'done'
    """

    size: Scalar
    order: int = eqx.field(static=True)

    def __init__(self, step, order: int = 4):
        self.size = positive_scalar("step", step)
        self.order = one_of("order", positive_count("order", order), STAGES)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        return objective.started(mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return beginning(mu, key)

    def step(self, objective: AbstractObjective, state: State) -> State:
        mu, h = state.particles, self.size.astype(state.particles.dtype)

        def stage(carry, at):
            velocity, total = carry
            velocity = objective.velocity(mu.moved(mu.position + at[0] * h * velocity))
            return (velocity, total + at[1] * velocity), None

        # A loop, so that the velocity is compiled once and not once a stage.
        stages = jnp.stack([jnp.asarray(of[self.order], mu.dtype) for of in (STAGES, WEIGHTS)], axis=1)
        zero = jnp.zeros_like(mu.position)
        position = mu.position + h * jax.lax.scan(stage, (zero, zero), stages)[0][1]
        return eqx.tree_at(
            lambda s: (s.particles, s.time, s.step), state, (mu.moved(position), state.time + h, state.step + 1)
        )

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return constant_clock(float(self.size), times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return f"lower the step (now {float(self.size):.3g}) or use AdaptiveFlow"

    def evaluated(self, state: State) -> int:
        return len(STAGES[self.order]) * int(state.step)
