"""Spikes on the torus that are seen through their first Fourier modes, with the optimum that is sought, and its screen.

Each of the instances that a seed has is known by its number. A run takes the first whose optimum is proved and whose
slowest mode, as theory says it, falls far enough within the run's steps: no particle has moved yet.
"""

import functools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import meanfield as mf
from simulations.study.parameters import count, number
from simulations.study.simulation import Simulations
from theory import sparse_rates
from theory.deconvolution import Problem
from theory.sparse_optimum import Optimum, solve

TRIED = 64
"""Instances of a seed that are looked at, at most."""

SIDE = {1: 4096, 2: 128}
"""Points an axis on which the certificate is looked at."""


@dataclass(frozen=True, eq=False)
class Instance:
    """One deconvolution, its true spikes and its optimum."""

    problem: Problem
    truth: np.ndarray
    """(weight, position), [spikes, 1 + d]."""
    optimum: Optimum
    tried: int
    """Number of this instance, counted from one."""

    @property
    def found(self) -> np.ndarray:
        """(weight, position) of the optimum's spikes."""
        return np.column_stack([self.optimum.weights, self.optimum.positions])

    @functools.cached_property
    def floor(self) -> float:
        """The gap that the certificate's grid leaves open at the optimum."""
        return self.problem.floor(self.optimum.weights, self.optimum.positions, self.optimum.side)


class Deconvolution(Simulations):
    """Particles of fixed signs that look for spikes."""

    order: int = count(7, "", "highest frequency that is measured along an axis", at_most=20)
    spikes: int = count(5, "", "spikes in the truth, with weights that are uniform on [½, 3/2]")
    separation: float = number(0.14, "", "least distance of two true spikes", unit="period", at_least=0)
    noise: float = number(
        0.04, "", "standard deviation of the noise of one measurement", unit="output units", at_least=0
    )
    strength: float = number(0.1, "λ", "strength of the total-variation norm", unit="output units", above=0)
    particles: int = count(24, "m", "particles")
    dimension: ClassVar[int] = 1
    positive: ClassVar[bool] = False

    def refusal(self):
        if self.room < 1e-4:
            said = f"no room to speak of for {self.spikes} spikes, expected less"
            return f"separation={self.separation:g}: {said}."
        return None

    @property
    def room(self) -> float:
        """Probability that uniform positions keep their distance; in two dimensions a bound from below."""
        if self.dimension == 1:
            return max(0.0, 1 - self.spikes * self.separation) ** (self.spikes - 1)
        return math.prod(max(0.0, 1 - i * math.pi * self.separation**2) for i in range(self.spikes))

    @property
    def side(self) -> int:
        """Points an axis on which the certificate is looked at."""
        return SIDE[self.dimension]

    def screened(self, growth: float, transport: float, steps: int, folds: float) -> Instance:
        """Return the first instance whose slowest mode falls by so many e-folds within the steps.

        Raises `ValueError` where none does.
        """
        names = "order", "spikes", "dimension", "separation", "noise", "positive", "strength"
        for tried in range(TRIED):
            one = instance(self.seed, tried, *(getattr(self, name) for name in names))
            if one is None:
                continue
            if slowest(one, growth, transport) * steps >= folds:
                return one
        raise ValueError(f"folds={folds:g}: none of {TRIED} instances passes the screen, expected less, or more steps.")

    def lattice(self, signs: int = 2) -> mf.Particles:
        """Return particles of both signs, two at each place of a lattice over the torus, or of one; of mass 1 in all.

        The lattice is shifted at random.
        """
        j, places = np.arange(self.particles) // signs, -(-self.particles // signs)
        if self.dimension == 1:
            place = (j / places)[:, None]
        else:  # fractional parts of multiples of the plastic number's powers: even for every count
            plastic = 1.324717957244746
            place = np.column_stack([j / plastic, j / plastic**2])
        sign = 1.0 - 2.0 * (np.arange(self.particles) % signs)
        place = (place + self.generator("start").uniform(size=self.dimension)) % 1
        return mf.Particles(np.column_stack([sign, place]), np.full(self.particles, 1 / self.particles))

    def objective(self, one: Instance) -> mf.Objective:
        """Return the objective of an instance."""
        x, penalty = mf.units.spikes.fourier(self.order, self.dimension), mf.penalties.TotalMass(self.strength)
        return mf.Objective(mf.units.Spike(), mf.Square(), x, one.problem.y, penalty=penalty)


@functools.lru_cache(maxsize=4096)
def instance(seed, number, order, spikes, dimension, separation, noise, positive, strength) -> Instance | None:
    """Return the instance of that number, or None where the optimum is not proved."""
    kind = {"spikes": spikes, "dimension": dimension, "separation": separation, "noise": noise, "positive": positive}
    data = mf.datasets.spikes([seed, number], order, **kind)
    assert data.truth is not None
    positions = np.asarray(data.truth.position[:, 1:])
    weights = np.asarray(data.truth.position[:, 0] * data.truth.mass)
    problem = Problem(np.asarray(data.y), order, dimension, strength)
    # A spike of weight w that is alone is found with w − λ: Newton's method starts from there.
    guess = np.sign(weights) * np.maximum(np.abs(weights) - strength, 0.05)
    optimum = solve(problem, guess, positions, SIDE[dimension])
    return Instance(problem, np.column_stack([weights, positions]), optimum, number + 1) if optimum.proved else None


@functools.lru_cache(maxsize=4096)
def slowest(one: Instance, growth: float, transport: float) -> float:
    """Return the predicted rate of J − min J in the end, all modes excited (1 / step)."""
    return sparse_rates.slowest(one.optimum, growth, transport, one.optimum.side)


def masses(objective: mf.Objective, mu: mf.Particles):
    """Return the mass of every particle."""
    return mu.mass
