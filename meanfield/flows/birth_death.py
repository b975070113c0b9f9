"""Gradient descent of particles that die where F'[μ] is high and are cloned where it is low."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from meanfield._meant import instance
from meanfield._typing import Mass, Random, Scalar
from meanfield.arguments import positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, random_beginning
from meanfield.flows.conic import first_variation, linear_in_outputs
from meanfield.flows.gradient import constant_clock
from meanfield.objective import AbstractObjective, TangentObjective
from meanfield.particles import Particles
from meanfield.streams import stream

Candidates = Float[Array, " c"]


class BirthDeath(AbstractFlow):
    r"""Transport θ_j ← θ_j + βh v_j, v_j = −∇F'[μ](θ_j), with births and deaths at the rate g = τ (F'[μ] − ∫ F'[μ] dμ).

    As m → ∞ and h → 0 this is ∂_t μ = β ∇·(μ ∇F'[μ]) − g μ, along which dF/dt = −β ∫ |∇F'|² dμ − τ Var_μ(F'). Mass
    goes where F' is low without travelling there, so that slow transport (plateaus, particles far from where they are
    needed) does not hold it up. Source: Rotskoff, Jelassi, Bruna & Vanden-Eijnden (2019).

    The number of particles is kept by one draw for both ends: with q_j ∝ p_j exp(−h g_j), the masses that the reaction
    alone would lead to, particle j dies with probability (1 − q_j/p_j)₊, and its place is taken by a clone of a
    particle drawn with weights (q − p)₊. Deaths and births have the same total, and so, exactly and for any h,

        E Σ_j p_j φ(θ_j after) = Σ_j q_j φ(θ_j + βh v_j)    for every function φ.

    (Drawing for each particle apart whether it dies or doubles, and then adding or removing particles at random until
    m are left, has the same mean to first order in h and more noise.) F' and v are taken from the same μ, in one pass.

    **Arguments:**

    - `step`: h, in units of mean-field time.
    - `rate`: τ ≥ 0, per unit of F' and of time. With 0 this is `GradientFlow`. Keep h τ times the range of F' below 1.
    - `transport`: β ≥ 0; with 0 particles stay where they were born.
    - `spread`: standard deviation of what a clone is moved off its parent by, in each parameter. Without it the two
      move as one for ever, which is a particle of twice the mass.
    - `prior`: particles ν at fixed places, in which the dead are born again with weights ν_k (∫ F' dμ − F'(θ_k))₊, at
      deaths with probability 1 − exp(−h g₊). Unlike clones these can be where μ has no mass. When none of positive
      weight is better than the mean, the step is one of clones, as without a prior.

    The noise of step k follows from `key` and k, so that the length of chunks is not part of the result.

    Raises `ValueError` for a step that is not positive, negative numbers, a prior with other columns, a linearised
    objective and, at the start, a simulation without `key`.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=2)
    >>> mf.simulate(objective, mf.BirthDeath(0.1, rate=2.0), mu, times=10.0, key=key).status
    'done'
    """

    size: Scalar
    rate: Scalar
    transport: Scalar
    spread: Scalar | None
    prior: Particles | None

    def __init__(self, step, rate=1.0, transport=1.0, spread=None, prior=None):
        self.size = positive_scalar("step", step)
        self.rate = positive_scalar("rate", rate, zero=True)
        self.transport = positive_scalar("transport", transport, zero=True)
        self.spread = spread
        if spread is not None:
            self.spread = positive_scalar("spread", spread, zero=True)
        self.prior = None if prior is None else instance("prior", prior, Particles)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        if isinstance(objective, TangentObjective):
            raise ValueError("objective is linearised: expected a network, whose units have a first variation.")
        linear_in_outputs(objective, mu)
        if self.prior is not None and self.prior.position.shape[1] != mu.position.shape[1]:
            raise ValueError(
                f"prior has {self.prior.position.shape[1]} columns: expected {mu.position.shape[1]}, as the particles."
            )
        return objective.started(mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return random_beginning(mu, key, "BirthDeath draws births")

    def step(self, objective: AbstractObjective, state: State) -> State:
        assert state.key is not None
        mu = state.particles
        h, tau = self.size.astype(mu.dtype), self.rate.astype(mu.dtype)
        potential, velocity = first_variation(objective, _joined(mu, self.prior))
        places = mu.position + self.transport.astype(mu.dtype) * h * velocity[: mu.m]
        p = mu.mass / jnp.sum(mu.mass)
        death, birth = _odds(p, tau * h * (potential - jnp.dot(p, potential[: mu.m])), self.prior)
        # One flat draw, which takes half as long to compile as rows of draws.
        levels = jax.random.uniform(stream(state.key, "births and deaths", state.step), (2 * mu.m,), mu.dtype)
        chosen = _drawn(levels[mu.m :], birth)
        dies = (levels[: mu.m] < death) & (birth[chosen] > 0)
        if self.prior is None:
            born = places[chosen]
        else:
            born = jnp.concatenate([places, self.prior.position.astype(mu.dtype)])[chosen]
        if self.spread is not None:
            noise = jax.random.normal(stream(state.key, "spread of births", state.step), born.shape, mu.dtype)
            born = born + jnp.where((chosen < mu.m)[:, None], self.spread.astype(mu.dtype) * noise, 0)
        position = jnp.where(dies[:, None], born, places)
        return eqx.tree_at(
            lambda s: (s.particles, s.time, s.step), state, (mu.moved(position), state.time + h, state.step + 1)
        )

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return constant_clock(float(self.size), times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return f"lower the step (now {float(self.size):.3g}), rate or transport"


def _joined(mu: Particles, prior: Particles | None) -> Particles:
    """μ with the prior's places at mass zero, where F'[μ] is then computed as well."""
    if prior is None:
        return mu
    position = jnp.concatenate([mu.position, prior.position.astype(mu.dtype)])
    mass = jnp.concatenate([mu.mass, jnp.zeros(prior.m, mu.dtype)])
    return eqx.tree_at(lambda particles: (particles.position, particles.mass), mu, (position, mass))


def _odds(p: Mass, growth: Candidates, prior: Particles | None) -> tuple[Mass, Candidates]:
    """(probability of death, weights of birth) for τh(F' − mean) at the particles, and at the prior behind them."""
    own, positive = growth[: p.shape[0]], p > 0
    q = jax.nn.softmax(jnp.where(positive, jnp.log(jnp.where(positive, p, 1)) - own, -jnp.inf))
    death, clone = jnp.where(positive, jax.nn.relu(1 - q / jnp.where(positive, p, 1)), 0), jax.nn.relu(q - p)
    if prior is None:
        return death, clone
    new = prior.mass.astype(p.dtype) * jax.nn.relu(-growth[p.shape[0] :])
    any_new = jnp.any(new > 0)
    death = jnp.where(any_new & positive, -jnp.expm1(-jax.nn.relu(own)), death)
    return death, jnp.concatenate([jnp.where(any_new, 0, clone), new])


def _drawn(levels: Mass, weights: Candidates) -> Int[Array, " m"]:
    """Independent draws with these weights, by inversion of their running sum at uniform `levels`: memory is O(m)."""
    upto = jnp.cumsum(weights)
    return jnp.clip(jnp.searchsorted(upto, levels * upto[-1], side="right"), 0, weights.shape[0] - 1)
