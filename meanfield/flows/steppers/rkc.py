"""Runge–Kutta–Chebyshev steps to a tolerance: stages as many as stability asks for."""

import functools
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.arguments import positive_scalar
from meanfield.arguments.typing import Count, Scalar
from meanfield.flows.start import AbstractChecked, Start
from meanfield.flows.steppers.abstract import AbstractStepperWithMemory, Field, Move, Moving
from meanfield.flows.steppers.chebyshev import increment, longest, stages
from meanfield.flows.steppers.controlled import resolved, shrunk
from meanfield.flows.steppers.spectral_radius import irregular, spectral_radius

REFRESH = 25
"""Accepted steps after which the spectral radius is estimated anew."""


class Memory(eqx.Module):
    """The state that the integrator carries from attempt to attempt."""

    size: Scalar
    """Length of the next attempt, before it is cut at the horizon."""
    horizon: Scalar
    velocity: Moving
    """At the particles: the last evaluation of a step is the first of the next."""
    radius: Scalar
    """Spectral radius of the velocity's Jacobian, safety included."""
    direction: Moving
    """The eigenvector that belongs to it: where the power method starts again."""
    age: Count
    """Accepted steps since the radius was estimated; at `REFRESH` it is due."""
    last: tuple[Scalar, Scalar]
    """Length and error of the last accepted step."""
    evaluations: Count


