"""Teachers with their samples, drawn and screened, and the least objective of all networks on them."""

import functools
from dataclasses import dataclass

import numpy as np

from theory import convex

ATTEMPTS = 500
"""Instances that are drawn before screening gives up (count)."""


def generator(seed: int, *stream: int) -> np.random.Generator:
    """Random numbers of one purpose, from the seed alone."""
    return np.random.default_rng((abs(seed), seed < 0, *stream))


class NoInstanceError(ValueError):
    """No instance of a run's kind passes the screening."""


@dataclass(frozen=True)
class Instance:
    """A teacher Σ c_k σ(v_k·x), rows (c, v), its samples, and the least objective of all networks on them."""

    teacher: np.ndarray
    x: np.ndarray
    y: np.ndarray
    minimum: convex.Minimum | None = None


def sphere(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Uniform unit vectors along the last axis."""
    normal = random.normal(size=shape)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


@functools.lru_cache(maxsize=4096)
def drawn(seed, replica, problem, neurons, dimension, samples, strength, length, atoms) -> Instance:
    """The instance of one replica, the first that passes; raises `NoInstanceError` where none does."""
    random = generator(seed, 0, replica)
    signs = np.where(np.arange(neurons) % 2 == 0, 1.0, -1.0)
    for _ in range(ATTEMPTS):
        v = length * sphere(random, neurons, dimension)
        teacher = np.column_stack([signs, v])
        if problem == "population":
            return Instance(teacher, v, np.zeros(neurons))
        if problem == "sigmoid":
            x = random.normal(size=(samples, dimension))
            return Instance(teacher, x, signs @ activated(problem, v @ x.T))
        x = sphere(random, samples, dimension)
        y = signs @ activated(problem, v @ x.T)
        minimum = least(x, y, strength)
        c = minimum.measure[:, 0]
        if len(c) >= atoms and (atoms == 0 or (np.any(c > 0) and np.any(c < 0))):
            return Instance(teacher, x, y, minimum)
    raise NoInstanceError(
        f"atoms={atoms}: none of {ATTEMPTS} instances has so many of both signs in its optimum; expected fewer "
        f"(0 takes any instance), more neurons, or less strength."
    )


def least(x: np.ndarray, y: np.ndarray, strength: float, signed: bool = True) -> convex.Minimum:
    """The convex minimum, by arcs in the plane and by enumeration elsewhere."""
    solve = convex.planar_minimum if x.shape[1] == 2 else convex.arrangement_minimum
    return solve(x, y, strength, signed=signed)


def activated(problem: str, z: np.ndarray) -> np.ndarray:
    """σ(z) of the problem's neurons, for the teacher and for fixed features."""
    return 1 / (1 + np.exp(-z)) if problem == "sigmoid" else np.maximum(z, 0.0)
