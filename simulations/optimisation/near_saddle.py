"""Small networks near the saddle at the origin: data, steps, and the time at which the risk has fallen."""

from abc import abstractmethod
from functools import cached_property

import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.optimisation import saddle_data
from simulations.optimisation import saddle_measures as measure
from simulations.study.parameters import choice, count, number
from simulations.study.simulation import Setup, Simulations
from theory import saddle_escape

SHARE = 0.05
"""Share of the risk at the saddle by which it has to fall: the exit."""


def tilt(objective: mf.Objective, mu: mf.Particles):
    """Root mean square of the last weight, which mirrored networks have not."""
    return jnp.sqrt(jnp.mean(jnp.square(mu.position[:, -1])))


def size(objective: mf.Objective, mu: mf.Particles):
    """Root mean square of all parameters."""
    return jnp.sqrt(jnp.mean(jnp.square(mu.position)))


class NearSaddle(Simulations):
    """Networks near the saddle at the origin, from starts of several sizes ε."""

    particles: int = count(6, "m", "neurons")
    dimension: int = count(3, "d", "inputs of a neuron")
    samples: int = count(12, "n", "training samples")
    largest: float = number(1e-2, "", "largest ε", unit="parameter units", above=0)
    smallest: float = number(1e-7, "", "smallest ε", unit="parameter units", above=0, below="largest")
    levels: int = count(6, "", "values of ε, evenly spaced in their logarithm", at_least=2)
    step: float = number(0.05, "h λ", "step in units of the time of e-fold growth", above=0, at_most=0.5)
    activation: str = choice("tanh", "σ", among=saddle_escape.SMOOTH)

    @cached_property
    def saddle(self) -> saddle_data.Saddle:
        return saddle_data.plain(self.generator("data"), self.samples, self.dimension, self.activation)

    @property
    def epsilon(self) -> np.ndarray:
        """ε, [S], from the largest."""
        return np.geomspace(self.largest, self.smallest, self.levels)

    @property
    def length(self) -> float:
        """The step h in mean-field time."""
        return self.step / self.saddle.rate

    @cached_property
    def normal(self) -> np.ndarray:
        """One direction to start in, [m, 1 + d]."""
        return self.generator("start").normal(size=(self.particles, 1 + self.dimension))

    @property
    @abstractmethod
    def starts(self) -> np.ndarray:
        """Networks at the start, [S, m, 1 + d]."""

    def times(self, efolds: float, every: int) -> np.ndarray:
        """Return times from 0 up to so many e-folds, so many steps apart."""
        return self.length * every * np.arange(int(efolds / (self.step * every)) + 2)

    def setup(self, theta: np.ndarray, flow: mf.Flow, times: np.ndarray, **watched) -> Setup:
        """Return the simulation from one start; the risk is observed, and more if it is named."""
        unit = mf.Neuron(saddle_data.ENGINE.get(self.activation, self.activation))
        x, y = self.saddle.x, self.saddle.y
        problem = mf.Objective(unit, mf.Square(), x, y, kernel=mf.integrals.Dense())
        return Setup(problem, mf.Particles(theta), flow, times, {"risk": mf.Risk(), **watched})

    def exits(self, runs: list[mf.Trajectory]) -> np.ndarray:
        """Return when the risk of every run has fallen by a share; infinity where it does not."""
        fallen = self.saddle.risk - np.stack([np.asarray(run.values["risk"]) for run in runs])
        return np.array([measure.crossing(runs[0].times, row, SHARE * self.saddle.risk) for row in fallen])

    def rates(self, order: int = 4) -> dict[str, float]:
        """Return what theory says of growth by steps of this order, and the risk at the saddle."""
        rate = saddle_escape.step_rate(self.saddle.rate, self.length, order)
        return {"exact_rate": rate, "exact_smooth_rate": self.saddle.smooth_rate, "exact_risk": self.saddle.risk}

    def from_manifold(self, outer: np.ndarray, order: int = 4) -> float:
        """Return the exit time of a start in the linear regime on the unstable manifold, by the steps of the flow."""
        x, y = self.saddle.x, self.saddle.y
        times = saddle_escape.exit_times(outer[None], x, y, self.length, self.activation, order=order, share=SHARE)
        return float(times[0])
