"""Explicit Runge–Kutta steps of one size: the gradient flow with an error of known order."""

from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp

from meanfield.arguments import positive_scalar
from meanfield.arguments.meant import schedule
from meanfield.arguments.typing import Count, Scalar
from meanfield.flows.steppers.abstract import AbstractStepper, Field, Move, Moving


class AbstractRungeKutta(AbstractStepper):
    """A step of a tableau whose stages each start from the one before."""

    length: Scalar | Callable
    places: ClassVar[tuple[float, ...]]
    """Where on the step each stage is evaluated."""
    weights: ClassVar[tuple[float, ...]]
    alternative: ClassVar[str] = "use AdaptiveFlow"

    def __init__(self, step):
        self.length = schedule("step", step) if callable(step) else positive_scalar("step", step)

    def step(self, field: Field, position: Moving, memory: None, time: Scalar, number: Count) -> Move:
        h = jnp.asarray(self.length(number) if callable(self.length) else self.length).astype(position.dtype)

        def stage(carry, at):
            velocity, total = carry
            velocity = field.at(position + at[0] * h * velocity)
            return (velocity, total + at[1] * velocity), None

        # A loop, so that the velocity is compiled once and not once a stage.
        stages = jnp.stack([jnp.asarray(row, position.dtype) for row in (self.places, self.weights)], axis=1)
        zero = jnp.zeros_like(position)
        moved = position + h * jax.lax.scan(stage, (zero, zero), stages)[0][1]
        return Move(moved, h)


class Heun(AbstractRungeKutta):
    """θ ← θ + (h/2) (v(θ) + v(θ + h v(θ))): two velocities a step, error h² at a fixed time for smooth units.

    **Arguments:** `step`: h, in mean-field time, a positive number or a schedule k ↦ h_k. Stable at a minimum for
    h S < 2, S the sharpness. Raises `ValueError` for a step that is not positive. Source: Heun (1900).
    """

    places: ClassVar[tuple[float, ...]] = (0.0, 1.0)
    weights: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    evaluations: ClassVar[int] = 2


class RK4(AbstractRungeKutta):
    """The classical Runge–Kutta step: four velocities, error h⁴ at a fixed time for smooth units.

    Where a kink (relu) makes the velocity jump, every method falls back to order 1 at best.

    **Arguments:** `step`: h, in mean-field time, a positive number or a schedule k ↦ h_k. Stable at a minimum for
    h S < 2.785, S the sharpness. Raises `ValueError` for a step that is not positive. Source: Kutta (1901).
    """

    places: ClassVar[tuple[float, ...]] = (0.0, 0.5, 0.5, 1.0)
    weights: ClassVar[tuple[float, ...]] = (1 / 6, 1 / 3, 1 / 3, 1 / 6)
    evaluations: ClassVar[int] = 4
