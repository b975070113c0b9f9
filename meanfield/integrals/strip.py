"""How well polynomials approximate x ↦ σ(wx + b) on an interval, by the strip |Im z| ≤ s on which σ' is bounded.

A function that is analytic and bounded by M in the ellipse with foci ±1 and semi-axes (ρ ± 1/ρ)/2 is within
4 M ρ^(−N)/(ρ − 1) of its Chebyshev interpolant of degree N on [−1, 1]. The ellipse with semi-minor axis s/r, for
r = |w| times half the length of the interval, is mapped into the strip by z = wx + b, whatever b.

Source: Trefethen, Approximation Theory and Approximation Practice, Thm 8.2.
"""

import functools

import numpy as np

from meanfield.units.activations import ACTIVATIONS
from meanfield.units.neuron import AbstractUnit, Neuron


# log(sup |σ'| on |Im z| ≤ s) − log(sup |σ'| on the line), from above.
def _tanh(s):
    """tanh' = 1/cosh², and |cosh(x + iy)|² = sinh² x + cos² y; a pole at iπ/2."""
    return -2 * np.log(np.cos(s))


def _sigmoid(s):
    """sigmoid' = 1/(2 cosh(z/2))²; a pole at iπ."""
    return -2 * np.log(np.cos(s / 2))


def _softplus(s):
    """softplus' = 1/(1 + exp(−z)), and |1 + r exp(iy)| ≥ 1 for |y| ≤ π/2, ≥ |sin y| beyond; a singularity at iπ."""
    return np.where(s <= np.pi / 2, 0.0, -np.log(np.sin(s)))


def _erf(s):
    """|exp(−(x + iy)²)| = exp(y² − x²)."""
    return s**2


def _gelu(s):
    """gelu' = Φ + zφ with |Φ(x + iy)| ≤ 1 + |y| exp(y²/2)/√2π and |zφ| ≤ (exp(−½) + |y|) exp(y²/2)/√2π."""
    return np.logaddexp(0, np.log((np.exp(-0.5) + 2 * s) / np.sqrt(2 * np.pi)) + s**2 / 2)


def _cosine(s):
    """|sin(x + iy)| ≤ cosh y."""
    return np.logaddexp(s, -s) - np.log(2)


def _below(singularity: float) -> np.ndarray:
    return np.linspace(0, singularity, 65)[1:-1]


ENTIRE = np.geomspace(2.0**-4, 2.0**9, 64)
"""Widths s to choose from where σ has no singularity: the more points, the larger the best one."""

STRIPS = {
    "tanh": (_below(np.pi / 2), _tanh),
    "sigmoid": (_below(np.pi), _sigmoid),
    "softplus": (_below(np.pi), _softplus),
    "erf": (ENTIRE, _erf),
    "gelu": (ENTIRE, _gelu),
    "cosine": (ENTIRE, _cosine),
}


def analytic(unit: AbstractUnit) -> str | None:
    """The name of a neuron's activation, if it has a strip here; None for every other unit."""
    if type(unit) is not Neuron:
        return None
    return next((name for name in STRIPS if ACTIVATIONS[name].function is unit.activation), None)


def log_error(activation: str, reach: float, nodes: int) -> float:
    """log E, for a bound E on the errors of interpolation in x of σ(wx + b) and of its derivatives in w and b.

    With X = max |x| and D = sup |σ'| on the line, σ(wx + b) is found up to E D |w| X, its derivative σ'(wx + b) in b up
    to E D, and xσ'(wx + b) in w up to E D X: the sizes of what a rounding of x or of σ' does to them.

    **Arguments:** `reach`: r, or an upper bound of it; `nodes`: N + 1, the number of points.

    The bound M on the ellipse, in these units and with A = (ρ + 1/ρ)/2 for its semi-major axis, is sup |σ'| / D for
    σ', A times as much for xσ', and so it is for σ less its value in the centre, which is interpolated exactly.
    """
    s, growth = STRIPS[activation]
    ratio = s / max(reach, 1e-9)
    log_rho = np.arcsinh(ratio)
    major = np.sqrt(1 + ratio**2)
    bounds = np.log(4 * major / np.expm1(log_rho)) + growth(s) - (nodes - 1) * log_rho
    return float(np.min(bounds))


@functools.cache
def largest_reach(activation: str, nodes: int, error: float) -> float:
    """The largest r, rounded down, for which E ≤ `error`: E grows with r."""
    low, high = 0.0, 1e6
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if log_error(activation, middle, nodes) <= np.log(error) else (low, middle)
    return low
