"""A ramp on the line, learnt by tanh particles from a box: what infinitely many of them do, from `theory.chaos`."""

import functools

import numpy as np

from theory import chaos

BOX = (1.5, 2.0, 2.0)
"""Half-widths of the box on which (a, w, b) starts uniformly (parameter)."""

NODES = (10, 16, 16)
"""Quadrature nodes of the box, for the limit."""


def line(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the training inputs [n, 1] and the test inputs [33, 1] on the line."""
    return np.linspace(-1.5, 1.5, samples)[:, None], np.linspace(-1.5, 1.5, 33)[:, None]


def target(z: np.ndarray) -> np.ndarray:
    """Return the targets of inputs [n, 1]: a ramp [n]."""
    return 0.3 + 0.5 * np.tanh(z[:, 0])


@functools.lru_cache(maxsize=8)
def _limit(samples: int, alpha: float, step: float, steps: int) -> chaos.Descent:
    x, _ = line(samples)
    return chaos.descend(*chaos.box_nodes(BOX, NODES), x, target(x), step=step, steps=steps, scale=alpha)


def limit_risk(samples: int, alpha: float, step: float, seen: np.ndarray) -> np.ndarray:
    """Return the test risk of infinitely many particles after each number of steps that is seen."""
    path, (_, z) = _limit(samples, alpha, step, int(seen[-1])), line(samples)
    return np.stack([np.mean((chaos.predict(path, z, k) - target(z)) ** 2) / 2 for k in seen])


@functools.lru_cache(maxsize=8)
def _response(samples: int, alpha: float, step: float, steps: int) -> tuple[chaos.Response, np.ndarray, np.ndarray]:
    """Return the response of predictions to a particle, its mean, and the residual of the limit on the test inputs."""
    path, (_, z) = _limit(samples, alpha, step, steps), line(samples)
    response = chaos.response(path, z, steps)
    return response, path.mass @ response.at(path.position[0]), chaos.predict(path, z, steps) - target(z)


def linear_part(theta: np.ndarray, samples: int, alpha: float, step: float, steps: int) -> np.ndarray:
    """Return the part of the test risk that is linear in the draw of starts θ [networks, m, 3]; its mean is zero."""
    response, mean, residual = _response(samples, alpha, step, steps)
    flat = theta.reshape(-1, len(BOX))
    parts = np.array_split(flat, max(1, len(flat) // 6_000))
    moved = np.concatenate([response.at(part) for part in parts]).mean(axis=0)
    return np.mean((moved - mean) * residual)
