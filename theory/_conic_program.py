"""The conic program of a two-layer ReLU network on some cells, by Clarabel.

An interior-point method stops at some eight digits. Which atoms there are and which samples they switch at is then
known, and Newton's method on that smooth problem gives the others.
"""

from importlib import import_module
from itertools import product
from typing import Any

import numpy as np

from theory import _rounding
from theory._cells import Cells
from theory._checks import Array

NEAR = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
"""Shares of the longest, and angles, within which what the interior-point method leaves may be one atom, or none."""

DAMPING = (1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3)
"""Shares of the largest curvature that are added to all, until a step of Newton's does not climb."""

ROUNDS = 6
"""Times that atoms are polished at most, while each halves what they are above the minimum."""


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
        solution = solved(fit, self.y, np.append(np.zeros(k * d), np.full(k, self.decay)), inside, cones)
        vectors, signs = solution[: k * d].reshape(k, d), np.array([sign for _, sign in chosen])
        best, least = merged(vectors, signs), np.inf
        for _ in range(ROUNDS):
            vectors, signs, before = np.abs(best[:, :1]) * best[:, 1:], np.sign(best[:, 0]), least
            # Fewest atoms first. Values are flat at the minimum and tell nothing beyond eight digits of its atoms; the
            # dual tells all of them.
            for near, scaled in (*product(NEAR, (False, True)), (0.0, False)):
                atoms = self._polished(merged(vectors, signs, near, scaled), near, scaled) if near else best
                gap, rounding = self._gap(atoms, chosen)
                if gap < least:
                    best, least = atoms, gap
                if gap <= rounding:
                    return best
            if not least < before / 2:
                break
        return best

    def value(self, atoms: Array) -> float:
        """F of a measure."""
        return float(np.mean(self.residual(atoms) ** 2) / 2 + self.decay * np.abs(atoms[:, 0]).sum())

    def residual(self, atoms: Array) -> Array:
        """f − y at the samples."""
        return np.maximum(self.x @ atoms[:, 1:].T, 0) @ atoms[:, 0] - self.y

    def lower(self, residual: Array, slopes: dict[float, float]) -> float:
        """The largest −(n/2)|p|² − p·y over p = s r/n that are feasible: Σ_i −sign·p_i relu(u·x_i) ≤ λ for all u.

        `slopes` holds max_u Σ_i −sign·(r_i/n) relu(u·x_i) of each sign. From below: less what rounding can have added,
        to the slopes (inputs are at most 1) and to the value.
        """
        y, n, square = self.y, len(self.y), float(residual @ residual)
        if square == 0:
            return 0.0
        unit = _rounding.allowance(n)
        high = self.decay / (max(slopes.values()) + unit * np.mean(np.abs(residual)))
        low = -high if -1.0 in slopes else 0.0
        s = np.clip(-(residual @ y) / square, low, high)
        quadratic, linear = s**2 / 2 * square, s * (residual @ y)
        return float((-quadratic - linear - unit * (quadratic + abs(s) * (np.abs(residual) @ np.abs(y)))) / n)

    def _gap(self, atoms: Array, chosen: list[tuple[int, float]]) -> tuple[float, float]:
        """(what atoms are above the minimum of the program on the chosen cells at most, what rounding explains)."""
        residual, slopes = self.residual(atoms), {}
        for sign in {sign for _, sign in chosen}:
            cells = np.array([c for c, other in chosen if other == sign])
            slopes[sign] = float(np.max(self.cells.largest(-sign * residual / len(self.y), cells)))
        rounding = 4 * self._rounding(residual) * (1 + float(np.mean(np.abs(residual))) / self.decay)
        return self.value(atoms) - self.lower(residual, slopes), rounding

    def _rounding(self, residual: Array) -> float:
        """Return the most that rounding can add to a value."""
        return _rounding.allowance(len(residual)) * float(np.mean(np.abs(residual) * (1 + np.abs(self.y))))

    def _polished(self, atoms: Array, near: float, scaled: bool, steps: int = 20) -> Array:
        """Newton's method on the faces of cells that the atoms lie in: an interior point is exact to 1e-8 only."""
        n = len(self.x)
        faces, features = faces_of(self.x, atoms, near, scaled)
        vectors = [face.T @ (abs(c) * u) for face, c, u in zip(faces, atoms[:, 0], atoms[:, 1:], strict=True)]
        fit, cuts = np.hstack([np.zeros((n, 0)), *features]), np.cumsum([face.shape[1] for face in faces])[:-1]

        def joined(vectors: list[Array]) -> Array:
            return merged(np.array([face @ v for face, v in zip(faces, vectors, strict=True)]), np.sign(atoms[:, 0]))

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
            before, move = self.value(joined(vectors)), np.zeros(len(slope))
            curvature, axes = np.linalg.eigh(bend)
            along, top = axes.T @ slope, float(curvature[-1])
            for damping in DAMPING:
                move = axes @ (along / (np.maximum(curvature, 0) + damping * top))
                moved = np.split(np.concatenate(vectors) - move, cuts)
                if self.value(joined(moved)) <= before + self._rounding(residual):
                    break
            else:
                break
            vectors = moved
            if np.abs(move).max() < 1e-15 * max(lengths):
                break
        return joined(vectors)


