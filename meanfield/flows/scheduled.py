"""Stochastic gradient descent whose step and batch are numbers or schedules: one program for all of them."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from meanfield._meant import schedule
from meanfield._typing import Random, Scalar
from meanfield.arguments import flag, host, positive_count, positive_scalar
from meanfield.flows.abstract import AbstractFlow, State, random_beginning
from meanfield.flows.gradient import GradientFlow
from meanfield.flows.samples import distinct, drawn, part, splits
from meanfield.objective import AbstractObjective
from meanfield.particles import Particles
from meanfield.streams import stream


class ScheduledSGD(AbstractFlow):
    r"""Stochastic gradient descent θ_j ← θ_j + h_k v_j, v the velocity on B_k samples drawn anew at step k.

    As `SGD`, with a batch that may grow: its size is the value of an array, so that replicas of other B share a
    program. A step costs as much as one on `most` samples, whatever B_k is: for batches of one size take `SGD`.

    **Arguments:**

    - `step`: h, in units of mean-field time: a positive number, or a schedule k ↦ h_k, as in `GradientFlow`.
    - `batch`: B, samples of a step: a number, or a schedule k ↦ B_k, which is rounded and kept between 1 and `most`.
    - `most`: the largest batch.
    - `replacement`: whether the samples of a step are drawn with replacement, hence independently, or are different.

    The samples of step k follow from `key` and k, so that the length of chunks is not part of the result.

    Raises `ValueError` for a step that is not positive, a batch that is no number between 1 and `most`, an objective
    that is no mean over samples, for more samples than there are without replacement, and, at the start, for a
    simulation without `key`. Source: Smith, Kindermans, Ying & Le (2018).

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=4)
    >>> growing = mf.ScheduledSGD(0.1, lambda k: 1 + k // 50, most=4)
    >>> mf.simulate(objective, growing, mu, times=[0, 10.0], key=key).status
    'done'
    """

    descent: GradientFlow
    batch: Scalar | Callable
    most: int = eqx.field(static=True)
    replacement: bool = eqx.field(static=True)

    def __init__(self, step, batch, *, most: int, replacement: bool = True):
        self.descent = GradientFlow(step)
        self.most = positive_count("most", most)
        self.replacement = flag("replacement", replacement)
        if callable(batch):
            self.batch = schedule("batch", batch)
            return
        self.batch = positive_scalar("batch", batch)
        known = host(self.batch)
        if known is not None and not 1 <= known <= self.most:
            raise ValueError(f"batch={batch!r}: expected a number of samples between 1 and most={most}.")

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        n = splits(objective).x.shape[0]
        if self.most > n and not self.replacement:
            raise ValueError(f"most={self.most}: expected at most n={n} different samples, or replacement=True.")
        return self.descent.prepare(objective, mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return random_beginning(mu, key, "ScheduledSGD draws samples")

    def step(self, objective: AbstractObjective, state: State) -> State:
        assert state.key is not None
        key, mu = stream(state.key, "minibatch of a schedule", state.step), state.particles
        wanted = self.batch(state.step) if callable(self.batch) else self.batch
        count = jnp.clip(jnp.rint(jnp.asarray(wanted, mu.dtype)), 1, self.most)
        draw = drawn if self.replacement else distinct
        rows = draw(key, objective.x.shape[0], self.most)
        return self.descent.step(part(objective, mu, rows, count), state)

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.descent.clock(times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return f"lower the step (now {self.descent.now}) or raise the batch"
