"""Particles that die where F' is high and are cloned where it is low."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from meanfield.arguments import positive_scalar
from meanfield.arguments.meant import instance
from meanfield.arguments.typing import Count, Mass, Random, Scalar
from meanfield.flows.reactions.abstract import AbstractReaction, Reacted
from meanfield.flows.start import AbstractChecked, Start
from meanfield.particles import Particles
from meanfield.streams import stream

Candidates = Float[Array, " c"]


class BirthDeath(AbstractReaction, AbstractChecked):
    r"""Births and deaths at the rate g = τ (F'[μ] − ∫ F'[μ] dμ).

    With `Euler(h, transport=β)`, as m → ∞ and h → 0, this is ∂_t μ = β ∇·(μ ∇F'[μ]) − g μ, along which
    dF/dt = −β ∫ |∇F'|² dμ − τ Var_μ(F'). Mass goes where F' is low without travelling there, so that slow transport
    (plateaus, particles far from where they are needed) does not hold it up.

    The number of particles is kept by one draw for both ends: with q_j ∝ p_j exp(−h g_j), the masses that the reaction
    alone would lead to, particle j dies with probability (1 − q_j/p_j)₊, and its place is taken by a clone of a
    particle drawn with weights (q − p)₊. Deaths and births have the same total, and so, exactly and for any h,

        E Σ_j p_j φ(θ_j after) = Σ_j q_j φ(θ_j moved)    for every function φ.

    (Drawing for each particle apart whether it dies or doubles, and then adding or removing particles at random until
    m are left, has the same mean to first order in h and more noise.) What a stepper remembers of a particle goes with
    its clones.

    **Arguments:**

    - `rate`: τ ≥ 0, per unit of F' and of time; with 0 nobody dies, to the bit. Keep h τ times the range of F' below 1.
    - `spread`: standard deviation of what a clone is moved off its parent by, in each parameter. Without it the two
      move as one for ever, which is a particle of twice the mass.
    - `prior`: particles ν at fixed places, in which the dead are born again with weights ν_k (∫ F' dμ − F'(θ_k))₊, at
      deaths with probability 1 − exp(−h g₊). Unlike clones these can be where μ has no mass. When none of positive
      weight is better than the mean, the step is one of clones, as without a prior.

    The noise of step k follows from the simulation's key and k. Raises `ValueError` for negative numbers and a prior
    with other columns. Source: Rotskoff, Jelassi, Bruna & Vanden-Eijnden (2019).
    """

    rate: Scalar
    spread: Scalar | None
    prior: Particles | None
    draws: ClassVar[str] = "births"
    whole: ClassVar[bool] = True
    advice: ClassVar[str] = "lower rate or transport"

    def __init__(self, rate: Any = 1.0, spread: Any = None, prior: Any = None):
        self.rate = positive_scalar("rate", rate, zero=True)
        self.spread = None if spread is None else positive_scalar("spread", spread, zero=True)
        self.prior = None if prior is None else instance("prior", prior, Particles)

    def prepare(self, start: Start) -> None:
        mu = start.particles
        if self.prior is not None and self.prior.position.shape[1] != mu.position.shape[1]:
            raise ValueError(
                f"prior has {self.prior.position.shape[1]} columns: expected {mu.position.shape[1]}, as the particles."
            )

    def react(
        self,
        before: Particles,
        moved: Particles,
        potential: Candidates,
        length: Scalar,
        key: Random | None,
        step: Count,
    ) -> Reacted:
        assert key is not None
        m, places, dtype = before.m, moved.position, before.dtype
        p = before.mass / jnp.sum(before.mass)
        death, birth = _odds(p, self.rate.astype(dtype) * length * (potential - jnp.dot(p, potential[:m])), self.prior)
        # One flat draw, which takes half as long to compile as rows of draws.
        levels = jax.random.uniform(stream(key, "births and deaths", step), (2 * m,), dtype)
        chosen = _drawn(levels[m:], birth)
        dies = (levels[:m] < death) & (birth[chosen] > 0)
        if self.prior is None:
            born = places[chosen]
        else:
            born = jnp.concatenate([places, self.prior.position.astype(dtype)])[chosen]
        if self.spread is not None:
            noise = jax.random.normal(stream(key, "spread of births", step), born.shape, dtype)
            born = born + jnp.where((chosen < m)[:, None], self.spread.astype(dtype) * noise, 0)
        parents = jnp.where(dies, chosen, jnp.arange(m))
        return Reacted(moved.moved(jnp.where(dies[:, None], born, places)), parents)


def _odds(p: Mass, growth: Candidates, prior: Particles | None) -> tuple[Mass, Candidates]:
    """(probability of death, weights of birth) for τh(F' − mean) at the particles, and at the prior behind them."""
    own, positive = growth[: p.shape[0]], p > 0
    weight = jnp.exp(jnp.min(own, where=positive, initial=jnp.inf) - own)
    # q/p, one where nothing grows: rounding must not kill, since the smallest of many uniform numbers is 0.
    ratio = weight * (jnp.sum(p) / jnp.sum(jnp.where(positive, p * weight, 0)))
    death, clone = jnp.where(positive, jax.nn.relu(1 - ratio), 0), jnp.where(positive, p * jax.nn.relu(ratio - 1), 0)
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
