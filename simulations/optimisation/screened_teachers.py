"""ReLU teachers with their samples, screened by the optimum of all networks on them, and what that optimum is."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import meanfield as mf
from theory import convex

ATTEMPTS = 500
"""Instances that are drawn before screening gives up (count)."""


@dataclass(frozen=True, eq=False)
class Instance:
    """Samples of a teacher, and the least objective of all networks on them."""

    x: np.ndarray
    y: np.ndarray
    strength: float
    minimum: convex.Minimum

    @functools.cached_property
    def positive(self) -> convex.Minimum:
        """The least objective of networks without negative output weights."""
        return least(self.x, self.y, self.strength, signed=False)

    @functools.cached_property
    def dearer(self) -> convex.Minimum:
        """The least objective with 2λ for λ, which is no bound."""
        return least(self.x, self.y, 2 * self.strength)


def least(x: np.ndarray, y: np.ndarray, strength: float, signed: bool = True) -> convex.Minimum:
    """Return the convex minimum, by arcs in the plane and by enumeration elsewhere."""
    solve = convex.planar_minimum if x.shape[1] == 2 else convex.arrangement_minimum
    return solve(x, y, strength, signed=signed)


def sphere(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Return uniform unit vectors along the last axis."""
    normal = random.normal(size=shape)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def screened(draw: Callable[[], tuple[np.ndarray, np.ndarray]], strength: float, atoms: int) -> Instance:
    """Return the first of many samples whose optimum has so many atoms, of both signs among them; 0 takes any.

    Raises `ValueError` where none has.
    """
    for _ in range(ATTEMPTS):
        x, y = draw()
        minimum = least(x, y, strength)
        c = minimum.measure[:, 0]
        if len(c) >= atoms and (atoms == 0 or (np.any(c > 0) and np.any(c < 0))):
            return Instance(x, y, strength, minimum)
    raise ValueError(
        f"atoms={atoms}: none of {ATTEMPTS} instances has so many of both signs in its optimum; expected fewer "
        f"(0 takes any instance), more neurons, or less strength."
    )


def samples(random: np.random.Generator, teacher: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs on the sphere, and what the neurons (c, v) of a ReLU teacher add up to there."""
    x = sphere(random, n, teacher.shape[1] - 1)
    return x, np.maximum(x @ teacher[:, 1:].T, 0) @ teacher[:, 0]


def objective(x: np.ndarray, y: np.ndarray, strength: float) -> mf.Objective:
    """Return the objective of ReLU students with weight decay; dense, so that one program serves all."""
    decay, dense = mf.WeightDecay(strength), mf.integrals.Dense()
    return mf.Objective(mf.Neuron("relu"), mf.Square(), x, y, penalty=decay, kernel=dense)


def certificate(
    position: np.ndarray, x: np.ndarray, y: np.ndarray, strength: float, method: str | None = None
) -> dict[str, float]:
    """Certify a trained network; `own_gap` looks at its own neurons only, and proves nothing."""
    gap = mf.optimality_gap(objective(x, y, strength), mf.Particles(position), method=method)
    found = {"gap": gap.gap, "certified": gap.certified, "final": gap.gap + gap.lower_bound}
    return found | {"own_gap": own_gap(position, x, y, strength)}


def own_gap(position: np.ndarray, x: np.ndarray, y: np.ndarray, strength: float) -> float:
    """Return the gap with the largest slope at the network's own neurons, for the largest of all: no certificate."""
    a, w = position[:, 0], position[:, 1:]
    f = np.mean(a[:, None] * np.maximum(w @ x.T, 0), axis=0)
    r, n = f - y, len(y)
    length = np.linalg.norm(w, axis=1)
    slopes = np.maximum(w @ x.T, 0) @ r / n / np.where(length > 0, length, 1.0)
    s = np.clip(-(r @ y) / (r @ r), *(np.array([-1, 1]) * strength / np.abs(slopes).max(initial=1e-300)))
    value = np.mean(r**2) / 2 + strength / 2 * np.mean(np.sum(position**2, axis=1))
    return float(value + (s * (r @ y) + s**2 * (r @ r) / 2) / n)
