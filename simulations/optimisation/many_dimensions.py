"""Students with weight decay in many dimensions, certified one by one: no convex program lists the cells there.

What they are compared with is the best network that is known, of neurons added where the dual is violated.
"""

import dataclasses
import functools
from functools import cached_property

import numpy as np

import meanfield as mf
from simulations.optimisation.nesterov_descent import Students
from simulations.optimisation.screened_teachers import certificate, objective, samples
from simulations.study.experiment import grid
from simulations.study.parameters import count, number

KNOWN = 1e-3
"""The gap, as a share of F(0), that is proved for the best network known."""


class Dimensions(Students):
    """Students with weight decay on samples of a ReLU teacher in ten and more dimensions."""

    dimension: int = count(10, "d", "inputs")
    samples: int = count(40, "n", "training samples")
    strength: float = number(0.01, "λ", "strength of the weight decay (λ/2)|θ|²", unit="loss units", above=0)
    sizes = grid(
        smoke={"particles": (2, 24), "samples": 20, "updates": 1000, "seeds": 4},
        default=[
            {"particles": (2, 8, 32), "updates": 8000, "seeds": 20},
            {"dimension": 20, "samples": 80, "particles": (2, 8, 32), "updates": 8000, "seeds": 4},
        ],
        large=[
            {"particles": (2, 4, 8, 16, 32, 64), "updates": 40_000, "seeds": 100},
            {
                "dimension": 20, "samples": 200, "strength": 0.003, "particles": (2, 8, 64), "updates": 40_000,
                "seeds": 40,
            },
        ],
    )  # fmt: skip

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        random = self.generator("data")
        return samples(random, self.teacher(random), self.samples)

    def problem(self):
        return objective(*self.data, self.strength)

    def measure(self, run):
        """Certify the trained network."""
        position = np.asarray(run.particles.position)[: self.particles]
        return certificate(position, *self.data, self.strength, method="lifted")

    def theory(self, start):
        """Return F at 0, and what is known of the least value of all networks: a network's, and a bound from below."""
        nothing = float(np.mean(self.data[1] ** 2) / 2)
        best = best_known(dataclasses.replace(self, particles=1, step=1.0, momentum=0.0, updates=1))
        return {"nothing": nothing, "minimum": best.gap + best.lower_bound, "lower": best.lower_bound}


@functools.lru_cache(maxsize=4096)
def best_known(run: Dimensions) -> mf.certificates.OptimalityGap:
    """Return the gap proved for the best network known on the samples of a run's seed, the same for all students."""
    return mf.certified_minimum(run.problem(), KNOWN * float(np.mean(run.data[1] ** 2) / 2)).gap
