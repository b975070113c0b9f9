"""Named activations σ: ℝ → ℝ, with the facts theorems and kernels ask about: homogeneity, smoothness, slopes.

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
    """σ with its degree of positive homogeneity (None: not homogeneous), whether it is C², and its two slopes.

    `slopes` is (σ' below 0, σ' above 0) for a σ that is linear on either side of 0, and None otherwise.
    """

    function: Callable
    homogeneity: int | None
    smooth: bool
    slopes: tuple[float, float] | None = None


ACTIVATIONS = {
    "relu": Activation(jax.nn.relu, 1, False, (0.0, 1.0)),
    "leaky_relu": Activation(leaky_relu, 1, False, (0.01, 1.0)),
    "squared_relu": Activation(squared_relu, 2, False),
    "tanh": Activation(jnp.tanh, None, True),
    "erf": Activation(jax.scipy.special.erf, None, True),
    "sigmoid": Activation(jax.nn.sigmoid, None, True),
    "softplus": Activation(jax.nn.softplus, None, True),
    "gelu": Activation(gelu, None, True),
    "cosine": Activation(jnp.cos, None, True),
    "linear": Activation(linear, 1, True, (1.0, 1.0)),
}


OTHER_NAMES = {
    "relu": (jax.nn.relu,),
    "leaky_relu": (jax.nn.leaky_relu,),
    "tanh": (jax.nn.tanh, jax.lax.tanh),
    "erf": (jax.lax.erf,),
    "sigmoid": (jax.scipy.special.expit, jax.lax.logistic),
    "cosine": (jax.lax.cos,),
    "linear": (jax.nn.identity,),
}
"""The same σ under other names of JAX. `jax.nn.gelu` is none of them: unless told otherwise it approximates."""


def recognised(function: Callable) -> Activation | None:
    """Return the entry of `ACTIVATIONS` that this very function is, by this name or another of JAX; None otherwise."""
    for name, activation in ACTIVATIONS.items():
        if any(function is known for known in (activation.function, *OTHER_NAMES.get(name, ()))):
            return activation
    return None


def named(activation: str) -> Activation:
    """The entry of `ACTIVATIONS`; raises `ValueError` with the nearest name when there is none."""
    return ACTIVATIONS[one_of("activation", activation, ACTIVATIONS)]
