"""Streaming over tiles of particles and samples: memory that does not grow with m·n."""

from typing import Any

import equinox as eqx
import jax

from meanfield.arguments import flag, one_of, positive_count
from meanfield.arguments.typing import Inputs, Outputs, Position
from meanfield.integrals import tile
from meanfield.integrals.abstract import PRECISIONS, AbstractKernel
from meanfield.integrals.dense import Dense
from meanfield.integrals.offer import Plan, Task
from meanfield.integrals.shares import blocks, cut, over, share
from meanfield.integrals.summation import compensated
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit

SIGNS_FROM = 48
"""Input dimension from which reading a byte a pair costs less than forming the pre-activation again."""


class Blocked(AbstractKernel):
    """Works on `particles` × `samples` at a time and computes pre-activations again in the pullback (6mnd operations).

    **Arguments:**

    - `particles`, `samples`: sizes of a tile; all samples at once if `samples` is not given.
    - `keep_signs`: for piecewise-linear units of one output, keep 1[z > 0] as one byte a pair, which saves a third of
      the operations (4mnd); memory then grows with m·n after all.
    - `precision` of matrix products.

    Sums over tiles of particles are compensated: rounding grows with the size of a tile and not with m.
    """

    particles: int = eqx.field(static=True)
    samples: int | None = eqx.field(static=True)
    keep_signs: bool = eqx.field(static=True)
    precision: str = eqx.field(static=True)

    def __init__(
        self, particles: int, samples: int | None = None, *, keep_signs: bool = False, precision: str = "highest"
    ):
        self.particles = positive_count("particles", particles)
        self.samples = None if samples is None else positive_count("samples", samples)
        self.keep_signs = flag("keep_signs", keep_signs)
        self.precision = one_of("precision", precision, PRECISIONS)

    def at(self, unit: AbstractUnit, x: Inputs) -> "Blocked":
        return self

    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        return self._forward(unit, mu, x, keep=False)[0]

    def forward(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, Any]:
        return self._forward(unit, mu, x, keep=self.keep_signs and tile.signs_suffice(unit))

    def _forward(self, unit: AbstractUnit, mu: Particles, x: Inputs, keep: bool) -> tuple[Outputs, Any]:
        dense = Dense(self.precision)
        tiles = self._sample_tiles(x)

        # Checkpointed, so that reverse mode does not keep what this kernel is there not to keep.
        @jax.checkpoint
        def one(block: Particles, samples: Inputs):
            f, z = dense.forward(unit, block, samples)
            return f, (z > 0 if keep else ())

        def row(block: Particles):
            f, signs = over(lambda samples: one(block, samples), tiles)
            return f.reshape(-1, *f.shape[2:])[: x.shape[0]], signs

        return compensated(row, blocks(mu, self.particles))

    def backward(self, unit: AbstractUnit, mu: Particles, x: Inputs, kept: Any, r: Outputs) -> Position:
        dense = Dense(self.precision)
        tiles = self._sample_tiles(x), self._sample_tiles(r, "constant")
        signs_kept = self.keep_signs and tile.signs_suffice(unit)

        def one(block: Particles, samples: Inputs, residual: Outputs, signs):
            if signs_kept:
                with jax.default_matmul_precision(self.precision):
                    return tile.gradient_from_signs(unit, block, samples, signs, residual)  # type: ignore[arg-type]
            _, z = dense.forward(unit, block, samples)
            return dense.backward(unit, block, samples, z, residual)

        def row(block_and_signs) -> Position:
            block, signs = block_and_signs
            terms = (*tiles, signs)
            if tiles[0].shape[0] == 1:
                return one(block, *jax.tree.map(lambda leaf: leaf[0], terms))
            return compensated(lambda term: (one(block, *term), ()), terms)[0]

        rows = jax.lax.map(row, (blocks(mu, self.particles), kept))
        return rows.reshape(-1, mu.position.shape[1])[: mu.m]

    def label(self) -> str:
        samples = "all" if self.samples is None else self.samples
        return f"blocked ({self.particles} particles × {samples} samples{', signs kept' * self.keep_signs})"

    def _sample_tiles(self, rows: jax.Array, mode: str = "edge") -> jax.Array:
        """[tiles, samples, …]; filled with the last row for inputs, with zeros for residuals."""
        return cut(rows, len(rows) if self.samples is None else min(self.samples, len(rows)), mode)


def offer(task: Task) -> Plan:
    """Whatever the unit and the sizes: a tile at a time."""
    samples, block = task.samples, task.block
    kernel = Blocked(block, None if samples == task.n else samples)
    return Plan(kernel, block * samples * task.pair, 6 * task.work, task.streamed, task.array)


def offer_with_signs(task: Task) -> Plan | str:
    """Return a plan that keeps the signs of all pairs, where forming them again costs more; or why there is none."""
    m, n = task.m, task.n
    if not tile.signs_suffice(task.unit):
        return "the unit is no piecewise-linear Neuron of one output, whose signs would suffice"
    if task.d < SIGNS_FROM:
        return f"inputs have dimension {task.d}: below {SIGNS_FROM} forming a pre-activation costs less than its sign"
    if m * n > task.memory:
        return f"the signs of {m} × {n} pairs do not fit into the memory"
    block = share(m, max(1, task.block // 2))  # signs take their part of the caches
    kernel = Blocked(block, None if task.samples == n else task.samples, keep_signs=True)
    return Plan(kernel, m * n, 4 * task.work, task.streamed + 2 * m * n, task.array)
