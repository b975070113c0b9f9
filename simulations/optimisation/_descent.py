"""Descent with Nesterov's momentum, a step that dies out, frozen input weights and signs that are kept."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

import meanfield as mf


class Descent(eqx.Module):
    """One update of momentum descent, u ← β_k u + g and θ ← θ − h_k (g + β_k u), as optax applies it.

    Momentum is Nesterov's k/(k + 3) up to its final value. The step h_k is h in the first half and falls to zero in the
    second: atoms of an optimum often sit where a sample switches, and a constant step would keep them jumping over that
    kink. Every setting is a value of an array, so that runs which differ in them share a program.
    """

    step: Float[Array, ""]
    momentum: Float[Array, ""]
    horizon: Float[Array, ""]
    """Updates in all."""
    rates: Float[Array, "m p"]
    """Factor on the gradient of every parameter: 0 freezes it."""
    floor: Float[Array, ""]
    """Least output weight; the projection keeps signs, which the flow can't change but a step could."""

    def __call__(self, updates, state, params=None):
        """(the moves, what is kept) from the gradient: the names are optax's."""
        assert params is not None
        speed, count = state
        slope = self.rates * updates
        momentum = jnp.minimum(self.momentum, count / (count + 3))
        speed = momentum * speed + slope
        step = self.step * jnp.minimum(1.0, 2 * (1 - count / self.horizon))
        move = -step * (slope + momentum * speed)
        output = jnp.maximum(params[:, 0] + move[:, 0], self.floor) - params[:, 0]
        return move.at[:, 0].set(output), (speed, count + 1)


def _at_rest(params):
    return jnp.zeros_like(params), jnp.zeros((), params.dtype)


def descent(run, p: int) -> mf.Flow:
    """The flow of a run with p parameters a particle: each update is one unit of time.

    Particles without mass stay where they are: left to the flow, they would grow for ever where the certificate of
    optimality fails.
    """
    rates = np.zeros((run.room, p))
    rates[: run.particles, : 1 if run.layers == "output" else p] = 1.0
    floor = 0.0 if run.layers == "positive" else -np.inf
    numbers = (jnp.asarray(value) for value in (run.step, run.momentum, float(run.updates), rates, floor))
    return mf.OptimiserFlow(optax.GradientTransformation(_at_rest, Descent(*numbers)))
