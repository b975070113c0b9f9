"""The gradient on samples that nobody has seen: one pass over an endless stream."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.arguments import INT32, positive_count
from meanfield.arguments.typing import Count, Random
from meanfield.flows.gradients.abstract import AbstractGradient, Estimate, Slopes, of_problem
from meanfield.flows.start import AbstractChecked, Start
from meanfield.objectives.abstract import AbstractObjective, sample_mean
from meanfield.objectives.population import known_sampler, pair
from meanfield.particles import Particles
from meanfield.streams import stream


class Stream(AbstractGradient, AbstractChecked):
    r"""The slopes on B samples made fresh at every step: an unbiased gradient of the population risk.

    **Arguments:**

    - `sampler`: a function (key, B) ↦ (x [B, d], y) that makes samples; that of the problem if not given, such as
      `Objective.population` has. The problem's own samples are only observed.
    - `batch`: B, samples of a step.

    The samples of step k follow from the simulation's key and k. A centred model pays for the predictions of its
    reference at fresh samples. Cost: a velocity on B samples at every evaluation. Raises `ValueError` for a batch that
    is not positive, and at the start for no sampler or one of other shapes, and a problem that is no mean over samples.

    >>> import jax, jax.numpy as jnp, meanfield as mf
    >>> def sampler(key, batch):
    ...     x = jax.random.normal(key, (batch, 4))
    ...     return x, jnp.tanh(x[:, 0])
    >>> key, unit = jax.random.key(0), mf.Neuron("tanh")
    >>> problem = mf.Objective(unit, mf.Square(), *sampler(key, 64))
    >>> flow = mf.Flow(mf.steppers.HeavyBall(0.05, 0.9), mf.gradients.Stream(sampler, batch=8))
    >>> mf.simulate(problem, flow, mf.Particles.gaussian(key, unit, m=20, d=4), times=[0, 10.0], key=key).status
    'done'
    """

    sampler: Callable | None
    batch: int = eqx.field(static=True)
    draws: ClassVar[str] = "samples"
    advice: ClassVar[str] = "raise the batch (now {batch})"

    def __init__(self, sampler: Callable | None = None, batch: Any = None):
        self.sampler = None if sampler is None else known_sampler(sampler)
        self.batch = positive_count("batch", batch, most=INT32)

    def prepare(self, start: Start) -> None:
        problem = start.problem
        sample_mean(problem).samples()
        x, y = pair(jax.eval_shape(lambda key: self._sampler(problem)(key, self.batch), jax.random.key(0)))
        expected = (self.batch, problem.x.shape[1])
        if x.shape != expected or not jnp.issubdtype(x.dtype, jnp.floating):
            raise ValueError(f"sampler returned x of shape {x.shape} and type {x.dtype}: expected floats {expected}.")
        if y.shape[:1] != (self.batch,):
            raise ValueError(f"sampler returned y of shape {y.shape}: expected {self.batch} targets.")

    def estimate(
        self, problem: AbstractObjective, slopes: Slopes, mu: Particles, memory: Any, key: Random | None, step: Count
    ) -> Estimate:
        assert key is not None
        x, y = self._sampler(problem)(stream(key, "fresh samples", step), self.batch)
        return of_problem(sample_mean(problem).fresh(mu, x, y), slopes, mu)

    def _sampler(self, problem: AbstractObjective) -> Callable:
        sampler = self.sampler or sample_mean(problem).sampler
        if sampler is None:
            raise ValueError(
                "sampler=None: expected a function of a key and a number of samples, or a problem that has one, as "
                "Objective.population makes."
            )
        return sampler
