"""The heavy-ball step: momentum, and both kinds of weight decay."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from meanfield.arguments import floating_array, host, positive_number, positive_scalar
from meanfield.arguments.meant import schedule
from meanfield.arguments.typing import Count, Scalar
from meanfield.flows.rates import Rate, fits, rate
from meanfield.flows.start import AbstractChecked, Start
from meanfield.flows.steppers.abstract import AbstractStepperWithMemory, Field, Move, Moving


class HeavyBall(AbstractStepperWithMemory, AbstractChecked):
    r"""u_j ← γ u_j + ∇F'[μ](θ_j) + λ θ_j,  θ_j ← θ_j − h_k (u_j + δ θ_j).

    **Arguments:**

    - `step`: h: a positive number, an array [p] of numbers of at least 0 (one for each parameter of a particle), or a
      schedule k ↦ h_k of either, such as optax makes or an `equinox.Module` with arrays for fields.
    - `momentum`: γ, at least 0 and below 1; 0 is `Euler`, to the bit.
    - `decay`: λ, weight decay that is part of the gradient and enters the momentum: a number of at least 0, or [p].
    - `decoupled`: δ, weight decay beside the momentum, as in AdamW: likewise.
    - `buffer`: u at the start, [m, p]; zero if not given.
    - `interval`: the time that one step counts for, and for which a reaction acts in it; h if not given. One of
      h/(1 − γ) gives the time of the gradient flow that small steps follow, one of 1 makes times numbers of steps.

    Stable at a minimum for h S < 2 (1 + γ), S the sharpness. Cost: one velocity. Raises `ValueError` for numbers
    outside these ranges, for an array of steps without an `interval`, and for shapes that do not match the particles.
    Source: Polyak (1964); Loshchilov & Hutter (2019) for decoupled decay.
    """

    size: Rate | Callable
    momentum: Scalar
    decay: Rate
    decoupled: Rate
    buffer: Float[Array, "m p"] | None
    interval: Scalar | None
    proximal: ClassVar[bool] = True
    advice: ClassVar[str] = "lower the step or the momentum"

    def __init__(
        self,
        step,
        momentum: Any = 0.0,
        *,
        decay: Any = 0.0,
        decoupled: Any = 0.0,
        buffer: Any = None,
        interval: Any = None,
    ):
        self.size = schedule("step", step, None) if callable(step) else rate("step", step)
        if not callable(self.size) and self.size.ndim == 0:
            positive_number("step", self.size)
        self.momentum = positive_scalar("momentum", momentum, zero=True)
        if (known := host(self.momentum)) is not None and known >= 1:
            raise ValueError(f"momentum={momentum!r}: expected a number of at least 0 and below 1.")
        self.decay, self.decoupled = rate("decay", decay), rate("decoupled", decoupled)
        self.buffer = None if buffer is None else floating_array("buffer", buffer, "m p")
        self.interval = None if interval is None else positive_scalar("interval", interval)
        if not callable(self.size):
            self._timed(self.size)

    @property
    def length(self) -> Any:
        return self.size if self.interval is None else self.interval

    def prepare(self, start: Start) -> None:
        mu = start.particles
        first = jax.eval_shape(self.size, jnp.zeros((), jnp.int32)) if callable(self.size) else self.size
        for name, value in {"step": first, "decay": self.decay, "decoupled": self.decoupled}.items():
            fits(name, value, mu)
        self._timed(first)
        if self.buffer is not None and self.buffer.shape != mu.position.shape:
            raise ValueError(f"buffer has shape {self.buffer.shape}: expected {mu.position.shape}, as the particles.")

    def _timed(self, size: Any) -> None:
        """Raise `ValueError` for steps that differ between parameters where nothing says how long they take."""
        if self.interval is None and size.ndim:
            raise ValueError("interval=None: expected the time that a step counts for, since step is an array.")

    def init(self, field: Field, position: Moving) -> Moving:
        return jnp.zeros_like(position) if self.buffer is None else field.part(self.buffer.astype(position.dtype))

    def step(self, field: Field, position: Moving, memory: Moving, time: Scalar, number: Count) -> Move:
        h = jnp.asarray(self.size(number) if callable(self.size) else self.size)
        h, momentum, decay, decoupled = (
            field.part(value.astype(position.dtype)) for value in (h, self.momentum, self.decay, self.decoupled)
        )
        buffer = momentum * memory + decay * position - field.velocity()
        moved = field.proximal(position - h * (buffer + decoupled * position), h)
        passed = h if self.interval is None else self.interval.astype(time.dtype)
        return Move(moved, h, buffer, passed)
