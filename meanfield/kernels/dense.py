"""The plain kernel: one m × n array, kept between predict and pullback."""

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield._typing import Inputs, Outputs, Position, Pullback
from meanfield.arguments import one_of
from meanfield.kernels.abstract import PRECISIONS, AbstractKernel
from meanfield.particles import Particles
from meanfield.units import AbstractUnit, Neuron


class Dense(AbstractKernel):
    """Keeps all m·n pre-activations: fewest operations (4mnd for a neuron), memory that grows with m·n."""

    precision: str = eqx.field(static=True)

    def __init__(self, precision: str = "highest"):
        self.precision = one_of("precision", precision, PRECISIONS)

    def predict(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
        return self.linearise(unit, mu, x)[0]

    def linearise(self, unit: AbstractUnit, mu: Particles, x: Inputs) -> tuple[Outputs, Pullback]:
        with jax.default_matmul_precision(self.precision):
            if isinstance(unit, Neuron):
                return _neuron(unit, mu, x, self.precision)
            return _any(unit, mu, x, self.precision)


def _any(unit: AbstractUnit, mu: Particles, x: Inputs, precision: str) -> tuple[Outputs, Pullback]:
    def outputs(position: Position):
        return jax.vmap(lambda theta: jax.vmap(lambda sample: unit(theta, sample))(x))(position)

    phi, transpose = jax.vjp(outputs, mu.position)

    def pull(r: Outputs) -> Position:
        with jax.default_matmul_precision(precision):
            return transpose(jnp.broadcast_to(r.astype(phi.dtype), phi.shape))[0]

    return jnp.tensordot(mu.mass, phi, axes=1), pull


def _neuron(unit: Neuron, mu: Particles, x: Inputs, precision: str) -> tuple[Outputs, Pullback]:
    """The same by matrix products: f = hᵀ(p a), ∂_a = h r, ∂_w = (σ'(z) ∘ a rᵀ) x."""
    a, _, _ = unit.split(mu.position)
    z = unit.preactivation(mu.position, x)
    h, transpose = jax.vjp(unit.activation, z)
    f = h.T @ (mu.mass[:, None] * a)

    def pull(r: Outputs) -> Position:
        r = r.reshape(r.shape[0], -1).astype(z.dtype)
        with jax.default_matmul_precision(precision):
            (s,) = transpose(_outer(a, r))
            parts = [h @ r, s @ x]
            if unit.bias:
                parts.append(jnp.sum(s, axis=1, keepdims=True))
            return jnp.concatenate(parts, axis=1)

    return (f[:, 0] if unit.outputs == 1 else f), pull


def _outer(a, r):
    """a rᵀ, [m, n]; by broadcasting for one output, where a matrix product of inner size one would be slow."""
    return a * r[:, 0] if r.shape[1] == 1 else a @ r.T
