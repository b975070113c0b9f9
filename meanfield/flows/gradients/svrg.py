"""Incremental gradients corrected by one full gradient now and then: SVRG, without loops."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.arguments import host, positive_scalar
from meanfield.arguments.typing import Count, Random, Scalar
from meanfield.flows.gradients.abstract import AbstractGradientWithMemory, Estimate, Slope, Slopes
from meanfield.flows.gradients.indices import drawn
from meanfield.flows.gradients.saga import on_one_device
from meanfield.flows.start import AbstractChecked, Start
from meanfield.objectives.abstract import AbstractObjective, sample_mean
from meanfield.particles import Particles
from meanfield.streams import stream


class Snapshot(eqx.Module):
    """Where the full slopes were last computed, the slopes there, and what all snapshots cost so far."""

    particles: Particles
    slope: Slope
    evaluations: Count


class SVRG(AbstractGradientWithMemory, AbstractChecked):
    r"""Slopes s_i(μ) − s_i(μ̂) + s(μ̂): μ̂ a snapshot, s_i the slopes on one sample i, drawn at every step.

    Where a step started becomes the next snapshot with probability 1/`epoch`. (Epochs so have geometric lengths: this
    makes steps alike, and its theorem needs no random choice among the iterates of an epoch.) F_i holds the penalty
    whole, so that F = (1/n) Σ_i F_i. For `Euler(h)`: if every F_i is convex with L-Lipschitz gradients and F is
    μ-strongly convex, both in the metric (1/m) Σ_j |θ_j|², then for h ≤ 1/(6L) the expectation of
    |θ − θ*|² + 4h² `epoch` (1/n) Σ_i |∇F_i(θ̂) − ∇F_i(θ*)|² falls at least by 1 − min{hμ, 1/(2 `epoch`)} a step.

    **Arguments:**

    - `epoch`: steps between snapshots in the mean, at least 1; 2n is usual.

    Memory: the particles and their slopes once more, whatever n is. Cost: two velocities on one sample at every
    evaluation, and n a snapshot; steps taken for many replicas at once cost n each. Raises `ValueError` for an epoch
    below 1, and as `SAGA`. Source: Johnson & Zhang (2013); Kovalev, Horváth & Richtárik (2020).
    """

    epoch: Scalar
    draws: ClassVar[str] = "samples"
    evaluations: ClassVar[int] = 2
    advice: ClassVar[str] = "shorten the epoch (now {epoch:.3g})"

    def __init__(self, epoch):
        self.epoch = positive_scalar("epoch", epoch)
        known = host(self.epoch)
        if known is not None and known < 1:
            raise ValueError(f"epoch={known.item()!r}: expected a number of steps of at least 1.")

    def prepare(self, start: Start) -> None:
        on_one_device(start.particles, "SVRG")
        sample_mean(start.problem).samples()

    def init(self, problem: AbstractObjective, slopes: Slopes, mu: Particles) -> Snapshot:
        return Snapshot(mu, slopes(problem, mu), jnp.asarray(sample_mean(problem).samples(), jnp.int32))

    def estimate(
        self, problem: AbstractObjective, slopes: Slopes, mu: Particles, memory: Any, key: Random | None, step: Count
    ) -> Estimate:
        assert key is not None
        whole, kept = sample_mean(problem), memory
        n = whole.samples()
        one = whole.subset(mu, drawn(stream(key, "sample of SVRG", step), n, 1))
        # Both at once, so that the slopes are compiled once.
        both = jax.vmap(lambda nu: slopes(one, nu))(jax.tree.map(lambda *parts: jnp.stack(parts), mu, kept.particles))
        now, then = (jax.tree.map(lambda part, of=of: part[of], both) for of in (0, 1))

        def along(slope: Slope) -> Slope:
            return jax.tree.map(lambda a, b, c: a - b + c, slope, then, kept.slope)

        memory = jax.lax.cond(
            jax.random.uniform(stream(key, "snapshot of SVRG", step)) * self.epoch < 1,
            lambda: Snapshot(mu, slopes(whole, mu), kept.evaluations + n),
            lambda: kept,
        )
        here = along(now)
        return Estimate(lambda: here, lambda nu: along(slopes(one, nu)), whole.value, memory)
