"""The game whose value is the largest margin over measures: samples against neurons.

A sample i is to gain t_i g from Σ_j c_j relu(u_j·x_i), Σ|c| = 1, and g is to be large. Over finitely many neurons it is
a linear program, over all neurons of some cells one in second-order cones. Which neurons and which samples count is
known from the first; Newton's method on the conditions of the second then gives their directions and weights.
"""

import numpy as np
from numpy.typing import NDArray

from theory import _cells, _rounding
from theory._checks import Array
from theory._conic_program import faces_of, merged

NEWTON = 12
"""Steps of Newton's method at most; it squares what is left."""


class Game:
    """Samples `x` in rows of size one with labels y, and the shares t of g that they ask for, at most 1."""

    def __init__(self, x: Array, y: Array, asked: Array):
        self.x, self.y, self.asked = x, y, asked
        self.neurons = _Neurons(x)

    def gains(self, atoms: Array) -> Array:
        """y_i f(x_i) for atoms (c, u) in rows."""
        return self.y * (np.maximum(self.x @ atoms[:, 1:].T, 0) @ atoms[:, 0])

    def lower(self, atoms: Array, *, certain: bool = True) -> float:
        """The g that these atoms, Σ|c| = 1, have: for `certain`, less what rounding can have added."""
        gains = self.gains(atoms)
        if certain:
            gains = gains - _rounding.allowance(len(atoms)) * self.neurons.lengths
        with np.errstate(over="ignore"):
            return float(np.min(gains / self.asked))

    def rounding(self, atoms: Array, weights: Array) -> float:
        """Return what the bounds of g by these atoms and weights allow for rounding."""
        above = _rounding.allowance(len(weights)) * float(weights @ self.neurons.lengths)
        return self.lower(atoms, certain=False) - self.lower(atoms) + above

    def normalised(self, weights: Array) -> Array:
        """Weights of the samples with Σ t_i q_i = 1, of which the highest neuron bounds g from above."""
        return weights / float(self.asked @ weights)

    def solve(self, directions: Array) -> tuple[Array, Array]:
        """(atoms, weights of the samples) of the linear program over neurons of these directions."""
        from scipy.optimize import linprog

        gains = self.y[:, None] * np.maximum(self.x @ directions.T, 0)
        n, k = gains.shape
        both = np.hstack([gains, -gains, -np.maximum(self.asked, _rounding.SMALLEST)[:, None]])
        solved = linprog(
            np.append(np.zeros(2 * k), -1.0),
            A_ub=-both,
            b_ub=np.zeros(n),
            A_eq=np.append(np.ones(2 * k), 0.0)[None],
            b_eq=[1.0],
            bounds=[(0, None)] * (2 * k) + [(None, None)],
            method="highs-ds",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if solved.status != 0:
            raise ValueError(f"x and y must be within reach of the linear program: {solved.message}")
        weights = solved.x[:k] - solved.x[k : 2 * k]
        # A certificate must hold as it is: rounding is taken out of both sides before they are read off.
        used, total = weights != 0, float(np.abs(weights).sum())
        atoms = np.column_stack([weights[used] / max(total, 0.5), directions[used]])
        return atoms, self.normalised(np.maximum(-solved.ineqlin.marginals, 0))

    def polished(self, atoms: Array, weights: Array, value: float, near: float) -> tuple[Array, Array] | None:
        """(atoms, weights) where the conditions of the conic program hold, near ones that are merged; None if nowhere.

        With v_j = |c_j| u_j on its face of a cell, scaled to g = 1, and A v the gains: A v = t on the samples that
        count, and v_j/|v_j| = Aᵀ q, for weights q of those.
        """
        atoms = merged(np.abs(atoms[:, :1]) * atoms[:, 1:], np.sign(atoms[:, 0]), near)
        faces, features = faces_of(self.x, atoms, near, False)
        if not faces or value <= 0 or min(face.shape[1] for face in faces) == 0:
            return None
        counts = weights > near * weights.max()
        gains = self.y[counts, None] * np.hstack(features)[counts]
        asked = np.maximum(self.asked, _rounding.SMALLEST)[counts]
        cuts = np.cumsum([face.shape[1] for face in faces])[:-1]
        vectors = [face.T @ (abs(c) * u) / value for face, c, u in zip(faces, atoms[:, 0], atoms[:, 1:], strict=True)]
        dual = weights[counts] / value
        for _ in range(NEWTON):
            lengths = [float(np.linalg.norm(v)) for v in vectors]
            if min(lengths) == 0:
                return None
            units = [v / t for v, t in zip(vectors, lengths, strict=True)]
            bend = np.zeros((gains.shape[1], gains.shape[1]))
            for u, t, end in zip(units, lengths, np.append(cuts, len(bend)), strict=True):
                part = slice(end - len(u), end)
                bend[part, part] = (np.eye(len(u)) - np.outer(u, u)) / t
            system = np.block([[bend, -gains.T], [gains, np.zeros((len(asked), len(asked)))]])
            left = np.append(np.concatenate(units) - gains.T @ dual, gains @ np.concatenate(vectors) - asked)
            move = np.linalg.lstsq(system, left, rcond=1e-13)[0]
            vectors = np.split(np.concatenate(vectors) - move[: len(bend)], cuts)
            dual = dual - move[len(bend) :]
            if not np.abs(move).max() > 1e-16 * max(lengths):
                break
        if not np.all(np.isfinite(dual)) or dual.max() <= 0:
            return None
        turned = np.array([face @ v for face, v in zip(faces, vectors, strict=True)])
        found = merged(turned, np.sign(atoms[:, 0]))
        all_weights = np.zeros(len(weights))
        all_weights[counts] = np.maximum(dual, 0)
        return found / np.append(np.abs(found[:, 0]).sum(), np.ones(self.x.shape[1])), self.normalised(all_weights)


class _Neurons:
    """For weights q of the samples: in every cell of the arrangement the direction of the largest |Σ q_i relu(u·x_i)|.

    In a cell with the samples `on` the sum is A·u with A = Σ_on q_i x_i, and its maximum over directions of the cell is
    the norm of the projection of A on the cone that the cell is.
    """

    def __init__(self, x: Array):
        self.x, self.lengths = x, np.linalg.norm(x, axis=1)
        self.on = _cells_of(x)

    def best(self, q: Array) -> tuple[Array, Array, float]:
        """(heights, directions) of candidates, and a bound of all heights on the sphere, with rounding in it."""
        slopes = self.on @ (q[:, None] * self.x)
        slopes = np.concatenate([slopes, -slopes])
        on = np.concatenate([self.on, self.on])
        # In a cell that holds its own A the height is |A|; nowhere does it exceed |A|, so that of the others only those
        # with a larger |A| can win.
        bound = np.linalg.norm(slopes, axis=1)
        inside = np.all((slopes @ self.x.T >= 0) == on, axis=1) & (bound > 0)
        heights, directions = list(bound[inside]), list(slopes[inside] / bound[inside, None])
        most, spread = max(heights, default=0.0), 0.0
        for c in np.argsort(-bound):
            if bound[c] <= most:
                break
            if inside[c]:
                continue
            normals = np.where(on[c], 1.0, -1.0)[:, None] * self.x
            projection, added = _cells.projection(slopes[c], normals)
            height = float(np.linalg.norm(projection))
            most, spread = max(most, height), max(spread, added)
            if height > 1e-13 * bound[c]:
                heights.append(height)
                directions.append(projection / height)
        highest = float(most + _rounding.allowance(len(q)) * (np.abs(q) @ self.lengths + spread))
        if not heights:
            return np.zeros(1), np.eye(self.x.shape[1])[:1], highest
        return np.array(heights), np.array(directions), highest


def _cells_of(x: Array) -> NDArray[np.bool_]:
    norm = np.linalg.norm(x, axis=1)
    if not norm.all():
        raise ValueError("x must have no row of zeros, got one")
    count = _cells.count(len(x), np.linalg.matrix_rank(x))
    if count > _cells.MOST:
        raise ValueError(f"x must have at most {_cells.MOST} cells, got up to {count}: fewer rows or columns")
    return _cells.patterns(x)
