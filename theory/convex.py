"""The least value of a two-layer ReLU network's objective over all measures, by convex programming.

With weight decay (λ/2)(a² + |w|²) a balanced neuron of a given function pays λ|a||w|, so that networks of any width
have the infimum of

    F(ν) = (1/2n) Σ_i (f(x_i) − y_i)² + λ‖ν‖,    f(x) = ∫ relu(u·x) dν(u),

over signed measures on the sphere, ‖ν‖ being total variation. Where no sample switches (a cell, see `theory._cells`) f
is linear in u, and the atoms of a cell can be summed: what remains is one vector in a cone for each cell and sign, a
conic program of finite size. Cells enter it as they are needed, until the dual certificate holds on all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _cells, _checks
from theory._checks import Array
from theory._conic_program import Program
from theory._lasso import lasso

ENTER = 1 + 1e-12
"""A cell enters the program where the certificate exceeds λ by this factor."""

TOGETHER = 40
"""Cells that enter at once."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """A minimum with what proves it; unpacks as `value, measure`.

    `value` is F of `measure`, whose rows (c, u_1 … u_d) are the atoms: f(x) = Σ c relu(u·x), |u| = 1. `lower` is the
    value of the dual program at a point that is feasible for all measures, so that the infimum lies between `lower`
    and `value`. `predictions` are f at the samples.
    """

    value: float
    measure: Array
    lower: float
    predictions: Array

    @property
    def gap(self) -> float:
        """value − lower, never negative: at most this much is missing to the minimum."""
        return max(0.0, self.value - self.lower)

    def __iter__(self) -> Iterator:
        return iter((self.value, self.measure))


def planar_minimum(x: ArrayLike, y: ArrayLike, strength: float, *, bias: bool = False, signed: bool = True) -> Minimum:
    """min over measures ν of (1/2n) Σ (f(x_i) − y_i)² + λ‖ν‖ for inputs in the plane, or on the line with a bias.

    `x` is [n, 2]; or [n, 1] or [n] with `bias`, which appends a coordinate 1. `y` is [n], `strength` λ > 0. With
    `signed=False` output weights must not be negative. Up to several hundred samples.

    Raises ValueError for data that are not finite or do not match, other columns, or a strength that is not positive.

    >>> value, measure = planar_minimum([[3.0, 4.0]], [2.0], 0.1)
    >>> round(value, 12), measure.round(6).tolist()
    (0.0398, [[0.396, 0.6, 0.8]])

    Source: `pilanci2020neural` (the program), `bach2017breaking` (the measure), `chizat2018global` (the flow).
    """
    x = _checks.array("x", x, ["[n]", "[n, d]"] if bias else ["[n, d]"])
    x = x[:, None] if x.ndim == 1 else x
    want = 1 if bias else 2
    if x.shape[1] != want:
        raise ValueError(f"x must have {want} column(s){' with a bias' if bias else ''}, got shape {x.shape}")
    x = np.column_stack([x, np.ones(len(x))]) if bias else x
    return _minimum(x, y, strength, signed, _cells.PlanarCells)


def arrangement_minimum(x: ArrayLike, y: ArrayLike, strength: float, *, signed: bool = True) -> Minimum:
    """`planar_minimum` in any dimension, by enumeration of all cells: n^{d−1} of them, so for small n and d.

    `x` is [n, d]. Raises ValueError as `planar_minimum`, and where there may be more than 40 000 cells.

    >>> round(arrangement_minimum([[3.0, 4.0]], [2.0], 0.1).value, 12)
    0.0398

    Source: `pilanci2020neural`.
    """
    x = _checks.array("x", x, ["[n, d]"])
    if not enumerable(*x.shape):
        raise ValueError(
            f"x must have few rows and columns, got shape {x.shape}: up to {_cells.count(*x.shape)} cells where "
            f"{_cells.MOST} are allowed"
        )
    return _minimum(x, y, strength, signed, _cells.Cells)


def enumerable(n: int, d: int) -> bool:
    """Return True if `planar_minimum` (d = 2, n up to a thousand) or `arrangement_minimum` takes n samples in ℝ^d.

    >>> enumerable(300, 2), enumerable(20, 4), enumerable(300, 4)
    (True, True, False)
    """
    n, d = _checks.integer("n", n), _checks.integer("d", d)
    return n <= 1000 if d == 2 else _cells.count(n, d) <= _cells.MOST


def feature_minimum(
    features: ArrayLike, y: ArrayLike, strength: float, *, norm: str = "l1", cost: ArrayLike | float = 1.0
) -> tuple[float, Array]:
    """min over c of (1/2n)|Φc − y|² + λ Σ_j s_j|c_j| (`norm="l1"`) or + (λ/2) Σ_j s_j c_j² (`"l2"`), and its c.

    `features` Φ is [n, k], a column for each fixed neuron; `cost` s is one positive number, or [k]. Total variation on
    the given neurons is `l1` with s_j = |w_j|. Weight decay on the output weights alone is `l2`: f = (1/m) Σ a_j φ_j
    and (λ/2m) Σ a_j² are c = a/m and s = m.

    Returns (value, c). Raises ValueError for numbers that are not finite, do not match or are not positive.

    >>> value, c = feature_minimum([[1.0, 0.0], [0.0, 1.0]], [3.0, 0.1], 0.5)
    >>> round(value, 9), c.round(6).tolist()
    (1.2525, [2.0, 0.0])

    Source: `bach2017breaking`.
    """
    features = _checks.array("features", features, ["[n, k]"])
    n, k = features.shape
    y = _checks.array("y", y, ["[n]"])
    _checks.same("y", len(y), "features", n)
    strength = _checks.number("strength", strength, exclusive=True)
    _checks.choice("norm", norm, ("l1", "l2"))
    cost = _checks.array("cost", cost, ["[]", "[k]"])
    if cost.ndim:
        _checks.same("cost", len(cost), "columns of features", k)
    if cost.min() <= 0:
        raise ValueError(f"cost must be positive, got {cost.min():g}")
    if norm == "l2":
        # min |Φc − y|²/2n + (λ/2) cᵀSc has c = S⁻¹Φᵀα with (ΦS⁻¹Φᵀ + nλ) α = y.
        alpha = np.linalg.solve(features / cost @ features.T + n * strength * np.eye(n), y)
        c = features.T @ alpha / cost
        return float(np.mean((features @ c - y) ** 2) / 2 + strength / 2 * np.sum(cost * c**2)), c
    c = lasso(features, y, strength, cost).weights
    return float(np.mean((features @ c - y) ** 2) / 2 + strength * np.sum(cost * np.abs(c))), c


def network(measure: ArrayLike) -> Array:
    """Neurons (a, w), [k, 1 + d], that under weight decay reach F(ν) as particles of mass 1/k: a² = |w|² = k|c|.

    `measure` is that of a `Minimum`; an empty one has no neurons.

    >>> network([[0.5, 0.6, 0.8], [-2.0, 1.0, 0.0]]).round(3).tolist()
    [[1.0, 0.6, 0.8], [-2.0, 2.0, 0.0]]

    Source: `chizat2018global`.
    """
    if isinstance(measure, np.ndarray) and measure.ndim == 2 and len(measure) == 0:
        return measure.astype(float)
    atoms = _checks.array("measure", measure, ["[k, 1 + d]"])
    size = np.sqrt(len(atoms) * np.abs(atoms[:, :1]))
    return np.hstack([np.sign(atoms[:, :1]) * size, size * atoms[:, 1:]])


def _minimum(x: Array, y: ArrayLike, strength: float, signed: bool, kind: type[_cells.Cells]) -> Minimum:
    y = _checks.array("y", y, ["[n]"])
    _checks.same("y", len(y), "rows of x", len(x))
    strength = _checks.number("strength", strength, exclusive=True)
    length, height = float(np.linalg.norm(x, axis=1).max()), float(np.abs(y).max())
    if length == 0 or height == 0:
        nothing = float(np.mean(y**2) / 2)
        return Minimum(nothing, np.zeros((0, 1 + x.shape[1])), nothing, np.zeros(len(y)))
    # In these units inputs and targets are at most 1.
    small, target, decay = x / length, y / height, strength / length / height
    cells = kind(small)
    program = Program(small, target, decay, cells)
    signs = (1.0, -1.0) if signed else (1.0,)
    atoms, chosen = np.zeros((0, 1 + x.shape[1])), []
    while True:
        residual = program.residual(atoms)
        slopes = {sign: cells.largest(-sign * residual / len(y)) for sign in signs}
        steep = [(slopes[sign][c], c, sign) for sign in signs for c in np.flatnonzero(slopes[sign] > ENTER * decay)]
        entering = [(int(c), sign) for _, c, sign in sorted(steep, reverse=True) if (c, sign) not in chosen]
        if not entering:
            break
        chosen += entering[:TOGETHER]
        atoms = program.solve(chosen)
    lower = program.lower(residual, {sign: float(np.max(slopes[sign])) for sign in signs})
    unit = height * height
    return Minimum(
        value=unit * program.value(atoms),
        measure=atoms * np.append(height / length, np.ones(x.shape[1])),
        lower=unit * lower,
        predictions=height * (residual + target),
    )


_arithmetic.guard(__name__)
