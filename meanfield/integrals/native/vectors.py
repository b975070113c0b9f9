"""Vectors of numbers in registers, with Python's operators: each writes one instruction of LLVM's."""

# llvmlite has no types, and what is inferred of its instructions is that they are None.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportOptionalMemberAccess=false, reportReturnType=false

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llvmlite import ir

WORD = ir.IntType(64)
FLOATS = {"float32": ir.FloatType(), "float64": ir.DoubleType()}


@dataclass(frozen=True)
class Registers:
    """The kind of vectors that a kernel works with: `lanes` numbers of the type `dtype` each."""

    dtype: str
    lanes: int

    @property
    def scalar(self) -> ir.Type:
        return FLOATS[self.dtype]

    @property
    def type(self) -> ir.Type:
        return ir.VectorType(self.scalar, self.lanes)

    @property
    def integers(self) -> ir.Type:
        """Integers of the width of a number, as many as there are lanes."""
        return ir.VectorType(ir.IntType(32 if self.dtype == "float32" else 64), self.lanes)

    @property
    def size(self) -> int:
        """Bytes of a number."""
        return 4 if self.dtype == "float32" else 8


class Vector:
    """The numbers of one register, as they are where the builder `b` stands."""

    def __init__(self, b: ir.IRBuilder, kind: Registers, value: ir.Value):
        self.b, self.kind, self.value = b, kind, value

    def like(self, value: ir.Value) -> "Vector":
        """Return another vector of this kind."""
        return Vector(self.b, self.kind, value)

    def constant(self, number: float) -> "Vector":
        """Return the same number in every lane."""
        return self.like(ir.Constant(self.kind.type, [number] * self.kind.lanes))

    def _other(self, other: "Vector | float") -> ir.Value:
        return other.value if isinstance(other, Vector) else self.constant(other).value

    def __add__(self, other: "Vector | float") -> "Vector":
        return self.like(self.b.fadd(self.value, self._other(other)))

    def __sub__(self, other: "Vector | float") -> "Vector":
        return self.like(self.b.fsub(self.value, self._other(other)))

    def __rsub__(self, other: float) -> "Vector":
        return self.constant(other) - self

    def __mul__(self, other: "Vector | float") -> "Vector":
        return self.like(self.b.fmul(self.value, self._other(other)))

    def __truediv__(self, other: "Vector | float") -> "Vector":
        return self.like(self.b.fdiv(self.value, self._other(other)))

    def __rtruediv__(self, other: float) -> "Vector":
        return self.constant(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> "Vector":
        return self.like(self.b.fneg(self.value))

    def times_plus(self, factor: "Vector | float", term: "Vector | float") -> "Vector":
        """self · factor + term, with one rounding where the processor has such an instruction."""
        operands = [self.value, self._other(factor), self._other(term)]
        return self.like(self.b.call(self._intrinsic("llvm.fmuladd", 3), operands))

    def __abs__(self) -> "Vector":
        return self.like(self.b.call(self._intrinsic("llvm.fabs"), [self.value]))

    def rounded(self) -> "Vector":
        """The nearest integers."""
        return self.like(self.b.call(self._intrinsic("llvm.rint"), [self.value]))

    def above(self, bound: "Vector | float") -> ir.Value:
        """self > bound in every lane; False for what is not a number."""
        return self.b.fcmp_ordered(">", self.value, self._other(bound))

    def where(self, condition: ir.Value, other: "Vector | float") -> "Vector":
        """Return self where the condition holds, and `other` elsewhere."""
        return self.like(self.b.select(condition, self.value, self._other(other)))

    def at_least(self, bound: float) -> "Vector":
        """max(self, bound), which keeps what is not a number."""
        low = self.constant(bound)
        return low.where(low.above(self), self)

    def at_most(self, bound: float) -> "Vector":
        """min(self, bound), which keeps what is not a number."""
        high = self.constant(bound)
        return high.where(self.above(high), self)

    def with_sign_of(self, other: "Vector") -> "Vector":
        """|self| with the sign of `other`."""
        return self.like(self.b.call(self._intrinsic("llvm.copysign", 2), [self.value, other.value]))

    def integers(self) -> ir.Value:
        """The integers that these numbers are."""
        return self.b.fptosi(self.value, self.kind.integers)

    def power_of_two(self) -> "Vector":
        """2^self for integers whose power is a normal number, by writing their exponents."""
        mantissa, bias = (23, 127) if self.kind.dtype == "float32" else (52, 1023)
        width = self.kind.integers

        def splat(number: int) -> ir.Value:
            return ir.Constant(width, [number] * self.kind.lanes)

        exponent = self.b.shl(self.b.add(self.integers(), splat(bias)), splat(mantissa))
        return self.like(self.b.bitcast(exponent, self.kind.type))

    def total(self) -> ir.Value:
        """The sum of all lanes, halves added to halves."""
        value, lanes = self.value, self.kind.lanes
        while lanes > 1:
            lanes //= 2
            undefined = ir.Constant(value.type, ir.Undefined)
            halves = [
                self.b.shuffle_vector(
                    value, undefined, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [*range(at, at + lanes)])
                )
                for at in (0, lanes)
            ]
            value = self.b.fadd(*halves)
        return self.b.extract_element(value, ir.Constant(ir.IntType(32), 0))

    def _intrinsic(self, name: str, operands: int = 1) -> ir.Function:
        """The function of LLVM's that has this name for vectors of this kind."""
        name = f"{name}.v{self.kind.lanes}f{8 * self.kind.size}"
        known = self.b.module.globals.get(name)
        if known is None:
            known = ir.Function(self.b.module, ir.FunctionType(self.kind.type, [self.kind.type] * operands), name)
        return known


