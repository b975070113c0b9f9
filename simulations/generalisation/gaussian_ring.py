"""A ring of Gaussians in the plane, points that imitate it, and what two critics tell of them."""

import numpy as np

import meanfield as mf

RADIUS = 1.0
"""Of the ring (data units)."""

SPREAD = 0.05
"""Standard deviation of each Gaussian (data units)."""

ON = 4.0
"""A point is on a mode when it is within so many standard deviations of its centre (standard deviations)."""

START = 0.3
"""Standard deviation of the points at the start (data units)."""

WIDTH = 0.4
"""ℓ of the kernel critic exp(−|z − z'|²/2ℓ²), as its number of features grows (data units)."""

DIRECTIONS = 4000
"""Neurons among which the one is sought that tells points and data best (count)."""


def centres(kinds: int) -> np.ndarray:
    """Return those of the Gaussians, [k, 2]."""
    angle = 2 * np.pi * np.arange(kinds) / kinds
    return RADIUS * np.column_stack([np.cos(angle), np.sin(angle)])


def samples(random: np.random.Generator, count: int, kinds: int) -> np.ndarray:
    """Draw samples of the ring, as many on every mode as can be, [count, 2]."""
    return centres(kinds)[np.arange(count) % kinds] + SPREAD * random.normal(size=(count, 2))


def points(random: np.random.Generator, count: int) -> np.ndarray:
    """Draw points to start from, [count, 2]."""
    return (START * random.normal(size=(count, 2))).astype(np.float32)


def on_modes(z: np.ndarray, kinds: int) -> np.ndarray:
    """Return how many points are on each mode, [k]."""
    away = np.linalg.norm(z[:, None] - centres(kinds), axis=2)
    nearest = away.argmin(axis=1)[away.min(axis=1) <= ON * SPREAD]
    return np.bincount(nearest, minlength=kinds)


def shares(counts: np.ndarray) -> np.ndarray:
    """Return the shares of the points that are on modes; all on the first where there are none."""
    return counts / counts.sum() if counts.sum() else np.eye(len(counts))[0]


def game(x: np.ndarray, particles: int, decay: float, rate: float) -> mf.objectives.AdversarialObjective:
    """Return the game of points against neurons that are trained to tell them from x."""
    unit = mf.Neuron("relu", bias=True)
    return mf.objectives.AdversarialObjective(unit, x.astype(np.float32), particles, mf.WeightDecay(decay), rate)


def critic(random: np.random.Generator, count: int) -> np.ndarray:
    """Draw the neurons of a critic at the start, [count, 4]."""
    theta = np.column_stack([random.choice([-1.0, 1.0], count), random.normal(size=(count, 3))])
    return theta.astype(np.float32)


def features(random: np.random.Generator, count: int) -> np.ndarray:
    """Draw random waves (√2, w, phase) of a Gaussian kernel, [count, 4]."""
    phase = random.uniform(0, 2 * np.pi, count)
    return np.column_stack([np.full(count, np.sqrt(2)), random.normal(size=(count, 2)) / WIDTH, phase])


def waves(theta: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the mean of each wave over points, [waves]."""
    return (theta[:, 0] * np.cos(z @ theta[:, 1:3].T + theta[:, 3])).mean(axis=0)


def contrast(z: np.ndarray, x: np.ndarray) -> float:
    """Return the largest |∫ relu(w·(z, 1)) dν − ∫ relu(w·(z, 1)) dμ| over |w| = 1, ν the data and μ the points."""
    place = np.arange(DIRECTIONS) + 0.5  # Fibonacci's lattice on the sphere
    height, turn = 1 - 2 * place / DIRECTIONS, np.pi * (1 + np.sqrt(5)) * place
    flat = np.sqrt(1 - height**2)
    w = np.stack([flat * np.cos(turn), flat * np.sin(turn), height])
    told, true = (np.maximum(of @ w[:2] + w[2], 0).mean(axis=0) for of in (z, x))
    return float(np.max(np.abs(told - true)))
