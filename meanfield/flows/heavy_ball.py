"""Gradient descent with momentum, both kinds of weight decay, and rates that may differ from parameter to parameter."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from meanfield._meant import schedule
from meanfield._typing import Position, Random, Scalar
from meanfield.arguments import floating_array, host, nonnegative_array, positive_number, positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, beginning, random_beginning
from meanfield.flows.gradient import constant_clock
from meanfield.flows.stochastic import SGD
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles

Rate = Float[Array, "*p"]
"""One number for all parameters of a particle, or one for each."""


class HeavyBall(AbstractFlow):
    r"""Heavy-ball descent, on all samples or a few:

    v_j ← γ v_j + ∇F'[μ](θ_j) + λ θ_j,  θ_j ← θ_j − h_k (v_j + δ θ_j).

    **Arguments:**

    - `step`: h, in mean-field time: a positive number, an array [p] of numbers of at least 0 (one for each parameter
      of a particle, 0 for those that stay), or a schedule k ↦ h_k of either, such as optax makes or an
      `equinox.Module` with arrays for fields, which replicas may then differ in.
    - `momentum`: γ, at least 0 and below 1. Without momentum and decay this is `GradientFlow`.
    - `decay`: λ, weight decay that is part of the gradient and enters the momentum: a number of at least 0, or [p].
    - `decoupled`: δ, weight decay beside the momentum, as in AdamW: likewise.
    - `buffer`: v at the start, [m, p]; zero if not given.
    - `batch`, `replacement`: B samples drawn anew at every step as by `SGD`; all samples if not given.
    - `interval`: the time that one step counts for; with the default of one, times are numbers of steps. Without
      momentum an interval of h gives the time of `GradientFlow(h)`, with momentum one of h/(1 − γ) the time of the
      gradient flow that small steps follow.

    Raises `ValueError` for numbers outside these ranges, for arrays whose shapes do not match the particles, and, with
    a batch, for a simulation without `key`.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=4)
    >>> flow = mf.HeavyBall(0.1, momentum=0.9, decay=1e-3)
    >>> run = mf.simulate(objective, flow, mu, times=[0, 100])
    >>> bool(run.values["risk"][1] < 0.01 * run.values["risk"][0])
    True
    >>> few = mf.HeavyBall(lambda k: 0.1 / (1 + k), momentum=0.9, batch=2)
    >>> mf.simulate(objective, few, mu, times=[0, 100], key=key).status
    'done'

    Source: Polyak (1964); Loshchilov & Hutter (2019) for decoupled decay.
    """

    size: Rate | Callable
    momentum: Scalar
    decay: Rate
    decoupled: Rate
    buffer: Position | None
    draws: SGD | None
    interval: Scalar

    def __init__(
        self,
        step,
        momentum: Any = 0.0,
        *,
        decay: Any = 0.0,
        decoupled: Any = 0.0,
        buffer: Any = None,
        batch: int | None = None,
        replacement: bool = True,
        interval: Any = 1.0,
    ):
        self.size = schedule("step", step, None) if callable(step) else _rate("step", step)
        if not callable(self.size) and self.size.ndim == 0:
            positive_number("step", self.size)
        self.momentum = positive_scalar("momentum", momentum, zero=True)
        if (known := host(self.momentum)) is not None and known >= 1:
            raise ValueError(f"momentum={momentum!r}: expected a number of at least 0 and below 1.")
        self.decay, self.decoupled = _rate("decay", decay), _rate("decoupled", decoupled)
        self.buffer = None if buffer is None else floating_array("buffer", buffer, "m p")
        self.draws = None if batch is None else SGD(1.0, batch, replacement=replacement)
        self.interval = positive_scalar("interval", interval)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        return objective.started(mu) if self.draws is None else self.draws.prepare(objective, mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        first = jax.eval_shape(self.size, jnp.zeros((), jnp.int32)) if callable(self.size) else self.size
        for name, value in {"step": first, "decay": self.decay, "decoupled": self.decoupled}.items():
            shape, p = np.shape(value), mu.position.shape[1]
            if shape not in ((), (p,)):
                raise ValueError(f"{name} has shape {shape}: expected one number, or ({p},), one a parameter.")
        if self.buffer is not None and self.buffer.shape != mu.position.shape:
            raise ValueError(f"buffer has shape {self.buffer.shape}: expected {mu.position.shape}, as the particles.")
        buffer = jnp.zeros_like(mu.position) if self.buffer is None else self.buffer.astype(mu.dtype)
        if self.draws is None:
            return beginning(mu, key, buffer)
        state = random_beginning(mu, key, "HeavyBall draws samples")
        return eqx.tree_at(lambda s: s.memory, state, buffer, is_leaf=lambda leaf: leaf is None)

    def step(self, objective: AbstractObjective, state: State) -> State:
        mu, k = state.particles, state.step
        if self.draws is not None:
            assert state.key is not None
            objective = self.draws.sampled(objective, mu, state.key, k)
        h = jnp.asarray(self.size(k) if callable(self.size) else self.size).astype(mu.dtype)
        momentum, decay, decoupled = (value.astype(mu.dtype) for value in (self.momentum, self.decay, self.decoupled))
        buffer = momentum * state.memory + decay * mu.position - objective.velocity(mu)
        position = mu.position - h * (buffer + decoupled * mu.position)
        time = state.time + self.interval.astype(state.time.dtype)
        return eqx.tree_at(
            lambda s: (s.particles, s.time, s.step, s.memory), state, (mu.moved(position), time, k + 1, buffer)
        )

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return constant_clock(float(self.interval), times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return "lower the step or the momentum"


def _rate(name: str, value) -> Rate:
    """One number of at least 0, or [p] of them."""
    if isinstance(value, str | bytes) or not hasattr(value, "__len__") or getattr(value, "shape", None) == ():
        return positive_scalar(name, value, zero=True)
    return nonnegative_array(name, value, "p")