def solved(fit: Array, y: Array, linear: Array, inside: Array, cones: list[tuple[str, int]]) -> Array:
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


def faces_of(x: Array, atoms: Array, near: float, scaled: bool) -> tuple[list[Array], list[Array]]:
    """Return a basis of the face of a cell that each atom lies in, [d, k], and its features there with sign, [n, k]."""
    length = np.linalg.norm(x, axis=1)
    rows = x / np.where(length > 0, length, 1.0)[:, None]
    height, angles = rows @ atoms[:, 1:].T, _angles(np.abs(atoms[:, 0]), near, scaled)
    faces, features = [], []
    for j, (c, *_) in enumerate(atoms):
        on_wall = (np.abs(height[:, j]) <= angles[j]) & (length > 0)
        _, values, axes = np.linalg.svd(rows[on_wall] if on_wall.any() else np.zeros((1, x.shape[1])))
        faces.append(axes[int(np.sum(values > angles[j])) :].T)
        features.append(np.sign(c) * (height[:, j] > angles[j])[:, None] * x @ faces[-1])
    return faces, features


def _angles(lengths: Array, near: float, scaled: bool) -> Array:
    """Angles within which directions are one: `near`, or where `scaled` what moves ends by that share of the longest.

    What a solver leaves is of one size in all vectors, which turns short ones farther than long ones.
    """
    share = lengths.max(initial=0.0) / lengths if scaled else np.ones(len(lengths))
    return np.minimum(near * share, 0.3)


def merged(vectors: Array, signs: Array, near: float = 1e-9, scaled: bool = False) -> Array:
    """Atoms (c, u) from vectors of cells: an atom on a boundary is shared by the cells beside it."""
    lengths = np.linalg.norm(vectors, axis=1)
    keep = lengths > near * lengths.max(initial=0.0)
    groups: list[tuple[float, Array]] = []
    order = np.flatnonzero(keep)[np.argsort(-lengths[keep], kind="stable")]
    for v, sign, angle in zip(vectors[order], signs[order], _angles(lengths[order], near, scaled), strict=True):
        for g, (other, total) in enumerate(groups):
            if other == sign and np.linalg.norm(v / np.linalg.norm(v) - total / np.linalg.norm(total)) < angle:
                groups[g] = (sign, total + v)
                break
        else:
            groups.append((sign, v))
    rows = [np.append(sign * np.linalg.norm(v), v / np.linalg.norm(v)) for sign, v in groups]
    return np.array(rows, dtype=float).reshape(-1, 1 + vectors.shape[1])
