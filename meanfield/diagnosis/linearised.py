r"""Training of the network linearised at its start, f_lin(θ) = f(θ_0) + J(θ_0)(θ − θ_0): features stay."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield.diagnosis.model import Model, risks
from meanfield.objectives.losses import AbstractLoss

BLOCK = 1 << 22
"""Numbers in the hidden arrays of one block of samples, roughly: what a pass holds at a time."""

POINTS = 40
"""Points of a training curve."""


class Descent(NamedTuple):
    """Gradient descent from the initial parameters: where it ended, and the training risk on the way."""

    moved: Any
    steps: tuple[int, ...]
    risk: tuple[float, ...]


def own(model: Model, moved: Any, x: jax.Array) -> jax.Array:
    """Return f at inputs [n, d], [n, k], for parameters that moved by so much."""
    return model.apply(jax.tree.map(jnp.add, model.initial, moved), x)


def linear(model: Model, moved: Any, x: jax.Array) -> jax.Array:
    """Return f_lin at inputs [n, d], [n, k], for parameters that moved by so much."""
    f, along = jax.jvp(lambda p: model.apply(p, x), (model.initial,), (moved,))
    return f + along


def predict(function: Callable, model: Model, moved: Any, x: jax.Array) -> np.ndarray:
    """Return what `own` or `linear` says at inputs [n, d], [n, k], block after block."""
    block = _block(model, x)
    found = [_part(function, model, moved, x[i : i + block]) for i in range(0, x.shape[0], block)]
    return np.concatenate([np.asarray(part, float) for part in found])


@eqx.filter_jit
def _part(function, model: Model, moved, x):
    with jax.default_matmul_precision("highest"):
        return function(model, moved, x)


def _block(model: Model, x: jax.Array) -> int:
    """Samples that are computed with at a time: of the widest layer as many numbers as `BLOCK`."""
    widest = max(max(jnp.shape(leaf), default=1) for leaf in jax.tree.leaves(model.initial))
    return min(x.shape[0], max(1, BLOCK // widest))


def descend(
    function: Callable, model: Model, loss: AbstractLoss, x: jax.Array, y: jax.Array, step: float, steps: int
) -> Descent:
    """Return gradient descent of `own` or `linear`, with `step` times the rates.

    Samples are taken in blocks, whose gradients are summed, so that memory does not grow with them.
    """
    block = _block(model, x)
    ends = np.unique(np.append(0, np.round(np.geomspace(1, steps, POINTS)))).astype(int)
    moved, risks = jax.tree.map(jnp.zeros_like, model.initial), []
    length = jnp.asarray(step, x.dtype)
    for before, end in zip(np.append(0, ends[:-1]), ends, strict=True):
        moved, risk = _run(function, model, loss, x, y, length, jnp.asarray(end - before), block, moved)
        risks.append(float(risk))
    return Descent(moved, tuple(ends.tolist()), tuple(risks))


@eqx.filter_jit
def _run(function, model: Model, loss: AbstractLoss, x, y, step, steps, block: int, moved):
    n = x.shape[0]
    fill = -n % block
    parts = tuple(
        jnp.pad(value, ((0, fill),) + ((0, 0),) * (value.ndim - 1), mode="edge").reshape(-1, block, *value.shape[1:])
        for value in (x, y)
    )
    weights = jnp.pad(jnp.full(n, 1 / n, x.dtype), (0, fill)).reshape(-1, block)

    def risk(moved, some, target, weight):
        return weight @ risks(loss, function(model, moved, some), target)

    def total(moved, of):
        like = jax.eval_shape(of, moved, *(part[0] for part in (*parts, weights)))
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like)
        return jax.lax.scan(
            lambda sums, part: (jax.tree.map(jnp.add, sums, of(moved, *part)), None), zero, (*parts, weights)
        )[0]

    def one(_, moved):
        gradient = total(moved, jax.grad(risk))
        return jax.tree.map(lambda m, g, rate: m - step * rate * g, moved, gradient, model.rates)

    with jax.default_matmul_precision("highest"):
        moved = jax.lax.fori_loop(0, steps, one, moved)
        return moved, total(moved, risk)
