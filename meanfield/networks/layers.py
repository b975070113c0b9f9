"""The arrays of a two-layer network as frameworks keep them: f(x) = a σ(W x + b) + c."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from meanfield.arguments import floating_array


class Layers(NamedTuple):
    """Weights as PyTorch keeps them: one row of `W` a neuron, one row of `a` an output."""

    W: jax.Array
    """Input weights, [m, d]."""
    b: jax.Array | None
    """Biases of the neurons, [m]; None where there are none."""
    a: jax.Array
    """Output weights, [k, m]."""
    c: jax.Array | None
    """Biases of the outputs, [k]; None where there are none."""


def layers(W, b=None, a=None, c=None) -> Layers:
    """Return these arrays, checked; raises `ValueError` for shapes that do not fit and for what is not finite."""
    if a is None:
        raise ValueError("a=None: expected output weights [k, m] or [m].")
    W = floating_array("W", W, "m d")
    m, d = W.shape
    a = jnp.atleast_2d(floating_array("a", a, "m", "k m", dtype=W.dtype))
    if a.shape[1] != m:
        turned = "; W seems to be transposed, as Flax and Keras keep it" if a.shape[1] == d else ""
        turned = turned or ("; a seems to be transposed" if a.shape[0] == m else "")
        raise ValueError(f"a has shape {a.shape}: expected [k, {m}], a column for each of the {m} rows of W{turned}.")
    if b is not None:
        b = floating_array("b", b, "m", dtype=W.dtype)
        if b.shape != (m,):
            raise ValueError(f"b has shape {b.shape}: expected ({m},), one number for each row of W.")
    if c is not None:
        c = jnp.atleast_1d(floating_array("c", c, "", "k", dtype=W.dtype))
        if c.shape != (a.shape[0],):
            raise ValueError(f"c has shape {c.shape}: expected ({a.shape[0]},), one number an output.")
    return Layers(W, b, a, c)
