"""How fast this machine is, beside the one on which the costs of studies were measured."""

import functools
import time

import jax
import jax.numpy as jnp

REFERENCE = 0.06
"""Processor seconds of `yardstick` where the costs were measured."""

SLOWEST = 10.0
"""The largest factor that is believed, and the smallest is its inverse."""


@functools.cache
def slowness() -> float:
    """Return how many times as long as there work takes here; measured once in a process, in about half a second."""
    return min(max(yardstick() / REFERENCE, 1 / SLOWEST), SLOWEST)


def yardstick() -> float:
    """Return the processor seconds in which a small program is traced and compiled, of what short runs spend most on.

    The least of three turns: other work on the machine only adds to them.
    """
    start = jnp.ones((7, 5))
    jax.jit(jnp.sum)(start).block_until_ready()  # JAX has started before the clock does

    def turn(turn: int) -> float:
        def energy(w):
            return jnp.mean(jnp.tanh(start @ w + turn) ** 2)  # another program each time: none is remembered

        def descend(w):
            return jax.lax.fori_loop(0, 9, lambda _, w: w - 0.1 * jax.grad(energy)(w), w)

        began = time.process_time()
        jax.jit(descend).lower(jnp.ones((5, 3))).compile()
        return time.process_time() - began

    return min(turn(number) for number in range(3))
