"""Data whose risk has a saddle at the origin of the parameters, and the rates at which small networks leave it."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from theory import saddle_escape

FIT = 0.4
"""Least share of y² that the fastest direction has to explain: of other data the network can hardly leave along it."""

RIVAL = 0.5
"""Second largest rate of relu over the largest, at most: a rival leaves its trace for a long while."""

TRIES = 10_000
"""Draws of data, or of neurons, of which one has to be good."""


@dataclass(frozen=True)
class Saddle:
    """Samples, and how a small network on them grows along the fastest direction."""

    x: np.ndarray
    y: np.ndarray
    rate: float
    """The largest rate of growth."""
    smooth_rate: float
    """The rate if the unit had, at zero, the mean of its slopes on both sides."""
    direction: np.ndarray
    """Unit vector [1 + d] of the neurons that grow at the largest rate; empty for relu, of which there are many."""

    @property
    def risk(self) -> float:
        return float(np.mean(self.y**2)) / 2


def shifted_softplus(z: jax.Array) -> jax.Array:
    """log(1 + exp z) − log 2, which is zero at zero."""
    return jax.nn.softplus(z) - jnp.log(2.0)


ENGINE = {"softplus": shifted_softplus}
"""Activations that the engine does not have by name."""

SIGMA: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "linear": np.asarray,
    "softplus": lambda z: np.logaddexp(0, z) - np.log(2),
    "relu": lambda z: np.maximum(z, 0),
}


def plain(random: np.random.Generator, samples: int, dimension: int, activation: str) -> Saddle:
    """Draw data until the fastest direction is worth following: it explains much, and has no rival."""
    for _ in range(TRIES):
        x, y = _normal(random, samples, dimension, activation)
        saddle, seen = _kinked(x, y) if activation == "relu" else _smooth(x, y, activation)
        if saddle is not None and saddle.rate**2 >= FIT * seen * np.mean(y**2):
            return saddle
    raise ValueError(f"samples={samples}: expected data of which one direction explains a share of {FIT}.")


def mirrored(random: np.random.Generator, samples: int, dimension: int, activation: str) -> Saddle:
    """Draw inputs in pairs that differ by the sign of the last one, in two sizes; targets of two such neurons."""
    points = np.repeat(random.normal(size=(samples // 4, dimension - 1)), 4, axis=0)
    x = np.column_stack([points, np.resize([0.5, -0.5, 1.5, -1.5], samples)])
    weight = random.normal(size=dimension - 1)
    weight /= np.linalg.norm(weight)
    both = [np.append(weight, 2.0), np.append(weight, -2.0)]
    return _smooth(x, np.sum([SIGMA[activation](x @ one) for one in both], axis=0), activation)[0]


def leaning(random: np.random.Generator, saddle: Saddle, particles: int) -> np.ndarray:
    """Draw normal neurons [m, 1 + d] until two of them turn to relu's fastest direction, or the only one does."""
    for _ in range(TRIES):
        xi = random.normal(size=(particles, 1 + saddle.x.shape[1]))
        u = xi[:, 1:]
        for _ in range(len(saddle.x)):  # each step raises h, and ends in a cell that holds its maximum
            u = ((u @ saddle.x.T > 0) * saddle.y) @ saddle.x
        reached = np.linalg.norm(u, axis=1) > 0.999 * len(saddle.x) * saddle.rate
        if np.sum(reached & (xi[:, 0] > 0)) >= min(2, particles):
            return xi
    raise ValueError(f"seed: expected neurons that turn to the fastest direction, found none in {TRIES} draws.")


def _normal(random: np.random.Generator, samples: int, dimension: int, activation: str):
    """Normal inputs [n, d], and targets of three neurons; for relu positive ones, of two neurons nearly opposite."""
    x, weights, sigma = random.normal(size=(samples, dimension)), random.normal(size=(dimension, 3)), SIGMA[activation]
    if activation == "relu":
        weights[:, 1] = 0.5 * weights[:, 1] - weights[:, 0]
        return x, sigma(x @ weights[:, :2]) @ [1.0, 0.5]
    return x, sigma(x @ weights) @ random.choice([-1.0, 1.0], size=3)


def _smooth(x: np.ndarray, y: np.ndarray, activation: str) -> tuple[Saddle, float]:
    """Return the saddle, and what the fastest neurons see of the data."""
    mode, slope = saddle_escape.origin_mode(x, y, activation), 0.5 if activation == "softplus" else 1.0
    seen = slope**2 * float(np.mean((x @ mode.direction[1:]) ** 2)) * 2
    return Saddle(x, y, mode.rate, mode.rate, mode.direction), seen


def _kinked(x: np.ndarray, y: np.ndarray) -> tuple[Saddle | None, float]:
    """Return the same for relu, None for data on which the fastest direction has a rival."""
    rates = saddle_escape.relu_rates(x, y)
    rate, rival = float(rates[0]), float(rates[1]) if len(rates) > 1 else 0.0
    smooth = float(np.linalg.norm(y @ x / len(x)))
    # A unit vector in the cell of the maximum sees at most the whole second moment of the data.
    seen = float(np.linalg.norm(x, ord=2)) ** 2 / len(x)
    good = rival <= RIVAL * rate and smooth <= 0.85 * rate
    return (Saddle(x, y, rate, smooth, np.empty(0)) if good else None), seen
