"""Rates that are one number for all parameters of a particle, or one for each."""

import numpy as np
from jaxtyping import Array, Float

from meanfield.arguments import nonnegative_array, positive_scalar
from meanfield.particles import Particles

Rate = Float[Array, "*p"]


def rate(name: str, value) -> Rate:
    """Return one number of at least 0, or an array [p] of them."""
    if isinstance(value, str | bytes) or not hasattr(value, "__len__") or getattr(value, "shape", None) == ():
        return positive_scalar(name, value, zero=True)
    return nonnegative_array(name, value, "p")


def fits(name: str, value, mu: Particles) -> None:
    """Raise `ValueError` for what is neither one number nor one for each parameter of these particles."""
    shape, p = np.shape(value), mu.position.shape[1]
    if shape not in ((), (p,)):
        raise ValueError(f"{name} has shape {shape}: expected one number, or ({p},), one a parameter.")
