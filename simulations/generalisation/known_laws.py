"""Samples of laws that are known, as the batches of the engine have them: how many coincide, and what that tells."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations import Experiment, choice, count, grid
from simulations.generalisation import diversity as measure
from theory import birthday


def laws(draws: int, seeds: int, *more: tuple[str, int, int]) -> list[dict[str, Any]]:
    """Return the settings of known laws: kind of law, number of kinds, samples."""
    usual = (("uniform", 100, 15), ("uniform", 100, 40), ("zipf", 400, 10), ("zipf", 400, 60))
    names = ("law", "kinds", "drawn")
    return [dict(zip(names, one, strict=True)) | {"draws": draws, "seeds": seeds} for one in (*usual, *more)]


class Known(Experiment):
    """Samples of a law on kinds whose number is known: those of batches, as the engine draws them."""

    law: str = choice("uniform", "numbers of samples; zipf: ∝ 1/rank", among=("uniform", "zipf"))
    kinds: int = count(100, "N", "kinds", at_least=2)
    # A variance of coincidences takes three samples; the law of their number is computed for at most 200.
    drawn: int = count(40, "s", "samples in which coincidences are looked for", at_least=3, at_most=200)
    draws: int = count(2000, "", "sets of s samples")
    sizes = grid(
        smoke=laws(4000, 7),
        default=laws(8000, 8, ("uniform", 400, 60), ("zipf", 400, 30), ("zipf", 400, 100)),
        large=laws(50000, 20, ("uniform", 10000, 150), ("zipf", 10000, 200)),
    )

    def run(self):
        numbers = samples_of(self.law, self.kinds)
        law, uniform = numbers / numbers.sum(), np.full(self.kinds, 1 / self.kinds)
        kind = np.repeat(np.arange(self.kinds), numbers)
        key = self.key(f"{self.drawn} samples of {self.law} on {self.kinds}")
        rows = batches(key, self.drawn, len(kind), self.draws)
        return measure.coincidences(kind[np.asarray(rows)], law) | {
            "exact_none": birthday.no_collision(law, self.drawn),
            "exact_uniform_none": birthday.no_collision(uniform, self.drawn),
            "exact_effective": birthday.effective_number(law),
            "exact_poisson": birthday.poisson_coverage(law, self.drawn, measure.LEVEL),
            "exact_disjoint": birthday.disjoint_coverage(law, self.drawn, measure.LEVEL),
        }


@partial(jax.jit, static_argnums=(1, 2, 3))
def batches(key: jax.Array, drawn: int, samples: int, steps: int) -> jax.Array:
    """Return the samples of so many batches of stochastic gradient descent, [steps, drawn]."""
    batch = mf.flows.gradients.Minibatch(drawn)
    # One step after another, where to sort all of them at once takes twice as long to compile and is no faster.
    return jax.lax.map(lambda step: batch.rows(key, step, samples), jnp.arange(steps))


def samples_of(law: str, kinds: int) -> np.ndarray:
    """Return how many samples of each kind there are: one, or as many as kinds over the rank."""
    return np.ones(kinds, int) if law == "uniform" else np.rint(kinds / np.arange(1, kinds + 1)).astype(int)
