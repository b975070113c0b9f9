"""Samples of one input, and finitely many ReLU units whose kernel at these samples is that of infinitely many.

The breakpoints of infinitely many units are even on [−L, L]. On a cell between two edges (x − b)₊(z − b)₊ is a
quadratic polynomial of b for all x, z at edges: the sum over two Gauss points a cell is the integral.
"""

from itertools import pairwise

import numpy as np


def alternating(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return samples about evenly on [−1, 1], and targets that alternate about a line, as do their changes of slope."""
    x, gap = np.linspace(-1, 1, n), 2 / (n - 1)
    x[1:-1] += random.uniform(-0.3, 0.3, n - 2) * gap
    sign = random.choice([-1, 1]) * (-1.0) ** np.arange(n)
    return x, sign * random.uniform(0.3, 0.7, n) + 1.5 * x


def edges(x: np.ndarray, cells: int) -> np.ndarray:
    """Return the edges of so many cells between any two samples, samples included."""
    return np.unique(np.concatenate([np.linspace(*pair, cells + 1) for pair in pairwise(x)]))


def units(edges: np.ndarray, reach: float, output: float = 0.0, left: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return units (a, w, b) relu(x − b), and relu(b − x) beside them, with their masses.

    Output weights are ±`output`, each sign for half of the mass. With `left` false the units relu(b − x) have no mass.
    """
    cuts = np.concatenate([[-reach], edges, [reach]])
    middle, half = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts) / 2
    b, share = np.concatenate([middle - half / 3**0.5, middle + half / 3**0.5]), np.tile(half, 2) / (2 * reach)
    sides = [np.column_stack([0 * b, sign + 0 * b, -sign * b]) for sign in (1.0, -1.0)]
    theta, mass = np.concatenate(sides), np.concatenate([share, share] if left else [2 * share, 0 * share]) / 2
    if output:
        theta, mass = np.concatenate([theta, theta]), np.concatenate([mass, mass]) / 2
        theta[:, 0] = np.repeat([output, -output], len(theta) // 2)
    return theta, mass


def spread(random: np.random.Generator, m: int) -> np.ndarray:
    """Return m units (a, w, b) of both orientations and both signs, with knots about evenly on [−1.2, 1.2]."""
    cells = m // 4
    knots = -1.2 + 2.4 * (np.arange(cells) + random.uniform(size=cells)) / cells
    kinds = [(a, w) for a in (1.0, -1.0) for w in (1.0, -1.0)]
    return np.concatenate([np.column_stack([a + 0 * knots, w + 0 * knots, -w * knots]) for a, w in kinds])
