"""Exact sums in quasi-linear time for piecewise-linear units in the plane and on the line."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from meanfield.arguments.typing import Inputs, Outputs, Position
from meanfield.integrals.abstract import AbstractKernel
from meanfield.integrals.angular_order import AngularOrder, Place
from meanfield.integrals.bins import histogram, picked, rows_of_bins
from meanfield.integrals.blocked import Blocked
from meanfield.integrals.offer import Plan, Task
from meanfield.integrals.shares import blocks, cut, over, share
from meanfield.integrals.summation import compensated
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit, Neuron

BLOCK = 1 << 20
"""Particles handled at a time: more would only hold more memory."""

FROM = 1 << 15
"""Pairs m·n from which sorting pays: below, its dozen small steps cost more than one small matrix."""

SUMMED = Blocked(1024, 4096)
"""What sums in its place over samples without an order."""


class Sorted(AbstractKernel):
    r"""Sums over particles and samples by their angular order, in O((m + n) log n) operations and O(m + n) memory.

    A piecewise-linear σ(v·x) with slopes (s₋, s₊) is linear on either side of its kink, so that
    f_i = x_i·(s₋ Σ_j p_j a_j v_j + (s₊ − s₋) Σ_{j: v_j·x_i > 0} p_j a_j v_j), and with samples in angular order
    (`AngularOrder`) the restricted sums are prefix sums over the places of the kinks. The pullback likewise reads
    G_j = Σ_{i: v_j·x_i > 0} r_i x_i off prefix sums over samples.

    For `Neuron` units that are piecewise linear, with inputs in the plane (no bias) or on the line (with or without).
    Signs are those of exact arithmetic up to one rounding of a direction; kinks on samples count as the left branch, as
    in the other kernels. Samples of which one has coordinates whose quotient leaves the type's range (in float32 1e20
    and 1e-20) are summed tile by tile instead. `order` is made by `at`, once for given inputs; without it
    every call sorts.

    Rounding: at most L + log₂ n + 8 roundings of a term, L the largest number of a block's particles in one bin: their
    number over the places for spread-out particles, and never more than `BLOCK`·2n/`bins.BINS`.
    """

    order: AngularOrder | None = None

    def at(self, unit: AbstractUnit, x: Inputs) -> "Sorted":
        return Sorted(AngularOrder(planar(_suited(unit, x), x)))

    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        return self.forward(unit, mu, x)[0]

    def forward(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, Any]:
        unit = _suited(unit, x)
        order = self._order(unit, x)

        def summed(mu: Particles, x: Inputs):
            return SUMMED.predict(unit, mu, x), jnp.zeros(mu.m, order.cells.dtype)

        return _either(order, summed, lambda mu, x: self._forward(unit, mu, x, order), mu, x)

    def _forward(self, unit: Neuron, mu: Particles, x: Inputs, order: AngularOrder) -> tuple[Outputs, Place]:
        below, above = unit.slopes  # type: ignore[misc]

        sums, places = compensated(
            lambda block: histogram(unit, block, x.shape[1], order), blocks(mu, share(mu.m, BLOCK))
        )
        x2 = planar(unit, x)[order.rows]
        active = _active_particles(order, sums)
        slope = below * jnp.sum(sums, axis=2)[:, :, None] + (above - below) * active
        f = jnp.einsum("cuI,Iu->Ic", slope, x2, precision="highest")
        f = jnp.zeros_like(f).at[order.rows].set(f, unique_indices=True)
        return (f[:, 0] if unit.outputs == 1 else f), places.reshape(-1)[: mu.m]

    def backward(self, unit: AbstractUnit, mu: Particles, x: Inputs, kept: Place, r: Outputs) -> Position:
        unit = _suited(unit, x)
        order = self._order(unit, x)

        def summed(mu: Particles, x: Inputs, kept: Place, r: Outputs) -> Position:
            return SUMMED.backward(unit, mu, x, (), r)

        def by_order(mu: Particles, x: Inputs, kept: Place, r: Outputs) -> Position:
            return self._backward(unit, mu, x, kept, r, order)

        return _either(order, summed, by_order, mu, x, kept, r)

    def _backward(
        self, unit: Neuron, mu: Particles, x: Inputs, kept: Place, r: Outputs, order: AngularOrder
    ) -> Position:
        below, above = unit.slopes  # type: ignore[misc]
        r = r.reshape(r.shape[0], -1).astype(mu.dtype)
        x2 = planar(unit, x)
        terms = jnp.einsum("Ic,Iu->cuI", r, x2, precision="highest")[:, :, order.rows]
        table = below * jnp.sum(terms, axis=2)[:, :, None] + (above - below) * _active_samples(order, terms)

        def rows(block: tuple[Position, Place]) -> Position:
            position, place = block
            return picked(unit, position, x.shape[1], place, table, order)

        size = share(mu.m, BLOCK)
        return over(rows, (cut(mu.position, size), cut(kept, size))).reshape(-1, mu.position.shape[1])[: mu.m]

    def label(self) -> str:
        return "sorted"

    def _order(self, unit: Neuron, x: Inputs) -> AngularOrder:
        return AngularOrder(jax.lax.stop_gradient(planar(unit, x))) if self.order is None else self.order


def _either(order: AngularOrder, summed: Callable, by_order: Callable, *operands):
    """`by_order(*operands)`, or `summed(*operands)` for samples without an order."""
    if order.wide is None:
        return jax.lax.cond(order.outside, summed, by_order, *operands)
    return summed(*operands) if order.wide else by_order(*operands)


def offer(task: Task) -> Plan | str:
    """Quasi-linear, where particles and samples have an order."""
    unit, m, n, d = task.unit, task.m, task.n, task.d
    reason = unsuited(unit, d, task.dtype)
    if reason is not None:
        return reason
    if m * n < FROM:
        return f"the {m} × {n} array is small, and its dozen small steps are not"
    bits = max(1, (n - 1).bit_length())
    places = 4 * n + 4
    tables = rows_of_bins(min(m, BLOCK), places) * places * 2 * unit.outputs * task.size
    held = min(m, BLOCK) * 6 * task.size + m * 4 + 32 * n * task.size + tables
    operations = (m + n) * (bits + 12 * unit.outputs)
    why = "piecewise linear in two dimensions: exact sums"
    return Plan(Sorted(), held, operations, task.particles + 2 * 4 * m, why)


def unsuited(unit: AbstractUnit, d: int, dtype: Any = jnp.float32) -> str | None:
    """Why this kernel can't serve such units and inputs, or None if it can."""
    if type(unit) is not Neuron or unit.slopes is None:
        return "the unit is not piecewise linear"
    if jnp.finfo(dtype).bits < 32:
        return f"the type is {jnp.dtype(dtype)}, and its sums are of float32 or float64"
    if d + unit.bias > 2:
        return (
            f"inputs have dimension {d}{' and a bias' * unit.bias}: only the plane, or a line with bias, has an order"
        )
    return None


