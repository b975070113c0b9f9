"""The margin of a classifier."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from meanfield.arguments import one_of
from meanfield.arguments.typing import Scalar
from meanfield.objectives.abstract import AbstractObjective
from meanfield.observables.abstract import AbstractSnapshot
from meanfield.particles import Particles


class Margin(AbstractSnapshot):
    """min_i y_i f(x_i) for labels ±1, over a norm of f: positive where every training sample is in its class.

    `norm="variation"`: α ∫ ½|θ|² dμ, a bound on the variation norm of f for a 2-homogeneous unit.
    `"squared"`: α ∫ |θ|² dμ, in which Chizat & Bach (2020) plot what they call the F1 margin: half the one before.
    `"output"`: α (∫ a² dμ)^{1/2}, the norm of f in the space of its random features. `"none"`: 1.
    One output only. Source: Chizat & Bach (2020).
    """

    norm: str = eqx.field(
        static=True,
        default="variation",
        converter=lambda value: one_of("norm", value, ("variation", "squared", "output", "none")),
    )
    name: ClassVar[str] = "margin"
    symbol: ClassVar[str] = "γ"
    unit: ClassVar[str] = "output / norm"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        if objective.unit.outputs != 1:
            raise ValueError(f"outputs={objective.unit.outputs}: the margin is defined for one output.")
        margin = jnp.min(objective.y * objective.predict(mu))
        if self.norm == "none":
            return margin
        if self.norm == "output":
            return margin / (objective.scale * jnp.sqrt(jnp.dot(mu.mass, jnp.square(mu.position[:, 0]))))
        norm = objective.scale * jnp.dot(mu.mass, jnp.sum(jnp.square(mu.position), axis=1))
        return margin / (norm if self.norm == "squared" else norm / 2)
