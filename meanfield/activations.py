"""Named activations σ: ℝ → ℝ, with the two facts theorems ask about: homogeneity and smoothness.

A derivative at a kink is the one of the left branch (relu'(0) = 0), for every kernel alike.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from meanfield.arguments import one_of


def squared_relu(z):
    """σ(z) = max(z, 0)², homogeneous of degree two."""
    return jnp.square(jax.nn.relu(z))


def leaky_relu(z):
    """σ(z) = max(z, 0) + 0.01 min(z, 0)."""
    return jnp.where(z > 0, z, 0.01 * z)


def gelu(z):
    """σ(z) = z Φ(z) with Φ the normal distribution function (exact, not the tanh approximation)."""
    return jax.nn.gelu(z, approximate=False)


def linear(z):
    """σ(z) = z."""
    return z


class Activation(NamedTuple):
    """σ with its degree of positive homogeneity (None: not homogeneous) and whether it is C²."""

    function: Callable
    homogeneity: int | None
    smooth: bool


ACTIVATIONS = {
    "relu": Activation(jax.nn.relu, 1, False),
    "leaky_relu": Activation(leaky_relu, 1, False),
    "squared_relu": Activation(squared_relu, 2, False),
    "tanh": Activation(jnp.tanh, None, True),
    "erf": Activation(jax.scipy.special.erf, None, True),
    "sigmoid": Activation(jax.nn.sigmoid, None, True),
    "softplus": Activation(jax.nn.softplus, None, True),
    "gelu": Activation(gelu, None, True),
    "cosine": Activation(jnp.cos, None, True),
    "linear": Activation(linear, 1, True),
}


def named(activation: str) -> Activation:
    """The entry of `ACTIVATIONS`; raises `ValueError` with the nearest name when there is none."""
    return ACTIVATIONS[one_of("activation", activation, ACTIVATIONS)]
