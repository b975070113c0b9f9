"""How far the tangent kernel of m units is from its limit, for any activation and either layer.

K_m = (1/m) Σ_j k(θ_j) is a mean of independent matrices, so E‖K_m − K‖²_F = C/m at every m, with C = Σ_ik E k² − K².
With c = x·x' and dots for derivatives

    both layers   k = σσ' + a² c σ̇σ̇'   E k² = E σ²σ'² + 2c E σσ'σ̇σ̇' + E a⁴ c² E σ̇²σ̇'²
    output        k = σσ'              the first term alone
    input         k = a² c σ̇σ̇'         the last one alone

For the piecewise-linear activations these are arc-cosine functions (`arc_cosine.tangent_fluctuation`). Here they are
integrals over the plane in polar coordinates: (w·x, w·x') = ρ (r cos t, r' cos(t − φ)) with t uniform and ρ e^{−ρ²/2}
the density of ρ. The angles where an argument changes sign are ends of panels, so that a kink costs no accuracy.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.activations import LEAKY_SLOPE
from theory.arc_cosine import Layers, tangent_kernel
from theory.prediction import Prediction


class _Activation(NamedTuple):
    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]


ACTIVATIONS = {
    "relu": _Activation(lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "leaky_relu": _Activation(
        lambda z: np.where(z > 0, z, LEAKY_SLOPE * z), lambda z: np.where(z > 0, 1.0, LEAKY_SLOPE)
    ),
    "squared_relu": _Activation(lambda z: np.maximum(z, 0) ** 2, lambda z: 2 * np.maximum(z, 0)),
    "erf": _Activation(special.erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-z * z)),
    "cosine": _Activation(np.cos, lambda z: -np.sin(z)),
    "linear": _Activation(lambda z: z, np.ones_like),
}

LONGEST = 2.0
"""Norm up to which the nodes below resolve erf and cosine."""

_FARTHEST, _RADII, _ANGLES = 12.0, 48, 48
"""Where ρ ends (beyond it are 1e-20 of the eighth moments), nodes in ρ and in each of the four panels."""


def kernel_fluctuation(
    x: ArrayLike,
    activation: str = "relu",
    layers: Layers = "both",
    *,
    fourth_moment: float = 3.0,
    doubled: bool = False,
) -> Prediction:
    """C with E‖K_m − K‖²_F = C/m at every m, K_m the tangent kernel of m units and K its limit, by quadrature.

    `x` is [n, d], no row longer than 2; `activation` is relu, leaky_relu, squared_relu, erf, cosine or linear; `layers`
    says which are trained. `fourth_moment` is E a⁴, with E a² = 1: 3 for Gaussian a, 1 for signs; w ~ N(0, I).
    `doubled` initialisation, (a, w) beside (−a, w), has m/2 independent units: twice the constant. Right to 1e-9 of its
    value. Raises ValueError for a bad or longer `x`, an unknown activation or layer, or a fourth moment below 1.

    >>> round(kernel_fluctuation([[1.0, 0.0]], "linear").value, 6)
    4.0

    Source: `meanfield`.
    """
    x = _checks.array("x", x, ["[n, d]"])
    _checks.choice("activation", activation, ACTIVATIONS)
    _checks.choice("layers", layers, ("both", "output", "input"))
    fourth_moment = _checks.number("fourth_moment", fourth_moment, minimum=1.0)
    lengths = np.linalg.norm(x, axis=1)
    if lengths.max() > LONGEST:
        raise ValueError(f"x must have rows of length at most {LONGEST:g}, got {lengths.max():g}")
    output, mixed, inside = _second_moments(x, activation)
    second = {"output": output, "input": fourth_moment * inside, "both": output + mixed + fourth_moment * inside}
    value = second[layers] - float(np.sum(tangent_kernel(x, activation=activation, layers=layers) ** 2))
    return Prediction(
        2 * value if doubled else value,
        "=",
        f"m E‖K_m − K‖²_F for every m, {activation}, layers: {layers}; units drawn independently"
        + (", each beside its mirror image (−a, w)" if doubled else "")
        + f"; w ~ N(0, I), a of mean 0, variance 1 and fourth moment {fourth_moment:g}.",
        "meanfield",
    )


def _second_moments(x: Array, activation: str) -> tuple[float, float, float]:
    """Sums over pairs of samples of E σ²σ'², 2c E σσ'σ̇σ̇' and c² E σ̇²σ̇'²."""
    sigma, slope = ACTIVATIONS[activation]
    sums = np.zeros(3)
    for i in range(len(x)):
        for k in range(i + 1):
            u, v, weight = plane(x[i], x[k])
            inner, products, slopes = float(x[i] @ x[k]), sigma(u) * sigma(v), slope(u) * slope(v)
            terms = products**2, 2 * inner * products * slopes, inner**2 * slopes**2
            sums += (1 if i == k else 2) * np.array([np.sum(weight * term) for term in terms])
    return float(sums[0]), float(sums[1]), float(sums[2])


def plane(x1: Array, x2: Array) -> tuple[Array, Array, Array]:
    """Values of (w·x1, w·x2) and their weights, which sum to one."""
    x1, x2 = _checks.array("x1", x1, ["[d]"]), _checks.array("x2", x2, ["[d]"])
    _checks.same("x2", len(x2), "x1", len(x1))
    r1, r2 = float(np.linalg.norm(x1)), float(np.linalg.norm(x2))
    cosine = float(x1 @ x2) / (r1 * r2) if r1 and r2 else 1.0
    angle = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
    # The signs of cos t and of cos(t − φ) change at ±π/2 and φ ± π/2.
    kinks = np.sort(np.array([-np.pi / 2, angle - np.pi / 2, np.pi / 2, angle + np.pi / 2]))
    ends = np.append(kinks, kinks[0] + 2 * np.pi)
    node, weight = _legendre(_ANGLES)
    width = np.diff(ends)[:, None] / 2
    t = ((ends[:-1] + ends[1:])[:, None] / 2 + width * node).ravel()
    on_t = (width * weight).ravel() / (2 * np.pi)
    node, weight = _legendre(_RADII)
    rho = _FARTHEST * (1 + node) / 2
    on_rho = _FARTHEST / 2 * weight * rho * np.exp(-(rho**2) / 2)
    return r1 * np.outer(rho, np.cos(t)), r2 * np.outer(rho, np.cos(t - angle)), np.outer(on_rho, on_t)


@functools.cache
def _legendre(count: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(count)


_arithmetic.guard(__name__)
