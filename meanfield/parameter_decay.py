"""A quadratic penalty with a strength of its own for each parameter of a particle."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield._typing import Parameter, Scalar
from meanfield.arguments import nonnegative_array


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
