"""Descent with Nesterov's momentum, a step that dies out, frozen weights and signs that are kept; and its students."""

import functools
from functools import cached_property
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

import meanfield as mf
from simulations.optimisation.screened_teachers import sphere
from simulations.study.parameters import count, number
from simulations.study.simulation import Simulation
from simulations.study.starts import masses

MOMENTS = 32
"""Observations on the way (count)."""


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
        """Return the moves, and what is kept, from the gradient: the names are optax's."""
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


@functools.lru_cache(maxsize=64)
def descent(
    particles: int, room: int, parameters: int, step: float, momentum: float, updates: int, layers: str = "both"
) -> mf.Flow:
    """Return the flow of students in which each update is one unit of time: the same object for the same settings.

    Only the first `particles` move. Those beyond, up to `room`, have no mass: left to the flow, they would grow for
    ever where the certificate of optimality fails. `layers` are both, output (input weights are frozen), or positive
    (output weights do not fall below 0).
    """
    rates = np.zeros((room, parameters))
    rates[:particles, : 1 if layers == "output" else None] = 1.0
    floor = 0.0 if layers == "positive" else -np.inf
    numbers: list[Any] = [np.asarray(value, float) for value in (step, momentum, updates, rates, floor)]
    return mf.OptimiserFlow(optax.GradientTransformation(_at_rest, Descent(*numbers)))


class Students(Simulation):
    """Students that descend with Nesterov's momentum, and their teacher, of alternating signs."""

    particles: int = count(32, "m", "particles")
    neurons: int = count(3, "m*", "neurons of the teacher, of alternating signs")
    dimension: int = count(2, "d", "inputs")
    length: float = number(1.0, "", "length of all input weights at the start", unit="parameter units", above=0)
    step: float = number(0.1, "h", "step of the descent in its first half", unit="mean-field time", above=0)
    momentum: float = number(0.99, "", "Nesterov momentum; 0 is gradient descent", unit="share", at_least=0, below=1)
    updates: int = count(2000, "", "updates")
    layers: ClassVar[str] = "both"
    places: ClassVar[int] = 8
    """Particles come in multiples of this, those beyond m with no mass: all m up to it share one program."""

    @property
    def room(self) -> int:
        """Particles with those that have no mass."""
        return -(-self.particles // self.places) * self.places

    def teacher(self, random: np.random.Generator) -> np.ndarray:
        """Return the teacher's neurons, rows (c, v)."""
        signs = np.where(np.arange(self.neurons) % 2 == 0, 1.0, -1.0)
        return np.column_stack([signs, self.length * sphere(random, self.neurons, self.dimension)])

    @cached_property
    def position(self) -> np.ndarray:
        """The start, [room, 1 + d]: output weights, and input weights on a sphere."""
        random = self.generator(f"start of {self.particles}")
        w = self.length * sphere(random, self.room, self.dimension)
        return np.column_stack([self.output(np.where(random.random(self.room) < 0.5, -1.0, 1.0)), w])

    def output(self, signs: np.ndarray) -> np.ndarray:
        """Return the output weights at the start."""
        return self.length * signs

    def start(self):
        return mf.Particles(self.position, masses(self.particles, self.places))

    def flow(self):
        setting = self.step, self.momentum, self.updates
        return descent(self.particles, self.room, 1 + self.dimension, *setting, layers=self.layers)

    def times(self):
        return np.unique(np.rint(np.geomspace(1, self.updates + 1, MOMENTS)) - 1)

    def observe(self):
        return [mf.observables.Energy()]
