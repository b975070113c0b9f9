"""The arithmetic of one tile in a fused kernel: layouts, pre-activations, sums, padding."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import positive_count

CHUNK = 16
"""Inner size of one matrix product: the least Triton takes, and what it unrolls without spilling registers."""

PROGRAMS = 1024
"""Programs wanted at least, some eight for each multiprocessor of an H100."""

STEPS = 1024
"""Longest run of additions in one float32 sum; what is longer is cut, and the pieces are added pairwise."""


class Outer:
    """Few inputs: one vector of rows for each, z = Σ_c u_c v_cᵀ. Sums stay [held, streamed] until the end, so that
    threads need not talk in the loop."""

    def split(self, rows: Float[Array, "rows d"]) -> Float[Array, "d rows"]:
        return rows.T

    def join(self, pieces: Float[Array, "d rows"]) -> Float[Array, "rows d"]:
        return pieces.T

    def product(self, u: list, v: list) -> Array:
        return add(outer(uc, vc) for uc, vc in zip(u, v, strict=True))

    def times(self, s: Array, v: Array) -> Array:
        return s * v[None, :]

    def none(self, zero: Array) -> Array:
        return zero

    def partial(self, part: Array) -> Array:
        return part

    def total(self, part: Array) -> Array:
        return jnp.sum(part, axis=1)


class Product:
    """More inputs: 16 at a time by a matrix product of tiles. The outputs are summed in every step, which is little
    beside the products and leaves the registers to the weights."""

    def __init__(self, precision: str, interpret: bool):
        algorithm = {
            "highest": jax.lax.Precision.HIGHEST,
            "high": jax.lax.DotAlgorithmPreset.TF32_TF32_F32_X3,
            "default": jax.lax.DotAlgorithmPreset.TF32_TF32_F32,
        }
        self.precision = jax.lax.Precision.HIGHEST if interpret else algorithm[precision]

    def split(self, rows: Float[Array, "rows d"]) -> Float[Array, "pieces rows 16"]:
        count, d = rows.shape
        rows = jnp.pad(rows, ((0, 0), (0, up(d, CHUNK) - d)))  # zeros here only meet zeros
        return rows.reshape(count, -1, CHUNK).transpose(1, 0, 2)

    def join(self, pieces: Float[Array, "pieces rows 16"]) -> Float[Array, "rows d"]:
        return pieces.transpose(1, 0, 2).reshape(pieces.shape[1], -1)

    def product(self, u: list, v: list) -> Array:
        return add(self._dot(uc, vc, 1) for uc, vc in zip(u, v, strict=True))

    def times(self, s: Array, v: Array) -> Array:
        return self._dot(s, v, 0)

    def none(self, zero: Array) -> Array:
        return jnp.zeros((zero.shape[0], CHUNK), zero.dtype)

    def partial(self, part: Array) -> Array:
        return jnp.sum(part, axis=1)

    def total(self, part: Array) -> Array:
        return part

    def _dot(self, u: Array, v: Array, axis: int) -> Array:
        dimensions = (((1,), (axis,)), ((), ()))
        return jax.lax.dot_general(u, v, dimensions, precision=self.precision, preferred_element_type=u.dtype)


def axes(held: int, streamed: int, steps: int):
    """The rows this program holds, the piece it sums, and the columns of a step."""
    from jax.experimental import pallas

    tile, split = pallas.program_id(0), pallas.program_id(1)

    def columns(t):
        return pallas.ds((split * steps + t) * streamed, streamed)

    return pallas.ds(tile * held, held), split, columns


def load(ref: Any, rows) -> list[Array]:
    return [ref[c, rows] for c in range(ref.shape[0])]


def store(ref: Any, split, rows, pieces: list[Array]) -> None:
    for c, piece in enumerate(pieces):
        ref[split, c, rows] = piece


def outer(u: Array, v: Array) -> Array:
    return u[:, None] * v[None, :]


def add(terms) -> Array:
    terms = iter(terms)
    total = next(terms)
    for term in terms:
        total = total + term
    return total


def pairwise(parts: Float[Array, "splits *shape"]) -> Float[Array, "*shape"]:
    """The sum over the first axis by halves: rounding grows with the logarithm of its length."""
    while parts.shape[0] > 1:
        half = parts.shape[0] // 2
        parts = jnp.concatenate([parts[:half] + parts[half : 2 * half], parts[2 * half :]])
    return parts[0]


def up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple


def edge(rows: Float[Array, "rows c"], count: int) -> Float[Array, "count c"]:
    """Filled with copies of the last row, on which the user's functions are as good as on the others."""
    return jnp.pad(rows, ((0, count - rows.shape[0]), (0, 0)), mode="edge")


def zero_filled(rows: Float[Array, "rows c"], count: int) -> Float[Array, "count c"]:
    """Filled with zeros: weights under which the copies do not count."""
    return jnp.pad(rows, ((0, count - rows.shape[0]), (0, 0)))


def division(kept: int, summed: int, held: int, streamed: int) -> tuple[int, int]:
    """(splits, steps): enough pieces of the summed axis to fill the GPU, none of more than STEPS steps."""
    tiles = -(-summed // streamed)
    splits = max(min(tiles, -(-PROGRAMS // -(-kept // held))), -(-tiles // STEPS))
    steps = -(-tiles // splits)
    return -(-tiles // steps), steps


def tile_size(name: str, value) -> int:
    size = positive_count(name, value)
    if size < CHUNK or size & (size - 1):
        raise ValueError(f"{name}={size}: expected a power of two of at least {CHUNK}.")
    return size