def word(number: int) -> ir.Constant:
    """Return a 64-bit integer."""
    return ir.Constant(WORD, number)


def least(b: ir.IRBuilder, one: ir.Value, other: ir.Value) -> ir.Value:
    """The smaller of two integers."""
    return b.select(b.icmp_signed("<", one, other), one, other)


def zeros(b: ir.IRBuilder, kind: Registers, count: int) -> list[Vector]:
    """Return so many vectors of zeros."""
    return [Vector(b, kind, ir.Constant(kind.type, [0.0] * kind.lanes)) for _ in range(count)]


def loaded(b: ir.IRBuilder, kind: Registers, numbers: ir.Value, at: ir.Value) -> Vector:
    """The lanes that start at number `at`."""
    pointer = b.bitcast(b.gep(numbers, [at]), kind.type.as_pointer())
    return Vector(b, kind, b.load(pointer, align=kind.size))


def stored(b: ir.IRBuilder, vector: Vector, numbers: ir.Value, at: ir.Value) -> None:
    """Write the lanes from number `at` on."""
    b.store(vector.value, b.bitcast(b.gep(numbers, [at]), vector.kind.type.as_pointer()), align=vector.kind.size)


def broadcast(b: ir.IRBuilder, kind: Registers, number: ir.Value) -> Vector:
    """Return one number in every lane."""
    undefined = ir.Constant(kind.type, ir.Undefined)
    first = b.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    nowhere = ir.Constant(ir.VectorType(ir.IntType(32), kind.lanes), [0] * kind.lanes)
    return Vector(b, kind, b.shuffle_vector(first, undefined, nowhere))


def loop(
    b: ir.IRBuilder,
    start: ir.Value,
    stop: ir.Value,
    step: int,
    carried: Sequence[Vector],
    body: Callable[[ir.Value, list[Vector]], Sequence[Vector]],
) -> list[Vector]:
    """`carried = body(i, carried)` for i = start, start + step, … below stop; return the last."""
    entry = b.block
    head, inside, after = (b.append_basic_block(name) for name in ("head", "inside", "after"))
    b.branch(head)
    b.position_at_end(head)
    i = b.phi(WORD)
    i.add_incoming(start, entry)
    phis = [b.phi(vector.value.type) for vector in carried]
    for phi, vector in zip(phis, carried, strict=True):
        phi.add_incoming(vector.value, entry)
    b.cbranch(b.icmp_signed("<", i, stop), inside, after)
    b.position_at_end(inside)
    now = [vector.like(phi) for phi, vector in zip(phis, carried, strict=True)]
    following = body(i, now)
    i.add_incoming(b.add(i, word(step)), b.block)
    for phi, vector in zip(phis, following, strict=True):
        phi.add_incoming(vector.value, b.block)
    b.branch(head)
    b.position_at_end(after)
    return now
