"""How far the particles are from where they started, and where they are."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from meanfield.arguments.typing import Position, Scalar
from meanfield.objectives.abstract import AbstractObjective
from meanfield.observables.abstract import AbstractObservable, AbstractSnapshot
from meanfield.particles import Particles
from meanfield.units.neuron import Neuron


class Displacement(AbstractObservable):
    """(Σ_j p_j |θ_j − θ_j⁰|²)^{1/2}: how far a particle has moved, in root mean square."""

    name: ClassVar[str] = "displacement"
    symbol: ClassVar[str] = "‖θ − θ₀‖"
    unit: ClassVar[str] = "parameter"

    def init(self, objective: AbstractObjective, mu: Particles) -> Position:
        return mu.position

    def __call__(self, objective: AbstractObjective, mu: Particles, start: Position) -> Scalar:
        return jnp.sqrt(jnp.dot(mu.mass, jnp.sum(jnp.square(mu.position - start), axis=1)))


class Positions(AbstractSnapshot):
    """θ itself, for pictures; keep m small."""

    name: ClassVar[str] = "positions"
    symbol: ClassVar[str] = "θ"
    unit: ClassVar[str] = "parameter"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Position:
        return mu.position


class ChangedSigns(AbstractObservable):
    """Share of neurons whose signs over the training inputs, sign(w·x_i + b), are not all those of the start."""

    name: ClassVar[str] = "changed_signs"
    symbol: ClassVar[str] = "s"
    unit: ClassVar[str] = "share"

    def init(self, objective: AbstractObjective, mu: Particles) -> Position:
        return mu.position

    def __call__(self, objective: AbstractObjective, mu: Particles, start: Position) -> Scalar:
        unit = objective.unit
        if type(unit) is not Neuron:
            raise ValueError(f"unit={type(unit).__name__}: changed signs are defined for a Neuron.")

        def changed(pair):
            before, after = (unit.preactivation(theta[None], objective.x) > 0 for theta in pair)
            return jnp.any(before != after)

        # In batches, so that memory does not grow with m·n.
        return jnp.mean(jax.lax.map(changed, (start, mu.position), batch_size=1024).astype(mu.dtype))
