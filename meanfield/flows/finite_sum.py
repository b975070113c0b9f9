"""Incremental gradients with a memory, whose noise dies out: SAGA and SAG."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from meanfield._typing import Position, Random, Scalar
from meanfield.arguments import flag, positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, random_beginning
from meanfield.flows.gradient import constant_clock
from meanfield.flows.samples import drawn, part, splits
from meanfield.objective import AbstractObjective, Objective, TangentObjective
from meanfield.particles import Particles
from meanfield.sharding import mesh_of
from meanfield.streams import stream


class Table(eqx.Module):
    """What is remembered of every sample's velocity, and their mean."""

    entries: Float[Array, "n *rest"]
    """Velocities [n, m, p]; of a linearised model without penalty the residuals [n, *k], which are enough."""
    mean: Position


class AbstractFiniteSumFlow(AbstractFlow):
    """A flow whose step h looks at one sample i of the mean F = (1/n) Σ_i F_i, drawn uniformly."""

    size: eqx.AbstractVar[Scalar]

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        name = type(self).__name__
        if mesh_of(mu) is not None:
            raise ValueError(f"particles are shared out over devices: expected particles on one, for {name}.")
        return splits(objective).started(mu)

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return constant_clock(float(self.size), times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return f"lower the step (now {float(self.size):.3g})"


class SAGA(AbstractFiniteSumFlow):
    r"""SAGA: θ_j ← θ_j + h [v_ij − g_ij + (1/n) Σ_l g_lj], v_i the velocity on sample i and g_i its value last seen.

    A step draws one sample i, goes this way and renews g_i. F_i holds the penalty whole, so that F = (1/n) Σ_i F_i.
    Directions are unbiased, and their noise dies out at the minimum. If every F_i is μ-strongly convex with L-Lipschitz
    gradients in the metric (1/m) Σ_j |θ_j|², then with h = 1/(3L) the expected squared distance to the minimum falls
    at least by the factor 1 − min{1/4n, μ/3L} a step, up to a constant; with h = 1/(2(μn + L)) by 1 − μh.

    **Arguments:**

    - `step`: h, in units of mean-field time.
    - `biased`: the stochastic average gradient (SAG) instead: v_i − g_i counts 1/n times, so that a step follows the
      mean of all g with g_i renewed, and g = 0 at the start. If every F_i is convex with L-Lipschitz gradients and F
      is μ-strongly convex, then with h = 1/(16L) E F − min F falls at least by 1 − min{μ/16L, 1/8n} a step.

    The g_i of SAGA are the velocities at the start. Memory: n m p numbers; n residuals (times outputs) for a linearised
    model without penalty, as in `TangentFlow(SAGA(h))`. The mean is kept by increments. The sample of step k follows
    from `key` and k. `Trajectory.stats["evaluations"]` counts velocities on one sample: one a step, and n at the
    start.

    Raises `ValueError` for a step that is not positive, an objective that is no mean over samples, particles on several
    devices and, at the start, a simulation without `key`. Source: Defazio, Bach & Lacoste-Julien (2014); Schmidt, Le
    Roux & Bach (2017).

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=4)
    >>> run = mf.simulate(objective, mf.TangentFlow(mf.SAGA(0.3)), mu, times=[0, 300.0], key=key)
    >>> bool(run.values["risk"][1] < 1e-4), run.stats["evaluations"]
    (True, 1004)
    """

    size: Scalar
    biased: Scalar

    def __init__(self, step, *, biased: bool = False):
        self.size = positive_scalar("step", step)
        self.biased = jnp.asarray(biased if isinstance(biased, jax.Array) else flag("biased", biased), dtype=float)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        if _linear(objective):
            entries, mean = objective.loss.residual(objective.predict(mu), objective.y), objective.velocity(mu)
        else:
            rows = jnp.arange(objective.x.shape[0])
            entries = jax.lax.map(lambda i: part(objective, mu, i[None]).velocity(mu), rows)
            mean = jnp.mean(entries, axis=0)
        known = 1 - self.biased.astype(mu.dtype)
        state = random_beginning(mu, key, "SAGA draws samples")
        return State(state.particles, state.time, state.step, state.key, Table(known * entries, known * mean))

    def step(self, objective: AbstractObjective, state: State) -> State:
        assert state.key is not None
        mu, table, n = state.particles, state.memory, objective.x.shape[0]
        i = drawn(stream(state.key, "sample of SAGA", state.step), n, 1)
        one = part(objective, mu, i)
        if _linear(objective):
            f, pull = one.linearise(mu)
            entry = one.loss.residual(f, one.y)
            change = (-pull(entry - table.entries[i]) / one.scale).astype(mu.dtype)
        else:
            entry = one.velocity(mu)[None]
            change = entry[0] - table.entries[i[0]]
        h = self.size.astype(mu.dtype)
        position = mu.position + h * (table.mean + jnp.where(self.biased > 0, change / n, change))
        memory = Table(table.entries.at[i].set(entry), table.mean + change / n)
        return eqx.tree_at(
            lambda s: (s.particles, s.time, s.step, s.memory),
            state,
            (mu.moved(position), state.time + h, state.step + 1, memory),
        )

    def evaluated(self, state: State) -> int:
        return int(state.step) + state.memory.entries.shape[0]


def _linear(objective: AbstractObjective) -> bool:
    """Whether a sample's residual tells its velocity, wherever the particles are."""
    exact = type(objective) is TangentObjective and type(objective.network) is Objective
    return exact and objective.penalty is None
