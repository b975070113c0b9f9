"""Sums of particles by the places of their kinks, and gradients of what the places hold.

Both are one pass of compiled code on processors where there is some, and JAX's own operations elsewhere.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments.typing import Position
from meanfield.integrals.angular_order import AngularOrder, Place
from meanfield.integrals.compiled import work_of
from meanfield.integrals.tangents import with_tangents_of
from meanfield.particles import Particles
from meanfield.units.neuron import Neuron

BINS = 1 << 15
"""Least number of bins into which a block is summed; few samples get several rows of bins."""


def histogram(unit: Neuron, mu: Particles, inputs: int, order: AngularOrder) -> tuple[jax.Array, Place]:
    """(Σ p_j a_j v_j by place, [k, 2, places]; the place of every particle)."""
    work = _work(unit, mu, inputs, order)
    if work is None:
        place = order.locate(*jax.lax.stop_gradient(kink(unit, mu.position, inputs)))
        return _by_place(unit, mu, inputs, place, order.places), place

    @jax.custom_jvp
    def compiled(mu: Particles):
        return _compiled_histogram(work, mu, order)

    @compiled.defjvp  # type: ignore[arg-type]  # the tangent of a whole number is of a type of its own
    def _(primals, tangents):
        sums, place = compiled(*primals)
        along = jax.jvp(lambda mu: _by_place(unit, mu, inputs, place, order.places), primals, tangents)[1]
        return (sums, place), (along, np.zeros(place.shape, jax.dtypes.float0))

    return compiled(mu)


def picked(
    unit: Neuron, position: Position, inputs: int, place: Place, table: jax.Array, order: AngularOrder
) -> Position:
    """∇_θ of every particle from what its place holds in `table`, [k, 2, places]."""
    work = _work(unit, Particles(position), inputs, order)
    if work is None:
        return _picked(unit, position, inputs, place, table)

    def compiled(position, table):
        from meanfield.integrals.native.library import planar

        shape = jax.ShapeDtypeStruct(position.shape, position.dtype)
        call = jax.ffi.ffi_call(planar(work, order.probes)[1], shape, vmap_method="sequential")
        return call(position, place, jnp.transpose(table, (2, 0, 1)))

    def plain(position, table):
        return _picked(unit, position, inputs, place, table)

    return with_tangents_of(plain, compiled, position, table)


def kink(unit: Neuron, position: Position, inputs: int):
    """The two components of v for every particle."""
    v = position[:, unit.outputs]
    return v, (position[:, unit.outputs + 1] if inputs + unit.bias == 2 else jnp.zeros_like(v))


def _work(unit: Neuron, mu: Particles, inputs: int, order: AngularOrder) -> Any:
    """Return what there is to compile, or None where JAX's own operations serve."""
    return None if order.probes is None else work_of(unit, mu.dtype, inputs, jax.default_backend())


def _compiled_histogram(work: Any, mu: Particles, order: AngularOrder) -> tuple[jax.Array, Place]:
    from meanfield.integrals.native.library import planar

    rows = rows_of_bins(mu.m, order.places)
    sums = jax.ShapeDtypeStruct((rows, order.places, work.outputs, 2), mu.dtype)
    places = jax.ShapeDtypeStruct((mu.m,), jnp.int32)
    call = jax.ffi.ffi_call(planar(work, order.probes)[0], (sums, places), vmap_method="sequential")
    near, ends = order.near[: order.probes], jnp.stack([order.low, order.high])
    table, place = call(mu.position, mu.mass.astype(mu.dtype), order.cells, near, ends)
    return jnp.transpose(jnp.sum(table, axis=0), (1, 2, 0)), place


def rows_of_bins(m: int, places: int) -> int:
    """Rows of bins: several, where there are few places, keep chains of sums short and processors busy."""
    return max(1, min(BINS // places, m // 256), min(8, m // (8 * places)))


def _by_place(unit: Neuron, mu: Particles, inputs: int, place: Place, places: int) -> jax.Array:
    v, w = kink(unit, mu.position, inputs)
    a = mu.mass[:, None] * mu.position[:, : unit.outputs]
    return jnp.stack([_binned(place, a[:, c] * v, a[:, c] * w, places) for c in range(unit.outputs)])


def _binned(place: Place, v, w, bins: int):
    """Σ of vectors (v, w) by place, [2, bins]. Several rows of bins, where there are few, keep chains of sums short."""
    m = place.shape[0]
    rows = max(1, min(BINS // bins, m // 256))
    shift = (-(-m // rows) - 1).bit_length()  # particles of one row: a power of two, so that no division is needed
    rows = -(-m // (1 << shift))
    where = place if rows == 1 else place + (jnp.arange(m, dtype=place.dtype) >> shift) * bins
    if jax.default_backend() == "cpu":  # one pass with complex numbers for vectors
        both = _added(where, jax.lax.complex(v, w), rows, bins)
        return jnp.stack([both.real, both.imag])
    return jnp.stack([_added(where, v, rows, bins), _added(where, w, rows, bins)])


def _added(where: Place, values, rows: int, bins: int):
    table = jnp.zeros(rows * bins, values.dtype).at[where].add(values, mode="promise_in_bounds")
    return jnp.sum(table.reshape(rows, bins), axis=0)


def _picked(unit: Neuron, position: Position, inputs: int, place: Place, table: jax.Array) -> Position:
    # Barriers: a table is made once and not for every particle.
    table = jax.lax.optimization_barrier(table)
    v, w = kink(unit, position, inputs)
    pairs = [[table[c, u].at[place].get(mode="promise_in_bounds") for u in (0, 1)] for c in range(len(table))]
    g = jax.lax.optimization_barrier(pairs)
    columns = [v * along + w * across for along, across in g]
    a = position[:, : unit.outputs]
    dv, dw = (sum(a[:, c] * g[c][u] for c in range(unit.outputs)) for u in (0, 1))
    return _columns(columns + [dv, dw][: position.shape[1] - unit.outputs])


def _columns(columns: list):
    """[m, p] from columns, by selection: the compiler writes it in one pass, where it would copy column by column."""
    index = jnp.arange(len(columns))[None]
    out = columns[-1][:, None]
    for i, column in reversed(list(enumerate(columns[:-1]))):
        out = jnp.where(index == i, column[:, None], out)
    return jnp.broadcast_to(out, (out.shape[0], len(columns)))
