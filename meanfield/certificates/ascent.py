"""A lower bound of the maximum over the sphere, by climbing from many directions."""

import numpy as np

from meanfield.certificates.slope import Array, Slope

STARTS = 256
"""Random directions to start from, and at most so many of the data and of the particles."""

SHARES = (1.0, 0.3, 0.1, 0.03, 0.01)
"""How far a step goes towards the gradient's direction: the best of these is taken."""

FEWEST = 16
"""Directions that are followed to the end."""


def ascent_maximum(slope: Slope, starts: Array | None = None, steps: int = 100) -> float:
    """The largest |h(u)| found. Starts: rows of z, random directions (the same ones each time), rows of `starts`."""
    return max(0.0, float(np.max(ascents(slope, starts, steps)[1], initial=0.0)))


def ascents(slope: Slope, starts: Array | None = None, steps: int = 100) -> tuple[Array, Array]:
    """(unit directions [k, q], |h| there [k]): where the climbs that were followed to their end got."""
    slope = slope.reduced()
    if len(slope.c) == 0:
        return np.zeros((0, slope.z.shape[1])), np.zeros(0)
    heavy = np.argsort(-slope.sizes * np.linalg.norm(slope.z, axis=1))[:STARTS]
    rows = [slope.z[heavy], np.random.default_rng(0).normal(size=(STARTS, slope.z.shape[1]))]
    if starts is not None:
        rows.append(starts[np.argsort(-np.linalg.norm(starts, axis=1))[:STARTS]])
    ends = [climbed(one, np.concatenate(rows), steps) for one in slope.signs()]
    return np.concatenate([u for u, _ in ends]), np.concatenate([height for _, height in ends])


def climbed(slope: Slope, u: Array, steps: int) -> tuple[Array, Array]:
    """(unit directions, h there) after so many steps uphill from directions u; fewer than were given, the best ones."""
    u = _unit(u)
    value = slope(u)
    # Fewer and fewer directions are followed, so that the cost is that of a few steps of all.
    for step in range(steps):
        if step % 3 == 2 and len(u) > FEWEST:
            best = np.argsort(-value)[: max(FEWEST, len(u) // 2)]
            u, value = u[best], value[best]
        towards, climbing = _unit(slope.gradient(u)), False
        for share in SHARES:
            trial = _unit(share * towards + (1 - share) * u)
            height = slope(trial)
            better = height > value
            if np.any(better):
                u, value, climbing = np.where(better[:, None], trial, u), np.where(better, height, value), True
        if not climbing and len(u) <= FEWEST:
            break  # all further steps would find the same
    return u, value


def _unit(u: Array) -> Array:
    return u / np.maximum(np.linalg.norm(u, axis=1, keepdims=True), 1e-300)
