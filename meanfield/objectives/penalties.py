"""Penalties V(θ), averaged over the particles: F = R/α² + ∫ V dμ. Any function θ ↦ V(θ) will do."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import nonnegative_array, positive_scalar
from meanfield.arguments.described import html, text
from meanfield.arguments.typing import Parameter, Scalar


class WeightDecay(eqx.Module):
    """V(θ) = (strength/2) |θ|². Raises `ValueError` for a strength that is negative or not finite."""

    __repr__, _repr_html_ = text, html

    strength: Scalar

    def __init__(self, strength):
        self.strength = positive_scalar("strength", strength, zero=True)

    def __call__(self, theta: Parameter) -> Scalar:
        return (0.5 * self.strength * jnp.sum(jnp.square(theta))).astype(theta.dtype)


class L1(eqx.Module):
    r"""V(θ) = strength · Σ_c |θ_c|, which has a proximal step in place of a gradient: particles become sparse.

    prox_{hV}(θ)_c = sign(θ_c) (|θ_c| − h · strength)₊, taken after every step by steppers that know it (`Euler`, which
    is then forward–backward splitting, and `HeavyBall`). Raises `ValueError` for a strength that is negative or not
    finite.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> mf.penalties.L1(0.5).proximal(jnp.array([-2.0, 0.25]), 1.0).tolist()
    [-1.5, 0.0]

    Source: Tibshirani (1996); Combettes & Wajs (2005).
    """

    __repr__, _repr_html_ = text, html

    strength: Scalar

    def __init__(self, strength):
        self.strength = positive_scalar("strength", strength, zero=True)

    def __call__(self, theta: Parameter) -> Scalar:
        return (self.strength * jnp.sum(jnp.abs(theta))).astype(theta.dtype)

    def proximal(self, theta: Parameter, step) -> Parameter:
        """Return argmin_ϑ V(ϑ) + Σ_c (ϑ_c − θ_c)²/(2h_c),
        h one number or one for each parameter; θ_c where h_c is 0."""
        shrunk = jnp.maximum(jnp.abs(theta) - jnp.asarray(step * self.strength, theta.dtype), 0)
        return jnp.sign(theta) * shrunk


class TotalMass(eqx.Module):
    """V(θ) = strength: ∫ V dμ is strength times the mass of μ, its total-variation norm where |a| is fixed to 1.

    It matters to flows under which mass may change, such as `ConicFlow`. Raises `ValueError` for a strength that is
    negative or not finite.
    """

    __repr__, _repr_html_ = text, html

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
    >>> float(mf.penalties.ParameterDecay([0.1, 0.1, 0.0])(jnp.array([2.0, 1.0, 5.0])))
    0.25
    """

    __repr__, _repr_html_ = text, html

    strengths: Float[Array, " p"]

    def __init__(self, strengths):
        self.strengths = nonnegative_array("strengths", strengths, "p")

    def __call__(self, theta: Parameter) -> Scalar:
        if theta.shape != self.strengths.shape:
            raise ValueError(f"strengths has shape {self.strengths.shape}: expected {theta.shape}, as a particle.")
        return (0.5 * jnp.sum(self.strengths * jnp.square(theta))).astype(theta.dtype)
