"""The empirical tangent kernel K(x, x') = Σ_j p_j ∇_θ Φ(θ_j; x)·∇_θ Φ(θ_j; x'), tiled over particles."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import finite_result, floating_array, one_of
from meanfield.arguments.meant import instances
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit, Neuron

Rows = Float[Array, "n1 d"]
Columns = Float[Array, "n2 d"]

TILE_BYTES = 1 << 24
"""Memory for the derivatives of one tile of particles; the kernel matrix itself comes on top."""


def tangent_kernel(
    unit: AbstractUnit, mu: Particles, x1, x2=None, *, layers: str = "both"
) -> Float[Array, "n1 n2"] | Float[Array, "n1 k n2 k"]:
    r"""The tangent kernel of the particles, without the factor α² (it moves f by −K r/n under the flow, whatever α).

    **Arguments:**

    - `unit`, `mu`: the network. `x1`, `x2`: inputs [n1, d] and [n2, d]; `x2` is `x1` if not given.
    - `layers`: "both", "output" (derivatives in the output weights alone) or "input" (in all others).

    **Returns:** [n1, n2] for one output, [n1, k, n2, k] for k. Memory: the result and one tile.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("relu")
    >>> mu = mf.Particles.gaussian(jax.random.key(0), unit, m=1000, d=2)
    >>> mf.tangent_kernel(unit, mu, jnp.eye(2)).shape
    (2, 2)
    """
    instances(unit=(unit, AbstractUnit), mu=(mu, Particles))
    one_of("layers", layers, ("both", "output", "input"))
    x1 = floating_array("x1", x1, "n1 d")
    x1 = x1.astype(jnp.promote_types(x1.dtype, mu.dtype))
    x2 = x1 if x2 is None else floating_array("x2", x2, "n2 d", dtype=x1.dtype)
    for name, x in (("x1", x1), ("x2", x2)):
        if unit.size(x.shape[1]) != mu.position.shape[1]:
            raise ValueError(f"{name} has {x.shape[1]} columns: the particles have {mu.position.shape[1]} parameters.")
    rows = (x1.shape[0] + x2.shape[0]) * unit.outputs * x1.dtype.itemsize
    width = 1 if type(unit) is Neuron else mu.position.shape[1]
    tile = max(1, min(mu.m, TILE_BYTES // (rows * width)))
    tile_kernel = _neuron if type(unit) is Neuron else _any
    kernel = _tiled(tile_kernel, unit, mu, x1, x2, layers, tile)
    kernel = finite_result(kernel, "the kernel", x1=x1, x2=x2)
    return kernel[:, 0, :, 0] if unit.outputs == 1 else kernel


@eqx.filter_jit
def _tiled(tile_kernel, unit, mu: Particles, x1: Rows, x2: Columns, layers: str, tile: int):
    fill = -mu.m % tile
    position = jnp.pad(mu.position, ((0, fill), (0, 0)), mode="edge").reshape(-1, tile, mu.position.shape[1])
    mass = jnp.pad(mu.mass, (0, fill)).reshape(-1, tile)

    def add(total, part):
        with jax.default_matmul_precision("highest"):
            return total + tile_kernel(unit, part[0], part[1], x1, x2, layers), None

    first = jnp.zeros((x1.shape[0], unit.outputs, x2.shape[0], unit.outputs), x1.dtype)
    return jax.lax.scan(add, first, (position, mass))[0]


def _neuron(unit: Neuron, position, mass, x1: Rows, x2: Columns, layers: str):
    """h h' δ_cc' + (x·x' [+ 1]) Σ_j p_j a_jc a_jc' σ' σ', by matrix products."""
    a, _, _ = unit.split(position)
    z1, z2 = unit.preactivation(position, x1), unit.preactivation(position, x2)
    total = jnp.zeros((x1.shape[0], unit.outputs, x2.shape[0], unit.outputs), x1.dtype)
    if layers != "input":
        conjugate = (unit.activation(z1) * mass[:, None]).T @ unit.activation(z2)
        total += conjugate[:, None, :, None] * jnp.eye(unit.outputs, dtype=x1.dtype)[None, :, None, :]
    if layers != "output":
        inner = x1 @ x2.T + (1 if unit.bias else 0)
        s1 = _slope(unit, z1)[:, :, None] * (mass[:, None] * a)[:, None, :]
        s2 = _slope(unit, z2)[:, :, None] * a[:, None, :]
        m = position.shape[0]
        moved = (s1.reshape(m, -1).T @ s2.reshape(m, -1)).reshape(total.shape)
        total += inner[:, None, :, None] * moved
    return total


def _slope(unit: Neuron, z):
    return jax.vjp(unit.activation, z)[1](jnp.ones_like(z))[0]


def _any(unit: AbstractUnit, position, mass, x1: Rows, x2: Columns, layers: str):
    def derivative(theta, sample):
        jacobian = jnp.atleast_2d(jax.jacrev(unit)(theta, sample))
        if layers == "output":
            return jacobian[:, : unit.outputs]
        return jacobian[:, unit.outputs :] if layers == "input" else jacobian

    both = jax.vmap(jax.vmap(derivative, (None, 0)), (0, None))
    return jnp.einsum("j,jacp,jbep->acbe", mass, both(position, x1), both(position, x2))
