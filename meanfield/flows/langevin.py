"""Noisy gradient descent: the Euler–Maruyama step of mean-field Langevin dynamics."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield._meant import schedule
from meanfield._typing import Random, Scalar
from meanfield.arguments import positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, random_beginning
from meanfield.flows.gradient import GradientFlow
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles
from meanfield.streams import stream


class Langevin(AbstractFlow):
    r"""Noisy gradient descent θ_j ← θ_j + h v_j + √(2τh) ξ_j, ξ_j standard normal, new for each particle and step.

    As m → ∞ and h → 0 the law of a particle follows the Wasserstein gradient flow of the free energy F + τ ∫ μ log μ,
    whose minimum is the Gibbs measure of its own first variation, μ ∝ exp(−F'[μ]/τ). At finite h the stationary law is
    off by O(h).

    **Arguments:**

    - `step`: h, in units of mean-field time: a positive number, or a schedule k ↦ h_k, as in `GradientFlow`.
    - `temperature`: τ, in units of the objective: a number of at least 0 (at 0 this is `GradientFlow`), or a schedule
      k ↦ τ_k of the step number (annealing), such as optax makes or an `equinox.Module` with arrays for fields, which
      replicas may then differ in.

    The noise of step k follows from `key` and k, so that the length of chunks is not part of the result. Every
    particle is moved by it, whatever its mass. Particles that `shard` has put on several devices get the same noise as
    on one, up to rounding.

    Raises `ValueError` for a step that is not positive, a temperature below 0, and, at the start, for a simulation
    without `key`. A schedule that falls below 0 ends the simulation as diverged.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2), penalty=mf.WeightDecay(0.1))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=2)
    >>> mf.simulate(objective, mf.Langevin(0.1, temperature=0.01), mu, times=10.0, key=key).status
    'done'
    >>> cooling = lambda k: 0.1 / (1 + k)
    >>> mf.simulate(objective, mf.Langevin(0.1, cooling), mu, times=10.0, key=key).status
    'done'

    Source: Mei, Montanari & Nguyen (2018); Chizat (2022) for annealing.
    """

    descent: GradientFlow
    temperature: Scalar | Callable

    def __init__(self, step, temperature):
        self.descent = GradientFlow(step)
        if callable(temperature):
            self.temperature = schedule("temperature", temperature)
        else:
            self.temperature = positive_scalar("temperature", temperature, zero=True)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        return self.descent.prepare(objective, mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return random_beginning(mu, key, "Langevin draws noise")

    def step(self, objective: AbstractObjective, state: State) -> State:
        assert state.key is not None
        k, mu = state.step, state.particles
        moved = self.descent.step(objective, state)
        h, tau = (value(k) if callable(value) else value for value in (self.descent.size, self.temperature))
        noise = jax.random.normal(stream(state.key, "noise of Langevin", k), mu.position.shape, mu.dtype)
        position = moved.particles.position + jnp.sqrt(2 * tau * h).astype(mu.dtype) * noise
        return eqx.tree_at(lambda s: s.particles, moved, mu.moved(position))

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.descent.clock(times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        scheduled = " or see that the temperature's schedule stays at 0 or above" if callable(self.temperature) else ""
        return f"lower the step (now {self.descent.now}){scheduled}"
