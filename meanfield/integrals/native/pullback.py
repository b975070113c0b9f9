"""g_j = Σ_i r_i ∇_θ Φ(θ_j; x_i), forming pre-activations again, so that no pair is written.

Arguments: positions [m, p], samples [blocks, d, block], the same with inputs side by side [blocks · block, row],
residuals [blocks, k, block]. Result: gradients [m, p]. Samples are summed in stretches, added with compensation.
"""

# llvmlite has no types, and what is inferred of its instructions is that they are None.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportOptionalMemberAccess=false, reportReturnType=false

from llvmlite import ir

from meanfield.integrals.native.handler import Buffers, handler
from meanfield.integrals.native.stretches import in_registers, registers, two_stages
from meanfield.integrals.native.task import Work
from meanfield.integrals.native.vectors import least, loop, word

POSITION, SAMPLES, ROWS, RESIDUALS, GRADIENT = range(5)
PARTICLES = 96
"""Particles of one tile."""
STRETCH = 4096
"""Samples that are added without compensation."""


def add_pullback(module: ir.Module, name: str, work: Work) -> None:
    """Add the handler to the module."""

    def tiles(b: ir.IRBuilder, buffers: Buffers) -> ir.Value:
        return b.sdiv(b.add(buffers.length(POSITION, 0), word(PARTICLES - 1)), word(PARTICLES))

    def tile(b: ir.IRBuilder, buffers: Buffers, index: ir.Value) -> None:
        write = registers if in_registers(work) else two_stages
        _particles(b, buffers, index, work, *write(work))

    handler(module, name, (2, 3, 2, 3), (2,), tiles, tile)


def _particles(b: ir.IRBuilder, buffers: Buffers, index: ir.Value, work: Work, together: int, stretch) -> None:
    """The particles of a tile, a few at a time, against all samples, one stretch after the other."""
    kind = work.kind
    position, samples, rows_of, residuals, gradient = (buffers.numbers(i, kind.scalar) for i in range(5))
    m, blocks = buffers.length(POSITION, 0), buffers.length(SAMPLES, 0)
    low = b.mul(index, word(PARTICLES))
    high = least(b, b.add(low, word(PARTICLES)), m)
    width = work.outputs + work.row + kind.lanes  # outputs, inputs filled up, bias
    total, lost = (b.alloca(kind.scalar, together * width) for _ in range(2))
    stretch_blocks = STRETCH // work.block

    def few(j: ir.Value, _) -> list:
        last = b.sub(high, word(1))
        at = [least(b, b.add(j, word(p)), last) for p in range(together)]  # the last one again
        rows = [b.gep(position, [b.mul(one, word(work.parameters))]) for one in at]

        def clear(i: ir.Value, _) -> list:
            for where in (total, lost):
                b.store(ir.Constant(kind.scalar, 0.0), b.gep(where, [i]))
            return []

        loop(b, word(0), word(together * width), 1, [], clear)

        def along(start: ir.Value, _) -> list:
            stop = least(b, b.add(start, word(stretch_blocks)), blocks)
            stretch(b, rows, samples, rows_of, residuals, start, stop, (total, lost, width))
            return []

        loop(b, word(0), blocks, stretch_blocks, [], along)
        for p, one in enumerate(at):
            _write(
                b, work, rows[p], b.gep(total, [word(p * width)]), b.gep(gradient, [b.mul(one, word(work.parameters))])
            )
        return []

    loop(b, low, high, together, [], few)


def _write(b: ir.IRBuilder, work: Work, row: ir.Value, total: ir.Value, gradient: ir.Value) -> None:
    """The gradient of one particle from its sums: as they are, or by Euler's identity ∂_w = a G, ∂_a = w·G."""
    kind = work.kind
    weights = work.inputs + work.bias

    def sum_of(k: ir.Value) -> ir.Value:
        return b.load(b.gep(total, [b.add(k, word(work.outputs))]))

    def bias_sum() -> ir.Value:
        return b.load(b.gep(total, [word(work.outputs + work.row)]))

    if work.slopes is None:
        for c in range(work.outputs):
            b.store(b.load(b.gep(total, [word(c)])), b.gep(gradient, [word(c)]))

        def copy(k: ir.Value, _) -> list:
            b.store(sum_of(k), b.gep(gradient, [b.add(k, word(work.outputs))]))
            return []

        loop(b, word(0), word(work.inputs), 1, [], copy)
        if work.bias:
            b.store(bias_sum(), b.gep(gradient, [word(work.outputs + work.inputs)]))
        return
    a = b.load(row)
    with b.goto_entry_block():
        along = b.alloca(kind.scalar)
    b.store(ir.Constant(kind.scalar, 0.0), along)

    def scaled(k: ir.Value, g: ir.Value) -> None:
        place = b.add(k, word(1))
        b.store(b.fmul(a, g), b.gep(gradient, [place]))
        b.store(b.fadd(b.load(along), b.fmul(b.load(b.gep(row, [place])), g)), along)

    def one(k: ir.Value, _) -> list:
        scaled(k, sum_of(k))
        return []

    loop(b, word(0), word(work.inputs), 1, [], one)
    if work.bias:
        scaled(word(weights - 1), bias_sum())
    b.store(b.load(along), gradient)
