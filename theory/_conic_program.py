"""The conic program of a two-layer ReLU network on some cells, and the lasso on fixed features, by Clarabel.

An interior-point method stops at some eight digits. Which atoms there are and which samples they switch at is then
known, and Newton's method on that smooth problem gives the others.
"""

from importlib import import_module
from typing import Any

import numpy as np

from theory._cells import Cells
from theory._checks import Array

NEAR = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
"""Angles and shares within which what the interior-point method leaves may be one atom, or none."""


class Program:
    """The conic program on some of the cells: a vector v in each of them, its length t, and the network's targets."""

    def __init__(self, x: Array, y: Array, decay: float, cells: Cells):
        self.x, self.y, self.decay, self.cells = x, y, decay, cells

    def solve(self, chosen: list[tuple[int, float]]) -> Array:
        """The best atoms (c, u) on these (cell, sign), merged where they point alike."""
        d, k = self.x.shape[1], len(chosen)
        fit = np.hstack(
            [sign * self.cells.on[c][:, None] * self.x for c, sign in chosen] + [np.zeros((len(self.y), k))]
        )
        # Columns are all v and then all t; below the walls stand the rows t, v of each second-order cone.
        each = [self.cells.walls(c) for c, _ in chosen]
        walls, row = np.zeros((sum(map(len, each)), k * d + k)), 0
        for j, part in enumerate(each):
            walls[row : row + len(part), j * d : (j + 1) * d] = part
            row += len(part)
        order = np.concatenate([np.append(k * d + j, np.arange(j * d, (j + 1) * d)) for j in range(k)])
        inside = np.vstack([walls, np.eye(k * d + k)[order]])
        cones = [("Nonnegative", walls.shape[0]), *[("SecondOrder", d + 1)] * k]
        solution = _solved(fit, self.y, np.append(np.zeros(k * d), np.full(k, self.decay)), inside, cones)
        vectors, signs = solution[: k * d].reshape(k, d), np.array([sign for _, sign in chosen])
        found = [_merged(vectors, signs)]
        for near in NEAR:
            found.append(self._polished(_merged(vectors, signs, near), near))
        return min(found, key=self.value)

    def value(self, atoms: Array) -> float:
        """F of a measure."""
        f = np.maximum(self.x @ atoms[:, 1:].T, 0) @ atoms[:, 0]
        return float(np.mean((f - self.y) ** 2) / 2 + self.decay * np.abs(atoms[:, 0]).sum())

    def _polished(self, atoms: Array, near: float, steps: int = 8) -> Array:
        """Newton's method on the faces of cells that the atoms lie in: an interior point is exact to 1e-8 only."""
        n, d = self.x.shape
        length = np.linalg.norm(self.x, axis=1)
        height = self.x @ atoms[:, 1:].T / np.where(length > 0, length, 1.0)[:, None]
        faces, features = [], []
        for j, (c, *_) in enumerate(atoms):
            on_wall = (np.abs(height[:, j]) <= near) & (length > 0)
            _, values, axes = np.linalg.svd(self.x[on_wall] if on_wall.any() else np.zeros((1, d)))
            faces.append(axes[int(np.sum(values > near)) :].T)
            features.append(np.sign(c) * (height[:, j] > near)[:, None] * self.x @ faces[-1])
        vectors = [face.T @ (abs(c) * u) for face, c, u in zip(faces, atoms[:, 0], atoms[:, 1:], strict=True)]
        fit, cuts = np.hstack([np.zeros((n, 0)), *features]), np.cumsum([face.shape[1] for face in faces])[:-1]
        for _ in range(steps):
            lengths = [np.linalg.norm(v) for v in vectors]
            if not vectors or min(lengths) == 0:
                return atoms
            units = [v / t for v, t in zip(vectors, lengths, strict=True)]
            residual = fit @ np.concatenate(vectors) - self.y
            slope = fit.T @ residual / n + self.decay * np.concatenate(units)
            bend = fit.T @ fit / n
            for u, t, end in zip(units, lengths, np.append(cuts, fit.shape[1]), strict=True):
                part = slice(end - len(u), end)
                bend[part, part] += self.decay / t * (np.eye(len(u)) - np.outer(u, u))
            move = np.linalg.lstsq(bend, slope, rcond=1e-12)[0]
            vectors = np.split(np.concatenate(vectors) - move, cuts)
            if np.abs(move).max() < 1e-15 * max(lengths):
                break
        full = np.array([face @ v for face, v in zip(faces, vectors, strict=True)])
        return _merged(full, np.sign(atoms[:, 0]))


def lasso(features: Array, y: Array, strength: float) -> Array:
    """argmin (1/2n)|Φc − y|² + λ|c|₁, with c = c₊ − c₋."""
    k = features.shape[1]
    fit, cones = np.hstack([features, -features]), [("Nonnegative", 2 * k)]
    parts = _solved(fit, y, np.full(2 * k, strength), np.eye(2 * k), cones)
    return parts[:k] - parts[k:]


def _solved(fit: Array, y: Array, linear: Array, inside: Array, cones: list[tuple[str, int]]) -> Array:
    """argmin (1/2n)|fit z − y|² + linear·z, `inside` z in the cones, to where the solver stalls."""
    from scipy import sparse

    clarabel: Any = import_module("clarabel")
    (n, q), rows = fit.shape, len(inside)
    # The residuals are variables of their own: a product of `fit` with itself would square its condition.
    dense = np.block([[fit, -np.eye(n)], [-inside, np.zeros((rows, n))]])
    constraints = sparse.csc_matrix(dense)
    square = sparse.csc_matrix(np.diag(np.append(np.zeros(q), np.full(n, 1 / n))))
    kinds = [clarabel.ZeroConeT(n), *[getattr(clarabel, f"{kind}ConeT")(size) for kind, size in cones]]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = 1e-14
    settings.tol_feas = 1e-12
    bound, slope = np.append(y, np.zeros(rows)), np.append(linear, np.zeros(n))
    solution = clarabel.DefaultSolver(square, slope, constraints, bound, kinds, settings).solve()
    point = np.asarray(solution.x, dtype=float)
    if not np.all(np.isfinite(point)):
        raise RuntimeError(f"the conic solver ended without a point: {solution.status}")
    return point[:q]


def _merged(vectors: Array, signs: Array, near: float = 1e-9) -> Array:
    """Atoms (c, u) from vectors of cells: an atom on a boundary is shared by the cells beside it."""
    lengths = np.linalg.norm(vectors, axis=1)
    keep = lengths > near * lengths.max(initial=0.0)
    groups: list[tuple[float, Array]] = []
    for v, sign in sorted(zip(vectors[keep], signs[keep], strict=True), key=lambda one: -np.linalg.norm(one[0])):
        for g, (other, total) in enumerate(groups):
            if other == sign and np.linalg.norm(v / np.linalg.norm(v) - total / np.linalg.norm(total)) < near:
                groups[g] = (sign, total + v)
                break
        else:
            groups.append((sign, v))
    rows = [np.append(sign * np.linalg.norm(v), v / np.linalg.norm(v)) for sign, v in groups]
    return np.array(rows, dtype=float).reshape(-1, 1 + vectors.shape[1])
