"""Particles to start from, drawn by NumPy: numbers in JAX take longer to compile than a small network to train.

A unit is a row (a, w) of output and input weights.

>>> from simulations.study import starts
>>> random = np.random.default_rng(0)
>>> position, mass = starts.filled(starts.doubled(starts.independent(random, 3, 2)), 4)
>>> position.shape, float(mass.sum())
((8, 3), 1.0)
"""

import numpy as np

from meanfield.arguments import one_of, positive_count
from simulations.study.given import instance
from simulations.study.ranges import in_short


def independent(
    random: np.random.Generator,
    m: int,
    d: int,
    *,
    outputs: int = 1,
    output: str = "signs",
    networks: int | None = None,
) -> np.ndarray:
    """Draw units (a, w), [m, outputs + d]: a = ±1 (`signs`) or N(0, 1) (`gaussian`), and w ~ N(0, I).

    Those of several `networks` have one more axis in front.
    """
    instance("random", random, np.random.Generator)
    one_of("output", output, ("signs", "gaussian"))
    m, d, outputs = positive_count("m", m), positive_count("d", d), positive_count("outputs", outputs)
    several = () if networks is None else (positive_count("networks", networks),)
    theta = random.normal(size=(*several, m, outputs + d))
    if output == "signs":
        theta[..., :outputs] = np.where(theta[..., :outputs] < 0, -1.0, 1.0)
    return theta


def doubled(theta: np.ndarray, outputs: int = 1) -> np.ndarray:
    """Return units (a, w) [..., m, p], and behind them their twins (−a, w): the output of the network is zero."""
    theta = _rows(theta)
    signs = np.where(np.arange(theta.shape[-1]) < positive_count("outputs", outputs), -1, 1).astype(theta.dtype)
    return np.concatenate([theta, theta * signs], axis=-2)


def filled(theta: np.ndarray, multiple: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions [..., M, p] and masses [M] of m units and of as many without mass as make a multiple.

    Units without mass are no part of the network: they add nothing to predictions and kernels, and most m share a
    program.
    """
    theta = _rows(theta)
    m = theta.shape[-2]
    mass = masses(m, multiple).astype(theta.dtype)
    return np.pad(theta, [(0, 0)] * (theta.ndim - 2) + [(0, len(mass) - m), (0, 0)]), mass


def masses(m: int, multiple: int) -> np.ndarray:
    """Return the masses of m units, and of those without mass that make a multiple."""
    m, multiple = positive_count("m", m), positive_count("multiple", multiple)
    return np.where(np.arange(-(-m // multiple) * multiple) < m, 1 / m, 0.0)


def unpaired(particles: int) -> str | None:
    """Return why there can't be so many doubled units, None where they come in pairs."""
    if positive_count("particles", particles) % 2:
        return f"particles={particles}: expected an even number, since doubled units come in pairs."
    return None


def _rows(theta: np.ndarray) -> np.ndarray:
    """Return units as they are; raises `ValueError` for what are no rows of numbers."""
    if not (isinstance(theta, np.ndarray) and theta.ndim >= 2 and theta.dtype.kind == "f" and len(theta)):
        raise ValueError(f"theta={in_short(theta)}: expected an array of floating numbers, a row a unit.")
    return theta
