"""The gradient on a few samples of the data, drawn anew at every step."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from meanfield.arguments import INT32, flag, host, positive_count, positive_scalar
from meanfield.arguments.meant import schedule
from meanfield.arguments.typing import Count, Random, Scalar
from meanfield.flows.gradients.abstract import AbstractGradient, Estimate, Rows, Slopes, of_problem
from meanfield.flows.gradients.indices import distinct, drawn
from meanfield.flows.start import AbstractChecked, Start
from meanfield.objectives.abstract import AbstractObjective, sample_mean
from meanfield.particles import Particles
from meanfield.streams import stream


class Minibatch(AbstractGradient, AbstractChecked):
    r"""The slopes on B samples drawn anew at every step: unbiased for every loss that is a mean over samples.

    **Arguments:**

    - `batch`: B, samples of a step: a whole number; or, with `max_batch`, the value of an array or a schedule k ↦ B_k,
      which is rounded and kept between 1 and `max_batch`.
    - `max_batch`: the largest batch. Batches of all sizes up to it then share a program, and cost as much as it does.
    - `replacement`: whether the B samples are drawn with replacement, hence independently (the default), or are B
      different ones. All samples without replacement are `Full`, to the bit.

    The samples of step k follow from the simulation's key and k. Cost: B/n of a velocity at every evaluation.
    Raises `ValueError` for a batch that is not positive or above `max_batch`, and at the start for more samples than
    there are without replacement, and for a problem that is no mean over samples.
    Source: Robbins & Monro (1951); Smith, Kindermans, Ying & Le (2018) for growing batches.
    """

    batch: Scalar | Callable | None
    """Samples of a step out of `largest`; None for all of these."""
    largest: int = eqx.field(static=True)
    """Samples of a step at most."""
    replacement: bool = eqx.field(static=True)
    draws: ClassVar[str] = "samples"

    def __init__(self, batch, *, max_batch: int | None = None, replacement: bool = True):
        self.replacement = flag("replacement", replacement)
        self.batch = None
        if max_batch is None:
            try:
                self.largest = positive_count("batch", batch, most=INT32)
            except ValueError as problem:
                told = str(problem).rstrip(".")
                raise ValueError(f"{told}; a schedule, or a size that is swept, needs max_batch beside it.") from None
            return
        self.largest = positive_count("max_batch", max_batch, most=INT32)
        if callable(batch):
            self.batch = schedule("batch", batch)
            return
        self.batch = positive_scalar("batch", batch)
        known = host(self.batch)
        if known is not None and not 1 <= known <= self.largest:
            raise ValueError(f"batch={batch!r}: expected a number of samples between 1 and max_batch={max_batch}.")

    @property
    def advice(self) -> str:
        return f"raise the batch (now {self.largest})" if self.batch is None else "raise the batch"

    def prepare(self, start: Start) -> None:
        n = sample_mean(start.problem).samples()
        if self.largest > n and not self.replacement:
            name = "batch" if self.batch is None else "max_batch"
            raise ValueError(f"{name}={self.largest}: expected at most n={n} different samples, or replacement=True.")

    def estimate(
        self, problem: AbstractObjective, slopes: Slopes, mu: Particles, memory: Any, key: Random | None, step: Count
    ) -> Estimate:
        assert key is not None
        whole = sample_mean(problem)
        if self.batch is None:
            every = self.largest == whole.samples() and not self.replacement
            few = whole if every else whole.subset(mu, self.rows(key, step, whole.samples()))
        else:
            wanted = self.batch(step) if callable(self.batch) else self.batch
            count = jnp.clip(jnp.rint(jnp.asarray(wanted, mu.dtype)), 1, self.largest)
            few = whole.subset(mu, self.rows(key, step, whole.samples()), count)
        return of_problem(few, slopes, mu)

    def rows(self, key: Random, step: int | Count, n: int) -> Rows:
        """Return which of n samples step number `step` looks at in a simulation with this `key`."""
        if self.batch is None:
            return jax.random.choice(stream(key, "minibatch", step), n, (self.largest,), replace=self.replacement)
        draw = drawn if self.replacement else distinct
        return draw(stream(key, "minibatch of a schedule", step), n, self.largest)
