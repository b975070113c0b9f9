"""Penalties V(θ), averaged over the particles: F = R/α² + ∫ V dμ. Any function θ ↦ V(θ) will do."""

import equinox as eqx
import jax.numpy as jnp

from meanfield._typing import Parameter, Scalar
from meanfield.arguments import positive_scalar


class WeightDecay(eqx.Module):
    """V(θ) = (strength/2) |θ|². Raises `ValueError` for a strength that is negative or not finite."""

    strength: Scalar

    def __init__(self, strength):
        self.strength = positive_scalar("strength", strength, zero=True)

    def __call__(self, theta: Parameter) -> Scalar:
        return (0.5 * self.strength * jnp.sum(jnp.square(theta))).astype(theta.dtype)


class TotalMass(eqx.Module):
    """V(θ) = strength: ∫ V dμ is strength times the mass of μ, its total-variation norm where |a| is fixed to 1.

    It matters to flows under which mass may change, such as `ConicFlow`. Raises `ValueError` for a strength that is
    negative or not finite.
    """

    strength: Scalar

    def __init__(self, strength):
        self.strength = positive_scalar("strength", strength, zero=True)

    def __call__(self, theta: Parameter) -> Scalar:
        return self.strength.astype(theta.dtype)
