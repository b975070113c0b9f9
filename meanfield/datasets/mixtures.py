"""Clusters in a plane with random labels, squares or discs, among coordinates that say nothing."""

import jax
import jax.numpy as jnp

from meanfield.arguments import array_of, float_type, positive_count, positive_number, positive_scalar
from meanfield.arguments.typing import Random
from meanfield.datasets.dataset import Dataset
from meanfield.datasets.samplers import OfClusters
from meanfield.streams import stream


def clusters(key: Random, n: int, d: int, *, n_test: int = 1000, k: int = 3, gap=1.0, dtype=None) -> Dataset:
    r"""k × k clusters in the plane of the first two coordinates, each with a random label ±1 (Chizat & Bach, 2020).

    Samples fall on the clusters in turn, so that all hold as many, up to one. Clusters are squares on a grid that fills
    [−½, ½]², `gap` sides apart, with samples uniform on them; the coordinates up to the last are uniform on [−½, ½] and
    say nothing; the last of the `d` is the constant 1. Labels that happen to be all alike are no task: the first of
    them is then turned, where there is more than one cluster.

    >>> import jax, meanfield as mf
    >>> data = mf.datasets.clusters(jax.random.key(0), 32, 15)
    >>> data.x.shape, data.y_test.shape, sorted(set(data.y.tolist()))
    ((32, 15), (1000,), [-1.0, 1.0])
    """
    n, n_test, d, k = (positive_count(*of) for of in (("n", n), ("n_test", n_test), ("d", d), ("k", k)))
    dtype = float_type(dtype)
    gap = positive_number("gap", gap, zero=True)
    positive_scalar("gap", gap, dtype, zero=True)
    if d < 3:
        raise ValueError(f"d={d}: expected at least 3, a plane and the constant.")
    for name, count, row in (("d", d, 1), ("n", n, d), ("n_test", n_test, d), ("k", k, k)):
        array_of(name, count, row, dtype)
    total = n + n_test
    # One draw for all: random numbers take longer to compile than all the rest.
    draws = jax.random.uniform(stream(key, "clusters"), (total * (d - 1) + k * k,), dtype)
    bits, inside = jnp.split(draws, [k * k])
    label, inside = jnp.where(bits < 0.5, -1, 1).astype(bits.dtype), inside.reshape(total, d - 1)
    alike = (jnp.abs(jnp.sum(label)) == k * k) & (k > 1)
    label = jnp.where(alike & (jnp.arange(k * k) == 0), -label, label)
    turn = jnp.arange(total) % (k * k)
    place = jnp.stack([turn // k, turn % k], axis=1)
    plane = (inside[:, :2] + (1 + gap) * place) / (k + (k - 1) * gap)
    x = jnp.concatenate([plane - 0.5, inside[:, 2:] - 0.5, jnp.ones((total, 1), bits.dtype)], axis=1)
    y = label[turn]
    statement = f"{k} × {k} clusters with random labels in a plane, {d - 3} more coordinates, and a constant"
    squares = jnp.arange(k * k)
    side = jnp.asarray(1 / (k + (k - 1) * gap), x.dtype)
    corner = (1 + gap) * side * jnp.stack([squares // k, squares % k], axis=1).astype(x.dtype) - 0.5
    sampler = OfClusters(corner, side, label, rest=d - 3, round=False)
    return Dataset("clusters", x[:n], y[:n], x[n:], y[n:], statement, sampler=sampler)


def discs(key: Random, n: int, d: int, *, n_test: int = 1000, k: int = 3, dtype=None) -> Dataset:
    r"""k × k discs in the plane of the first two coordinates, half of them labelled −1 (Chizat & Bach, 2020, figure 3).

    The centres lie on a grid that begins at −½ + D in both coordinates, 3D apart, where D = 1/(3k − 1) is the radius of
    the discs: between neighbours is a gap of D. A sample falls on one of the discs at random; its angle is uniform, and
    so is its distance from the centre, on [0, D], which makes samples denser in the middle. ⌊k²/2⌋ discs, drawn at
    random, are labelled −1 and the others +1. The coordinates up to the last are uniform on [−½, ½] and say nothing;
    the last of the `d` is the constant 1. `clusters` is a like task with squares that all hold as many samples.

    >>> import jax, meanfield as mf
    >>> data = mf.datasets.discs(jax.random.key(0), 32, 15)
    >>> data.x.shape, data.y_test.shape, sorted(set(data.y.tolist()))
    ((32, 15), (1000,), [-1.0, 1.0])
    """
    n, n_test, d, k = (positive_count(*of) for of in (("n", n), ("n_test", n_test), ("d", d), ("k", k)))
    dtype = float_type(dtype)
    if d < 3:
        raise ValueError(f"d={d}: expected at least 3, a plane and the constant.")
    for name, count, row in (("d", d, 1), ("n", n, d), ("n_test", n_test, d), ("k", k, k)):
        array_of(name, count, row, dtype)
    total = n + n_test
    # One draw for all: random numbers take longer to compile than all the rest.
    draws = jax.random.uniform(stream(key, "discs"), (total * d + k * k,), dtype)
    order, inside = jnp.split(draws, [k * k])
    inside = inside.reshape(total, d)
    # The discs in a random order, the first half of which is labelled −1.
    label = jnp.where(jnp.argsort(jnp.argsort(order)) < (k * k) // 2, -1, 1).astype(draws.dtype)
    # A uniform number below 1 may round up to k² in the product.
    disc = jnp.minimum((inside[:, 0] * (k * k)).astype(jnp.int32), k * k - 1)
    radius = 1 / (3 * k - 1)
    centre = radius * (1 + 3 * jnp.stack([disc % k, disc // k], axis=1)) - 0.5
    angle, away = 2 * jnp.pi * inside[:, 1], radius * inside[:, 2]
    plane = centre + away[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
    x = jnp.concatenate([plane, inside[:, 3:] - 0.5, jnp.ones((total, 1), draws.dtype)], axis=1)
    y = label[disc]
    statement = f"{k} × {k} discs in a plane, half of them labelled −1, {d - 3} more coordinates, and a constant"
    every = jnp.arange(k * k)
    centres = radius * (1 + 3 * jnp.stack([every % k, every // k], axis=1).astype(x.dtype)) - 0.5
    sampler = OfClusters(centres, jnp.asarray(radius, x.dtype), label, rest=d - 3, round=True)
    return Dataset("discs", x[:n], y[:n], x[n:], y[n:], statement, sampler=sampler)
