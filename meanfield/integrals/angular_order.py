"""Samples in angular order: on which side of every sample a particle's kink lies, found without looking at them all.

A unit σ(v·x) with v, x ∈ ℝ² has its kink on the line through 0 orthogonal to v, and sample i is on its positive side
iff v·x_i > 0. Turn samples and kink directions u = (−v₂, v₁) into the upper half plane (remembering who was turned) and
sort the samples by angle: then the signs against all samples follow from one number, the place of u among them. On the
line, x ↦ (x, 1) and v = (w, b) give the same for units σ(wx + b): places of breakpoints among sorted samples.

Directions are compared by cotangents −x₁/x₂. A division of IEEE arithmetic rounds equal quotients to equal numbers, so
that a kink exactly on a sample is seen as such whatever the lengths of the vectors, and two directions are confused
only when they agree within one rounding, which is below what forming v·x itself would lose. A quotient that leaves the
type's range is taken for its last number, off the axis: right against all samples whose own quotients stay in it.
Samples of which one leaves it are `wide`, and have no order here.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from meanfield.arguments import host

Planar = Float[Array, "n 2"]
Place = Int[Array, " m"]

CELLS_PER_SAMPLE = 16
"""Cells of the lookup table a sample: enough that most cells hold no direction or one."""

PROBES = (2, 4)
"""Numbers of looks into a cell for which there is a program of its own."""


class AngularOrder(eqx.Module):
    """Sorted samples, and a table that finds the place of a direction among them."""

    rows: Int[Array, " n"]
    """Which sample is i-th in order."""
    turned: Bool[Array, " n"]
    """Whether the i-th was turned by π into the upper half plane."""
    group: Int[Array, " n"]
    """Which distinct direction the i-th has; equal directions share one."""
    keys: Float[Array, " n"]
    """The distinct directions in increasing order, then numbers beyond all."""
    cells: Int[Array, " cells"]
    """How many distinct directions lie in the cells before each."""
    near: Float[Array, "probes cells"]
    """For each cell the first directions not before it."""
    probes: int | None = eqx.field(static=True)
    """Directions to look at in a cell; None for a search by halves, where cells are crowded or not yet known."""
    low: Float[Array, ""]
    high: Float[Array, ""]
    outside: Bool[Array, ""]
    """Whether a sample's quotient leaves the range of the type."""
    wide: bool | None = eqx.field(static=True)
    """The same where it is known."""

    def __init__(self, x: Planar):
        # One program: step by step, each operation would be compiled on its own for every number of samples.
        arrays, crowd, self.outside = _sorted_directions(x)
        self.rows, self.turned, self.group, self.keys, self.cells, self.near, self.low, self.high = arrays
        known, outside = host(crowd), host(self.outside)
        self.wide = None if outside is None else bool(outside)
        self.probes = next((probes for probes in PROBES if known is not None and known <= probes), None)

    @property
    def places(self) -> int:
        """Number of places: between and on n directions, and one for a zero vector; twice, for who was turned."""
        return 2 * self._half

    @property
    def _half(self) -> int:
        return 2 * self.rows.shape[0] + 2

    def locate(self, v: Float[Array, " m"], w: Float[Array, " m"]) -> Place:
        """The place of the kink of every unit σ(v x₁ + w x₂).

        2g between distinct directions g − 1 and g, 2g + 1 exactly on direction g; plus half of `places` for a kink that
        was turned. The last odd place is for v = w = 0.
        """
        key, turned = jax.lax.optimization_barrier(_direction(-w, v))
        e = self._search(key) if self.probes is None else self._probe(key, self.probes)
        e = jnp.where((v == 0) & (w == 0), self._half - 1, e + jnp.where(turned, self._half, 0))
        # One array, written once: left to itself the compiler computes it again wherever it is used.
        return jax.lax.optimization_barrier(e)

    def _probe(self, q, most: int) -> Place:
        # Barriers: separate passes over the particles, of which those without a look-up run in vector registers.
        cell = jax.lax.optimization_barrier(_cell(q, self.low, self.high, self.cells.shape[0]))
        e = 2 * self.cells.at[cell].get(mode="promise_in_bounds")
        for i in range(most):
            key = self.near[i].at[cell].get(mode="promise_in_bounds")
            e = e + (key < q).astype(e.dtype) + (key <= q).astype(e.dtype)
        return e

    def _search(self, q) -> Place:
        less = jnp.searchsorted(self.keys, q, method="scan_unrolled").astype(jnp.int32)
        on = jnp.append(self.keys, _beyond(q)).at[less].get(mode="promise_in_bounds") == q
        return 2 * less + on.astype(jnp.int32)


@jax.jit
def _sorted_directions(x: Planar):
    """The arrays of an `AngularOrder`, the largest number of directions in one cell, whether one leaves the range."""
    n = x.shape[0]
    key, turned = _direction(x[:, 0], x[:, 1])
    size = jnp.abs(x[:, 0] / jnp.where(x[:, 1] == 0, 1, x[:, 1]))
    inside = (size >= jnp.finfo(x.dtype).tiny) & (size <= _beyond(x) / 2)
    outside = jnp.any((x[:, 0] != 0) & (x[:, 1] != 0) & ~inside)
    rows = jnp.argsort(key)
    key, turned = key[rows], turned[rows]
    new = jnp.concatenate([jnp.zeros(1, bool), key[1:] != key[:-1]])
    group = jnp.cumsum(new, dtype=jnp.int32)
    keys = jnp.full(n, _beyond(x), key.dtype).at[group].set(key)
    low, high = _squeezed(key[0]), _squeezed(key[-1])
    count = 1 << (CELLS_PER_SAMPLE * n - 1).bit_length()
    occupied = jnp.where(jnp.arange(n) <= group[-1], _cell(keys, low, high, count), count)
    held = jnp.zeros(count + 1, jnp.int32).at[occupied].add(1)[:-1]
    cells = jnp.cumsum(held, dtype=jnp.int32) - held
    filled = jnp.concatenate([keys, jnp.full(PROBES[-1], _beyond(x), key.dtype)])
    near = jnp.stack([filled[cells + i] for i in range(PROBES[-1])])
    return (rows, turned, group, keys, cells, near, low, high), jnp.max(held), outside


def _cell(q, low, high, count: int):
    """The cell of a direction, the same for samples and kinks: no operation here leaves a choice of rounding."""
    width = jnp.maximum(high - low, jnp.finfo(q.dtype).tiny)
    return jnp.clip((_squeezed(q) - low) / width * count, 0, count - 1).astype(jnp.int32)


def _direction(x1, x2):
    """(minus the cotangent, whether turned) of a vector after turning it into the half-open upper half plane."""
    turned = (x2 < 0) | ((x2 == 0) & (x1 < 0))
    # Below the number that fills `keys`, which no direction is; and 0 on the axis alone.
    flat = x2 == 0
    size = jnp.clip(jnp.abs(x1 / jnp.where(flat, 1, x2)), jnp.finfo(x1.dtype).tiny, _beyond(x1) / 2)
    key = jnp.where(x1 == 0, 0, jnp.where((x1 < 0) == (x2 < 0), -size, size))
    return jnp.where(flat, -_beyond(x1), key), turned


def _beyond(like):
    """A number beyond all directions; finite, so that who looks for infinities finds none that he did not make."""
    return jnp.asarray(jnp.finfo(like.dtype).max, like.dtype)


def _squeezed(q):
    """A strictly monotone map to [−1, 1] whose every operation is monotone in floating-point numbers too."""
    u = 1 - 1 / (1 + jnp.abs(q))
    return jnp.where(q < 0, -u, u)
