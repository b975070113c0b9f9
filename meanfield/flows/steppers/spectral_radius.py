"""The spectral radius of the Jacobian of a field, from velocities alone."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from meanfield.arguments.typing import Count, Position, Scalar

SAFETY = 1.2
"""Factor on the estimate, which comes from below."""


def spectral_radius(
    at: Callable, position: Position, velocity: Position, direction: Position, size: Callable, most: int = 50
) -> tuple[Scalar, Position, Count]:
    """(`SAFETY` times the spectral radius of the Jacobian, the last direction, evaluations), by the power method.

    The Jacobian of a gradient flow is −p_j⁻¹ times a Hessian, symmetric in the inner product of the masses: estimates
    rise to ρ, and are followed until one is not 5 % above the one before. Products with a vector are differences of
    velocities over a move of `size` one: no kernel needs to be differentiable, and a kink weighs what it weighs at the
    accuracy that is asked for.
    """

    def product(carry):
        v, _, old, count = carry
        move = v / size(v)
        w = at(position + move) - velocity
        new = jnp.linalg.norm(w) / jnp.linalg.norm(move)
        return jnp.where(new > 0, w, v), old, new, count + 1

    def rising(carry):
        _, old, new, count = carry
        return (count < 2) | ((new > 1.05 * old) & (count < most))

    zero = jnp.zeros((), position.dtype)
    v, old, new, count = jax.lax.while_loop(rising, product, (direction, zero, zero, jnp.zeros((), jnp.int32)))
    return SAFETY * jnp.maximum(old, new), v, count


def irregular(velocity: Position) -> Position:
    """The velocity, which leans to the stiff directions, and a little of every other direction; of length one."""
    turns = jnp.arange(1, velocity.size + 1, dtype=velocity.dtype) * ((5**0.5 - 1) / 2)
    other = (turns - jnp.floor(turns) - 0.5).reshape(velocity.shape)
    tiny = jnp.finfo(velocity.dtype).tiny
    both = velocity / jnp.maximum(jnp.linalg.norm(velocity), tiny) + 0.1 * other / jnp.linalg.norm(other)
    return both / jnp.linalg.norm(both)
