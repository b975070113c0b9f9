"""Stochastic gradient descent: each step sees a few samples, drawn from the data or made fresh."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from meanfield._meant import function
from meanfield._typing import Count, Random, Scalar
from meanfield.arguments import INT32, flag, positive_count
from meanfield.flows.abstract import AbstractFlow, State, random_beginning
from meanfield.flows.gradient import GradientFlow
from meanfield.flows.samples import Rows, kernel_for, part
from meanfield.objective import AbstractObjective, Objective, TangentObjective
from meanfield.particles import Particles
from meanfield.streams import stream


class SGD(AbstractFlow):
    r"""Stochastic gradient descent θ_j ← θ_j + h v_j, v the velocity on B samples drawn anew at every step.

    **Arguments:**

    - `step`: h, in units of mean-field time: a positive number, or a schedule k ↦ h_k, as in `GradientFlow`.
    - `batch`: B, samples of a step.
    - `replacement`: whether the B samples are drawn with replacement, hence independently (the default), or are B
      different ones. All samples without replacement are `GradientFlow`, to the bit.
    - `sampler`: for one pass over an endless stream: a function (key, B) ↦ (x [B, d], y) that makes fresh samples. The
      objective's own samples are then only observed.

    The velocity is unbiased for losses that are means over samples; the soft-min `Exponential` is not one. The samples
    of step k follow from `key` and k (see `rows`), so that the length of chunks is not part of the result. A centred
    model pays for the predictions of its reference at fresh samples. `Trajectory.stats["evaluations"]` counts
    velocities, one a step, each on B samples.

    Raises `ValueError` for a step or batch that is not positive, for more samples than there are without replacement,
    for a sampler of other shapes, and, at the start, for a simulation without `key`.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> unit, key = mf.Neuron("tanh"), jax.random.key(0)
    >>> objective = mf.Objective(unit, mf.Square(), x=jnp.eye(4), y=jnp.ones(4))
    >>> mu = mf.Particles.gaussian(key, unit, m=20, d=4)
    >>> run = mf.simulate(objective, mf.SGD(0.1, batch=2), mu, times=[0, 10.0], key=key)
    >>> bool(run.values["risk"][1] < run.values["risk"][0])
    True
    >>> def sampler(key, batch):
    ...     x = jax.random.normal(key, (batch, 4))
    ...     return x, jnp.tanh(x[:, 0])
    >>> mf.simulate(objective, mf.SGD(0.1, batch=8, sampler=sampler), mu, times=[0, 10.0], key=key).stats["steps"]
    100
    """

    descent: GradientFlow
    batch: int = eqx.field(static=True)
    replacement: bool = eqx.field(static=True)
    sampler: Callable | None

    def __init__(self, step, batch: int, *, replacement: bool = True, sampler: Callable | None = None):
        self.descent = GradientFlow(step)
        self.batch = positive_count("batch", batch, most=INT32)
        self.replacement = flag("replacement", replacement)
        of = "a function of a key and a number of samples, or None"
        self.sampler = None if sampler is None else function("sampler", sampler, 2, of)

    def prepare(self, objective: AbstractObjective, mu: Particles) -> AbstractObjective:
        if not isinstance(objective, Objective):
            raise ValueError(f"objective={type(objective).__name__}: expected an Objective, whose samples are drawn.")
        n = objective.x.shape[0]
        if self.sampler is not None:
            _check_sampler(self.sampler, self.batch, objective)
        elif self.batch > n and not self.replacement:
            raise ValueError(f"batch={self.batch}: expected at most n={n} different samples, or replacement=True.")
        return self.descent.prepare(objective, mu)

    def init(self, objective: AbstractObjective, mu: Particles, *, key: Random | None = None) -> State:
        return random_beginning(mu, key, "SGD draws samples")

    def step(self, objective: AbstractObjective, state: State) -> State:
        assert state.key is not None
        return self.descent.step(self.sampled(objective, state.particles, state.key, state.step), state)

    def sampled(self, objective: AbstractObjective, mu: Particles, key: Random, step: Count) -> AbstractObjective:
        """Return the objective on the samples of step number `step`, for the simulation's `key`."""
        if self.sampler is not None:
            return self._fresh(self.sampler, objective, mu, stream(key, "fresh samples", step))
        n = objective.x.shape[0]
        if self.batch == n and not self.replacement:
            return objective
        return part(objective, mu, self.rows(key, step, n))

    def rows(self, key: Random, step: int | Count, n: int) -> Rows:
        """Return which of n samples step number `step` looks at in a simulation with this `key`, [B]."""
        return jax.random.choice(stream(key, "minibatch", step), n, (self.batch,), replace=self.replacement)

    def _fresh(self, sampler: Callable, objective: AbstractObjective, mu: Particles, key: Random) -> AbstractObjective:
        if isinstance(objective, TangentObjective):
            fresh = self._fresh(sampler, objective.network, mu, key)
            return eqx.tree_at(lambda o: o.network, objective, fresh)
        assert isinstance(objective, Objective)
        x, y = sampler(key, self.batch)
        reference = False if objective.reference is None else objective.reference
        fresh = Objective(
            objective.unit, objective.loss, x.astype(objective.x.dtype), y, objective.scale, objective.penalty,
            reference, objective.kernel,
        )  # fmt: skip
        return eqx.tree_at(
            lambda o: (o.x, o.y, o.offset, o.ready),
            objective,
            (fresh.x, fresh.y, fresh.offset, kernel_for(objective, mu, self.batch)),
            is_leaf=lambda leaf: leaf is None,
        )

    def clock(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.descent.clock(times)

    def aim(self, state: State, time: float | Scalar) -> State:
        return state

    def advice(self) -> str:
        return f"lower the step (now {self.descent.now}) or raise the batch (now {self.batch})"


def _check_sampler(sampler: Callable, batch: int, objective: Objective) -> None:
    """Raises `ValueError` for shapes that a step can't use."""
    made = jax.eval_shape(lambda key: sampler(key, batch), jax.random.key(0))
    if not isinstance(made, tuple | list) or len(made) != 2:
        raise ValueError(f"sampler returned a value of type {type(made).__name__}: expected the pair (x, y).")
    x, y = made
    expected = (batch, objective.x.shape[1])
    if x.shape != expected or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"sampler returned x of shape {x.shape} and type {x.dtype}: expected floats {expected}.")
    if y.shape[:1] != (batch,):
        raise ValueError(f"sampler returned y of shape {y.shape}: expected {batch} targets.")
