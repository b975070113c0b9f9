"""The parameters of one run of the study of scaling laws, and what its four parts share: draws, masses and times."""

import math
import zlib
from dataclasses import dataclass, replace

import numpy as np

from meanfield.arguments import one_of, positive_count, positive_number
from simulations.study.study import canonical
from theory import circle
from theory.learning_curve import best_strength

PARTS = ("mean_field", "lazy", "samples", "teacher")

ROOM = 256
"""Particles come in arrays of a multiple of this, those beyond m without mass: most m share a program."""

LONGEST = 5000
"""Steps of a descent in mean_field at most: theory keeps all of them."""


@dataclass(frozen=True)
class Parameters:
    """One of four questions, and the sizes it is asked at."""

    part: str = "mean_field"
    """mean_field (tanh networks on the line), lazy (tangent models of ReLU networks on the circle, all inputs), samples
    (the same with infinitely many particles, some inputs, noisy labels) or teacher (ReLU networks that learn a neuron).
    """
    particles: int = 64
    """m, particles (count); samples has infinitely many."""
    samples: int = 4
    """n, training samples (count); for lazy the inputs on the circle, a multiple of 4."""
    dimension: int = 16
    """d, inputs of teacher (count)."""
    exponent: float = 0.0
    """Exponent of m in the output scale of mean_field: 0 mean-field, 0.5 neural-tangent."""
    alpha: float = 1.0
    """α at m = 1, for mean_field and teacher: large is lazy (output units)."""
    source: float = 1.75
    """c, source condition of the target on the circle: its power at eigenvalues below λ falls as λ^c."""
    ridge: float = 0.3
    """λ of samples at n = 1, from where it falls as n^(−b/(bc+1)) (kernel units)."""
    noise: float = 0.1
    """Standard deviation of the labels' noise in samples (output units; the target has variance 1)."""
    time: float = 10.0
    """T, final time (mean-field time, 1 / rate)."""
    step: float = 0.5
    """h, step of gradient descent (mean-field time); lazy counts its operations by it and follows the flow exactly."""
    replicas: int = 10
    """Independent networks, or samples of data where there is no network (count)."""
    seed: int = 0
    """Seed of data, initial particles and teacher (integer)."""

    def __post_init__(self):
        one_of("part", self.part, PARTS)
        for name in ("particles", "samples", "dimension", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("alpha", "source", "ridge", "time", "step"):
            positive_number(name, getattr(self, name))
        positive_number("noise", self.noise, zero=True)
        if not math.isfinite(self.exponent):
            raise ValueError(f"exponent={self.exponent!r}: expected a finite number.")
        if self.time < self.step:
            raise ValueError(f"time={self.time:g}: expected at least one step={self.step:g}.")
        if self.part == "lazy" and (self.samples % 4 or self.samples < 8):
            raise ValueError(f"samples={self.samples}: expected a multiple of 4 of at least 8 inputs on the circle.")
        if self.part == "lazy" and not 0.1 <= self.time / self.step <= 1e12:
            raise ValueError(f"time={self.time:g}: expected at most 1e12 steps={self.step:g}.")
        if self.part == "samples" and self.source > 2:
            raise ValueError(f"source={self.source:g}: ridge regression saturates; expected at most 2.")
        if self.part == "teacher" and self.dimension < 3:
            raise ValueError(f"dimension={self.dimension}: expected at least 3 for a teacher on the sphere.")
        if self.part == "teacher" and self.particles % 2:
            raise ValueError(
                f"particles={self.particles}: expected an even number, since a doubled law comes in pairs."
            )
        if self.part == "mean_field" and self.samples < 2:
            raise ValueError(f"samples={self.samples}: expected at least 2 on the line.")
        if self.part == "mean_field" and self.time / self.step > LONGEST:
            raise ValueError(
                f"step={self.step:g}: makes {self.time / self.step:g} steps up to time={self.time:g}; expected at most "
                f"{LONGEST}."
            )

    @property
    def scale(self) -> float:
        """The output scale α."""
        return self.alpha * self.particles**self.exponent

    @property
    def strength(self) -> float:
        """λ of ridge regression at this number of samples."""
        return best_strength(self.samples, circle.CAPACITY, min(self.source, 2.0), self.ridge)


def alone(run: Parameters) -> Parameters:
    """The run without what its limit does not depend on: it is worked out once for all that share it."""
    return replace(run, particles=2, exponent=0.0, replicas=1, seed=0)


def generator(run: Parameters) -> np.random.Generator:
    """Numbers of its own for every seed and setting, so that any two records are independent.

    NumPy draws them: numbers in JAX take longer to compile than all the rest of a draw.
    """
    return np.random.default_rng([run.seed, zlib.crc32(canonical(replace(run, seed=0)).encode())])


def masses(m: int) -> np.ndarray:
    """Masses of m particles, and of those without mass that fill the array up."""
    return np.where(np.arange(-(-m // ROOM) * ROOM) < m, 1 / m, 0.0)


def clock(run: Parameters) -> np.ndarray:
    """Times of a descent that are looked at, whole steps, closer together at the start (mean-field time)."""
    return np.unique(np.rint(np.append(0, np.geomspace(run.step, run.time, 12)) / run.step)) * run.step
