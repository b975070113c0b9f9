"""Observables: numbers read off a simulation at chosen times, each with its symbol and unit.

Any function (objective, particles) ↦ array serves as an observable too. What is measured against the start
(displacement, drift, changed signs) is stored by `init` once.
"""

# pyright: reportIncompatibleVariableOverride=false
# (an abstract class variable of equinox is overridden by a class variable; pyright takes the former for a field)

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield._meant import function as callable_with
from meanfield._pickling import getstate, setstate
from meanfield._typing import Inputs, Outputs, Position, Scalar
from meanfield.arguments import flag, floating_array, one_of
from meanfield.objectives import AbstractObjective
from meanfield.objectives.tangent import anchor, is_linearised
from meanfield.particles import Particles
from meanfield.tangent import tangent_kernel
from meanfield.units import Neuron


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


class AbstractObservable(eqx.Module):
    """A number (or an array) of the objective and the particles."""

    __getstate__, __setstate__ = getstate, setstate

    name: eqx.AbstractClassVar[str]
    symbol: eqx.AbstractClassVar[str]
    unit: eqx.AbstractClassVar[str]

    def init(self, objective: AbstractObjective, mu: Particles) -> Any:
        """What is kept of the start."""
        return None

    @abstractmethod
    def __call__(self, objective: AbstractObjective, mu: Particles, start: Any) -> Float[Array, "*shape"]:
        """The value at `mu`, `start` being what `init` returned."""


class Risk(AbstractObservable):
    """R(f) on the training set."""

    name: ClassVar[str] = "risk"
    symbol: ClassVar[str] = "R"
    unit: ClassVar[str] = "loss"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        return objective.risk(mu)


class Energy(AbstractObservable):
    """F(μ) = R/α² + ∫ V dμ, which the flow decreases."""

    name: ClassVar[str] = "energy"
    symbol: ClassVar[str] = "F"
    unit: ClassVar[str] = "loss / α²"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        return objective.value(mu)


class Predictions(AbstractObservable):
    """f(x; μ) at the given inputs, or at the training inputs."""

    x: Inputs | None = eqx.field(converter=_inputs_or_none, default=None)
    name: ClassVar[str] = "predictions"
    symbol: ClassVar[str] = "f"
    unit: ClassVar[str] = "output"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Outputs:
        return objective.predict(mu, self.x)


class TestRisk(AbstractObservable):
    """R(f) on other samples."""

    __test__: ClassVar[bool] = False  # pytest collects classes by this prefix
    x: Inputs = eqx.field(converter=_inputs)
    y: Outputs = eqx.field(converter=_targets)
    name: ClassVar[str] = "test_risk"
    symbol: ClassVar[str] = "R_test"
    unit: ClassVar[str] = "loss"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        return objective.loss.risk(_predictions(objective, mu, self.x, self.y), self.y)


class TestError(AbstractObservable):
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


class Displacement(AbstractObservable):
    """(Σ_j p_j |θ_j − θ_j⁰|²)^{1/2}: how far a particle has moved, in root mean square."""

    name: ClassVar[str] = "displacement"
    symbol: ClassVar[str] = "‖θ − θ₀‖"
    unit: ClassVar[str] = "parameter"

    def init(self, objective: AbstractObjective, mu: Particles) -> Position:
        return mu.position

    def __call__(self, objective: AbstractObjective, mu: Particles, start: Position) -> Scalar:
        return jnp.sqrt(jnp.dot(mu.mass, jnp.sum(jnp.square(mu.position - start), axis=1)))


class Positions(AbstractObservable):
    """θ itself, for pictures; keep m small."""

    name: ClassVar[str] = "positions"
    symbol: ClassVar[str] = "θ"
    unit: ClassVar[str] = "parameter"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Position:
        return mu.position


class KernelDrift(AbstractObservable):
    """‖K_t − K_0‖_F / ‖K_0‖_F of the tangent kernel on the training inputs."""

    name: ClassVar[str] = "kernel_drift"
    symbol: ClassVar[str] = "‖K − K₀‖ / ‖K₀‖"
    unit: ClassVar[str] = "share"

    def init(self, objective: AbstractObjective, mu: Particles) -> Array:
        return tangent_kernel(objective.unit, mu, objective.x)

    def __call__(self, objective: AbstractObjective, mu: Particles, start: Array) -> Scalar:
        if is_linearised(objective):
            return jnp.zeros((), mu.dtype)  # the tangent model's kernel is its anchor's, for ever
        now = tangent_kernel(objective.unit, mu, objective.x)
        return jnp.sqrt(jnp.sum(jnp.square(now - start)) / jnp.sum(jnp.square(start)))


class KernelAlignment(AbstractObservable):
    """⟨K, yyᵀ⟩ / (‖K‖_F ‖yyᵀ‖_F) of the tangent kernel, centred in both arguments unless `centred=False`.

    One output only. Source: Cristianini et al. (2001), Cortes et al. (2012) for the centred form.
    """

    centred: bool = eqx.field(static=True, default=True, converter=lambda value: flag("centred", value))
    name: ClassVar[str] = "kernel_alignment"
    symbol: ClassVar[str] = "A(K, yyᵀ)"
    unit: ClassVar[str] = "cosine"

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None) -> Scalar:
        if objective.unit.outputs != 1:
            raise ValueError(f"outputs={objective.unit.outputs}: kernel alignment is defined for one output.")
        mu = anchor(objective, mu)
        kernel, y = tangent_kernel(objective.unit, mu, objective.x), objective.y
        if self.centred:
            kernel = kernel - jnp.mean(kernel, axis=0)
            kernel = kernel - jnp.mean(kernel, axis=1, keepdims=True)
            y = y - jnp.mean(y)
        return y @ kernel @ y / (jnp.sqrt(jnp.sum(jnp.square(kernel))) * jnp.sum(jnp.square(y)))


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


class Margin(AbstractObservable):
    """min_i y_i f(x_i) for labels ±1, over a norm of f: positive where every training sample is in its class.

    `norm="variation"`: α ∫ ½|θ|² dμ, a bound on the variation norm of f for a 2-homogeneous unit.
    `"output"`: α (∫ a² dμ)^{1/2}, the norm of f in the space of its random features. `"none"`: 1.
    One output only. Source: Chizat & Bach (2020).
    """

    norm: str = eqx.field(
        static=True,
        default="variation",
        converter=lambda value: one_of("norm", value, ("variation", "output", "none")),
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
        return margin / (objective.scale * jnp.dot(mu.mass, jnp.sum(jnp.square(mu.position), axis=1)) / 2)


class Function(AbstractObservable):
    """A function of the user's as an observable."""

    function: Callable
    name: ClassVar[str] = "function"
    symbol: ClassVar[str] = ""
    unit: ClassVar[str] = ""

    def __init__(self, function: Callable):
        self.function = callable_with("function", function, 2, "a function (objective, particles) ↦ array")

    def __call__(self, objective: AbstractObjective, mu: Particles, start: None):
        return self.function(objective, mu)
