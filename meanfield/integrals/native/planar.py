"""Particles of the plane to the places of their kinks, and back: one pass over the particles each.

`add_histogram`: positions [m, p], masses [m], cells [c], near [probes, c], ends [2] to sums [rows, places, k, 2] of
p_j a_j v_j by place, and to places [m]. `add_picked`: positions, places, table [places, k, 2] to gradients [m, p].
The place of a direction is found by the operations of `AngularOrder`, one for one, which leave no choice of rounding.
"""

# llvmlite has no types, and what is inferred of its instructions is that they are None.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportOptionalMemberAccess=false, reportReturnType=false

import numpy as np
from llvmlite import ir

from meanfield.integrals.native.handler import Buffers, handler
from meanfield.integrals.native.task import Work
from meanfield.integrals.native.vectors import WORD, Vector, broadcast, least, loop, word

POSITION, MASS, CELLS, NEAR, ENDS, SUMS, PLACES = range(7)
PIECE = 2048
"""Particles of one tile of the way back."""
INT = ir.IntType(32)


def add_histogram(module: ir.Module, name: str, work: Work, probes: int) -> None:
    """Add the handler that sums particles by place; every row of sums is one tile."""

    def tile(b: ir.IRBuilder, buffers: Buffers, index: ir.Value) -> None:
        _row(b, buffers, index, work, probes)

    handler(module, name, (2, 1, 1, 2, 1), (4, 1), lambda b, buffers: buffers.length(SUMS, 0), tile)


def _row(b: ir.IRBuilder, buffers: Buffers, index: ir.Value, work: Work, probes: int) -> None:
    kind, lanes, k = work.kind, work.kind.lanes, work.outputs
    position, mass, near, ends, sums = (buffers.numbers(i, kind.scalar) for i in (POSITION, MASS, NEAR, ENDS, SUMS))
    cells, places = buffers.numbers(CELLS, INT), buffers.numbers(PLACES, INT)
    m, rows, bins, count = (
        buffers.length(MASS, 0),
        buffers.length(SUMS, 0),
        buffers.length(SUMS, 1),
        buffers.length(CELLS, 0),
    )
    half = b.sdiv(bins, word(2))
    low, high = (b.sdiv(b.mul(r, m), rows) for r in (index, b.add(index, word(1))))
    table = b.gep(sums, [b.mul(index, b.mul(bins, word(2 * k)))])
    zero = ir.Constant(kind.scalar, 0.0)

    def clear(i: ir.Value, _) -> list:
        b.store(zero, b.gep(table, [i]))
        return []

    loop(b, word(0), b.mul(bins, word(2 * k)), 1, [], clear)
    keys, found = b.alloca(kind.scalar, lanes), b.alloca(INT, lanes)
    beyond = _largest(kind.dtype)
    first, last = (b.load(b.gep(ends, [word(i)])) for i in (0, 1))
    width = b.fsub(last, first)
    tiny = ir.Constant(kind.scalar, _tiny(kind.dtype))
    width = b.select(b.fcmp_ordered(">", width, tiny), width, tiny)

    def several(j: ir.Value, _) -> list:
        end = b.sub(high, word(1))
        rows_of = [
            b.gep(position, [b.mul(least(b, b.add(j, word(i)), end), word(work.parameters))]) for i in range(lanes)
        ]
        v, w = _kinks(b, work, rows_of)
        key = _direction(-w, v, beyond)
        b.store(key.value, b.bitcast(keys, kind.type.as_pointer()), align=kind.size)
        cell = _squeezed(key) - _everywhere(key, first)
        cell = cell / _everywhere(key, width) * _everywhere(key, b.sitofp(count, kind.scalar))
        top = b.sitofp(b.sub(count, word(1)), kind.scalar)
        cell = cell.at_least(0.0)
        cell = _everywhere(key, top).where(cell.above(_everywhere(key, top)), cell)
        number = cell.integers()
        if kind.dtype == "float64":
            number = b.trunc(number, ir.VectorType(INT, lanes))
        b.store(number, b.bitcast(found, ir.VectorType(INT, lanes).as_pointer()), align=4)

        def one(i: ir.Value, _) -> list:
            here = b.add(j, i)
            row = b.gep(position, [b.mul(here, word(work.parameters))])
            at = b.sext(b.load(b.gep(found, [i])), WORD)
            at = b.select(b.icmp_signed("<", at, word(0)), word(0), at)  # what is not a number is somewhere
            q = b.load(b.gep(keys, [i]))
            place = b.shl(b.sext(b.load(b.gep(cells, [at])), WORD), word(1))
            for probe in range(probes):
                other = b.load(b.gep(near, [b.add(at, b.mul(word(probe), count))]))
                for sign in ("<", "<="):
                    place = b.add(place, b.zext(b.fcmp_ordered(sign, other, q), WORD))
            x, y = _kink(b, work, row)
            none = b.and_(b.fcmp_ordered("==", x, zero), b.fcmp_ordered("==", y, zero))
            # Turned are kinks whose direction (−w, v) lies below the axis, or on its left half.
            left = b.and_(b.fcmp_ordered("==", x, zero), b.fcmp_ordered(">", y, zero))
            turned = b.or_(b.fcmp_ordered("<", x, zero), left)
            place = b.add(place, b.select(turned, half, word(0)))
            place = b.select(none, b.sub(half, word(1)), place)
            b.store(b.trunc(place, INT), b.gep(places, [here]))
            share = b.load(b.gep(mass, [here]))
            for c in range(k):
                a = b.fmul(share, b.load(b.gep(row, [word(c)])))
                for u, part in enumerate((x, y)):
                    bin_ = b.gep(table, [b.add(b.mul(place, word(2 * k)), word(2 * c + u))])
                    b.store(b.fadd(b.load(bin_), b.fmul(a, part)), bin_)
            return []

        loop(b, word(0), least(b, word(lanes), b.sub(high, j)), 1, [], one)
        return []

    loop(b, low, high, lanes, [], several)


