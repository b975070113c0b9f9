"""Least squares as a finite sum, and how fast incremental gradients are proved to solve it.

    F(b) = (1/n) Σ_i F_i(b),  F_i(b) = ½ (φ_i·b − t_i)² + (λ/2) |b|²,

which is what a linearised network descends: φ_i = (∇_θ Φ(θ_j; x_i)/√m)_j and b = (θ_j/√m)_j, so that |b|² is the mean
over particles of |θ_j|² and a step of the engine is one of the same size. L is the largest Lipschitz constant of the
∇F_i, μ the strong convexity of F, and λ that of every single F_i.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """The problem: `features` φ [n, p], `targets` t [n], `ridge` λ ≥ 0.

    Without a ridge and with p > n the minimum is not unique: `minimum` is then the one of least norm, and distances
    mean anything only for descent that starts in the span of the features.

    Raises ValueError for shapes that disagree and a negative ridge.

    >>> problem = LeastSquares([[1.0], [2.0]], [1.0, 2.0], 0.0)
    >>> problem.minimum.round(12).tolist(), problem.smoothness
    ([1.0], 4.0)
    """

    features: Array
    targets: Array
    ridge: float

    def __init__(self, features: ArrayLike, targets: ArrayLike, ridge: float):
        features, targets = _checks.array("features", features, ["[n, p]"]), _checks.array("targets", targets, ["[n]"])
        _checks.same("targets", len(targets), "features", len(features))
        for name, value in (
            ("features", features),
            ("targets", targets),
            ("ridge", _checks.number("ridge", ridge)),
        ):
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        return len(self.targets)

    @cached_property
    def hessian(self) -> Array:
        """H = (1/n) Σ φ_i φ_iᵀ + λ I, [p, p]."""
        return self.features.T @ self.features / self.n + self.ridge * np.eye(self.features.shape[1])

    @cached_property
    def minimum(self) -> Array:
        """b* = arg min F, [p]."""
        right = self.features.T @ self.targets / self.n
        return np.asarray(np.linalg.lstsq(self.hessian, right, rcond=1e-12)[0], np.float64)

    @cached_property
    def smoothness(self) -> float:
        """L = max |φ_i|² + λ."""
        return float(np.max(np.sum(self.features**2, axis=1)) + self.ridge)

    @cached_property
    def convexity(self) -> float:
        """μ = the least eigenvalue of H, or the least positive one without a ridge."""
        values = np.linalg.eigvalsh(self.hessian)
        return float(values[values > 1e-12 * values[-1]][0])

    @cached_property
    def gradients(self) -> Array:
        """∇F_i(b*) = (φ_i·b* − t_i) φ_i + λ b*, [n, p], with mean zero."""
        residual = self.features @ self.minimum - self.targets
        return residual[:, None] * self.features + self.ridge * self.minimum

    @cached_property
    def noise(self) -> Array:
        """C = (1/n) Σ ∇F_i(b*) ∇F_i(b*)ᵀ, [p, p]: covariance of one sample's gradient at the minimum."""
        return self.gradients.T @ self.gradients / self.n

    @cached_property
    def span(self) -> Array:
        """An orthonormal basis of the span of the features, [p, r]; the noise of all samples lies in it."""
        _, values, rows = np.linalg.svd(self.features, full_matrices=False)
        return rows[values > 1e-9 * values[0]].T

    @cached_property
    def reduced(self) -> "LeastSquares":
        """The problem in coordinates of `span`: what is orthogonal to it feels the ridge alone."""
        return LeastSquares(self.features @ self.span, self.targets, self.ridge)

    def excess(self, b: ArrayLike) -> Array:
        """F(b) − F(b*) = ½ (b − b*)ᵀ H (b − b*), for b of shape [..., p]."""
        away = _checks.array("b", b) - self.minimum
        return 0.5 * np.einsum("...i,ij,...j->...", away, self.hessian, away)

    def distance(self, b: ArrayLike) -> Array:
        """|b − b*|², for b of shape [..., p]."""
        return np.sum((_checks.array("b", b) - self.minimum) ** 2, axis=-1)


@dataclass(frozen=True)
class Rate:
    """A theorem E D_k ≤ constant · (1 − rate)^k on a distance D to the minimum, for one step size."""

    step: float
    rate: float
    constant: float

    def bound(self, steps: ArrayLike) -> Array:
        """constant · (1 − rate)^k at k = `steps`, [T]."""
        return self.constant * np.exp(_checks.array("steps", steps, minimum=0.0) * np.log1p(-self.rate))


def saga(problem: LeastSquares, b: ArrayLike, *, adapted: bool = False) -> Rate:
    """E |b_k − b*|² of SAGA from `b`, its memory full of the gradients there.

    With the step h = 1/(3L): rate min{1/4n, λ/3L}, constant |b − b*|² + (2n/3L) (F(b) − F(b*)). With `adapted`, the
    step h = 1/(2(λn + L)): rate λh, constant |b − b*|² + 2nh (F(b) − F(b*)). The theorem asks that every F_i is
    λ-strongly convex. Raises ValueError without a ridge.

    >>> saga(LeastSquares([[1.0], [2.0]], [1.0, 2.0], 1.0), [1.0]).rate
    0.06666666666666667

    Source: `defazio2014saga`.
    """
    ridge = _checks.number("ridge", problem.ridge, exclusive=True)
    n, smooth = problem.n, problem.smoothness
    b = _checks.array("b", b, ["[p]"])
    start, excess = float(problem.distance(b)), float(problem.excess(b))
    if adapted:
        step = 1 / (2 * (ridge * n + smooth))
        return Rate(step, ridge * step, start + 2 * n * step * excess)
    return Rate(1 / (3 * smooth), min(1 / (4 * n), ridge / (3 * smooth)), start + 2 * n / (3 * smooth) * excess)


