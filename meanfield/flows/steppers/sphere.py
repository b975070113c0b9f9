"""Euler steps on the unit sphere of the parameters that move."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from meanfield.arguments import host, positive_scalar
from meanfield.arguments.typing import Count, Scalar
from meanfield.flows.start import AbstractChecked, Start
from meanfield.flows.steppers.abstract import AbstractStepper, Field, Move, Moving


class SphereEuler(AbstractStepper, AbstractChecked):
    """θ_j ← (θ_j + β h w_j)/|θ_j + β h w_j|, w_j the part of v_j along the sphere: what moves keeps length one.

    **Arguments:** `step`: h, in units of mean-field time. `transport`: β ≥ 0, the speed of motion on that clock.

    Order 1. Cost: one velocity. Raises `ValueError` for a step that is not positive, a negative β, and at the start for
    particles that are not on the sphere. Source: Chizat (2019).
    """

    length: Scalar
    transport: Scalar
    advice: ClassVar[str] = "lower the step (now {length}) or transport"

    def __init__(self, step, transport: Any = 1.0):
        self.length = positive_scalar("step", step)
        self.transport = positive_scalar("transport", transport, zero=True)

    def prepare(self, start: Start) -> None:
        lengths = host(jnp.linalg.norm(start.part(start.particles.position), axis=1))
        if lengths is not None and np.abs(lengths - 1).max() > 1e-3:
            worst = lengths[np.argmax(np.abs(lengths - 1))]
            raise ValueError(f"position has a row of length {worst:.6g}: expected the unit sphere.")

    def step(self, field: Field, position: Moving, memory: None, time: Scalar, number: Count) -> Move:
        h, v = self.length.astype(position.dtype), field.velocity()
        v = v - jnp.sum(v * position, axis=1, keepdims=True) * position
        moved = position + self.transport.astype(position.dtype) * h * v
        return Move(moved / jnp.linalg.norm(moved, axis=1, keepdims=True), h)
