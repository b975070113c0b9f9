"""A linearised network with a ridge: as the least-squares problem that theory knows, and as the engine's objective.

What runs are compared with is theory's; what is measured on them is the engine's: its energies, its predictions, and
the minimum that follows from its own derivatives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np

import meanfield as mf
from simulations.study.simulation import Setup
from theory.finite_sums import LeastSquares
from theory.label_noise import features


@dataclass(frozen=True, eq=False)
class LinearisedNetwork:
    """One instance: tanh neurons a = ±1, w ~ N(0, I), inputs on the unit sphere, targets within reach but for noise."""

    x: np.ndarray
    y: np.ndarray
    position: np.ndarray
    problem: LeastSquares

    @property
    def start(self) -> np.ndarray:
        """b = (θ_j/√m)_j at the start, [p]."""
        return self._flat(self.position)

    @cached_property
    def objective(self) -> mf.Objective:
        """The network before it is linearised."""
        penalty = mf.WeightDecay(self.problem.ridge)
        return mf.Objective(mf.Neuron("tanh"), mf.Square(), self.x, self.y, penalty=penalty)

    @cached_property
    def minimum(self) -> np.ndarray:
        """arg min of the linearised energy by the engine's derivatives, nearest to the start without a ridge, [p]."""
        anchor, n, m = mf.Particles(self.position), len(self.y), len(self.position)
        slopes = jax.jacrev(lambda position: self.objective.predict(anchor.moved(position)))(anchor.position)
        phi = np.asarray(slopes).reshape(n, -1) * np.sqrt(m)
        left = self.y - np.asarray(self.objective.predict(anchor))
        rows = np.concatenate([phi / np.sqrt(n), np.sqrt(self.problem.ridge) * np.eye(phi.shape[1])])
        right = np.concatenate([left / np.sqrt(n), -np.sqrt(self.problem.ridge) * self.start])
        return self.start + np.linalg.lstsq(rows, right, rcond=1e-10)[0]

    @cached_property
    def _lowest(self) -> tuple[mf.objectives.TangentObjective, mf.Particles]:
        """The linearised problem, and its particles at `minimum`."""
        anchor = mf.Particles(self.position)
        there = anchor.moved(self.minimum.reshape(self.position.shape) * np.sqrt(len(self.position)))
        return mf.objectives.TangentObjective(self.objective, anchor), there

    @property
    def least(self) -> float:
        """The engine's energy at `minimum`."""
        objective, there = self._lowest
        return float(objective.value(there))

    @property
    def fitted(self) -> np.ndarray:
        """The engine's predictions at `minimum`, [n]."""
        objective, there = self._lowest
        return np.asarray(objective.predict(there))

    def descents(self, flow: mf.Flow, times: np.ndarray, replicas: int, *more) -> list[Setup]:
        """Return simulations of the linearised network under this flow, which differ in the samples drawn alone.

        Positions and energies are observed, and `more`.
        """
        observed = [mf.Positions(), mf.observables.Energy(), *more]
        one = Setup(self.objective, mf.Particles(self.position), mf.TangentFlow(flow), times, observed)
        return [one] * replicas

    def paths(self, runs: Sequence[mf.Trajectory]) -> np.ndarray:
        """Return b of such simulations, [replicas, T, p]."""
        return self._flat(np.stack([run.values["positions"] for run in runs]))

    def excess(self, runs: Sequence[mf.Trajectory]) -> np.ndarray:
        """Return the engine's energy of such simulations less its least, [replicas, T]."""
        return np.stack([run.values["energy"] for run in runs]) - self.least

    def _flat(self, position: np.ndarray) -> np.ndarray:
        """Return b of positions [..., m, d + 1]."""
        return position.reshape(*position.shape[:-2], -1) / np.sqrt(len(self.position))


def linearised_network(
    random: np.random.Generator, particles: int, dimension: int, samples: int, ridge: float, noise: float
) -> LinearisedNetwork:
    """Draw data and a network; `noise` is the standard deviation of the labels' noise."""
    x = random.normal(size=(samples, dimension))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    position = random.normal(size=(particles, dimension + 1))
    position[:, 0] = np.sign(position[:, 0])
    phi = features(position, x).reshape(samples, -1)
    change = phi @ random.normal(size=phi.shape[1]) + noise * random.normal(size=samples)
    f = np.tanh(x @ position[:, 1:].T) @ position[:, 0] / particles
    start = position.ravel() / np.sqrt(particles)
    return LinearisedNetwork(x, f + change, position, LeastSquares(phi, change + phi @ start, ridge))
