"""How far a two-layer network can be from its linearisation, with every constant: Theorem 2.3 made explicit.

Model f = αh, h(θ) = (1/m) Σ_j a_j σ(w_j·x), F(θ) = ‖αh − y‖²/(2α²), ‖f‖² = (1/n) Σ_i f_i² on outputs,
‖θ‖² = (1/m) Σ_j |θ_j|² on parameters, flow θ' = −∇F in that metric: θ_j' = −m ∇_{θ_j}F.

Let D = ‖Dh(θ₀)‖, e = ‖αh(θ₀) − y‖, and let B be the ball of radius r = K e/(α D) about θ₀. Write M for a
Lipschitz constant of Dh on B, and L = D + r M, so that ‖Dh‖ ≤ L on B. Then at all t ≤ T = K/L²:

1. F decreases, so ‖θ'‖ = (1/α)‖Dh*(αh − y)‖ ≤ L e/α while θ is in B, and ‖θ − θ₀‖ ≤ L e t/α ≤ K e/(α L) ≤ r:
   the flow stays in B. There is no circle, for r needs D only, M needs r, L needs both, T needs L.
2. The gap Δ = αh(θ) − f_lin solves Δ' = −Σ₀Δ − (Σ(θ) − Σ₀)(αh − y), Σ = Dh Dh*, and Σ₀ ≥ 0, so
   ‖Δ(t)‖ ≤ ∫₀ᵗ 2 L M ‖θ − θ₀‖ e ds ≤ L² M e² t²/α ≤ (K²/α)(M/L²) e².

The constants. Dh Dh* is K₀/n, K₀ the tangent kernel, so D² = λ_max(K₀)/n. By Cauchy–Schwarz in this metric
‖D²h(θ)‖ ≤ max_j max_i ‖D²φ_i(θ_j)‖, and D²φ_i has norm at most the spectral radius of [[0, X s₁],
[X s₁, A X² s₂]], where X = max|x_i|, s₁ = sup|σ'|, s₂ = sup|σ''|, and A = max|a_j(0)| + √m r bounds every
|a_j| on B. A ball is convex, so M is that spectral radius.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, special

from theory import _arithmetic, _checks, _scale
from theory._checks import Array
from theory.prediction import Prediction


class _Smooth(NamedTuple):
    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    slope: float  # sup|σ'|
    curvature: float  # sup|σ''|


_SMOOTH = {
    "tanh": _Smooth(np.tanh, lambda z: 1 / np.cosh(np.clip(z, -300, 300)) ** 2, 1.0, 4 / (3 * np.sqrt(3))),
    "erf": _Smooth(
        special.erf,
        lambda z: 2 / np.sqrt(np.pi) * np.exp(-(np.clip(z, -30, 30) ** 2)),
        2 / np.sqrt(np.pi),
        2 * np.sqrt(2 / (np.pi * np.e)),
    ),
    "cosine": _Smooth(np.cos, lambda z: -np.sin(z), 1.0, 1.0),
    "linear": _Smooth(lambda z: z, np.ones_like, 1.0, 0.0),
}


@dataclass(frozen=True)
class LazyBound:
    """The numbers of the bound, in its order: each follows from those above it.

    `error` is e = ‖αh(θ₀) − y‖, `radius` is r, `curvature` is Lip(Dh) and `slope` is Lip(h) on the ball of
    that radius, `horizon` is T = K/Lip(h)², and `gap` bounds sup_{t ≤ T} ‖αh(θ(t)) − f_lin(t)‖/e.
    """

    error: float
    radius: float
    curvature: float
    slope: float
    horizon: float
    gap: float
    activation: str

    def prediction(self) -> Prediction:
        """The bound on the relative gap as a `Prediction`, relation `<=`."""
        return Prediction(self.gap, "<=", self._holds("sup ‖f − f_lin‖/‖f(0) − y‖"), "chizat2019lazy")

    def movement(self) -> Prediction:
        """The bound on sup ‖θ(t) − θ(0)‖ as a `Prediction`, relation `<=`: the radius."""
        return Prediction(self.radius, "<=", self._holds("sup ‖θ(t) − θ(0)‖"), "chizat2019lazy")

    def _holds(self, quantity: str) -> str:
        return (
            f"{quantity} over 0 ≤ t ≤ {self.horizon:.6g}; flow θ_j' = −m ∇F of the square loss over α², "
            f"norms (1/n)Σ on outputs and (1/m)Σ on parameters, {self.activation} units, no bias, no penalty."
        )


def lazy_gap_bound(
    output_weights: ArrayLike,
    input_weights: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    alpha: float,
    k: float,
    activation: str = "tanh",
    *,
    centred: bool = False,
) -> LazyBound:
    """sup_{t ≤ T} ‖αh − f_lin‖/‖αh₀ − y‖ ≤ (K²/α)(Lip(Dh)/Lip(h)²)‖αh₀ − y‖ at T = K/Lip(h)².

    `output_weights` is [m], `input_weights` is [m, d], `x` is [n, d], `y` is [n]; `alpha` is α, `k` is K.
    The activation is tanh, erf, cosine or linear: the bound needs a second derivative. With `centred` the
    model is f = α(h − h₀). The constants, and the proof, stand at the head of the module.

    The inequality is sharp: one linear unit with a = w, n = 1, K → 0 and α → ∞ attains it.

    Raises ValueError for shapes that disagree, numbers that are not finite, `alpha` or `k` not positive,
    another activation, or a tangent kernel that vanishes (then nothing moves, and no horizon is set).

    >>> a, w, x, y = [1.0, -1.0], [[0.6, 0.8], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.8]], [1.0, -1.0]
    >>> bound = lazy_gap_bound(a, w, x, y, alpha=100.0, k=1.0)
    >>> bound.prediction().relation, round(bound.gap, 4), round(bound.horizon, 3)
    ('<=', 0.0206, 1.405)

    Source: `chizat2019lazy`, Theorem 2.3.
    """
    a = _checks.array("output_weights", output_weights, ["[m]"])
    w = _checks.array("input_weights", input_weights, ["[m, d]"])
    x = _checks.array("x", x, ["[n, d]"])
    y = _checks.array("y", y, ["[n]"])
    _checks.same("rows of input_weights", len(w), "output_weights", len(a))
    _checks.same("columns of x", x.shape[1], "input_weights", w.shape[1])
    _checks.same("length of y", len(y), "x", len(x))
    alpha = _checks.number("alpha", alpha, exclusive=True)
    k = _checks.number("k", k, exclusive=True)
    sigma = _SMOOTH[_checks.choice("activation", activation, _SMOOTH)]

    m, n, everything = len(a), len(x), "alpha, k, x, y, output_weights and input_weights"
    with np.errstate(all="ignore"):
        z = x @ w.T
        features, slopes = sigma.value(z), sigma.derivative(z) * a
        initial = _tangent_norm(_checks.in_range(everything, features), _checks.in_range(everything, slopes), x)
        if initial == 0.0:
            raise ValueError("x must give a tangent kernel that is not zero at these weights, got zero")
        start = np.zeros(n) if centred else alpha * (features @ a / m)
        error = _length(_checks.in_range(everything, start - y)) / np.sqrt(n)
        radius = _scale.quotient(k, error, over=(alpha, initial))
        largest = float(np.max(_scale.lengths(x)))
        mixed = largest * sigma.slope
        pure = (np.max(np.abs(a)) + np.sqrt(m) * radius) * largest * largest * sigma.curvature
        curvature = float((pure + np.hypot(pure, 2 * mixed)) / 2)
        slope = float(initial + radius * curvature)
    _checks.in_range(everything, np.array([error, radius, curvature, slope]))
    horizon = _scale.quotient(k, over=(slope, slope))
    gap = _scale.quotient(k, k, curvature, error, over=(alpha, slope, slope))
    return LazyBound(
        error=float(error),
        radius=float(radius),
        curvature=float(curvature),
        slope=float(slope),
        horizon=float(horizon),
        gap=float(gap),
        activation=activation,
    )


def _tangent_norm(features: Array, slopes: Array, x: Array) -> float:
    """√(λ_max/n) of the tangent kernel (ΦΦᵀ + XXᵀ∘SSᵀ)/m, without squares of sizes that float64 does not square."""
    (features, first), (slopes, second), (x, third) = (_scale.scaled(part) for part in (features, slopes, x))
    inner = second + third if slopes.any() else first
    top = max(first, inner) if features.any() else inner
    kernel = np.ldexp(features @ features.T, 2 * (first - top))
    kernel = kernel + np.ldexp(x @ x.T * (slopes @ slopes.T), 2 * (inner - top))
    return float(np.ldexp(np.sqrt(max(linalg.eigvalsh(kernel)[-1], 0.0) / slopes.size), top))


def _length(y: Array) -> float:
    return float(_scale.lengths(y)[0])


_arithmetic.guard(__name__)
