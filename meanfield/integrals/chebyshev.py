"""Chebyshev points on the data's interval and the matrix that interpolates from them to the samples."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from meanfield.arguments.typing import Inputs

Points = Float[Array, "nodes 1"]
Matrix = Float[Array, "n nodes"]


class Interval(eqx.Module):
    """[centre − half, centre + half] around all samples."""

    centre: Float[Array, ""]
    half: Float[Array, ""]

    def __init__(self, x: Inputs):
        # Barriers, here and below: these numbers are written once. Computed again for another use, in other code,
        # they may round differently, and samples next to a point would then be next to it on the other side.
        low, high = jnp.min(x), jnp.max(x)
        self.centre = jax.lax.optimization_barrier(low + (high - low) / 2)
        self.half = jax.lax.optimization_barrier(jnp.max(jnp.abs(x - self.centre)))


def points(interval: Interval, nodes: int) -> Points:
    """Chebyshev points of the interval, as inputs [nodes, 1]; from right to left."""
    unit, _ = _unit_points(nodes, interval.half.dtype)
    return (interval.centre + interval.half * unit)[:, None]


def interpolation(interval: Interval, x: Inputs, nodes: int) -> Matrix:
    r"""L with p(x_i) = Σ_k L_ik g(t_k) for the polynomial p of degree nodes − 1 that equals g at the points t_k.

    By the barycentric formula, L_ik = (c_k/(u_i − t_k)) / Σ_l (c_l/(u_i − t_l)) with c = (½, −1, 1, …, ±½) and samples
    u_i and points t_k brought to [−1, 1]. Points are known to twice the precision, so that their differences from
    samples have small relative errors also where points crowd.
    Source: Berrut & Trefethen, Barycentric Lagrange interpolation, SIAM Review 46 (2004), eqs. 4.2 and 5.4.
    """
    dtype = x.dtype
    unit, rest = _unit_points(nodes, dtype)
    weight = np.resize([1.0, -1.0], nodes)
    weight[[0, -1]] /= 2
    u = jax.lax.optimization_barrier((x - interval.centre) / jnp.where(interval.half == 0, 1, interval.half))
    away = jax.lax.optimization_barrier(u - unit) - rest
    # A sample on a point takes the value there: the term of that point outweighs all others.
    terms = jnp.asarray(weight, dtype) / jnp.where(away == 0, 4 * jnp.finfo(dtype).tiny, away)
    return terms / jnp.sum(terms, axis=1, keepdims=True)


def _unit_points(nodes: int, dtype) -> tuple[Array, Array]:
    """t_k = cos(πk/(nodes − 1)) as the sum of a number of the type and a small rest."""
    angle = np.pi * np.arange(nodes) / (nodes - 1)
    right = angle <= np.pi / 2
    sign = np.where(right, 1.0, -1.0)
    # 1 − |t|, with a small relative error where t itself, rounded to float64, would lose it.
    gap = 2 * np.sin(np.where(right, angle, np.pi - angle) / 2) ** 2
    near = (sign * (1 - gap)).astype(dtype)
    rest = sign * ((1 - sign * near.astype(np.float64)) - gap)
    return jnp.asarray(near), jnp.asarray(rest.astype(dtype))
