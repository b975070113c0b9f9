"""Streaming over blocks of particles: memory that does not grow with m·n."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield._typing import Inputs, Outputs, Position, Pullback
from meanfield.arguments import one_of, positive_count
from meanfield.kernels.abstract import PRECISIONS, AbstractKernel
from meanfield.kernels.dense import Dense
from meanfield.particles import Particles
from meanfield.units import AbstractUnit


class Blocked(AbstractKernel):
    """Handles `block` particles at a time and computes their pre-activations again in the pullback (6mnd operations).

    The predictions are summed block by block, so rounding grows with the number of blocks and not with m.
    """

    block: int = eqx.field(static=True)
    precision: str = eqx.field(static=True)

    def __init__(self, block: int, precision: str = "highest"):
        self.block = positive_count("block", block)
        self.precision = one_of("precision", precision, PRECISIONS)

    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        dense = Dense(self.precision)
        blocks = self._split(mu)

        def add(total, block):
            return total + dense.predict(unit, block, x), None

        first = jnp.zeros(jax.eval_shape(lambda: dense.predict(unit, _one(mu), x)).shape, mu.dtype)
        return jax.lax.scan(add, first, blocks)[0]

    def linearise(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, Pullback]:
        dense = Dense(self.precision)

        def pull(r: Outputs) -> Position:
            rows: Callable = lambda block: dense.linearise(unit, block, x)[1](r)  # noqa: E731
            return jax.lax.map(rows, self._split(mu)).reshape(-1, mu.position.shape[1])[: mu.m]

        return self.predict(unit, mu, x), pull

    def _split(self, mu: Particles) -> Particles:
        """[blocks, block, p]; the last block is filled with copies of the last particle of mass zero."""
        fill = -mu.m % self.block
        position = jnp.pad(mu.position, ((0, fill), (0, 0)), mode="edge").reshape(-1, self.block, mu.position.shape[1])
        mass = jnp.pad(mu.mass, (0, fill)).reshape(-1, self.block)
        return eqx.tree_at(lambda nu: (nu.position, nu.mass), mu, (position, mass))


def _one(mu: Particles) -> Particles:
    return jax.tree.map(lambda leaf: leaf[:1], mu)
