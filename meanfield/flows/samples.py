"""An objective on some of its samples: what stochastic flows and incremental ones look at in a step."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from meanfield._typing import Outputs, Random, Scalar
from meanfield.kernels import plan
from meanfield.kernels.sharded import Sharded, spread
from meanfield.losses import AbstractLoss, Exponential
from meanfield.objective import AbstractObjective, Objective, TangentObjective
from meanfield.particles import Particles

Rows = Int[Array, " b"]


def drawn(key: Random, n: int, count: int) -> Rows:
    """Independent samples of n: numbers of 32 bits modulo n, whose odds differ by less than a share n/2³².

    A tenth of what `jax.random.randint` takes to compile, which gets by on shares of n/2⁶⁴.
    """
    return (jax.random.bits(key, (count,), jnp.uint32) % jnp.uint32(n)).astype(jnp.int32)


def distinct(key: Random, n: int, count: int) -> Rows:
    """Different samples of n, in the order of n numbers of 32 bits: what equal numbers change is a share n²/2³³."""
    return jnp.argsort(jax.random.bits(key, (n,), jnp.uint32))[:count].astype(jnp.int32)


class FirstOnly(AbstractLoss):
    """A loss that is the mean over the first `count` samples of a batch, whose length need not be known."""

    loss: AbstractLoss
    count: Scalar

    def targets(self, y, outputs: int, dtype) -> Outputs:
        return self.loss.targets(y, outputs, dtype)

    def risk(self, f: Outputs, y: Outputs) -> Scalar:
        raise NotImplementedError("only its residual is known")

    def residual(self, f: Outputs, y: Outputs) -> Outputs:
        n = f.shape[0]
        share = jnp.where(jnp.arange(n) < self.count.astype(jnp.int32), n / self.count, 0).astype(f.dtype)
        return self.loss.residual(f, y) * share.reshape(n, *[1] * (f.ndim - 1))


def kernel_for(objective: Objective, mu: Particles, n: int):
    """The kernel for n samples, on the devices of the one for all samples."""
    mesh = objective.ready.mesh if isinstance(objective.ready, Sharded) else None
    share = -(-mu.m // (1 if mesh is None else mesh.size))
    return spread(objective.kernel or plan(objective, share, n=n).kernel, mesh)


def part(objective: AbstractObjective, mu: Particles, rows: Rows, count: Scalar | None = None) -> AbstractObjective:
    """The objective on the samples `rows`, or on the first `count` of them, at work for particles such as `mu`."""
    if isinstance(objective, TangentObjective):
        return eqx.tree_at(lambda o: o.network, objective, part(objective.network, mu, rows, count))
    assert isinstance(objective, Objective)
    offset = None if objective.offset is None else objective.offset[rows]
    loss = objective.loss if count is None else FirstOnly(objective.loss, count)
    return eqx.tree_at(
        lambda o: (o.x, o.y, o.offset, o.ready, o.loss),
        objective,
        (objective.x[rows], objective.y[rows], offset, kernel_for(objective, mu, rows.shape[0]), loss),
        is_leaf=lambda leaf: leaf is None,
    )


def splits(objective: AbstractObjective) -> Objective:
    """The objective itself; raises `ValueError` for one that is no mean over samples."""
    if not isinstance(objective, Objective):
        raise ValueError(f"objective={type(objective).__name__}: expected an Objective, whose samples are drawn.")
    if isinstance(objective.loss, Exponential):
        raise ValueError("loss=Exponential: expected a loss that is a mean over samples, which the soft-min is not.")
    return objective
