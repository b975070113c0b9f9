"""Streaming over tiles of particles and samples: memory that does not grow with m·n."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield._typing import Inputs, Outputs, Position
from meanfield.arguments import one_of, positive_count
from meanfield.kernels import tile
from meanfield.kernels.abstract import PRECISIONS, AbstractKernel
from meanfield.kernels.dense import Dense
from meanfield.kernels.summation import compensated
from meanfield.particles import Particles
from meanfield.units import AbstractUnit


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
        self.keep_signs = bool(keep_signs)
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
            f, signs = _over(lambda samples: one(block, samples), tiles)
            return f.reshape(-1, *f.shape[2:])[: x.shape[0]], signs

        return compensated(row, self._blocks(mu))

    def backward(self, unit: AbstractUnit, mu: Particles, x: Inputs, kept: Any, r: Outputs) -> Position:
        dense = Dense(self.precision)
        tiles = self._sample_tiles(x), self._sample_tiles(r, constant=True)
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

        rows = jax.lax.map(row, (self._blocks(mu), kept))
        return rows.reshape(-1, mu.position.shape[1])[: mu.m]

    def label(self) -> str:
        samples = "all" if self.samples is None else self.samples
        return f"blocked ({self.particles} particles × {samples} samples{', signs kept' * self.keep_signs})"

    def _blocks(self, mu: Particles) -> Particles:
        """[blocks, particles, p]; the last block is filled with copies of the last particle of mass zero."""
        fill = -mu.m % self.particles
        position = jnp.pad(mu.position, ((0, fill), (0, 0)), mode="edge")
        mass = jnp.pad(mu.mass, (0, fill)).reshape(-1, self.particles)
        shaped = position.reshape(-1, self.particles, mu.position.shape[1])
        return eqx.tree_at(lambda nu: (nu.position, nu.mass), mu, (shaped, mass))

    def _sample_tiles(self, rows: jax.Array, constant: bool = False) -> jax.Array:
        """[tiles, samples, …]; filled with the last row for inputs, with zeros for residuals."""
        n = rows.shape[0]
        size = n if self.samples is None else min(self.samples, n)
        fill = ((0, -n % size), *((0, 0) for _ in rows.shape[1:]))
        return jnp.pad(rows, fill, mode="constant" if constant else "edge").reshape(-1, size, *rows.shape[1:])


def _over(function, tiles: jax.Array):
    """`lax.map`, without its loop for a single tile."""
    if tiles.shape[0] > 1:
        return jax.lax.map(function, tiles)
    return jax.tree.map(lambda leaf: leaf[None], function(tiles[0]))
