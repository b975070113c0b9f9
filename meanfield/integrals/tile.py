"""The algebra of one tile: some particles against some samples, with one array of pre-activations.

For a neuron f = hᵀ(p a), ∂_a = h r and ∂_w = (σ'(z) ∘ a rᵀ) x. A piecewise-linear σ of one output needs less: with the
sign pattern S_ij = 1[z_ij > 0] and G = S (r ∘ x) one has ∂_w = a G, and by Euler's identity (σ is homogeneous) ∂_a =
w·G, so that the pullback is a single matrix product and never touches σ(z).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from meanfield.arguments.typing import Inputs, Outputs, Position
from meanfield.integrals.summation import CHAIN
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit, Neuron

Preactivation = Float[Array, "m n"]

BROADCAST_BELOW = 5
"""Input dimensions below this form z by d multiply-adds on whole arrays: a matrix product of so small an inner size
runs at a fraction of the rate."""


def signs_suffice(unit: AbstractUnit) -> bool:
    """Return True if the pullback follows from the sign pattern alone."""
    return type(unit) is Neuron and unit.slopes is not None and unit.outputs == 1


def preactivation(unit: Neuron, mu: Particles, x: Inputs) -> Preactivation:
    """z_ji = w_j·x_i + b_j."""
    _, w, b = unit.split(mu.position)
    d = x.shape[1]
    z = w @ x.T if d >= BROADCAST_BELOW else sum(w[:, k, None] * x[None, :, k] for k in range(d))
    return z if b is None else z + b[:, None]  # type: ignore[return-value]


def outputs(unit: Neuron, mu: Particles, z: Preactivation) -> Outputs:
    """f_i = Σ_j p_j a_j σ(z_ji), where no sum is of more than a chain of particles."""
    a = mu.mass[:, None] * mu.position[:, : unit.outputs]
    h = unit.activation(z)
    if mu.m > CHAIN:
        # A column for every chain, zero elsewhere: one product still, where slices of h would be copied.
        chain = jnp.arange(-(-mu.m // CHAIN))
        own = jnp.arange(mu.m)[:, None] // CHAIN == chain
        apart = jnp.where(own[:, :, None], a[:, None, :], 0).reshape(mu.m, -1)
        f = jnp.sum((apart.T @ h).reshape(len(chain), unit.outputs, -1), axis=0)
        return f[0] if unit.outputs == 1 else f.T
    return a[:, 0] @ h if unit.outputs == 1 else h.T @ a


def gradient(unit: Neuron, mu: Particles, x: Inputs, z: Preactivation, r: Outputs) -> Position:
    """g_j = Σ_i r_i ∇_θ Φ(θ_j; x_i)."""
    if signs_suffice(unit):
        return gradient_from_signs(unit, mu, x, z > 0, r)
    a = mu.position[:, : unit.outputs]
    r = r.reshape(r.shape[0], -1).astype(z.dtype)
    h, transpose = jax.vjp(unit.activation, z)
    # By broadcasting for one output, where a matrix product of inner size one would be slow.
    (s,) = transpose(a * r[:, 0] if r.shape[1] == 1 else a @ r.T)
    parts = [h @ r, s @ x]
    if unit.bias:
        parts.append(jnp.sum(s, axis=1, keepdims=True))
    return jnp.concatenate(parts, axis=1)


def gradient_from_signs(unit: Neuron, mu: Particles, x: Inputs, positive: Bool[Array, "m n"], r: Outputs) -> Position:
    """Return g_j = Σ_i r_i ∇_θ Φ(θ_j; x_i) for a piecewise-linear σ of one output, from the pattern 1[z > 0]."""
    below, above = unit.slopes  # type: ignore[misc]
    a, w = mu.position[:, :1], mu.position[:, 1:]
    rx = r.reshape(-1, 1).astype(a.dtype) * (jnp.pad(x, ((0, 0), (0, 1)), constant_values=1) if unit.bias else x)
    g = (above - below) * (positive.astype(a.dtype) @ rx)
    if below != 0:
        g = g + below * jnp.sum(rx, axis=0)
    return jnp.concatenate([jnp.sum(w * g, axis=1, keepdims=True), a * g], axis=1)


def any_outputs(unit: AbstractUnit, mu: Particles, x: Inputs) -> Outputs:
    """f_i = Σ_j p_j Φ(θ_j; x_i) for a unit that is only known as a function."""
    return jnp.tensordot(mu.mass, _table(unit, mu.position, x), axes=1)


def any_gradient(unit: AbstractUnit, mu: Particles, x: Inputs, r: Outputs) -> Position:
    """Return g_j = Σ_i r_i ∇_θ Φ(θ_j; x_i) for a unit that is only known as a function, by reverse mode."""
    phi, transpose = jax.vjp(lambda position: _table(unit, position, x), mu.position)
    return transpose(jnp.broadcast_to(r.astype(phi.dtype), phi.shape))[0]


def _table(unit: AbstractUnit, position: Position, x: Inputs):
    return jax.vmap(lambda theta: jax.vmap(lambda sample: unit(theta, sample))(x))(position)
