"""The objective that a flow descends, and what flows may ask of it."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from meanfield.arguments.described import html, text
from meanfield.arguments.meant import shown
from meanfield.arguments.pickling import getstate, setstate
from meanfield.arguments.typing import Inputs, Mass, Outputs, Position, Pullback, Scalar
from meanfield.objectives.losses import AbstractLoss
from meanfield.particles import Particles
from meanfield.units.neuron import AbstractUnit

Rows = Int[Array, " b"]


class AbstractObjective(eqx.Module):
    """A functional F of the particles with its velocity: enough for every flow of exact gradients.

    A problem of your own needs the six fields and the five methods below. One that is a mean over samples, and whose
    units have a first variation, offers more: see `AbstractSampleMean`.
    """

    __getstate__, __setstate__ = getstate, setstate
    __repr__, _repr_html_ = text, html

    unit: eqx.AbstractVar[AbstractUnit]
    loss: eqx.AbstractVar[AbstractLoss]
    x: eqx.AbstractVar[Inputs]
    y: eqx.AbstractVar[Outputs]
    scale: eqx.AbstractVar[Scalar]
    penalty: eqx.AbstractVar[Callable | None]

    @abstractmethod
    def bind(self, mu: Particles) -> "AbstractObjective":
        """Return this problem prepared for a flow that starts at `mu`: kernels chosen, samples ordered, the reference
        of a centred model taken. Its methods are as fast in a loop of your own as in `simulate`.
        """

    @abstractmethod
    def predict(self, mu: Particles, x: Inputs | None = None) -> Outputs:
        """Return f(x; μ), shape [n] or [n, k]; on the training inputs when `x` is not given."""

    @abstractmethod
    def risk(self, mu: Particles) -> Scalar:
        """Return R(f), without the factor 1/α²."""

    @abstractmethod
    def value(self, mu: Particles) -> Scalar:
        """Return F(μ)."""

    @abstractmethod
    def velocity(self, mu: Particles) -> Position:
        """Return v_j = −∇F'[μ](θ_j), shape [m, p]; for equal masses this is −m ∇_{θ_j} F."""

    def linearised(self, mu0: Particles) -> "AbstractObjective":
        """Return the problem of the model linearised at the particles μ_0, whose flow is the lazy limit."""
        from meanfield.objectives.tangent import linearised

        return linearised(self, mu0)

    def trained(self, which: Any) -> "AbstractObjective":
        """Return the problem in which only some parameters of a particle move.

        **Arguments:** `which`: "output" (the output weights), "input" (all others), or p truth values, one a parameter.

        Raises `ValueError` for another word, and for what are not p truth values or all False.
        """
        from meanfield.objectives.trained import trained

        return trained(self, which)


class AbstractSampleMean(AbstractObjective):
    """A problem whose risk is a mean over samples, with what incremental gradients and reactions ask for."""

    weights: eqx.AbstractVar[Float[Array, " n"] | None]
    """What the samples weigh, 1 on average; None where all weigh the same."""
    sampler: eqx.AbstractVar[Callable | None]
    """Where samples come from, (key, B) ↦ (x, y); None where there are no others."""

    @abstractmethod
    def linearise(self, mu: Particles) -> tuple[Outputs, Pullback]:
        """Return (f, pull) on the training inputs, pull(r)[j] = Σ_i r_i ∇_θ (∂f_i/∂p_j)/α: one pass for both."""

    @abstractmethod
    def slopes(self, mu: Particles) -> tuple[Mass, Position]:
        """Return F'[μ](θ_j) and v_j = −∇F'[μ](θ_j) of every particle, [m] and [m, p], from one μ.

        Raises `ValueError` for a linearised model, whose particles have no first variation.
        """

    @abstractmethod
    def samples(self) -> int:
        """Return n, the number of samples; raises `ValueError` where the risk is no mean over them."""

    @abstractmethod
    def subset(self, mu: Particles, rows: Rows, count: Scalar | None = None) -> "AbstractSampleMean":
        """Return the bound problem on the samples `rows`, or on the first `count` of them, for particles such as μ."""

    @abstractmethod
    def fresh(self, mu: Particles, x: Inputs, y: Any) -> "AbstractSampleMean":
        """Return the bound problem on other samples, as many as there are rows, for particles such as μ."""

    @abstractmethod
    def residuals_suffice(self) -> bool:
        """Return True where the residual of a sample gives its velocity wherever the particles are."""

    @abstractmethod
    def differentiable(self) -> "AbstractSampleMean":
        """Return this problem with integrals that JAX can differentiate as often as it likes."""


class AbstractPredictor(AbstractSampleMean):
    """A problem that is made of its predictor: R(f)/α² + ∫ V dμ with its slopes, from `predict` and `linearise`."""

    def risk(self, mu: Particles) -> Scalar:
        f = self.predict(mu)
        return self.loss.risk(f, self.y) if self.weights is None else jnp.mean(weighted(self, losses(self, f)))

    def value(self, mu: Particles) -> Scalar:
        value = self.risk(mu) / self.scale**2
        if self.penalty is not None:
            value = value + jnp.dot(mu.mass, jax.vmap(self.penalty)(mu.position))
        return value

    def velocity(self, mu: Particles) -> Position:
        f, pull = self.linearise(mu)
        v = -pull(residual(self, f)) / (self.scale * f.shape[0])
        if self.penalty is not None and not proximal(self):
            v = v - jax.vmap(jax.grad(self.penalty))(mu.position)
        return v.astype(mu.dtype)


def proximal(objective: AbstractObjective) -> bool:
    """Return True where the penalty has a proximal step, which then stands in for its gradient."""
    return hasattr(objective.penalty, "proximal")


def sample_mean(objective: AbstractObjective) -> AbstractSampleMean:
    """Return the problem itself; raises `ValueError` for one that is no mean over samples."""
    if not isinstance(objective, AbstractSampleMean):
        raise ValueError(
            f"{shown('objective', objective)}: expected a mean over samples with a first variation, such as "
            f"Objective(unit, loss, x, y); this problem has velocities alone."
        )
    return objective


def residual(problem: AbstractSampleMean, f: Outputs) -> Outputs:
    """Return r_i = n ∂R/∂f_i at the predictions f on the problem's samples."""
    return weighted(problem, problem.loss.residual(f, problem.y))


def losses(problem: AbstractSampleMean, f: Outputs) -> Float[Array, " n"]:
    """Return ℓ(f_i, y_i) of every sample, before weights."""
    return jax.vmap(lambda one, target: problem.loss.risk(one[None], target[None]))(f, problem.y)


def weighted(problem: AbstractSampleMean, values: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
    """Return values of the samples times what these weigh."""
    if problem.weights is None:
        return values
    return values * problem.weights.astype(values.dtype).reshape(-1, *[1] * (values.ndim - 1))


def potentials(objective: AbstractSampleMean, mu: Particles, r: Outputs) -> Float[Array, " m"]:
    """Return Σ_i r_i·Φ(θ_j; x_i) of every particle, unit by unit, in tiles of particles."""

    def at(theta):
        return jnp.vdot(jax.vmap(lambda sample: objective.unit(theta, sample))(objective.x), r)

    return jax.lax.map(at, mu.position, batch_size=256)
