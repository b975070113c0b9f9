"""A linearised network with a ridge: as the least-squares problem that theory knows, and as the engine's objective."""

from collections.abc import Sequence
from dataclasses import dataclass

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

    def descents(self, flow: mf.Flow, times: np.ndarray, replicas: int) -> list[Setup]:
        """Return simulations of the linearised network under this flow, which differ in the samples drawn alone."""
        penalty = mf.WeightDecay(self.problem.ridge)
        objective = mf.Objective(mf.Neuron("tanh"), mf.Square(), self.x, self.y, penalty=penalty)
        one = Setup(objective, mf.Particles(self.position), mf.TangentFlow(flow), times, [mf.Positions()])
        return [one] * replicas

    def paths(self, runs: Sequence[mf.Trajectory]) -> np.ndarray:
        """Return b of such simulations, [replicas, T, p], up to the last time that all of them reached."""
        reached = min(len(run.times) for run in runs)
        return self._flat(np.stack([run.values["positions"][:reached] for run in runs]))

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
