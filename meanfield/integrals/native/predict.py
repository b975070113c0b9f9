"""f_i = Σ_j p_j Φ(θ_j; x_i) in registers: a block of samples meets a chain of particles, and no pair is written.

Arguments: positions [m, p], masses [m], samples [blocks, d, block]. Results: sums [groups, blocks, k, block], and what
their additions lost: a group of particles adds its chains with Kahan's compensation.
"""

# llvmlite has no types, and what is inferred of its instructions is that they are None.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportOptionalMemberAccess=false, reportReturnType=false

from collections.abc import Sequence

from llvmlite import ir

from meanfield.integrals.native.activations import BY_NAME
from meanfield.integrals.native.handler import Buffers, handler
from meanfield.integrals.native.task import VECTORS, Work
from meanfield.integrals.native.vectors import Vector, broadcast, least, loaded, loop, stored, word, zeros

POSITION, MASS, SAMPLES, SUMS, LOST = range(5)
TOGETHER = 4
"""Particles that are worked on together: what is read of a sample serves them all."""
BLOCKS = 16
"""Blocks of samples of one tile."""
UNROLLED = 16
"""Inputs up to which the sum over them is written out."""


def add_predict(module: ir.Module, name: str, work: Work) -> None:
    """Add the handler to the module."""

    def tiles(b: ir.IRBuilder, buffers: Buffers) -> ir.Value:
        return b.mul(buffers.length(SUMS, 0), _pieces(b, buffers))

    handler(module, name, (2, 1, 3), (4, 4), tiles, lambda b, buffers, index: _tile(b, buffers, index, work))


def _pieces(b: ir.IRBuilder, buffers: Buffers) -> ir.Value:
    return b.sdiv(b.add(buffers.length(SUMS, 1), word(BLOCKS - 1)), word(BLOCKS))


def _tile(b: ir.IRBuilder, buffers: Buffers, index: ir.Value, work: Work) -> None:
    """One group of particles against one piece of the samples."""
    kind, size = work.kind, word(work.block)
    samples, sums, lost = (buffers.numbers(which, kind.scalar) for which in (SAMPLES, SUMS, LOST))
    m, groups, blocks = buffers.length(MASS, 0), buffers.length(SUMS, 0), buffers.length(SUMS, 1)
    pieces = _pieces(b, buffers)
    group, piece = b.sdiv(index, pieces), b.srem(index, pieces)
    chains = b.sdiv(b.add(m, word(work.chain - 1)), word(work.chain))
    first, last = (b.sdiv(b.mul(g, chains), groups) for g in (group, b.add(group, word(1))))
    start = b.mul(piece, word(BLOCKS))
    stop = least(b, b.add(start, word(BLOCKS)), blocks)

    def chain(c: ir.Value, _) -> list:
        low = b.mul(c, word(work.chain))
        high = least(b, b.add(low, word(work.chain)), m)

        def block(i: ir.Value, _) -> list:
            x = b.gep(samples, [b.mul(i, b.mul(size, word(work.inputs)))])
            found = _block(b, buffers, work, x, low, high)
            at = b.mul(b.add(b.mul(group, blocks), i), word(work.outputs * work.block))
            for v, value in enumerate(found):
                here = b.add(at, word(v * kind.lanes))
                # Kahan: what an addition loses is subtracted from the next term.
                total, correction = loaded(b, kind, sums, here), loaded(b, kind, lost, here)
                term = value - correction
                after = total + term
                stored(b, (after - total) - term, lost, here)
                stored(b, after, sums, here)
            return []

        loop(b, start, stop, 1, [], block)
        return []

    def clear(i: ir.Value, _) -> list:
        at = b.mul(b.add(b.mul(group, blocks), i), word(work.outputs * work.block))
        for v in range(work.outputs * VECTORS):
            here = b.add(at, word(v * kind.lanes))
            for where in (sums, lost):
                stored(b, zeros(b, kind, 1)[0], where, here)
        return []

    loop(b, start, stop, 1, [], clear)
    loop(b, first, last, 1, [], chain)


def _block(b: ir.IRBuilder, buffers: Buffers, work: Work, x: ir.Value, low: ir.Value, high: ir.Value) -> list[Vector]:
    """Σ over particles low ≤ j < high for one block of samples: k outputs of `VECTORS` vectors each."""
    kind = work.kind
    position, mass = (buffers.numbers(which, kind.scalar) for which in (POSITION, MASS))
    last = b.sub(high, word(1))

    def several(j: ir.Value, sums: list[Vector]) -> list[Vector]:
        rows, shares = [], []
        for p in range(TOGETHER):
            row = b.add(j, word(p))
            there = b.icmp_signed("<", row, high)
            at = b.select(there, row, last)  # the last one again, without a mass
            rows.append(b.gep(position, [b.mul(at, word(work.parameters))]))
            share = b.load(b.gep(mass, [at]))
            shares.append(b.select(there, share, ir.Constant(kind.scalar, 0.0)))
        z = preactivations(b, work, rows, x)
        now = list(sums)
        for p, row in enumerate(rows):
            h = [BY_NAME[work.activation](z[p * VECTORS + v])[0] for v in range(VECTORS)]
            for c in range(work.outputs):
                a = broadcast(b, kind, b.fmul(shares[p], b.load(b.gep(row, [word(c)]))))
                for v in range(VECTORS):
                    now[c * VECTORS + v] = h[v].times_plus(a, now[c * VECTORS + v])
        return now

    return loop(b, low, high, TOGETHER, zeros(b, kind, work.outputs * VECTORS), several)


def preactivations(
    b: ir.IRBuilder, work: Work, rows: list[ir.Value], x: ir.Value, which: Sequence[int] = range(VECTORS)
) -> list[Vector]:
    """z = w·x + b for some particles, of which `rows` point to the parameters, and these vectors of a block."""
    kind = work.kind

    def with_input(k: ir.Value, z: list[Vector], first: bool) -> list[Vector]:
        at = b.mul(k, word(work.block))
        inputs = [loaded(b, kind, x, b.add(at, word(v * kind.lanes))) for v in which]
        now = []
        for p, row in enumerate(rows):
            w = broadcast(b, kind, b.load(b.gep(row, [b.add(k, word(work.outputs))])))
            for v, numbers in enumerate(inputs):
                now.append(w * numbers if first else w.times_plus(numbers, z[p * len(which) + v]))
        return now

    if work.bias:
        at = word(work.outputs + work.inputs)
        biases = [broadcast(b, kind, b.load(b.gep(row, [at]))) for row in rows]
        z = [bias for bias in biases for _ in which]
    else:
        z = with_input(word(0), [], True)
    begun = 0 if work.bias else 1
    if work.inputs <= UNROLLED:
        for k in range(begun, work.inputs):
            z = with_input(word(k), z, False)
        return z
    return loop(b, word(begun), word(work.inputs), 1, z, lambda k, z: with_input(k, z, False))
