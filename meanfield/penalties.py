"""Penalties V(θ), averaged over the particles: F = R/α² + ∫ V dμ. Any function θ ↦ V(θ) will do."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield._typing import Parameter, Scalar
from meanfield.arguments import nonnegative_array, positive_scalar


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


class ParameterDecay(eqx.Module):
    r"""V(θ) = ½ Σ_k λ_k θ_k²: `WeightDecay` where all λ_k are equal.

    With λ_k = 0 a parameter is free, such as a bias that shall move at no cost.

    **Arguments:** `strengths`: λ, shape [p], one number of at least 0 for each parameter of a particle. Raises
    `ValueError` for other numbers.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> float(mf.ParameterDecay([0.1, 0.1, 0.0])(jnp.array([2.0, 1.0, 5.0])))
    0.25
    """

    strengths: Float[Array, " p"]

    def __init__(self, strengths):
        self.strengths = nonnegative_array("strengths", strengths, "p")

    def __call__(self, theta: Parameter) -> Scalar:
        if theta.shape != self.strengths.shape:
            raise ValueError(f"strengths has shape {self.strengths.shape}: expected {theta.shape}, as a particle.")
        return (0.5 * jnp.sum(self.strengths * jnp.square(theta))).astype(theta.dtype)
