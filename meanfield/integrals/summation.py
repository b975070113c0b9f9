"""Sums over many blocks whose rounding does not grow with the number of blocks."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

CHAIN = 8192
"""Most particles that are added one after the other, each addition with a rounding; particles that have come together
make these roundings alike. Between chains sums are compensated, or few.
"""


def compensated(term: Callable, blocks: Any) -> tuple[jax.Array, Any]:
    r"""(Σ_b t_b, stacked extras) for (t_b, extra_b) = term(block_b), one block at a time.

    Kahan's summation: the running sum s carries what the last additions lost, so that the error is
    ≤ 2ε|Σ t_b| + O(Bε²) Σ|t_b| for B blocks, where plain accumulation has up to Bε Σ|t_b|. The price is three additions
    a block, against the block's own work. Source: Higham, Accuracy and Stability of Numerical Algorithms, Thm 4.8.
    """
    first = jax.tree.map(lambda leaf: leaf[0], blocks)
    if len(jax.tree.leaves(blocks)[0]) == 1:
        total, extra = term(first)
        return total, jax.tree.map(lambda leaf: leaf[None], extra)
    shape = jax.eval_shape(lambda: term(first)[0])
    zero = jnp.zeros(shape.shape, shape.dtype)

    def add(carry, block):
        total, lost = carry
        value, extra = term(block)
        value = value - lost
        after = total + value
        return (after, (after - total) - value), extra

    (total, _), extras = jax.lax.scan(add, (zero, zero), blocks)
    return total, extras
