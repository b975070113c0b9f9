"""A problem in which some parameters of a particle move and the others stay."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from meanfield.arguments import said
from meanfield.arguments.typing import Inputs, Mass, Outputs, Position, Pullback, Scalar
from meanfield.objectives.abstract import AbstractObjective, AbstractSampleMean, Rows, sample_mean
from meanfield.objectives.losses import AbstractLoss
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit


class TrainedObjective(AbstractSampleMean):
    """A problem whose velocity is that of `network` in the parameters `columns` of a particle, and 0 in all others.

    Flows move these columns alone: no norm, moment or spectral radius sees the others, and these keep their bits.
    """

    network: AbstractObjective
    columns: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, network: AbstractObjective, columns: tuple[int, ...]):
        self.network, self.columns = network, columns

    @property
    def unit(self) -> AbstractUnit:
        return self.network.unit

    @property
    def loss(self) -> AbstractLoss:
        return self.network.loss

    @property
    def x(self) -> Inputs:
        return self.network.x

    @property
    def y(self) -> Outputs:
        return self.network.y

    @property
    def scale(self) -> Scalar:
        return self.network.scale

    @property
    def penalty(self) -> Callable | None:
        return self.network.penalty

    @property
    def weights(self) -> Float[Array, " n"] | None:
        return sample_mean(self.network).weights

    @property
    def sampler(self) -> Callable | None:
        return sample_mean(self.network).sampler

    def bind(self, mu: Particles) -> "TrainedObjective":
        if max(self.columns) >= mu.position.shape[1]:
            raise ValueError(
                f"position has {mu.position.shape[1]} columns: expected at least {max(self.columns) + 1}, the "
                f"parameters that are trained."
            )
        return TrainedObjective(self.network.bind(mu), self.columns)

    def predict(self, mu: Particles, x=None) -> Outputs:
        return self.network.predict(mu, x)

    def risk(self, mu: Particles) -> Scalar:
        return self.network.risk(mu)

    def value(self, mu: Particles) -> Scalar:
        return self.network.value(mu)

    def velocity(self, mu: Particles) -> Position:
        return self._masked(self.network.velocity(mu))

    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        f, pull = sample_mean(self.network).linearise(mu)
        return f, lambda r: self._masked(pull(r))

    def slopes(self, mu: Particles) -> tuple[Mass, Position]:
        value, velocity = sample_mean(self.network).slopes(mu)
        return value, self._masked(velocity)

    def samples(self) -> int:
        return sample_mean(self.network).samples()

    def subset(self, mu: Particles, rows: Rows, count: Scalar | None = None) -> "TrainedObjective":
        return TrainedObjective(sample_mean(self.network).subset(mu, rows, count), self.columns)

    def fresh(self, mu: Particles, x: Inputs, y: Any) -> "TrainedObjective":
        return TrainedObjective(sample_mean(self.network).fresh(mu, x, y), self.columns)

    def residuals_suffice(self) -> bool:
        return sample_mean(self.network).residuals_suffice()

    def differentiable(self) -> "TrainedObjective":
        return TrainedObjective(sample_mean(self.network).differentiable(), self.columns)

    def _masked(self, velocity: Position) -> Position:
        moves = np.isin(np.arange(velocity.shape[1]), self.columns)
        return jnp.where(moves, velocity, 0)


def trained(objective: AbstractObjective, which: Any) -> AbstractObjective:
    """Return the problem in which the parameters `which` of a particle move: of those that moved before."""
    network, before = objective, None
    if isinstance(objective, TrainedObjective):
        network, before = objective.network, objective.columns
    p = objective.unit.size(objective.x.shape[1])
    columns = _columns(which, objective.unit.outputs, p)
    both = tuple(column for column in columns if before is None or column in before)
    if not both:
        raise ValueError(f"{said('which', which)}: expected at least one parameter that moves.")
    return TrainedObjective(network, both)


def _columns(which: Any, outputs: int, p: int) -> tuple[int, ...]:
    if isinstance(which, str):
        if which not in ("output", "input"):
            raise ValueError(f"which={which!r}: expected 'output', 'input' or {p} truth values, one a parameter.")
        return tuple(range(outputs)) if which == "output" else tuple(range(outputs, p))
    refusal = ValueError(f"{said('which', which)}: expected 'output', 'input' or {p} truth values, one a parameter.")
    try:
        moves = np.asarray(which)
    except Exception:  # what is no array may raise anything when it is asked to become one
        raise refusal from None
    if moves.dtype != bool or moves.shape != (p,):
        raise refusal
    return tuple(int(column) for column in np.flatnonzero(moves))


def moving(objective: AbstractObjective, mu: Particles) -> tuple[int, ...] | None:
    """Return the parameters of a particle that move, or None where all do."""
    if not isinstance(objective, TrainedObjective) or len(objective.columns) == mu.position.shape[1]:
        return None
    return objective.columns