def add_picked(module: ir.Module, name: str, work: Work) -> None:
    """Add the handler that makes gradients of what the places of the particles hold."""

    def tiles(b: ir.IRBuilder, buffers: Buffers) -> ir.Value:
        return b.sdiv(b.add(buffers.length(0, 0), word(PIECE - 1)), word(PIECE))

    def tile(b: ir.IRBuilder, buffers: Buffers, index: ir.Value) -> None:
        kind, k = work.kind, work.outputs
        position, table, gradient = (buffers.numbers(i, kind.scalar) for i in (0, 2, 3))
        places = buffers.numbers(1, INT)
        low = b.mul(index, word(PIECE))
        high = least(b, b.add(low, word(PIECE)), buffers.length(0, 0))

        def one(j: ir.Value, _) -> list:
            at = b.mul(j, word(work.parameters))
            row, out = b.gep(position, [at]), b.gep(gradient, [at])
            held = b.mul(b.sext(b.load(b.gep(places, [j])), WORD), word(2 * k))
            x, y = _kink(b, work, row)
            sums = [ir.Constant(kind.scalar, 0.0)] * 2
            for c in range(k):
                pair = [b.load(b.gep(table, [b.add(held, word(2 * c + u))])) for u in (0, 1)]
                b.store(b.fadd(b.fmul(x, pair[0]), b.fmul(y, pair[1])), b.gep(out, [word(c)]))
                a = b.load(b.gep(row, [word(c)]))
                sums = [b.fmul(a, g) if c == 0 else b.fadd(s, b.fmul(a, g)) for s, g in zip(sums, pair, strict=True)]
            for u in range(work.inputs + work.bias):
                b.store(sums[u], b.gep(out, [word(k + u)]))
            return []

        loop(b, low, high, 1, [], one)

    handler(module, name, (2, 1, 3), (2,), tiles, tile)


def _kink(b: ir.IRBuilder, work: Work, row: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The two components of v: the second is 0 on a line without bias."""
    x = b.load(b.gep(row, [word(work.outputs)]))
    if work.inputs + work.bias == 1:
        return x, ir.Constant(work.kind.scalar, 0.0)
    return x, b.load(b.gep(row, [word(work.outputs + 1)]))


def _kinks(b: ir.IRBuilder, work: Work, rows: list[ir.Value]) -> tuple[Vector, Vector]:
    values = [ir.Constant(work.kind.type, ir.Undefined) for _ in range(2)]
    for i, row in enumerate(rows):
        parts = _kink(b, work, row)
        values = [b.insert_element(value, part, INT(i)) for value, part in zip(values, parts, strict=True)]
    one, other = (Vector(b, work.kind, value) for value in values)
    return one, other


def _everywhere(like: Vector, number: ir.Value) -> Vector:
    return broadcast(like.b, like.kind, number)


def _tiny(dtype: str) -> float:
    return float(np.finfo(dtype).tiny)


def _largest(dtype: str) -> float:
    return float(np.finfo(dtype).max)


def _direction(x1: Vector, x2: Vector, beyond: float) -> Vector:
    """Minus the cotangent of a vector turned into the upper half plane; as `AngularOrder` forms it."""
    b, zero = x1.b, x1.constant(0.0)
    flat = b.fcmp_ordered("==", x2.value, zero.value)
    size = abs(x1 / x1.constant(1.0).where(flat, x2))
    size = size.at_least(_tiny(x1.kind.dtype)).at_most(beyond / 2)
    same = b.icmp_unsigned("==", zero.above(x1), zero.above(x2))
    key = zero.where(b.fcmp_ordered("==", x1.value, zero.value), (-size).where(same, size))
    return x1.constant(-beyond).where(flat, key)


def _squeezed(q: Vector) -> Vector:
    """The strictly monotone map to [−1, 1] of `AngularOrder`."""
    u = 1.0 - 1.0 / (abs(q) + 1.0)
    return (-u).where(q.constant(0.0).above(q), u)
