"""Penalties V(θ), averaged over the particles: F = R/α² + ∫ V dμ. Any function θ ↦ V(θ) will do."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from meanfield.arguments import nonnegative_array, positive_scalar
from meanfield.arguments.described import html, text
from meanfield.arguments.typing import Parameter, Scalar


class WeightDecay(eqx.Module):
    """V(θ) = (strength/2) |θ|². Raises `ValueError` for a strength that is negative or not finite."""

    __repr__, _repr_html_ = text, html

    strength: Scalar

    def __init__(self, strength):
        self.strength = positive_scalar("strength", strength, zero=True)

    def __call__(self, theta: Parameter) -> Scalar:
        return (0.5 * self.strength * jnp.sum(jnp.square(theta))).astype(theta.dtype)


class L1(eqx.Module):
    r"""V(θ) = Σ_c λ_c |θ_c|, which has a proximal step in place of a gradient: particles become sparse.

    prox_{hV}(θ)_c = sign(θ_c) (|θ_c| − h_c λ_c)₊, taken after every step by steppers that know it (`Euler`, which is
    then forward–backward splitting, and `HeavyBall`).

    **Arguments:** `strength`: λ, one number for all parameters of a particle or p of them, each at least 0. With
    λ = (λ_1, 0, …, 0) only the first one, an output weight, is penalised: ∫ V dμ is then λ_1 times a bound on the total
    variation of the signed measure that the weights make, and places move freely. Raises `ValueError` for other
    numbers.

    Weights and places that descend with steps of their own, h α and h β, are `Euler(h, transport=[α, β, …, β])`:

    >>> import jax.numpy as jnp, meanfield as mf
    >>> unit, x = mf.units.Spike(), mf.units.spikes.fourier(2)
    >>> data = mf.datasets.spikes_at([[0.3]], [1.0], order=2)
    >>> problem = mf.Objective(unit, mf.Square(), data.x, data.y, penalty=mf.penalties.L1([0.1, 0.0]))
    >>> flow = mf.Flow(mf.steppers.Euler(0.1, transport=[1.0, 0.01]))
    >>> run = mf.simulate(problem, flow, mf.Particles.grid(unit, [[0.0, 0.25, 0.5, 0.75]]), times=100.0)
    >>> weight, place = run.particles.position[1].tolist()
    >>> round(weight / 4, 2), round(place, 2), int(jnp.sum(run.particles.position[:, 0] != 0))
    (0.9, 0.3, 1)
    >>> mf.penalties.L1(0.5).proximal(jnp.array([-2.0, 0.25]), 1.0).tolist()
    [-1.5, 0.0]

    Source: Tibshirani (1996); Combettes & Wajs (2005); Chizat & Bach (2018) for particles.
    """

    __repr__, _repr_html_ = text, html

    strength: Float[Array, "*p"]

    def __init__(self, strength):
        many = not isinstance(strength, str | bytes) and np.ndim(strength) > 0
        self.strength = (
            nonnegative_array("strength", strength, "p") if many else positive_scalar("strength", strength, zero=True)
        )

    def __call__(self, theta: Parameter) -> Scalar:
        return jnp.sum(self._fitting(theta) * jnp.abs(theta)).astype(theta.dtype)

    def proximal(self, theta: Parameter, step) -> Parameter:
        """Return argmin_ϑ V(ϑ) + Σ_c (ϑ_c − θ_c)²/(2h_c),
        h one number or one for each parameter; θ_c where h_c is 0."""
        shrunk = jnp.maximum(jnp.abs(theta) - jnp.asarray(step * self._fitting(theta), theta.dtype), 0)
        return jnp.sign(theta) * shrunk

    def _fitting(self, theta: Parameter) -> Float[Array, "*p"]:
        if self.strength.shape not in ((), theta.shape):
            raise ValueError(f"strength has shape {self.strength.shape}: expected one number, or {theta.shape}.")
        return self.strength


class TotalMass(eqx.Module):
    """V(θ) = strength: ∫ V dμ is strength times the mass of μ, its total-variation norm where |a| is fixed to 1.

    It matters to flows under which mass may change, such as `ConicFlow`. Raises `ValueError` for a strength that is
    negative or not finite.
    """

    __repr__, _repr_html_ = text, html

    strength: Scalar

    def __init__(self, strength):
        self.strength = positive_scalar("strength", strength, zero=True)

    def __call__(self, theta: Parameter) -> Scalar:
        return self.strength.astype(theta.dtype)


class ParameterDecay(eqx.Module):
    r"""V(θ) = ½ Σ_k λ_k θ_k²: `WeightDecay` where all λ_k are equal.

    With λ_k = 0 a parameter is free, such as a bias that shall move at no cost.

    **Arguments:** `strengths`: λ, shape [p], one number of at least 0 for each parameter of a particle. Raises
    `ValueError` for other numbers.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> float(mf.penalties.ParameterDecay([0.1, 0.1, 0.0])(jnp.array([2.0, 1.0, 5.0])))
    0.25
    """

    __repr__, _repr_html_ = text, html

    strengths: Float[Array, " p"]

    def __init__(self, strengths):
        self.strengths = nonnegative_array("strengths", strengths, "p")

    def __call__(self, theta: Parameter) -> Scalar:
        if theta.shape != self.strengths.shape:
            raise ValueError(f"strengths has shape {self.strengths.shape}: expected {theta.shape}, as a particle.")
        return (0.5 * jnp.sum(self.strengths * jnp.square(theta))).astype(theta.dtype)
