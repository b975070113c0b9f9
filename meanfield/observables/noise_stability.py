"""Noise stability of a two-layer network: how much smaller than it could be is what a sample loses in each layer.

A network is read as x ↦ z = W x ↦ φ = σ(z) ↦ f = A φ, with W [m, d] the input weights (and biases, for inputs that
end in 1) and A [k, m] the output weights times masses and scale.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import finite_result, floating_array
from meanfield.arguments.meant import instances
from meanfield.arguments.typing import Inputs, Scalar
from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles
from meanfield.units.neuron import Neuron


class Cushions(eqx.Module):
    """Noise stability of a two-layer network, sample by sample.

    Noise of a random direction that enters a layer leaves it, relative to the signal, larger by 1/cushion². A cushion
    is at most 1, where the signal lies along the layer's only large direction; 1/√width is that of a signal without a
    preferred direction.
    """

    input: Float[Array, " n"]
    """μ₁ = |W x| / (‖W‖_F |x|)."""
    output: Float[Array, " n"]
    """μ₂ = |A φ| / (‖A‖_F |φ|)."""
    interlayer: Float[Array, " n"]
    """μ₁₂ = |J z| / (‖J‖_F |z|), J = A diag σ'(z): the cushion of what follows the first layer, linearised."""
    contraction: Float[Array, " n"]
    """c = |z| / |σ(z)|."""
    attenuation: Float[Array, " n"]
    """|J|²_F |z|² / (m |J z|²) = 1/(m μ₁₂²): mean squared relative change of f over that of z, for infinitesimal
    isotropic noise on z (if σ is 1-homogeneous; otherwise J z stands for f). m counts units that have mass.
    """
    rank_input: Scalar
    """Stable rank ‖W‖²_F / ‖W‖²."""
    rank_output: Scalar
    """Stable rank ‖A‖²_F / ‖A‖², which is 1 for one output."""


def cushions(objective: AbstractObjective, mu: Particles, x=None) -> Cushions:
    r"""Layer cushions, interlayer cushion, activation contraction and stable ranks of the network.

    **Arguments:** the network as `objective` and `mu`; inputs x [n, d], the training inputs if not given. Units without
    mass are no part of the network. A sample whose f or φ is zero has cushion zero, and infinite attenuation and
    contraction.

    **Returns:** `Cushions`. Raises `ValueError` for a unit that is no Neuron and for inputs of another dimension.
    Source: Arora, Ge, Neyshabur & Zhang (2018), definitions 3 to 6, sample by sample.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> objective = mf.Objective(mf.Neuron("relu"), mf.Square(), x=jnp.eye(2), y=jnp.ones(2))
    >>> found = mf.observables.cushions(objective, mf.Particles(jnp.array([[1.0, 3.0, 0.0], [1.0, 4.0, 0.0]])))
    >>> found.input.tolist(), round(float(found.rank_input), 4), round(float(found.contraction[0]), 4)
    ([1.0, 0.0], 1.0, 1.0)
    """
    instances(objective=(objective, AbstractObjective), mu=(mu, Particles))
    if type(objective.unit) is not Neuron:
        raise ValueError(f"unit={type(objective.unit).__name__}: cushions are defined for a Neuron.")
    x = objective.x if x is None else floating_array("x", x, "n d", dtype=objective.x.dtype)
    if x.shape[1] != objective.x.shape[1]:
        raise ValueError(f"x has {x.shape[1]} columns: expected {objective.x.shape[1]}, as in training.")
    found = _cushions(objective.unit, objective.scale, mu, x)
    finite_result(found.input, "|W x|", x=x)
    return found


def layers(unit: Neuron, scale: Scalar, mu: Particles) -> tuple[Float[Array, "m q"], Float[Array, "k m"]]:
    """(W [m, d (+ 1)], A [k, m]) of the network; units without mass have rows and columns of zeros."""
    a, w, b = unit.split(mu.position)
    w = w if b is None else jnp.concatenate([w, b[:, None]], axis=1)
    return jnp.where(mu.mass[:, None] > 0, w, 0), (scale * mu.mass[:, None] * a).T


@eqx.filter_jit
def _cushions(unit: Neuron, scale: Scalar, mu: Particles, x: Inputs) -> Cushions:
    with jax.default_matmul_precision("highest"):
        w, a = layers(unit, scale, mu)
        inputs = x if w.shape[1] == x.shape[1] else jnp.pad(x, ((0, 0), (0, 1)), constant_values=1)
        z = inputs @ w.T
        phi, slope = jax.jvp(unit.activation, (z,), (jnp.ones_like(z),))
        phi = jnp.where(mu.mass > 0, phi, 0)
        through = jnp.sqrt(jnp.sum(jnp.square(a)[None] * jnp.square(slope)[:, None], axis=(1, 2)))
        jz = (slope * z) @ a.T
        interlayer = _ratio(_norm(jz), through * _norm(z))
        units = jnp.sum(mu.mass > 0)
        return Cushions(
            input=_ratio(_norm(z), jnp.linalg.norm(w) * _norm(inputs)),
            output=_ratio(_norm(phi @ a.T), jnp.linalg.norm(a) * _norm(phi)),
            interlayer=interlayer,
            contraction=_norm(z) / _norm(phi),
            attenuation=1 / (units * jnp.square(interlayer)),
            rank_input=_stable_rank(w),
            rank_output=_stable_rank(a.T),
        )


def _norm(rows: Array) -> Array:
    return jnp.sqrt(jnp.sum(jnp.square(rows), axis=1))


def _ratio(top: Array, bottom: Array) -> Array:
    """top/bottom, and 0 where both are."""
    return jnp.where(bottom > 0, top / jnp.where(bottom > 0, bottom, 1), 0)


def _stable_rank(matrix: Array) -> Scalar:
    """‖M‖²_F / ‖M‖², from the eigenvalues of the smaller Gram matrix."""
    small = matrix.T @ matrix if matrix.shape[0] > matrix.shape[1] else matrix @ matrix.T
    return jnp.trace(small) / jnp.linalg.eigvalsh(small)[-1]
