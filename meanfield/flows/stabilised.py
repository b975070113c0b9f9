"""The gradient flow itself where it is stiff: steps to a tolerance, stages as many as stability asks for."""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield._typing import Count, Position, Random, Scalar
from meanfield.arguments import positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, beginning
from meanfield.flows.adaptive import aimed, objective_at, resolved, shrunk
from meanfield.flows.chebyshev import increment, longest, stages
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles

REFRESH = 25
"""Accepted steps after which the spectral radius is estimated anew."""

SAFETY = 1.2
"""Factor on that estimate, which comes from below."""


class Memory(eqx.Module):
    """What the integrator carries from attempt to attempt."""

    size: Scalar
    """Length of the next attempt, before it is cut at the horizon."""
    horizon: Scalar
    velocity: Position
    """At the particles: the last evaluation of a step is the first of the next."""
    radius: Scalar
    """Spectral radius of the velocity's Jacobian, safety included."""
    direction: Position
    """The eigenvector that belongs to it: where the power method starts again."""
    age: Count
    """Accepted steps since the radius was estimated; at `REFRESH` it is due."""
    last: tuple[Scalar, Scalar]
    """Length and error of the last accepted step."""
    evaluations: Count


class StabilisedFlow(AbstractFlow):
    r"""The gradient flow θ_j' = −∇F'[μ](θ_j), by Runge–Kutta–Chebyshev formulas of order two with step-size control.

    A step of length h takes s ≈ (h ρ / 0.65)^{1/2} evaluations, ρ being the spectral radius of the velocity's Jacobian.
    N steps over a time T are stable for (N T ρ / 0.65)^{1/2} evaluations, where explicit Euler needs T ρ / 2 and
    `AdaptiveFlow` 1.8 T ρ. Formulas: `meanfield.flows.chebyshev`. ρ comes from the power method, again after 25 steps
    and after a refused one; its evaluations are counted.

    **Arguments:**

    - `rtol`, `atol`: relative and absolute tolerance on a particle's parameters, one step at a time. Lazy particles
      move by 1/α, so that both should fall as 1/α does.

    One step here is one attempt, accepted or not. Observation times are hit exactly. Raises `ValueError` for tolerances
    that are not positive, or that the particles' type can't resolve.

    When to use it: where T ρ is large or the accuracy modest. Velocities computed for an error of 1 % of the particles'
    displacement, tanh / relu (`tests/meanfield/test_flows_cost.py`): a lazy teacher problem (α = 100, T ρ = 6000) takes
    393 / 436, `AdaptiveFlow` 10872 / 11112, Euler 3968 / 3328; a mean-field one (T ρ = 75) 93 / 121, `AdaptiveFlow`
    360 / 636, Euler 1488 / 984. `AdaptiveFlow` wins for smooth units at 1e-4 while T ρ is some tens: 156 against 315.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit = mf.Neuron("tanh")
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(2), y=jnp.ones(2), scale=10.0)
    >>> mu = mf.Particles.doubled(jax.random.key(0), unit, m=20, d=2)
    >>> run = mf.simulate(objective, mf.StabilisedFlow(rtol=1e-4, atol=1e-4), mu, times=1000.0)
    >>> run.status, bool(run.values["risk"][-1] < 1e-4)
    ('done', True)

    Source: Sommeijer, Shampine & Verwer (1998), RKC: an explicit solver for parabolic PDEs; the control of their code.
    """

    rtol: Scalar
    atol: Scalar

    def __init__(self, rtol=1e-4, atol=1e-6):
        self.rtol = positive_scalar("rtol", rtol)
        self.atol = positive_scalar("atol", atol)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        resolved(self.rtol, mu)
        return objective.started(mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        at, zero = objective_at(objective, mu), jnp.zeros((), mu.dtype)
        velocity = at(mu.position)
        norm = self._norm_at(mu.position)
        radius, direction, count = spectral_radius(at, mu.position, velocity, _irregular(velocity), norm)
        # The first step bends by one tolerance: h²|θ''| = 1, the second derivative by a difference over 1/ρ.
        tiny, eps = jnp.finfo(mu.dtype).tiny, jnp.finfo(mu.dtype).eps
        probe = 1 / jnp.maximum(radius + eps * norm(velocity), tiny)
        bend = probe * norm(at(mu.position + probe * velocity) - velocity)
        memory = Memory(
            size=probe / jnp.sqrt(jnp.maximum(bend, tiny)),
            horizon=jnp.asarray(jnp.finfo(mu.dtype).max),  # none yet
            velocity=velocity,
            radius=radius,
            direction=direction,
            age=jnp.zeros((), jnp.int32),
            last=(zero, zero),
            evaluations=2 + count,
        )
        return beginning(mu, key, memory)

    def step(self, objective: AbstractObjective, state: State) -> State:
        # A state at its horizon waits there: this is what lets a chunk be of any length.
        return jax.lax.cond(
            state.time < state.memory.horizon, lambda s: self._attempt(objective, s), lambda s: s, state
        )

    def _attempt(self, objective: AbstractObjective, state: State) -> State:
        mu, at = state.particles, objective_at(objective, state.particles)
        memory = self._refreshed(at, mu.position, state.memory)
        soonest = jnp.nextafter(state.time, memory.horizon)
        planned = jnp.minimum(memory.size, longest(memory.radius))
        end = jnp.maximum(jnp.minimum(state.time + planned, memory.horizon), soonest)
        h = end - state.time
        s = stages(h * memory.radius)
        move = increment(at, mu.position, memory.velocity, h, s)
        position = mu.position + move
        velocity = at(position)
        # 7/60 h³θ''' to leading order, not quite twice the local error.
        error = self._norm_at(mu.position, position)(0.4 * h * (memory.velocity + velocity) - 0.8 * move)
        keep = error <= 1  # not for a step that left the numbers
        size = h * jnp.where(keep, _growth(h, error, memory.last), _cut(error))
        # An attempt cut short at the horizon says little about the next: fall back on what was planned.
        size = jnp.where(keep & (end < state.time + planned), jnp.maximum(size, planned), size)
        # Refused where the clock can't tell a shorter step from this one, it would go on for ever: it has diverged.
        again = jnp.maximum(state.time + size, soonest)
        stuck = ~(end > state.time) | (~keep & ~(again < end))
        kept = (position, velocity, end, (h, error), memory.age + 1)
        # A refusal may be instability: unless the radius was found here, find it before the next attempt.
        left = (mu.position, memory.velocity, state.time, memory.last, jnp.where(memory.age > 0, REFRESH, 0))
        position, velocity, time, last, age = jax.tree.map(lambda new, old: jnp.where(keep, new, old), kept, left)
        memory = eqx.tree_at(
            lambda m: (m.size, m.velocity, m.age, m.last, m.evaluations),
            memory,
            (size, velocity, age, last, memory.evaluations + s),
        )
        return State(mu.moved(jnp.where(stuck, jnp.nan, position)), time, state.step + 1, state.key, memory)

    def _refreshed(self, at: Callable, position: Position, memory: Memory) -> Memory:
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

    def _norm_at(self, *positions: Position) -> Callable[[Position], Scalar]:
        """Root mean square over all parameters, the tolerance of each being its unit."""
        rtol, atol = self.rtol.astype(positions[0].dtype), self.atol.astype(positions[0].dtype)
        scale = atol + rtol * functools.reduce(jnp.maximum, map(jnp.abs, positions))
        return lambda difference: jnp.sqrt(jnp.mean(jnp.square(difference / scale)))

    def clock(self, times: np.ndarray) -> None:
        return None

    def aim(self, state: State, time: float | Scalar) -> State:
        return aimed(state, time)

    def advice(self) -> str:
        return shrunk(self.rtol)

    def evaluated(self, state: State) -> int:
        return int(state.memory.evaluations)


def spectral_radius(
    at: Callable, position: Position, velocity: Position, direction: Position, size: Callable, most: int = 50
) -> tuple[Scalar, Position, Count]:
    """(`SAFETY` times the spectral radius of the Jacobian, the last direction, evaluations), by the power method.

    The Jacobian of a gradient flow is −p_j⁻¹ times a Hessian, symmetric in the inner product of the masses: estimates
    rise to ρ, and are followed until one is not 5 % above the one before. Products with a vector are differences of
    velocities over a move of `size` one: no kernel needs to be differentiable, and a kink weighs what it weighs at the
    accuracy that is asked for.
    """

    def product(carry):
        v, _, old, count = carry
        move = v / size(v)
        w = at(position + move) - velocity
        new = jnp.linalg.norm(w) / jnp.linalg.norm(move)
        return jnp.where(new > 0, w, v), old, new, count + 1

    def rising(carry):
        _, old, new, count = carry
        return (count < 2) | ((new > 1.05 * old) & (count < most))

    zero = jnp.zeros((), position.dtype)
    v, old, new, count = jax.lax.while_loop(rising, product, (direction, zero, zero, jnp.zeros((), jnp.int32)))
    return SAFETY * jnp.maximum(old, new), v, count


def _irregular(velocity: Position) -> Position:
    """The velocity, which leans to the stiff directions, and a little of every other direction; of length one."""
    turns = jnp.arange(1, velocity.size + 1, dtype=velocity.dtype) * ((5**0.5 - 1) / 2)
    other = (turns - jnp.floor(turns) - 0.5).reshape(velocity.shape)
    tiny = jnp.finfo(velocity.dtype).tiny
    both = velocity / jnp.maximum(jnp.linalg.norm(velocity), tiny) + 0.1 * other / jnp.linalg.norm(other)
    return both / jnp.linalg.norm(both)


def _growth(h: Scalar, error: Scalar, last: tuple[Scalar, Scalar]) -> Scalar:
    """Factor on an accepted step, 0.1 to 10: what the error allows, and what its trend foretells (Watts)."""
    error, (before, old) = jnp.maximum(error, 1e-6), last
    factor = 0.8 / jnp.cbrt(error)
    trend = h / before * jnp.cbrt(jnp.maximum(old, 1e-6) / error)
    return jnp.clip(jnp.where(before > 0, factor * trend, factor), 0.1, 10)


def _cut(error: Scalar) -> Scalar:
    """Factor on a refused step, at least 0.1, which is also for one that left the numbers."""
    return jnp.where(jnp.isfinite(error), jnp.maximum(0.1, 0.8 / jnp.cbrt(jnp.maximum(error, 1))), 0.1)
