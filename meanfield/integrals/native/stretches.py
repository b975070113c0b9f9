"""Sums over a stretch of samples: Σ_i s_ji x_ik with s_ji = σ'(z_ji) Σ_c a_jc r_ic, and Σ_i r_ic σ(z_ji).

With few inputs all sums stay in registers, a vector each. With more, the factors s of a few particles and samples are
written to the first cache, and multiplied with the samples from there.
"""

# llvmlite has no types, and what is inferred of its instructions is that they are None.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportOptionalMemberAccess=false, reportReturnType=false

from llvmlite import ir

from meanfield.integrals.native.activations import BY_NAME
from meanfield.integrals.native.predict import preactivations
from meanfield.integrals.native.task import VECTORS, Work
from meanfield.integrals.native.vectors import Registers, Vector, broadcast, least, loaded, loop, stored, word, zeros

DIRECT = {True: 6, False: 3}
"""Sums of one particle up to which they stay in registers: of a piecewise-linear σ, of another, which needs some."""
NEAR = 6144
"""Numbers of samples that are multiplied at a time where sums do not stay in registers: half of the first cache."""


def in_registers(work: Work) -> bool:
    """Return True if the sums of a particle stay in registers."""
    return _sums(work) <= DIRECT[work.slopes is not None]


def _sums(work: Work) -> int:
    """Sums over samples that one particle needs."""
    return work.inputs + work.bias + (0 if work.slopes else work.outputs)


def _factors(b: ir.IRBuilder, work: Work, row: ir.Value, z: Vector, r: list[Vector]) -> tuple[Vector, Vector | None]:
    """(s, σ(z)): the factor of ∂_w, without a where Euler's identity serves, and what the residuals of ∂_a multiply."""
    if work.slopes is not None:
        below, above = work.slopes
        positive = z.above(0.0)
        if below == above:
            return r[0] * above, None
        return (r[0] if above == 1 else r[0] * above).where(positive, r[0] * below if below else 0.0), None
    h, slope = BY_NAME[work.activation](z)
    q = broadcast(b, work.kind, b.load(row)) * r[0]
    for c in range(1, work.outputs):
        q = broadcast(b, work.kind, b.load(b.gep(row, [word(c)]))).times_plus(r[c], q)
    return q * slope, h


def _residuals(b: ir.IRBuilder, work: Work, residuals: ir.Value, i: ir.Value) -> list[list[Vector]]:
    """The residuals of a block of samples: of each vector, k outputs."""
    at = b.mul(i, word(work.outputs * work.block))
    return [
        [
            loaded(b, work.kind, residuals, b.add(at, word(c * work.block + v * work.kind.lanes)))
            for c in range(work.outputs)
        ]
        for v in range(VECTORS)
    ]


def _add(b: ir.IRBuilder, kind: Registers, value: ir.Value, place, at: ir.Value) -> None:
    """Kahan's addition of one number to the sums of a particle."""
    total, lost = (b.gep(where, [at]) for where in place)
    before = b.load(total)
    term = b.fsub(value, b.load(lost))
    after = b.fadd(before, term)
    b.store(b.fsub(b.fsub(after, before), term), lost)
    b.store(after, total)


def _others(work: Work, sums: list[Vector], at: int, s: Vector, h: Vector | None, r: list[Vector]) -> None:
    """Add to the sums from `at` on, beside those of ∂_w: of ∂_b, and of ∂_a where Euler's identity does not serve."""
    if work.bias:
        sums[at] = sums[at] + s
    if h is not None:
        for c in range(work.outputs):
            where = at + work.bias + c
            sums[where] = h.times_plus(r[c], sums[where])


def _place(work: Work, e: int) -> int:
    """The place of the e-th of these sums among the numbers of a particle."""
    return work.outputs + work.row if work.bias and e == 0 else e - work.bias


