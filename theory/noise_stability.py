"""Generalisation bounds of a two-layer network f(x) = A σ(W x) with ReLU σ, from its norms and from its cushions.

Each is the leading term of a bound on (test error − share of training samples with a margin below γ): constants and
logarithms are left out, of all alike, so that they can be compared with one another; above 1 they say nothing even so.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from theory import _arithmetic, _checks, _scale
from theory._checks import Array


class NormBounds(NamedTuple):
    """Leading terms of norm-based bounds; B = max_i |x_i|, γ the margin, n the samples."""

    path: float
    """Σ_j |A_j| |w_j| B / (γ√n), the variation norm of the network as it is written: at most the next two."""
    frobenius: float
    """‖A‖_F ‖W‖_F B / (γ√n)."""
    spectral: float
    """‖A‖ ‖W‖ (Σ_l (‖M_l‖_{2,1} / ‖M_l‖)^{2/3})^{3/2} B / (γ√n), ‖·‖_{2,1} the sum of the norms of a layer's rows
    (of the units for W, of the outputs for A).
    """
    parameters: float
    """√(m (d + k) / n), for a count of parameters that looks at no norm."""


def norm_bounds(w: ArrayLike, a: ArrayLike, x: ArrayLike, margin: float) -> NormBounds:
    """Bounds from norms: path, Frobenius (Neyshabur et al.), spectral (Bartlett et al.), and a count of parameters.

    `w`, W, is [m, d]; `a`, A, is [k, m]; `x` is [n, d]; `margin`, γ, is positive. Raises ValueError for shapes that
    disagree and for a margin that is not positive.

    >>> norm_bounds([[3.0, 4.0], [0.0, 1.0]], [[1.0, 2.0]], [[1.0, 0.0]], 7.0).path
    1.0

    Source: `neyshabur2015norm`, `bartlett2017spectrally`.
    """
    w, a, x = _checks.array("w", w, ["[m, d]"]), _checks.array("a", a, ["[k, m]"]), _checks.array("x", x, ["[n, d]"])
    _checks.same("columns of a", a.shape[1], "rows of w", w.shape[0])
    _checks.same("columns of x", x.shape[1], "w", w.shape[1])
    margin = _checks.number("margin", margin, exclusive=True)
    # Powers of two are put back last: products of norms may leave float64 on the way.
    (w, power_w), (a, power_a), (x, power_x) = _scale.scaled(w), _scale.scaled(a), _scale.scaled(x)
    margin, power = math.frexp(margin)
    power = power_w + power_a + power_x - power
    unit = float(np.max(np.linalg.norm(x, axis=1)) / (margin * np.sqrt(len(x))))
    widths = [np.linalg.norm(w, axis=1).sum(), np.linalg.norm(a, axis=1).sum()]
    sizes = [np.linalg.norm(w, 2), np.linalg.norm(a, 2)]
    # Written without a division by the sizes, which may be 0.
    both = (widths[0] * sizes[1]) ** (2 / 3) + (widths[1] * sizes[0]) ** (2 / 3)
    return NormBounds(
        path=math.ldexp(unit * float(np.sum(_scale.lengths(a.T) * _scale.lengths(w))), power),
        frobenius=math.ldexp(unit * float(np.linalg.norm(w) * np.linalg.norm(a)), power),
        spectral=math.ldexp(unit * float(both**1.5), power),
        parameters=float(np.sqrt(len(w) * (w.shape[1] + len(a)) / len(x))),
    )


def compression_bound(
    largest: float,
    margin: float,
    contraction: float,
    input_cushion: float,
    output_cushion: float,
    interlayer_cushion: float,
    units: int,
    samples: int,
) -> float:
    """√(p/n), p = (c² L² max|f|² / γ²) Σ_l 1/(μ_l μ_{l→})² the parameters of a compressed network that errs as little.

    L = 2 layers; `largest` is max |f| and `margin` γ, over the training samples; `contraction` is c; the cushions are
    μ₁, μ₂ and μ₁₂, each the worst over the samples in the theorem; μ_{1→} = min(1/√m, μ₁₂) with m `units`, and
    μ_{2→} = 1, for one output. `samples` is n. Raises ValueError for a number that is not positive.

    >>> round(compression_bound(1.0, 1.0, 1.0, 0.5, 1.0, 0.5, 4, 20), 12)
    1.843908891459

    Source: `arora2018stronger`.
    """
    names = ("largest", "margin", "contraction", "input_cushion", "output_cushion", "interlayer_cushion")
    given = (largest, margin, contraction, input_cushion, output_cushion, interlayer_cushion)
    f, gamma, c, mu1, mu2, mu12 = (
        _checks.number(name, v, exclusive=True) for name, v in zip(names, given, strict=True)
    )
    m, n = _checks.integer("units", units), _checks.integer("samples", samples)
    onward = min(m**-0.5, mu12)
    first, second = _scale.quotient(1.0, over=(mu1, onward)), _scale.quotient(1.0, over=(mu2,))
    return _scale.quotient(2.0, c, f, math.hypot(first, second), over=(gamma, math.sqrt(n)))


def noise_gain(matrix: ArrayLike, signal: ArrayLike) -> Array:
    """E |M η|² / |M x|² = ‖M‖²_F |x|² / |M x|² for noise η ~ N(0, |x|² I): one over the layer cushion squared.

    `matrix`, M, is [h, d]; `signal`, x, is [n, d]; the result is [n], infinite where M x = 0. Raises ValueError for
    shapes that disagree.

    >>> noise_gain([[1.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]])
    array([5.  , 1.25])

    Source: `arora2018stronger`, proposition 3.1.
    """
    matrix, signal = _checks.array("matrix", matrix, ["[h, d]"]), _checks.array("signal", signal, ["[n, d]"])
    _checks.same("columns of signal", signal.shape[1], "matrix", matrix.shape[1])
    matrix, signal = _scale.scaled(matrix)[0], _scale.scaled_rows(signal)[0]
    behind = _scale.lengths(signal @ matrix.T)[:, 0]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        gain = np.sum(matrix**2) * np.sum(signal**2, axis=1) / behind / behind
    return np.where(behind > 0, gain, np.inf)


def relu_noise(z: ArrayLike, a: ArrayLike, size: float) -> Array:
    """E |f(z + η) − f(z)|² of f(z) = Σ_j a_j max(z_j, 0), for noise η ~ N(0, s² |z|² I), s = `size`.

    `z` is [n, m]; `a`, [m]; the result is [n]. With t = z_j/(s|z|) and the normal law's density φ and distribution Φ a
    unit moves by s|z| (φ(t) − |t| Φ(−|t|)) in the mean, with the variance s² |z|² (Φ + t²Φ(1 − Φ) + tφ(1 − 2Φ) − φ²).
    For s → 0 that is s² |z|² Σ_j a_j² over the units that are on. Raises ValueError for shapes that disagree and a size
    that is not positive.

    >>> relu_noise([[1.0, -1.0]], [3.0, 5.0], 1e-3).round(9)  # 9 · 2 · 10⁻⁶
    array([1.8e-05])

    Source: `meanfield`.
    """
    z, a = _checks.array("z", z, ["[n, m]"]), _checks.array("a", a, ["[m]"])
    _checks.same("columns of z", z.shape[1], "a", len(a))
    spread = _checks.number("size", size, exclusive=True) * _scale.lengths(z)
    t = np.divide(z, spread, out=np.zeros_like(z), where=spread > 0)
    # Noise that is so much smaller crosses no kink: there φ and Φ(1 − Φ) are 0.
    near = np.abs(t) < 1e2
    within = np.where(near, t, 0.0)
    below, at = special.ndtr(t), np.where(near, np.exp(-(within**2) / 2) / np.sqrt(2 * np.pi), 0.0)
    mean = at - np.abs(within) * special.ndtr(-np.abs(t))
    variance = below + within**2 * below * special.ndtr(-t) + within * at * (1 - 2 * below) - at**2
    return spread[:, 0] ** 2 * ((mean @ a) ** 2 + variance @ a**2)


_arithmetic.guard(__name__, infinite=("noise_gain",))