class RKC(AbstractStepperWithMemory, AbstractChecked):
    r"""The gradient flow θ_j' = −∇F'[μ](θ_j), by Runge–Kutta–Chebyshev formulas of order two with step-size control.

    A step of length h takes s ≈ (h ρ / 0.65)^{1/2} evaluations, ρ being the spectral radius of the velocity's Jacobian.
    N steps over a time T are stable for (N T ρ / 0.65)^{1/2} evaluations, where explicit Euler needs T ρ / 2 and
    `AdaptiveFlow` 1.8 T ρ. Formulas: `meanfield.flows.steppers.chebyshev`. ρ comes from the power method, again after
    25 steps and after a refused one; its evaluations are counted.

    **Arguments:**

    - `rtol`, `atol`: relative and absolute tolerance on a particle's parameters, one step at a time. Lazy particles
      move by 1/α, so that both should fall as 1/α does.

    One step here is one attempt, accepted or not. Observation times are hit exactly. Raises `ValueError` for tolerances
    that are not positive, or that the particles' type can't resolve.

    When to use it: where T ρ is large or the accuracy modest. Velocities computed for an error of 1 % of the particles'
    displacement, tanh / relu (`tests/meanfield/test_flows_cost.py`): a lazy teacher problem (α = 100, T ρ = 6000) takes
    393 / 436, `AdaptiveFlow` 10872 / 11112, Euler 3968 / 3328; a mean-field one (T ρ = 75) 93 / 121, `AdaptiveFlow`
    360 / 636, Euler 1488 / 984. `AdaptiveFlow` wins for smooth units at 1e-4 while T ρ is some tens: 156 against 315.

    Source: Sommeijer, Shampine & Verwer (1998), RKC: an explicit solver for parabolic PDEs; the control of their code.
    """

    rtol: Scalar
    atol: Scalar
    length: ClassVar[None] = None

    def __init__(self, rtol=1e-4, atol=1e-6):
        self.rtol = positive_scalar("rtol", rtol)
        self.atol = positive_scalar("atol", atol)

    @property
    def advice(self) -> str:
        return shrunk(self.rtol)

    def prepare(self, start: Start) -> None:
        resolved(self.rtol, start.particles)

    def init(self, field: Field, position: Moving) -> Memory:
        at, zero = field.at, jnp.zeros((), position.dtype)
        velocity = field.velocity()
        norm = self._norm_at(position)
        radius, direction, count = spectral_radius(at, position, velocity, irregular(velocity), norm)
        # The first step bends by one tolerance: h²|θ''| = 1, the second derivative by a difference over 1/ρ.
        tiny, eps = jnp.finfo(position.dtype).tiny, jnp.finfo(position.dtype).eps
        probe = 1 / jnp.maximum(radius + eps * norm(velocity), tiny)
        bend = probe * norm(at(position + probe * velocity) - velocity)
        return Memory(
            size=probe / jnp.sqrt(jnp.maximum(bend, tiny)),
            horizon=jnp.asarray(jnp.finfo(position.dtype).max),  # none yet
            velocity=velocity,
            radius=radius,
            direction=direction,
            age=jnp.zeros((), jnp.int32),
            last=(zero, zero),
            evaluations=2 + count,
        )

    def step(self, field: Field, position: Moving, memory: Memory, time: Scalar, number: Count) -> Move:
        def attempt(carry: tuple) -> tuple:
            return self._attempt(field.at, *carry)

        # A state at its horizon waits there: this is what lets a chunk be of any length.
        moved, end, after = jax.lax.cond(time < memory.horizon, attempt, lambda carry: carry, (position, time, memory))
        return Move(moved, end - time, after, time=end)

    def _attempt(self, at: Callable, position: Moving, time: Scalar, memory: Memory) -> tuple:
        memory = self._refreshed(at, position, memory)
        soonest = jnp.nextafter(time, memory.horizon)
        planned = jnp.minimum(memory.size, longest(memory.radius))
        end = jnp.maximum(jnp.minimum(time + planned, memory.horizon), soonest)
        h = end - time
        s = stages(h * memory.radius)
        move = increment(at, position, memory.velocity, h, s)
        moved = position + move
        velocity = at(moved)
        # 7/60 h³θ''' to leading order, not quite twice the local error.
        error = self._norm_at(position, moved)(0.4 * h * (memory.velocity + velocity) - 0.8 * move)
        keep = error <= 1  # not for a step that left the numbers
        size = h * jnp.where(keep, _growth(h, error, memory.last), _cut(error))
        # An attempt cut short at the horizon says little about the next: fall back on what was planned.
        size = jnp.where(keep & (end < time + planned), jnp.maximum(size, planned), size)
        # Refused where the clock can't tell a shorter step from this one, it would go on for ever: it has diverged.
        again = jnp.maximum(time + size, soonest)
        stuck = ~(end > time) | (~keep & ~(again < end))
        kept = (moved, velocity, end, (h, error), memory.age + 1)
        # A refusal may be instability: unless the radius was found here, find it before the next attempt.
        left = (position, memory.velocity, time, memory.last, jnp.where(memory.age > 0, REFRESH, 0))
        moved, velocity, end, last, age = jax.tree.map(lambda new, old: jnp.where(keep, new, old), kept, left)
        memory = eqx.tree_at(
            lambda m: (m.size, m.velocity, m.age, m.last, m.evaluations),
            memory,
            (size, velocity, age, last, memory.evaluations + s),
        )
        return jnp.where(stuck, jnp.nan, moved), end, memory

    def _refreshed(self, at: Callable, position: Moving, memory: Memory) -> Memory:
        """The memory with the spectral radius at this position, where it was due."""

        def found(memory: Memory) -> Memory:
            radius, direction, count = spectral_radius(
                at, position, memory.velocity, memory.direction, self._norm_at(position)
            )
            return eqx.tree_at(
                lambda m: (m.radius, m.direction, m.age, m.evaluations),
                memory,
                (radius, direction, jnp.zeros_like(memory.age), memory.evaluations + count),
            )

        return jax.lax.cond(memory.age >= REFRESH, found, lambda memory: memory, memory)

    def _norm_at(self, *positions: Moving) -> Callable[[Moving], Scalar]:
        """Root mean square over the parameters that move, the tolerance of each being its unit."""
        rtol, atol = self.rtol.astype(positions[0].dtype), self.atol.astype(positions[0].dtype)
        scale = atol + rtol * functools.reduce(jnp.maximum, map(jnp.abs, positions))
        return lambda difference: jnp.sqrt(jnp.mean(jnp.square(difference / scale)))


def _growth(h: Scalar, error: Scalar, last: tuple[Scalar, Scalar]) -> Scalar:
    """Factor on an accepted step, 0.1 to 10: what the error allows, and what its trend foretells (Watts)."""
    error, (before, old) = jnp.maximum(error, 1e-6), last
    factor = 0.8 / jnp.cbrt(error)
    trend = h / before * jnp.cbrt(jnp.maximum(old, 1e-6) / error)
    return jnp.clip(jnp.where(before > 0, factor * trend, factor), 0.1, 10)


def _cut(error: Scalar) -> Scalar:
    """Factor on a refused step, at least 0.1, which is also for one that left the numbers."""
    return jnp.where(jnp.isfinite(error), jnp.maximum(0.1, 0.8 / jnp.cbrt(jnp.maximum(error, 1))), 0.1)
