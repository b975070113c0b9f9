"""Masses that grow where F' is low: the reaction of the Wasserstein–Fisher–Rao flow."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import positive_scalar
from meanfield.arguments.typing import Count, Random, Scalar
from meanfield.flows.reactions.abstract import AbstractReaction, Reacted
from meanfield.particles import Particles


class Growth(AbstractReaction):
    r"""p_j ← p_j exp(−4αh F'[μ](θ_j)): the multiplicative step of mirror descent on masses.

    With `Euler(h, transport=β)` and h → 0 this is the Wasserstein–Fisher–Rao gradient flow
    ∂_t μ = −4α F'[μ] μ + β ∇·(μ ∇F'[μ]). In the coordinates of Chizat (2019), p_j = r_j²/m, it reads
    r_j' = −2α r_j F'[μ](θ_j) and θ_j' = −β ∇F'[μ](θ_j): r changes at the rate 2α, the mass r² at twice that. Total mass
    is not conserved, a particle of mass 0 keeps it, and both updates take F' and its gradient from the same μ.

    **Arguments:** `rate`: α ≥ 0; with 0 masses stay, to the bit. Stable for 4αh |F'| below 1. Raises `ValueError` for a
    negative rate. Source: Chizat, Sparse optimization on measures with over-parameterized gradient descent (2019).
    """

    rate: Scalar
    draws: ClassVar[str] = ""
    advice: ClassVar[str] = "lower growth"

    def __init__(self, rate: Any = 1.0):
        self.rate = positive_scalar("rate", rate, zero=True)

    def react(
        self,
        before: Particles,
        moved: Particles,
        potential: Float[Array, " c"],
        length: Scalar,
        key: Random | None,
        step: Count,
    ) -> Reacted:
        mass = before.mass * jnp.exp(-4 * self.rate.astype(before.dtype) * length * potential)
        return Reacted(eqx.tree_at(lambda mu: mu.mass, moved, mass), None)