def sag(problem: LeastSquares, b: ArrayLike) -> Rate:
    """E F(b_k) − F(b*) of SAG with the step 1/(16L) from `b`, its memory zero.

    Rate min{μ/16L, 1/8n}, constant F(b) − F(b*) + (4L/n) |b − b*|² + (1/16L) (1/n) Σ_i |∇F_i(b*)|².

    >>> sag(LeastSquares([[1.0], [1.0]], [1.0, 1.0], 0.0), [0.0]).constant
    2.5

    Source: `schmidt2017minimizing`.
    """
    n, smooth = problem.n, problem.smoothness
    spread, b = float(np.trace(problem.noise)), _checks.array("b", b, ["[p]"])
    constant = float(problem.excess(b)) + 4 * smooth / n * float(problem.distance(b)) + spread / (16 * smooth)
    return Rate(1 / (16 * smooth), min(problem.convexity / (16 * smooth), 1 / (8 * n)), constant)


def svrg(problem: LeastSquares, b: ArrayLike, epoch: float) -> Rate:
    """E |b_k − b*|² of loopless SVRG with the step 1/(6L) from `b`, a snapshot being renewed at 1/`epoch` a step.

    Rate min{μ/6L, 1/(2 epoch)}; the constant is |b − b*|² + 4h² epoch (1/n) Σ_i |∇F_i(b) − ∇F_i(b*)|².

    >>> svrg(LeastSquares([[1.0], [1.0]], [1.0, 1.0], 0.0), [0.0], 2.0).rate
    0.16666666666666666

    Source: `kovalev2020loopless`.
    """
    epoch = _checks.number("epoch", epoch, minimum=1.0)
    away = _checks.array("b", b, ["[p]"]) - problem.minimum
    changes = (problem.features @ away)[:, None] * problem.features + problem.ridge * away
    step = 1 / (6 * problem.smoothness)
    constant = float(away @ away) + 4 * step**2 * epoch * float(np.sum(changes**2)) / problem.n
    return Rate(step, min(problem.convexity * step, 1 / (2 * epoch)), constant)


def fitted(problem: LeastSquares, b: ArrayLike) -> Rate:
    """E |b_k − b*|² of SGD with the step 1/(2L) from `b`, where all samples are fitted: ∇F_i(b*) = 0.

    Rate 2hμ(1 − hL) = μ/2L, constant |b − b*|², b* being the minimum nearest to `b`. Raises ValueError where a gradient
    at the minimum is not zero to rounding: there is a floor then.

    >>> fitted(LeastSquares([[1.0], [2.0]], [1.0, 2.0], 0.0), [0.0])
    Rate(step=0.125, rate=0.3125, constant=1.0)

    Source: `needell2014stochastic`.
    """
    left, scale = float(np.trace(problem.noise)), float(np.max(problem.targets**2)) * problem.smoothness
    if left > 1e-20 * scale:
        raise ValueError(f"problem must be fitted at its minimum, got tr C = {left:g}")
    away = problem.span.T @ (_checks.array("b", b, ["[p]"]) - problem.minimum)
    smooth = problem.smoothness
    return Rate(1 / (2 * smooth), problem.convexity / (2 * smooth), float(away @ away))


def decaying_offset(problem: LeastSquares) -> float:
    """k₀ = 4L/μ: with steps 2/(μ(k + k₀)), the largest of which is 1/(2L), `decaying_bound` holds."""
    return 4 * problem.smoothness / problem.convexity


def decaying_bound(problem: LeastSquares, b: ArrayLike, steps: ArrayLike) -> Array:
    """E |b_k − b*|² ≤ max{8 tr C/μ², k₀ |b − b*|²}/(k + k₀) for SGD on one sample a step with steps 2/(μ(k + k₀)).

    From E|e'|² ≤ (1 − ημ) E|e|² + 2η² tr C for η ≤ 1/2L, by induction. `steps` k is [T].

    >>> decaying_bound(LeastSquares([[1.0], [1.0]], [1.0, 1.0], 0.0), [0.0], [0, 4]).tolist()
    [1.0, 0.5]

    Source: `needell2014stochastic`, for the recursion.
    """
    b = _checks.array("b", b, ["[p]"])
    late = _checks.array("steps", steps, minimum=0.0) + decaying_offset(problem)
    settled = 8 * float(np.trace(problem.noise)) / problem.convexity**2
    return max(settled, decaying_offset(problem) * float(problem.distance(b))) / late


def decaying_limit(problem: LeastSquares, c: float) -> float:
    """lim k (E F(b_k) − F(b*)) for SGD on one sample a step with steps c/(μ k), c > ½.

    In the eigenbasis of H, k S → (c/μ)² C_ij/((c/μ)(h_i + h_j) − 1). For c ≤ ½ the slowest mode falls like k^{−2c}
    instead, and there is no limit: then ValueError is raised.

    >>> decaying_limit(LeastSquares([[1.0], [1.0]], [0.0, 2.0], 0.0), 1.0)
    0.5

    Source: `chung1954stochastic`.
    """
    rate = _checks.number("c", c, minimum=0.5, exclusive=True) / problem.convexity
    values, vectors = np.linalg.eigh(problem.hessian)
    noise = np.diag(vectors.T @ problem.noise @ vectors)
    kept = values > 1e-12 * values[-1]
    return float(np.sum(0.5 * values[kept] * rate**2 * noise[kept] / (2 * rate * values[kept] - 1)))


_arithmetic.guard(__name__)
