"""The grid of steps at one width: blocks of it are trained until the best step lies inside of what was tried."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

OCTAVE = 4
"""Steps of the grid in a factor of two: each is 2^(k/4), k a whole number."""

BLOCK = 16
"""Steps that are trained as one batch: four octaves."""

EDGE = 2
"""The best step has at least so many steps on either side."""

STEADY = 6
"""From the smallest step that was tried the loss falls for so many steps in a row: training is stable there. Where it
does not, what looks like a minimum may be one of many in the disorder beyond the largest stable step.
"""

BLOCKS = 12
"""Blocks of one width at the most."""

Losses = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""The function from steps [T] to losses [T, seeds] and the losses of the starts, [seeds]."""


@dataclass(frozen=True)
class Curve:
    """The losses at one width: `steps` [T] in order, `losses` [T, seeds], where infinite and larger losses are those of
    the start, whether the best step is `inside` of the steps that were tried, and the mean loss of the `start`.
    """

    width: int
    steps: np.ndarray
    losses: np.ndarray
    inside: bool
    start: float

    @property
    def best(self) -> float:
        """The step of the grid with the least mean loss."""
        return float(self.steps[np.argmin(self.losses.mean(axis=1))])


def curve(width: int, losses: Losses, near: float | None = None) -> Curve:
    """Return the curve of losses around the best step, which is looked for around `near` where that is given.

    Without it steps a factor of two apart are tried first, from 2^−12 to 8, and further where they do not suffice. A
    run that diverged, or ended above its start, counts with the loss of its start.
    """
    found: dict[int, np.ndarray] = {}
    start = np.nan

    def tried(places: list[int]) -> int:
        """Train these places of the grid and return where the best of all is."""
        nonlocal start
        rows, first = losses(2.0 ** (np.array(places) / OCTAVE))
        start = float(np.mean(first))
        found.update(zip(places, np.minimum(rows, first), strict=True))
        return min(found, key=lambda place: float(np.mean(found[place])))

    blocks = 0
    if near is None:
        places = [OCTAVE * k for k in range(-12, BLOCK - 12)]
        best = tried(places)
        while best in (min(found), max(found)) and (blocks := blocks + 1) < BLOCKS:
            lowest = min(found) if best == min(found) else max(found) + OCTAVE * (BLOCK + 1)
            best = tried([lowest - OCTAVE * k for k in range(BLOCK, 0, -1)])
    else:
        best = round(OCTAVE * np.log2(near))
    found.clear()  # of the coarse grid, which has gaps
    while True:
        best = tried(_block(best, found))
        blocks += 1
        inside = min(found) + EDGE <= best <= max(found) - EDGE
        steady = np.all(np.diff([np.mean(found[min(found) + k]) for k in range(STEADY)]) < 0)
        if (inside and steady) or blocks >= BLOCKS:
            break
        if inside:
            best = min(found)
    steps = np.array(sorted(found))
    rows = np.array([found[place] for place in steps])
    return Curve(width, 2.0 ** (steps / OCTAVE), rows, bool(inside and steady), start)


def _block(centre: int, found: dict[int, np.ndarray]) -> list[int]:
    """Return the places of a block around the centre, or of the one beyond the end that the centre is near to."""
    if not found:
        low = centre - BLOCK // 2
    elif centre - min(found) < max(found) - centre:
        low = min(found) - BLOCK
    else:
        low = max(found) + 1
    return list(range(low, low + BLOCK))
