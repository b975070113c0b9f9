"""Small convex programs in rational numbers: all faces are tried until one holds a minimum, without rounding.

Float64 numbers are rational; what comes back is the minimum of just the program that the floats state.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np

Row = list[Fraction]


def rational(array: np.ndarray) -> list[Row]:
    """Return the rows of a matrix as fractions."""
    return [[Fraction(float(entry)) for entry in row] for row in array]


def product_of(a: Sequence[Row], b: Sequence[Row]) -> list[Row]:
    """Return a bᵀ."""
    return [[sum((s * t for s, t in zip(row, other, strict=True)), Fraction(0)) for other in b] for row in a]


def solved(matrix: Sequence[Row], right: Row) -> Row | None:
    """Return the solution of a square system by elimination, or None where it is singular."""
    rows = [[*row, end] for row, end in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [entry / rows[k][k] for entry in rows[k]]
        for i in range(len(rows)):
            if i != k and rows[i][k]:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


def lasso_minimum(columns: Sequence[Row], y: Row, penalties: Row) -> Fraction:
    """Return min (1/2n)|Φc − y|² + Σ λ_j|c_j| for Φ given by its columns."""
    n, gram, pulls = len(y), product_of(columns, columns), [row[0] for row in product_of(columns, [y])]
    for signs in product((0, 1, -1), repeat=len(columns)):
        on = [j for j, sign in enumerate(signs) if sign]
        c = solved([[gram[i][j] for j in on] for i in on], [pulls[i] - n * penalties[i] * signs[i] for i in on])
        if c is None or any(value * signs[j] < 0 for value, j in zip(c, on, strict=True)):
            continue
        slopes = [sum((gram[i][j] * v for j, v in zip(on, c, strict=True)), -pulls[i]) for i in range(len(columns))]
        if all(abs(slope) <= n * penalty for slope, penalty in zip(slopes, penalties, strict=True)):
            fit = [sum((v * columns[j][i] for j, v in zip(on, c, strict=True)), -y[i]) for i in range(n)]
            price = sum((penalties[j] * abs(v) for j, v in zip(on, c, strict=True)), Fraction(0))
            return sum((r * r for r in fit), Fraction(0)) / (2 * n) + price
    raise AssertionError("no face holds a minimum")


def least_square(matrix: Sequence[Row]) -> Fraction:
    """Return min pᵀ M p over p ≥ 0, Σp = 1, for a positive definite M."""
    size = len(matrix)
    for chosen in product((False, True), repeat=size):
        on = [i for i in range(size) if chosen[i]]
        z = solved([[matrix[i][j] for j in on] for i in on], [Fraction(1)] * len(on)) if on else None
        if z is None or min(z) < 0:
            continue
        if all(sum(matrix[i][j] * v for j, v in zip(on, z, strict=True)) >= 1 for i in range(size)):
            return 1 / sum(z, Fraction(0))
    raise AssertionError("no face holds a minimum")
