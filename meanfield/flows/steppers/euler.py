"""The explicit Euler step, which is gradient descent."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import positive_scalar
from meanfield.arguments.meant import schedule
from meanfield.arguments.typing import Count, Scalar
from meanfield.flows.rates import fits, rate
from meanfield.flows.start import AbstractChecked, Start
from meanfield.flows.steppers.abstract import AbstractStepper, Field, Move, Moving


class Euler(AbstractStepper, AbstractChecked):
    r"""θ_j ← θ_j + β h_k v_j, after which the clock shows h_k more.

    **Arguments:**

    - `step`: h, in units of mean-field time: a positive number, or a schedule k ↦ h_k such as optax makes. Time after k
      steps is h_0 + … + h_{k−1}.
    - `transport`: β ≥ 0, the speed of motion on that clock: one number, or p of them, one for each parameter of a
      particle (so that weights and places move at rates of their own); 1 if not given.

    With a penalty V that has a proximal step (`penalties.L1`), θ_j ← prox_{βh V}(θ_j + β h v_j): forward–backward.
    Order 1; stable at a minimum for β h S < 2, S the sharpness. Cost: one velocity.
    Raises `ValueError` for a step that is not positive and for a negative rate.
    Source: Chizat & Bach (2018), where particles descend by it.
    """

    length: Scalar | Callable
    transport: Float[Array, "*p"] | None
    proximal: ClassVar[bool] = True
    alternative: ClassVar[str] = "use AdaptiveFlow"

    def __init__(self, step, transport: Any = None):
        self.length = schedule("step", step) if callable(step) else positive_scalar("step", step)
        self.transport = None if transport is None else rate("transport", transport)

    def prepare(self, start: Start) -> None:
        if self.transport is not None:
            fits("transport", self.transport, start.particles)

    def step(self, field: Field, position: Moving, memory: None, time: Scalar, number: Count) -> Move:
        h = jnp.asarray(self.length(number) if callable(self.length) else self.length).astype(position.dtype)
        along = h if self.transport is None else field.part(self.transport.astype(position.dtype)) * h
        return Move(field.proximal(position + along * field.velocity(), along), h)
