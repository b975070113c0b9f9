"""Sharpness: the largest curvature of the objective, in the metric in which particles step."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import positive_count
from meanfield.arguments.typing import Position, Scalar
from meanfield.objectives.abstract import AbstractObjective, AbstractSampleMean
from meanfield.observables.abstract import AbstractSnapshot
from meanfield.particles import Particles

Vector = Float[Array, "..."]
"""An array of any shape that a symmetric product takes and returns."""


class Sharpness(AbstractSnapshot):
    r"""S, the largest eigenvalue of the Hessian of F(θ_1 … θ_m) in the metric Σ_j p_j |θ_j|² of the masses.

    For equal masses S = λ_max(m ∇²F): gradient descent θ_j ← θ_j − h m ∇_{θ_j} F, which is `GradientFlow(h)`, is
    stable at a minimum as long as h S < 2. Under a lazy flow with square loss S is λ_max(K/n), K the tangent kernel.
    The unit is that of 1/step: α, m and the penalty are in it already.

    **Arguments:**

    - `iterations`: of Lanczos' method, each a derivative of the velocity along a vector. Estimates come from below;
      they are exact, up to rounding, once there are as many iterations as parameters.

    Kinks of σ, such as ReLU's, count as far as σ'' does almost everywhere. Memory: a few arrays m × n, and `iterations`
    arrays of the particles' size. Raises `ValueError` for fewer than one iteration.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> linear = mf.Objective(mf.Neuron("linear"), mf.Square(), x=jnp.ones((1, 1)), y=jnp.zeros(1))
    >>> mu = mf.Particles(jnp.array([[1.0, 2.0], [2.0, -1.0]]), jnp.array([0.5, 0.5]))  # f = mean of a w = 0
    >>> round(float(mf.observables.Sharpness()(linear, mu, None)), 4)  # mean of a² + w²
    5.0

    Source: Cohen, Kaur, Li, Kolter & Talwalkar (2021).
    """

    iterations: int = eqx.field(static=True, default=32, converter=lambda value: positive_count("iterations", value))
    name: ClassVar[str] = "sharpness"
    symbol: ClassVar[str] = "S"
    unit: ClassVar[str] = "1 / time"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        return _largest_curvature(objective, mu, self.iterations)


@eqx.filter_jit  # traced once a shape, also outside of `simulate`
def _largest_curvature(objective: AbstractObjective, mu: Particles, iterations: int) -> Scalar:
    plain, (root, inverse) = differentiable(objective), roots(mu)

    def product(u: Position) -> Position:
        along = jax.jvp(lambda position: plain.velocity(mu.moved(position)), (mu.position,), (inverse * u,))[1]
        return -root * along

    return largest_eigenvalue(product, mu.position, iterations)


def roots(mu: Particles) -> tuple[Float[Array, "m 1"], Float[Array, "m 1"]]:
    """√p_j of the masses and their inverses, 0 for a particle without mass: the metric Σ_j p_j |θ_j|² made plain."""
    root = jnp.sqrt(mu.mass)[:, None]
    return root, jnp.where(root > 0, 1 / jnp.where(root > 0, root, 1), 0)


def differentiable(objective: AbstractObjective) -> AbstractObjective:
    """Return the problem with integrals that JAX can differentiate: faster kernels have derivatives of their own."""
    return objective.differentiable() if isinstance(objective, AbstractSampleMean) else objective


def largest_eigenvalue(product: Callable[[Vector], Vector], like: Vector, iterations: int) -> Scalar:
    """The largest eigenvalue of a symmetric `product` on arrays such as `like`, from below, by Lanczos' method."""
    return jnp.linalg.eigvalsh(_lanczos(product, like, iterations)[1])[-1]


def largest_eigenpair(product: Callable[[Vector], Vector], like: Vector, iterations: int):
    """The largest eigenvalue, as `largest_eigenvalue`, and its vector of norm 1, of the shape of `like`."""
    basis, projected = _lanczos(product, like, iterations)
    values, vectors = jnp.linalg.eigh(projected)
    vector = basis.T @ vectors[:, -1]
    return values[-1], (vector / jnp.linalg.norm(vector)).reshape(like.shape)


def _lanczos(product: Callable[[Vector], Vector], like: Vector, iterations: int):
    """A basis of Krylov's space, one row a vector, and the tridiagonal matrix that the product is on it.

    Vectors are made orthogonal to all that came before, twice. Where they span an invariant space too early the rest of
    the tridiagonal matrix is filled with its first entry, a Rayleigh quotient, which is no larger than the result.
    """
    count = min(iterations, like.size)
    eps = jnp.finfo(like.dtype).eps
    turns = jnp.arange(1, like.size + 1, dtype=like.dtype) * ((5**0.5 - 1) / 2)
    first = turns - jnp.floor(turns) - 0.5  # leans to no direction in particular
    first = first / jnp.linalg.norm(first)

    def step(carry, j):
        basis, q, quotient = carry
        w = product(q.reshape(like.shape)).ravel()
        value, size = jnp.dot(q, w), jnp.linalg.norm(w)
        quotient = jnp.where(j == 0, value, quotient)
        basis = basis.at[j].set(q)
        for _ in range(2):
            w = w - basis.T @ (basis @ w)
        left = jnp.linalg.norm(w)
        goes = left > 100 * eps * size
        following = jnp.where(goes, w / jnp.where(goes, left, 1), 0)
        return (basis, following, quotient), (jnp.where(jnp.any(q != 0), value, quotient), jnp.where(goes, left, 0))

    basis: Float[Array, "l N"] = jnp.zeros((count, like.size), like.dtype)
    with jax.default_matmul_precision("highest"):
        (basis, _, _), (values, links) = jax.lax.scan(
            step, (basis, first, jnp.zeros((), like.dtype)), jnp.arange(count)
        )
    return basis, jnp.diag(values) + jnp.diag(links[:-1], 1) + jnp.diag(links[:-1], -1)
