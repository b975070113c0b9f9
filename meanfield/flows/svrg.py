"""Incremental gradients corrected by one full gradient now and then: SVRG, without loops."""

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield._typing import Count, Position, Random, Scalar
from meanfield.arguments import host, positive_scalar
from meanfield.flows.abstract import State, random_beginning
from meanfield.flows.finite_sum import AbstractFiniteSumFlow
from meanfield.flows.samples import drawn, part
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles
from meanfield.streams import stream


class Snapshot(eqx.Module):
    """Where the full velocity was last computed, the velocity there, and what all snapshots cost so far."""

    position: Position
    velocity: Position
    evaluations: Count


class SVRG(AbstractFiniteSumFlow):
    r"""Variance-reduced descent θ_j ← θ_j + h [v_ij(θ) − v_ij(θ̂) + v_j(θ̂)], θ̂ a snapshot, v_i the velocity on sample i.

    A step draws one sample i; where it started becomes the next snapshot with probability 1/`epoch`. (Epochs so have
    geometric lengths: this makes steps alike, and its theorem needs no random choice among the iterates of an epoch,
    as that of epochs of one length does.) F_i holds the penalty whole, so that F = (1/n) Σ_i F_i. If
    every F_i is convex with L-Lipschitz gradients and F is μ-strongly convex, both in the metric (1/m) Σ_j |θ_j|², then
    for h ≤ 1/(6L) the expectation of |θ − θ*|² + 4h² `epoch` (1/n) Σ_i |∇F_i(θ̂) − ∇F_i(θ*)|² falls at least by the
    factor 1 − min{hμ, 1/(2 `epoch`)} a step.

    **Arguments:**

    - `step`: h, in units of mean-field time.
    - `epoch`: steps between snapshots in the mean, at least 1; 2n is usual.

    Memory: one position and one velocity, whatever n is. Steps taken for many replicas at once cost n evaluations each.
    What is drawn at step k follows from `key` and k. `Trajectory.stats["evaluations"]` counts velocities on one
    sample: two a step and n a snapshot.

    Raises `ValueError` as `SAGA`, and for an epoch below 1. Source: Johnson & Zhang (2013); Kovalev, Horváth and
    Richtárik (2020).

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=4)
    >>> mf.simulate(objective, mf.TangentFlow(mf.SVRG(0.1, epoch=8)), mu, times=20.0, key=key).status
    'done'
    """

    size: Scalar
    epoch: Scalar

    def __init__(self, step, epoch):
        self.size = positive_scalar("step", step)
        self.epoch = positive_scalar("epoch", epoch)
        known = host(self.epoch)
        if known is not None and known < 1:
            raise ValueError(f"epoch={known.item()!r}: expected a number of steps of at least 1.")

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        state = random_beginning(mu, key, "SVRG draws samples")
        n = jnp.asarray(objective.x.shape[0], jnp.int32)
        memory = Snapshot(mu.position, objective.velocity(mu), n)
        return State(state.particles, state.time, state.step, state.key, memory)

    def step(self, objective: AbstractObjective, state: State) -> State:
        assert state.key is not None
        mu, kept = state.particles, state.memory
        key, k, n = state.key, state.step, objective.x.shape[0]
        one = part(objective, mu, drawn(stream(key, "sample of SVRG", k), n, 1))
        both = jax.vmap(lambda at: one.velocity(mu.moved(at)))(jnp.stack([mu.position, kept.position]))
        h = self.size.astype(mu.dtype)
        position = mu.position + h * (both[0] - both[1] + kept.velocity)
        memory = jax.lax.cond(
            jax.random.uniform(stream(key, "snapshot of SVRG", k)) * self.epoch < 1,
            lambda: Snapshot(mu.position, objective.velocity(mu), kept.evaluations + n),
            lambda: kept,
        )
        return eqx.tree_at(
            lambda s: (s.particles, s.time, s.step, s.memory),
            state,
            (mu.moved(position), state.time + h, state.step + 1, memory),
        )

    def advice(self) -> str:
        return f"lower the step (now {float(self.size):.3g}) or the epoch (now {float(self.epoch):.3g})"

    def evaluated(self, state: State) -> int:
        return 2 * int(state.step) + int(state.memory.evaluations)
