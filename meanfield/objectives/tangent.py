"""The problem of the model linearised at its start, whose flow is the lazy limit."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Float

from meanfield.arguments.meant import instance, shown
from meanfield.arguments.typing import Inputs, Mass, Outputs, Position, Pullback, Scalar
from meanfield.objectives.abstract import AbstractObjective, AbstractPredictor, Rows
from meanfield.objectives.losses import AbstractLoss
from meanfield.objectives.network import Bound, Objective
from meanfield.objectives.trained import TrainedObjective
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit


class TangentObjective(AbstractPredictor):
    r"""The problem of the model linearised at μ_0, whose flow is the lazy limit.

    f_lin(x; μ) = f(x; μ_0) + α Σ_j p_j ∇_θ Φ(θ_j⁰; x)·(θ_j − θ_j⁰). Particle j of μ keeps particle j of μ_0 as its
    anchor.

    **Arguments:** the `network` problem and the `anchor` μ_0. Source: Chizat, Oyallon & Bach (2019).
    """

    network: Objective | Bound
    anchor: Particles

    def __init__(self, network: Objective | Bound, anchor: Particles):
        self.network = _network("network", network)
        self.anchor = instance("anchor", anchor, Particles)
        (network if isinstance(network, Objective) else network.problem).fits(anchor)

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
        return self.network.weights

    @property
    def sampler(self) -> Callable | None:
        return self.network.sampler

    def bind(self, mu: Particles) -> "TangentObjective":
        return TangentObjective(self.network.bind(mu), self.anchor)

    def predict(self, mu: Particles, x=None) -> Outputs:
        instance("mu", mu, Particles)
        if mu.position.shape != self.anchor.position.shape:
            raise ValueError(
                f"mu has positions of shape {mu.position.shape}: expected {self.anchor.position.shape}, as the anchor."
            )
        move = mu.position - self.anchor.position
        f, change = jax.jvp(
            lambda position: self.network.predict(self.anchor.moved(position), x), (self.anchor.position,), (move,)
        )
        return f + change

    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        _, pull = self.network.linearise(self.anchor)
        return self.predict(mu), pull

    def slopes(self, mu: Particles) -> tuple[Mass, Position]:
        raise ValueError("objective is linearised: expected a network, whose units have a first variation.")

    def samples(self) -> int:
        return self.network.samples()

    def subset(self, mu: Particles, rows: Rows, count: Scalar | None = None) -> "TangentObjective":
        return TangentObjective(self.network.subset(mu, rows, count), self.anchor)

    def fresh(self, mu: Particles, x: Inputs, y: Any) -> "TangentObjective":
        return TangentObjective(self.network.fresh(mu, x, y), self.anchor)

    def residuals_suffice(self) -> bool:
        return self.penalty is None

    def differentiable(self) -> "TangentObjective":
        return TangentObjective(self.network.differentiable(), self.anchor)


def linearised(objective: AbstractObjective, mu0: Particles) -> AbstractObjective:
    """Return the problem of the model linearised at μ_0; of one that is trained in part, with the same part trained."""
    if isinstance(objective, TrainedObjective):
        return TrainedObjective(objective.network.linearised(mu0), objective.columns)
    return TangentObjective(_network("objective", objective), instance("mu0", mu0, Particles))


def _network(name: str, objective: Any) -> Objective | Bound:
    if not isinstance(objective, Objective | Bound):
        raise ValueError(f"{shown(name, objective)}: expected an Objective, to be linearised once.")
    return objective


def is_linearised(objective: AbstractObjective) -> bool:
    """Return True for the problem of a linearised model, trained in part or whole."""
    return isinstance(objective.network if isinstance(objective, TrainedObjective) else objective, TangentObjective)


def anchor(objective: AbstractObjective, mu: Particles) -> Particles:
    """Return where the tangent kernel of a problem is taken: at μ, or at the anchor of a linearised model."""
    inner = objective.network if isinstance(objective, TrainedObjective) else objective
    return inner.anchor if isinstance(inner, TangentObjective) else mu
