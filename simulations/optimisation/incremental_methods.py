"""Methods on finite sums that a linearised network makes: what is run, what is measured, and what is proved of them."""

from abc import abstractmethod
from functools import cached_property, lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.optimisation import finite_sum_rates as rates
from simulations.optimisation.linearised_network import LinearisedNetwork, linearised_network
from simulations.study.experiment import generator
from simulations.study.parameters import count, number
from simulations.study.simulation import Simulations
from theory.variance_reduction import unbiased_mean


class Method(Simulations):
    """A method on a linearised network from one start; theorems bound its mean over replicas, the samples drawn."""

    passes: int = count(40, "", "steps over n")
    particles: int = count(3, "m", "particles")
    dimension: int = count(40, "d", "inputs")
    samples: int = count(16, "n", "samples", at_least=2)
    replicas: int = count(16, "", "independent runs from one start")

    @property
    @abstractmethod
    def network(self) -> LinearisedNetwork:
        """The network that the method descends."""

    @cached_property
    def stops(self) -> np.ndarray:
        """Numbers of steps of the observations, many of them early, where the mean is not yet that of a few runs."""
        early, late = np.geomspace(1, 4 * self.samples, 16), np.linspace(0, self.passes * self.samples, 49)
        return np.unique(np.rint(np.concatenate([early, late]))).astype(int)

    @abstractmethod
    def descent(self) -> tuple[mf.Flow, np.ndarray]:
        """Return the flow, and the times of the stops."""

    def setups(self):
        return {self.name: self.network.descents(*self.descent(), self.replicas)}

    def measure(self, runs):
        """Excess risk and squared distance to the minimum, [replicas, T], by the engine's energy and derivatives."""
        away = self.network.paths(runs[self.name]) - self.network.minimum
        excess = self.network.excess(runs[self.name])
        return {"steps": self.stops, "excess": excess, "distance": np.sum(away**2, axis=2)}


@lru_cache(maxsize=32)
def network(seed: int, particles: int, dimension: int, samples: int, ridge: float, noise: float) -> LinearisedNetwork:
    """Return the network and the data of a seed, the same for all methods."""
    return linearised_network(generator("data and network", seed), particles, dimension, samples, ridge, noise)


class Regularised(Method):
    """Labels that are not all fitted, and a ridge."""

    ridge: float = number(0.05, "λ", "weight decay", unit="risk", at_least=0)
    noise: float = number(0.5, "σ", "standard deviation of the noise in the labels", unit="units of f", at_least=0)

    @property
    def network(self):
        return network(self.seed, self.particles, self.dimension, self.samples, self.ridge, self.noise)


class Proved(Regularised):
    """A method at the step for which its theorem is proved."""

    @abstractmethod
    def flow(self, step: float) -> mf.Flow:
        """Return the method with this step."""

    def mean(self, step: float) -> np.ndarray:
        """Return the exact mean of b with this step, [T, p]."""
        return unbiased_mean(self.network.problem, self.network.start, step, self.stops)

    @property
    def step(self) -> float:
        """h."""
        return rates.theorem(self.network, self.name).step

    def descent(self):
        return self.flow(self.step), self.stops * self.step

    def setups(self):
        predictions = mf.observables.Predictions()
        return {self.name: self.network.descents(*self.descent(), self.replicas, predictions)}

    def measure(self, runs):
        """Also how far the mean of the engine's predictions is from those at its minimum, [T, n]."""
        mean = np.mean([run.values["predictions"] for run in runs[self.name]], axis=0)
        return super().measure(runs) | {"fit": mean - self.network.fitted}

    def theory(self):
        steps = {"exact_fit": self.step, "exact_fit_slow": rates.SLOWER * self.step}
        exact = {name: rates.fits(self.network, self.mean(step)) for name, step in steps.items()}
        return rates.theorems(self.network, self.stops, self.name) | exact


class Harmonic(eqx.Module):
    """Steps first/(1 + k/offset); of one size for an infinite offset."""

    first: jax.Array
    offset: jax.Array

    def __call__(self, step):
        return self.first / (1 + step / self.offset)


def sgd(first: float, offset: float) -> mf.Flow:
    """Return SGD on one sample with steps first/(1 + k/offset): one program for constant and for decaying ones."""
    return mf.ScheduledSGD(Harmonic(jnp.asarray(first, float), jnp.asarray(offset, float)), 1, most=1)
