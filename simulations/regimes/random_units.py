"""Units of random weights: independent ones, pairs of opposite sign, and some without mass."""

import numpy as np


def independent(
    random: np.random.Generator, count: int, outputs: int, d: int, output: str = "signs", networks: tuple[int, ...] = ()
) -> np.ndarray:
    """Draw units (a, w), [*networks, count, outputs + d]: a = ±1 (`signs`) or N(0, 1) (`gaussian`), and w ~ N(0, I)."""
    theta = random.normal(size=(*networks, count, outputs + d))
    if output == "signs":
        theta[..., :outputs] = np.where(theta[..., :outputs] < 0, -1.0, 1.0)
    return theta


def doubled(theta: np.ndarray, outputs: int) -> np.ndarray:
    """Return the units (a, w), and behind them their twins (−a, w); the units are the last axis but one."""
    return np.concatenate([theta, theta * np.where(np.arange(theta.shape[-1]) < outputs, -1.0, 1.0)], axis=-2)


def filled(theta: np.ndarray, multiple: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and masses of m units and of as many without mass as make a multiple, in single precision.

    Units without mass are no part of the network: they add nothing to predictions and kernels, and most m share a
    program.
    """
    m = theta.shape[-2]
    mass = np.zeros(-(-m // multiple) * multiple, np.float32)
    mass[:m] = 1 / m
    fill = [(0, 0)] * (theta.ndim - 2) + [(0, len(mass) - m), (0, 0)]
    return np.pad(theta, fill).astype(np.float32), mass


def unpaired(particles: int) -> str | None:
    """Return why there can't be so many doubled units, None where they come in pairs."""
    if particles % 2:
        return f"particles={particles}: expected an even number, since doubled units come in pairs."
    return None
