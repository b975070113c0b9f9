"""Stiffness: whether a step that helps one sample helps another."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import finite_result, flag, floating_array
from meanfield.arguments.meant import instances
from meanfield.arguments.typing import Input, Inputs, Position
from meanfield.objectives.abstract import AbstractObjective
from meanfield.observables.sharpness import differentiable, roots
from meanfield.particles import Particles


def stiffness(
    objective: AbstractObjective, mu: Particles, x=None, y=None, *, penalty: bool = False
) -> Float[Array, "n n"]:
    r"""cos ∠(g_i, g_k), the alignment of the gradients g_i = ∇_θ ℓ(f(x_i; μ), y_i) of single samples.

    A small step that lowers the loss of sample i lowers that of sample k where it is positive, and raises it where it
    is negative. Angles are those of the metric Σ_j p_j |θ_j|² in which particles step; for equal masses, plain ones.
    Without `penalty` they are r_iᵀ K_ik r_k / (r_iᵀ K_ii r_i · r_kᵀ K_kk r_k)^½, K the tangent kernel and r_i the
    residual of a sample; here they come from the gradients.

    **Arguments:**

    - `objective`, `mu`: the model, a network or its linearisation, and its particles.
    - `x`, `y`: the samples [n, d] and targets, those of training if not given.
    - `penalty`: whether ∇V is part of the gradient of every sample, as F = R/α² + ∫ V dμ has it.

    **Returns:** [n, n]; zero for pairs with a gradient that vanishes. Memory: n arrays of the particles' size.
    Raises `ValueError` for x without y, y without x, or shapes that do not match.

    As an observable: `observables={"stiffness": mf.observables.stiffness}`, or with samples of your own by
    `jax.tree_util.Partial(mf.observables.stiffness, x=x, y=y)`.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> mu = mf.Particles(jnp.array([[1.0, 1.0, 1.0], [1.0, 1.0, -1.0]]))
    >>> objective = mf.Objective(mf.Neuron("relu"), mf.Square(), x=jnp.eye(2), y=jnp.array([-1.0, 1.0]))
    >>> round(float(mf.observables.stiffness(objective, mu)[0, 1]), 3)  # f is too large at one, too small at the other
    -0.354

    Source: Fort, Nowak, Jastrzębski & Narayanan (2019).
    """
    instances(objective=(objective, AbstractObjective), mu=(mu, Particles))
    penalty = flag("penalty", penalty)
    if (x is None) != (y is None):
        raise ValueError(f"{'y' if y is None else 'x'}=None: expected x and y together, or neither.")
    plain = differentiable(objective)
    if x is None:
        x, y = objective.x, objective.y
    else:
        x = floating_array("x", x, "n d", dtype=objective.x.dtype)
        if x.shape[1] != objective.x.shape[1]:
            raise ValueError(f"x has {x.shape[1]} columns: expected {objective.x.shape[1]}, as in training.")
        y = objective.loss.targets(y, objective.unit.outputs, x.dtype)
        if len(y) != len(x):
            raise ValueError(f"y has {len(y)} rows and x has {len(x)}: expected one target an input.")
    return finite_result(_cosines(plain, mu, x, y, penalty), "a gradient", x=x, y=y)


@eqx.filter_jit
def _cosines(objective: AbstractObjective, mu: Particles, x: Inputs, y: Array, penalty: bool) -> Float[Array, "n n"]:
    """Return the cosines of the angles between the gradients of single samples."""
    _, inverse = roots(mu)

    def gradient(sample: Input, target: Array) -> Position:
        def loss(position: Position):
            value = objective.loss.risk(objective.predict(mu.moved(position), sample[None]), target[None])
            if penalty and objective.penalty is not None:
                value = value / objective.scale**2 + jnp.dot(mu.mass, jax.vmap(objective.penalty)(position))
            return value

        return inverse * jax.grad(loss)(mu.position)

    rows = jax.vmap(gradient)(x, y).reshape(len(x), -1)
    size = jnp.linalg.norm(rows, axis=1, keepdims=True)
    with jax.default_matmul_precision("highest"):
        rows = jnp.where(size > 0, rows / jnp.where(size > 0, size, 1), 0)
        return rows @ rows.T
