"""Cutting particles and samples into equal shares, and going over them."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.particles import Particles


def share(count: int, most: int) -> int:
    """Size of nearly equal shares of at most `most`: a divisor of `count` if one is near, so that nothing is padded."""
    least = -(-count // most)
    for shares in range(least, 2 * least + 1):
        if count % shares == 0:
            return count // shares
    return -(-count // least)


def cut(rows: jax.Array, size: int, mode: str = "edge") -> jax.Array:
    """[shares, size, …]; the last is filled with copies of the last row, or with zeros for mode="constant"."""
    fill = ((0, -rows.shape[0] % size), *((0, 0) for _ in rows.shape[1:]))
    return jnp.pad(rows, fill, mode=mode).reshape(-1, size, *rows.shape[1:])


def blocks(mu: Particles, size: int) -> Particles:
    """[blocks, size, p]; the last block is filled with copies of the last particle of mass zero."""
    shares = cut(mu.position, size), cut(mu.mass, size, "constant")
    return eqx.tree_at(lambda nu: (nu.position, nu.mass), mu, shares)


def over(function: Callable, shares: Any) -> Any:
    """`lax.map`, without its loop for a single share."""
    if len(jax.tree.leaves(shares)[0]) > 1:
        return jax.lax.map(function, shares)
    return jax.tree.map(lambda leaf: leaf[None], function(jax.tree.map(lambda leaf: leaf[0], shares)))
