"""On-line learning of a soft committee machine as a dynamical system of its overlaps.

A student Σ_i g(w_i·x) of K neurons learns a teacher Σ_n g(b_n·x) of M, g(u) = erf(u/√2), from a new input x ~ N(0, I_d)
at every step: w_i ← w_i + (η/d) δ_i x, δ_i = g'(w_i·x) (Σ_n g(b_n·x) − Σ_j g(w_j·x)). In the limit d → ∞, with t =
steps/d, the overlaps Q = w w', R = w b', T = b b' obey

    dR_in/dt = η E[δ_i y_n],     dQ_ik/dt = η (E[δ_i x_k] + E[δ_k x_i]) + η² E[δ_i δ_k],

fields (x, y) = (w·x, b·x) ~ N(0, C), C = [[Q, R], [R', T]]; the Gaussian averages are elementary.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory import _arithmetic, _checks
from theory._checks import Array
from theory._integration import integrated


def two_fields(c: ArrayLike) -> Array:
    """E g(u₁)g(u₂) for u ~ N(0, c), c of shape [..., 2, 2]: (2/π) asin(c₁₂ / √((1 + c₁₁)(1 + c₂₂))).

    >>> float(two_fields([[1.0, 1.0], [1.0, 1.0]]).round(12))
    0.333333333333

    Source: `saad1995online`.
    """
    c = _covariance(c, 2)
    return _arcsine(c[..., 0, 1], (1 + c[..., 0, 0]) * (1 + c[..., 1, 1]))


def three_fields(c: ArrayLike) -> Array:
    """I₃ = E g'(u₁) u₂ g(u₃) for u ~ N(0, c), c of shape [..., 3, 3].

    >>> float(three_fields(np.zeros((3, 3))))
    0.0

    Source: `saad1995online`.
    """
    return _i3(*_entries(_covariance(c, 3)))


def four_fields(c: ArrayLike) -> Array:
    """I₄ = E g'(u₁) g'(u₂) g(u₃) g(u₄) for u ~ N(0, c), c of shape [..., 4, 4].

    >>> float(four_fields(np.zeros((4, 4))))
    0.0

    Source: `saad1995online`.
    """
    return _i4(*_entries(_covariance(c, 4)))


@dataclass(frozen=True)
class Committee:
    """A student of K neurons and a teacher with overlaps `teacher` T [M, M], learning rate η.

    `quadratic=False` leaves out the terms in η², as for η → 0. The state of the dynamics is a vector that holds the
    upper triangle of Q and then R; functions of it take any number of states [..., s]. Raises ValueError for a rate
    that is not positive, or a T that is not symmetric.

    >>> committee = Committee(2, np.eye(2), rate=1.0)
    >>> committee.error(committee.pack(np.eye(2), np.eye(2))).round(12)
    np.float64(0.0)
    """

    students: int
    teacher: Array
    rate: float
    quadratic: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "students", _checks.integer("students", self.students))
        object.__setattr__(self, "rate", _checks.number("rate", self.rate, exclusive=True))
        teacher = _checks.array("teacher", self.teacher, ["[M, M]"])
        _checks.same("teacher", teacher.shape, "its transpose", teacher.T.shape)
        if not np.array_equal(teacher, teacher.T):
            raise ValueError("teacher must be symmetric, got a matrix that is not")
        _require_overlaps("teacher", teacher)
        object.__setattr__(self, "teacher", teacher)

    def pack(self, q: ArrayLike, r: ArrayLike) -> Array:
        """The state of overlaps Q [K, K] and R [K, M]; raises ValueError where these are no overlaps."""
        q, r = _checks.array("q", q, ["[K, K]"]), _checks.array("r", r, ["[K, M]"])
        k, m = self.students, len(self.teacher)
        _checks.same("q", q.shape, "the committee", (k, k))
        _checks.same("r", r.shape, "the committee", (k, m))
        if not np.array_equal(q, q.T):
            raise ValueError("q must be symmetric, got a matrix that is not")
        _require_overlaps("q and r", np.block([[q, r], [r.T, self.teacher]]))
        return np.concatenate([q[np.triu_indices(k)], r.ravel()])

    def unpack(self, state: ArrayLike) -> tuple[Array, Array]:
        """(Q [..., K, K], R [..., K, M]) of states [..., s]."""
        state, k = _checks.array("state", state), self.students
        size = k * (k + 1) // 2 + k * len(self.teacher)
        if state.ndim == 0 or state.shape[-1] != size:
            raise ValueError(f"state must be an array of shape [..., {size}], got shape {state.shape}")
        upper = np.triu_indices(k)
        q = np.zeros((*state.shape[:-1], k, k))
        q[..., upper[0], upper[1]] = q[..., upper[1], upper[0]] = state[..., : len(upper[0])]
        return q, state[..., len(upper[0]) :].reshape(*state.shape[:-1], k, -1)

    def covariance(self, state: ArrayLike) -> Array:
        """C of the fields (x, y), [..., K + M, K + M]."""
        q, r = self.unpack(state)
        teacher = np.broadcast_to(self.teacher, (*q.shape[:-2], *self.teacher.shape))
        return np.concatenate(
            [np.concatenate([q, r], axis=-1), np.concatenate([np.swapaxes(r, -1, -2), teacher], axis=-1)], axis=-2
        )

    def error(self, state: ArrayLike) -> Array:
        """The generalisation error ε_g = ½ E (student − teacher)² of states [..., s]."""
        c = self.covariance(state)
        diagonal = 1 + np.diagonal(c, axis1=-2, axis2=-1)
        return (
            np.einsum("i,j,...ij", s := self.signs, s, _arcsine(c, diagonal[..., :, None] * diagonal[..., None, :])) / 2
        )

    @property
    def signs(self) -> Array:
        """Sign of each field in teacher − student."""
        return np.repeat([-1.0, 1.0], [self.students, len(self.teacher)])

    def drift(self, state: ArrayLike) -> Array:
        """d state / dt at states [..., s]."""
        c, k, eta = self.covariance(state), self.students, self.rate
        fields = k + len(self.teacher)
        i, b, a = np.ogrid[:k, :fields, :fields]
        first = _i3(*_picked(c, i, b, a)) @ self.signs  # E δ_i u_b, [..., K, K + M]
        dq = eta * (first[..., :k] + np.swapaxes(first[..., :k], -1, -2))
        if self.quadratic:
            i, j, a, b = np.ogrid[:k, :k, :fields, :fields]
            dq = dq + eta**2 * np.einsum("...ijab,a,b->...ij", _i4(*_picked(c, i, j, a, b)), self.signs, self.signs)
        upper = np.triu_indices(k)
        dr = eta * first[..., k:]
        return np.concatenate([dq[..., upper[0], upper[1]], dr.reshape(*dr.shape[:-2], -1)], axis=-1)

    def integrate(self, start: ArrayLike, times: ArrayLike) -> Array:
        """States [T, s] at increasing `times` from 0 on, of the state `start` at time 0.

        Raises ValueError for times that do not increase, or that are beyond reach at this rate.

        >>> committee = Committee(1, [[1.0]], rate=0.5)
        >>> states = committee.integrate(committee.pack([[0.5]], [[0.1]]), [0.0, 50.0])
        >>> committee.error(states).round(3)
        array([0.238, 0.   ])

        Source: `saad1995online`.
        """
        start = _checks.array("start", start, ["[s]"])
        times = _checks.array("times", times, ["[T]"], minimum=0.0)
        if np.any(np.diff(times) <= 0):
            raise ValueError("times must increase, got times that do not")
        # Overlaps that are all small keep their digits too.
        size = min(1.0, float(np.abs(self.covariance(start)).max()))
        return integrated(self.drift, start, times, "DOP853", 1e-10, 1e-12 * size)

    def plateau(self) -> Array:
        """The fixed point with all units alike: Q_ii = Q, Q_ik = C < Q, R_in = R, for a teacher T = τ I of M = K.

        For η → 0 and τ = 1: Q, C → 1/(2K − 1), R² → Q/K, ε_g → (K/π)(π/6 − K asin(1/2K)). The fixed point Q = C of
        students that are one and the same is another. Raises ValueError for another teacher, fewer than two neurons,
        and where none is found (a rate below some 1e-4, or too large for a plateau).

        >>> committee = Committee(2, np.eye(2), rate=1e-3)
        >>> float(committee.error(committee.plateau()).round(4))
        0.0116

        Source: `saad1995online`.
        """
        from scipy.optimize import root

        k, eta, tau = self.students, self.rate, self.teacher[0, 0]
        if k < 2 or not np.array_equal(self.teacher, tau * np.eye(k)):
            raise ValueError("teacher must be τ I of two or more neurons, as many as the student has, got another")

        def state(z: Array) -> Array:
            q, apart, r = tau * z
            return np.concatenate([(q - eta * apart * (1 - np.eye(k)))[np.triu_indices(k)], np.full(k * k, r)])

        def moved(z: Array) -> Array:
            if not np.all(np.isfinite(z)):
                return np.full(3, np.nan)
            drift = self.drift(state(z)) / eta / tau
            if not np.all(np.isfinite(drift)):
                return np.full(3, np.nan)
            dq, dr = self.unpack(drift)
            # Q − C = η·apart has a factor of its own in its drift, which is divided out: with it goes the root Q = C.
            return np.array([dq[0, 0], (dq[0, 0] - dq[0, 1]) / (eta**2 * z[1]), dr[0, 0]])

        # In units of τ, so that the root is one of overlaps and not of their size.
        q = 1 / (2 * k - 1)
        with np.errstate(invalid="ignore"):  # the search may try what are no overlaps
            found = root(moved, [q, 0.2 * q, np.sqrt(q / k)], tol=1e-12)
        if not found.success or found.x[1] <= 0:
            raise ValueError(f"rate must be one that has a plateau, got {eta:g} ({' '.join(found.message.split())})")
        return state(found.x)


def _covariance(c: ArrayLike, fields: int) -> Array:
    out = _checks.array("c", c)
    _checks.same("c", out.shape[-2:], "the fields", (fields, fields))
    if not np.array_equal(out, np.swapaxes(out, -1, -2)):
        raise ValueError("c must be symmetric, got a matrix that is not")
    _require_overlaps("c", out)
    return out


def _require_overlaps(names: str, c: Array) -> None:
    """Refuse symmetric matrices [..., n, n] that are no overlaps of vectors, rounding of their own size aside."""
    values = np.linalg.eigvalsh(c)
    if np.any(values[..., 0] < -1e-9 * np.abs(values).max(axis=-1)):
        raise ValueError(
            f"{names} must be overlaps of vectors, got a covariance of eigenvalue {values[..., 0].min():.3g}"
        )


def _arcsine(numerator: Array, square: Array) -> Array:
    """(2/π) asin(numerator/√square), a correlation: rounding may carry it past one."""
    return 2 / np.pi * np.arcsin(np.clip(numerator / np.sqrt(square), -1.0, 1.0))


def _entries(c: Array) -> list[list[Array]]:
    """c[i][j] of a stack of matrices, ready for the formulas, which are written in these."""
    fields = range(c.shape[-1])
    return [[c[..., i, j] for j in fields] for i in fields]


def _picked(c: Array, *which: NDArray[np.intp]) -> list[list[Array]]:
    """Return c[i][j] for i, j from the fields `which` (open grids of indices), all their combinations at once."""
    return [[c[..., i, j] for j in which] for i in which]


def _i3(c1: list[Array], c2: list[Array], c3: list[Array]) -> Array:
    one = 1 + c1[0]
    root = np.sqrt(one * (1 + c3[2]) - c1[2] ** 2)
    return 2 / np.pi * (c2[2] * one - c1[1] * c1[2]) / (one * root)


def _i4(c1: list[Array], c2: list[Array], c3: list[Array], c4: list[Array]) -> Array:
    one, two = 1 + c1[0], 1 + c2[1]
    both = one * two - c1[1] ** 2

    def given(i: int, j: int, rows: list[Array]) -> Array:
        """`both` times the covariance of u_i, u_j under the Gaussian weight g'(u₁)g'(u₂)."""
        return both * rows[j] - c2[i] * c2[j] * one - c1[i] * c1[j] * two + c1[1] * (c1[i] * c2[j] + c1[j] * c2[i])

    square = (both + given(2, 2, c3)) * (both + given(3, 3, c4))
    return 2 / np.pi / np.sqrt(both) * _arcsine(given(2, 3, c3), square)


_arithmetic.guard(__name__)