def registers(work: Work):
    """(Particles worked on together, what adds a stretch of samples to their sums), with all sums in registers."""
    kind, sums = work.kind, _sums(work)
    together = max(1, min(4, 10 // max(1, sums)))

    def stretch(b: ir.IRBuilder, rows, samples, rows_of, residuals, start, stop, place) -> None:
        def block(i: ir.Value, g: list[Vector]) -> list[Vector]:
            x = b.gep(samples, [b.mul(i, word(work.block * work.inputs))])
            r = _residuals(b, work, residuals, i)
            now = list(g)
            # Of three particles one vector after the other, or there were not registers enough; of fewer both at once,
            # or multiplications would wait for one another.
            formed = (preactivations(b, work, rows, x, (v,)) for v in range(VECTORS))
            for v, z in enumerate(formed if together >= 3 else list(formed)):
                factors = [_factors(b, work, row, one, r[v]) for row, one in zip(rows, z, strict=True)]
                for k in range(work.inputs):
                    inputs = loaded(b, kind, x, word(k * work.block + v * kind.lanes))
                    for p, (s, _) in enumerate(factors):
                        now[p * sums + k] = s.times_plus(inputs, now[p * sums + k])
                for p, (s, h) in enumerate(factors):
                    _others(work, now, p * sums + work.inputs, s, h, r[v])
            return now

        g = loop(b, start, stop, 1, zeros(b, kind, together * sums), block)
        total, lost, width = place
        for p in range(together):
            for k in range(sums):
                at = work.outputs + k if k < work.inputs else _place(work, k - work.inputs)
                _add(b, kind, g[p * sums + k].total(), (total, lost), word(p * width + at))

    return together, stretch


def two_stages(work: Work):
    """(Particles worked on together, what adds a stretch of samples to their sums), by factors in the first cache."""
    kind = work.kind
    together, columns = (6, 2) if work.outputs <= 4 else (3, 2)
    near_blocks = max(1, NEAR // (2 * work.block * work.inputs))
    extra = work.bias + (0 if work.slopes else work.outputs)

    def stretch(b: ir.IRBuilder, rows, samples, rows_of, residuals, start, stop, place) -> None:
        total, lost, width = place
        with b.goto_entry_block():
            factors = b.alloca(kind.scalar, together * near_blocks * work.block)
            part = b.alloca(kind.scalar, together * work.row)
        length = near_blocks * work.block

        def clear(i: ir.Value, _) -> list:
            b.store(ir.Constant(kind.scalar, 0.0), b.gep(part, [i]))
            return []

        loop(b, word(0), word(together * work.row), 1, [], clear)

        def near(first: ir.Value, g: list[Vector]) -> list[Vector]:
            last = least(b, b.add(first, word(near_blocks)), stop)

            def block(i: ir.Value, g: list[Vector]) -> list[Vector]:
                x = b.gep(samples, [b.mul(i, word(work.block * work.inputs))])
                z = preactivations(b, work, rows, x)
                r = _residuals(b, work, residuals, i)
                now = list(g)
                at = b.mul(b.sub(i, first), word(work.block))
                for p, row in enumerate(rows):
                    for v in range(VECTORS):
                        s, h = _factors(b, work, row, z[p * VECTORS + v], r[v])
                        stored(b, s, factors, b.add(at, word(p * length + v * kind.lanes)))
                        _others(work, now, p * extra, s, h, r[v])
                return now

            now = loop(b, first, last, 1, g, block)
            count = b.mul(b.sub(last, first), word(work.block))
            x = b.gep(rows_of, [b.mul(first, word(work.block * work.row))])
            for column in range(0, work.row // kind.lanes, columns):
                _multiply(
                    b, work, factors, length, count, x, part, column, min(columns, work.row // kind.lanes - column)
                )
            return now

        def _multiply(b, work, factors, length, count, x, part, column, wide) -> None:
            """Add Σ_i s_ji x_ik for some particles and `wide` vectors of inputs from `column` on."""
            at = [word(p * work.row + (column + q) * kind.lanes) for p in range(together) for q in range(wide)]

            def sample(i: ir.Value, g: list[Vector]) -> list[Vector]:
                row = b.mul(i, word(work.row))
                inputs = [loaded(b, kind, x, b.add(row, word((column + q) * kind.lanes))) for q in range(wide)]
                now = []
                for p in range(together):
                    s = broadcast(b, kind, b.load(b.gep(factors, [b.add(i, word(p * length))])))
                    now += [s.times_plus(inputs[q], g[p * wide + q]) for q in range(wide)]
                return now

            g = loop(b, word(0), count, 1, [loaded(b, kind, part, one) for one in at], sample)
            for one, vector in zip(at, g, strict=True):
                stored(b, vector, part, one)

        g = loop(b, start, stop, near_blocks, zeros(b, kind, together * extra), near)
        for p in range(together):

            def move(k: ir.Value, _, p=p) -> list:
                value = b.load(b.gep(part, [b.add(k, word(p * work.row))]))
                _add(b, kind, value, (total, lost), b.add(k, word(p * width + work.outputs)))
                return []

            loop(b, word(0), word(work.inputs), 1, [], move)
            for e in range(extra):
                _add(b, kind, g[p * extra + e].total(), (total, lost), word(p * width + _place(work, e)))

    return together, stretch
