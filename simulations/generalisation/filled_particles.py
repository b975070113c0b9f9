"""Particles that are filled up by ones without mass, so that networks of many widths share a program."""

import numpy as np

import meanfield as mf


def filled(theta: np.ndarray, tile: int) -> mf.Particles:
    """Return units of equal mass, filled up by units without mass to a multiple of so many."""
    m, fill = len(theta), -len(theta) % tile
    mass = np.append(np.full(m, 1 / m, theta.dtype), np.zeros(fill, theta.dtype))
    return mf.Particles(np.pad(theta, [(0, fill), (0, 0)]), mass)
