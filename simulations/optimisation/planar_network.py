"""ReLU networks with weight decay in the plane, on few samples of a teacher, and the least objective of all of them."""

import functools
from functools import cached_property

import numpy as np

import meanfield as mf
from simulations.study.parameters import count, number
from simulations.study.simulation import Simulations
from theory import convex

PLACES = 32
"""Particles of the prior come in multiples of this, and those beyond their number have no weight: one program for all,
clones included.
"""


class PlanarNetwork(Simulations):
    """Networks that learn from a teacher of signs + − + whose weights point three ways."""

    samples: int = count(12, "n", "training samples, normal in the plane")
    strength: float = number(0.01, "λ", "strength of the weight decay (λ/2)|θ|²", unit="loss units", above=0)

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs [n, 2] and targets [n], the same for all runs of a seed."""
        random = self.generator("data")
        x = random.normal(size=(self.samples, 2))
        angle = random.uniform(0, 2 * np.pi) + 2 * np.pi / 3 * np.arange(3)
        return x, np.maximum(x @ [np.cos(angle), np.sin(angle)], 0) @ np.array([1.0, -1.0, 1.0])

    @cached_property
    def problem(self) -> mf.Objective:
        """The objective; dense, so that one program serves all data: in `Sorted` their order would be part of it."""
        decay = mf.WeightDecay(self.strength)
        return mf.Objective(mf.Neuron("relu"), mf.Square(), *self.data, penalty=decay, kernel=mf.integrals.Dense())

    def least(self) -> dict[str, np.ndarray]:
        """Return the least F of all measures with its atoms, and of positive output weights, from both sides."""
        x, y = self.data
        return _least(x.tobytes(), y.tobytes(), self.strength)


def features(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return Φ of every particle at every sample, [n, m]."""
    return np.maximum(x @ theta[:, 1:].T, 0) * theta[:, 0]


def gradients(theta: np.ndarray, x: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Return ∇_θ (1/n) Σ_i r_i a relu(w·x_i), [m, 3]."""
    height = x @ theta[:, 1:].T
    into = ((height > 0) * residual[:, None]).T @ x
    return np.column_stack([np.maximum(height, 0).T @ residual, theta[:, :1] * into]) / len(x)


def prior(reinjected: int) -> mf.Particles:
    """Return small neurons of both signs, evenly about the circle."""
    number = max(reinjected, 1)
    angle = 2 * np.pi * (np.arange(-(-number // PLACES) * PLACES) + 0.5) / number
    sign = np.where(np.arange(len(angle)) % 2 == 0, 1.0, -1.0)
    weight = np.where(np.arange(len(angle)) < reinjected, 1.0, 0.0)
    return mf.Particles(0.3 * np.column_stack([sign, np.cos(angle), np.sin(angle)]), weight)


@functools.lru_cache(maxsize=512)
def _least(x: bytes, y: bytes, strength: float) -> dict[str, np.ndarray]:
    inputs, targets = np.frombuffer(x).reshape(-1, 2), np.frombuffer(y)
    free, positive = (convex.planar_minimum(inputs, targets, strength, signed=signed) for signed in (True, False))
    return {
        "minimum": np.asarray(free.value),
        "atoms": free.measure,
        "positive_minimum": np.asarray(positive.value),
        "positive_lower": np.asarray(positive.lower),
    }