def planar(unit: Neuron, x: Inputs):
    """Samples as vectors of the plane: themselves, (x, 1) for a bias, (x, 0) for a line without."""
    return x if x.shape[1] == 2 else jnp.concatenate([x, jnp.full_like(x, 1.0 if unit.bias else 0.0)], axis=1)


def _suited(unit: AbstractUnit, x: Inputs) -> Neuron:
    reason = unsuited(unit, x.shape[1], x.dtype)
    if reason is not None:
        raise ValueError(f"kernel=Sorted(): {reason}; use Blocked or leave the choice to plan.")
    return unit  # type: ignore[return-value]


def _active_particles(order: AngularOrder, sums):
    """Σ over particles with v_j·x_i > 0 of binned values, [k, 2, n] in the order of the samples."""
    k, _, places = sums.shape
    straight, turned = jnp.moveaxis(sums.reshape(k, 2, 2, places // 2), 2, 0)
    # A kink that was not turned has sample i on its positive side iff its place is after the sample's own.
    at = 2 * order.group + 1
    before_straight, after_straight = _split(straight, at)
    before_turned, after_turned = _split(turned, at)
    return jnp.where(order.turned, before_straight + after_turned, after_straight + before_turned)


def _split(values, at):
    """(Σ_{e < at}, Σ_{e > at}) along the last axis. Two sums: a difference would lose the smaller one."""
    return jnp.cumsum(values, axis=-1)[..., at - 1], _downward(values)[..., at + 1]


def _downward(values):
    """Σ_{e ≥ at} for every `at`."""
    return jnp.flip(jnp.cumsum(jnp.flip(values, -1), axis=-1), -1)


def _active_samples(order: AngularOrder, terms):
    """Σ over samples with v·x_i > 0 of terms [k, 2, n], for every place of a kink: [k, 2, places]."""
    n = terms.shape[-1]
    none = jnp.zeros((*terms.shape[:2], n + 1), terms.dtype)
    straight, turned = (
        none.at[:, :, order.group].add(jnp.where(mask, terms, 0)) for mask in (~order.turned, order.turned)
    )
    half = order.places // 2
    e = jnp.arange(half)
    before, after = jnp.minimum(e // 2, n), jnp.minimum((e + 1) // 2, n)

    def sides(values):
        upward = jnp.concatenate([none[..., :1], jnp.cumsum(values[..., :-1], axis=-1)], axis=-1)
        return upward[..., before], _downward(values)[..., after]

    (straight_before, straight_after), (turned_before, turned_after) = sides(straight), sides(turned)
    table = jnp.concatenate([straight_before + turned_after, turned_before + straight_after], axis=-1)
    return table.at[..., half - 1].set(0)  # the place of zero vectors, which no sample activates
