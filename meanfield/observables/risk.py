"""Risk, energy and predictions, on the training set and on other samples."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from meanfield.arguments import floating_array
from meanfield.arguments.meant import instance
from meanfield.arguments.typing import Inputs, Outputs, Scalar
from meanfield.objectives.abstract import AbstractObjective, losses, sample_mean
from meanfield.objectives.population import standard_error
from meanfield.observables.abstract import AbstractSnapshot
from meanfield.particles import Particles


def _inputs(x) -> Inputs:
    return floating_array("x", x, "n d")


def _inputs_or_none(x) -> Inputs | None:
    return None if x is None else _inputs(x)


def _targets(y) -> Outputs:
    return floating_array("y", y, "n", "n k")


def _predictions(objective: AbstractObjective, mu: Particles, x: Inputs, y) -> Outputs:
    """f at x; raises `ValueError` where y would broadcast against it instead of matching it."""
    f = objective.predict(mu, x)
    if f.shape != y.shape:
        raise ValueError(f"y has shape {y.shape}: expected {f.shape}, a row an input and a column an output.")
    return f


class Risk(AbstractSnapshot):
    """R(f) on the training set."""

    name: ClassVar[str] = "risk"
    symbol: ClassVar[str] = "R"
    unit: ClassVar[str] = "loss"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        return objective.risk(mu)


class RiskError(AbstractSnapshot):
    """The standard error of `Risk`: of a mean over so many independent samples, for particles that have not seen them.

    Of a problem that descends its own samples it is no error of the population's risk. Raises `ValueError` for a loss
    that is no mean over samples, for fewer than two of them, and for samples with weights, which were not drawn.
    """

    name: ClassVar[str] = "risk_error"
    symbol: ClassVar[str] = "δR"
    unit: ClassVar[str] = "loss"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        whole = sample_mean(objective)
        if whole.samples() < 2:
            raise ValueError("x has one row: expected at least two samples, whose deviation tells the error.")
        if whole.weights is not None:
            raise ValueError("weights: expected a problem whose samples weigh the same, as those that are drawn do.")
        return standard_error(losses(whole, whole.predict(mu)))


class Energy(AbstractSnapshot):
    """F(μ) = R/α² + ∫ V dμ, which the flow decreases."""

    name: ClassVar[str] = "energy"
    symbol: ClassVar[str] = "F"
    unit: ClassVar[str] = "loss / α²"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        return objective.value(mu)


class Predictions(AbstractSnapshot):
    """f(x; μ) at the given inputs, or at the training inputs."""

    x: Inputs | None = eqx.field(converter=_inputs_or_none, default=None)
    name: ClassVar[str] = "predictions"
    symbol: ClassVar[str] = "f"
    unit: ClassVar[str] = "output"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Outputs:
        return objective.predict(mu, self.x)


class TestRisk(AbstractSnapshot):
    """R(f) on other samples."""

    __test__: ClassVar[bool] = False  # pytest collects classes by this prefix
    x: Inputs = eqx.field(converter=_inputs)
    y: Outputs = eqx.field(converter=_targets)
    name: ClassVar[str] = "test_risk"
    symbol: ClassVar[str] = "R_test"
    unit: ClassVar[str] = "loss"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        return objective.loss.risk(_predictions(objective, mu, self.x, self.y), self.y)


class PopulationRisk(AbstractSnapshot):
    """R(f) of another problem, such as the exact one of `objectives.ReluPopulation`, whatever problem is descended."""

    problem: AbstractObjective
    name: ClassVar[str] = "population_risk"
    symbol: ClassVar[str] = "R_∞"
    unit: ClassVar[str] = "loss"

    def __init__(self, problem: AbstractObjective):
        self.problem = instance("problem", problem, AbstractObjective)

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        return self.problem.risk(mu)


class TestError(AbstractSnapshot):
    """Share of other samples put in the wrong class: by the sign of f, or by its largest output."""

    __test__: ClassVar[bool] = False
    x: Inputs = eqx.field(converter=_inputs)
    y: Outputs = eqx.field(converter=_targets)
    name: ClassVar[str] = "test_error"
    symbol: ClassVar[str] = "err_test"
    unit: ClassVar[str] = "share"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        return error(_predictions(objective, mu, self.x, self.y), self.y)


def error(f: Outputs, y: Outputs) -> Scalar:
    """Share of rows of f in another class than the same row of y (one-hot, or the sign of a number)."""
    if f.ndim == 1:
        return jnp.mean((f > 0) != (y > 0))
    return jnp.mean(jnp.argmax(f, axis=1) != jnp.argmax(y, axis=1))
