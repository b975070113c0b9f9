"""Risk of a lazy network against particles, time and both together: the least risk that a number of operations buys.

A tangent model of m independent units learns a target on the circle (`theory.circle`) by gradient flow of its risk
over all inputs. With K_m = K + δ, δ of mean 0 and variance of order 1/m, and the target's power W_k at frequency k, of
random phase, the risk is ½ tr W e^{−2K_m t}. Its expansion in δ is

    E R_m(t) = R_∞(t) + V(t)/m + O(m⁻²),     R_∞(t) = ½ Σ_k W_k e^{−2λ_k t},
    V(t) = ½ Σ_kl W_k M_kl ∫₀^s (s − u) e^{−(s−u)λ_k − uλ_l} du,     s = 2t,   M_kl = m E |δ_kl|².

Let λ_k ∝ k^−b and let the power at eigenvalues below λ be ∝ λ^c. Then R_∞ ∝ t^−c. Power leaks from the first modes into
slow ones, where it stays: V ∝ Σ_l λ_l e^{−2λ_l t} ∝ t^−(1−1/b). An operation is a particle for a unit of time, C = m t;
for c > 1 the two terms balance at t ≪ m^b, where the expansion holds, and

    m ∝ t^(c−1+1/b),      m ∝ C^((c−1+1/b)/(c+1/b)),      R ∝ C^(−c/(c+1/b)).

Source: `bordelon2024dynamical` (the terms and the balance, for Gaussian features), `meanfield` (V of a network).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.arc_cosine import tangent_kernel
from theory.circle import CAPACITY, source_power
from theory.prediction import Prediction

_DIRECTIONS = 4
"""Gauss nodes for the direction of w between two inputs, where the kernel of a unit is smooth."""


class Circle(NamedTuple):
    """N inputs at equal distances on the circle, N a multiple of 4; arrays over the N frequencies, FFT's order."""

    x: Array
    """Inputs [N, 2]."""
    values: Array
    """Eigenvalues of K/N [N]: λ_k with what N inputs can't tell from it."""
    power: Array
    """W [N], of sum 1; on even k ≥ 2 only."""
    variance: Array
    """M [N, N]."""


def circle(inputs: int, source: float, fourth_moment: float = 1.0) -> Circle:
    """Everything the expansion needs, for `inputs` N and a target of source condition `source`.

    `fourth_moment` is E a⁴ with E a² = 1: 1 for signs. Raises ValueError for an N that is not a multiple of 4 of at
    least 8, a source that is not positive, or a fourth moment below 1.

    >>> problem = circle(16, 1.5)
    >>> problem.values[:3].round(3), float(problem.power.sum().round(12))
    (array([0.305, 0.25 , 0.08 ]), 1.0)
    """
    n = _checks.integer("inputs", inputs, minimum=8)
    if n % 4:
        raise ValueError(f"inputs must be a multiple of 4, got {n}")
    fourth = _checks.number("fourth_moment", fourth_moment, minimum=1.0)
    angles = 2 * np.pi * np.arange(n) / n
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    values = np.maximum(np.fft.fft(tangent_kernel(x[:1], x)[0]).real / n, 0.0)
    k = np.abs(np.rint(np.fft.fftfreq(n, 1 / n)))
    seen = (k >= 2) & (k % 2 == 0)
    power = np.zeros(n)
    power[seen] = source_power(k[seen], source)
    # One unit: k(θ) = ρ² A + a² B with ρ = |w|, E ρ⁴ = 8; a turn of w by 2π/N changes phases alone.
    second = np.zeros((n, n))
    for node, weight in zip(*np.polynomial.legendre.leggauss(_DIRECTIONS), strict=True):
        direction = np.pi / n * (1 + node)
        z = x @ np.array([np.cos(direction), np.sin(direction)])
        output = _in_modes(np.outer(np.maximum(z, 0), np.maximum(z, 0)))
        inside = _in_modes((x @ x.T) * np.outer(z > 0, z > 0))
        mixed = 4 * np.real(output * inside.conj())  # 2 E ρ² E a²
        second += weight / 2 * (8 * np.abs(output) ** 2 + mixed + fourth * np.abs(inside) ** 2)
    return Circle(x, values, power / power.sum(), np.maximum(second - np.diag(values**2), 0.0))


def limit_risk(problem: Circle, times: ArrayLike) -> Array:
    """R_∞ at each of `times` [T]: ½ Σ_k W_k e^{−2λ_k t}.

    >>> limit_risk(circle(16, 1.5), [0.0])
    array([0.5])
    """
    times = _checks.array("times", times, ["[T]"], minimum=0.0)
    return np.exp(-2 * np.outer(times, problem.values)) @ problem.power / 2


def linear_term(problem: Circle, kernel: ArrayLike, times: ArrayLike) -> Array:
    """The term of R_m that is linear in δ, −t Σ_k W_k e^{−2λ_k t} δ_kk, [T]: its mean is zero exactly.

    `kernel` [N, N] is the kernel of a network on the inputs. R_m − R_∞ is never below it (by Peierls' inequality and
    the tangent of the exponential). Raises ValueError for a kernel of another shape.
    """
    matrix = _checks.array("kernel", kernel, ["[n, n]"])
    _checks.same("kernel", matrix.shape, "inputs", (len(problem.x), len(problem.x)))
    times = _checks.array("times", times, ["[T]"], minimum=0.0)
    shifts = np.arange(len(matrix))
    along = matrix[shifts, (shifts + shifts[:, None]) % len(matrix)].mean(axis=1)  # means of circular diagonals
    off = np.fft.fft(along).real / len(matrix) - problem.values
    return -times * (np.exp(-2 * np.outer(times, problem.values)) @ (problem.power * off))


def variance(problem: Circle, times: ArrayLike) -> Array:
    """V at each of `times` [T]: m (E R_m − R_∞) for m → ∞.

    >>> variance(circle(16, 1.5), [0.0])
    array([0.])
    """
    times = _checks.array("times", times, ["[T]"], minimum=0.0)
    seen = problem.power > 0
    low, values = problem.values[seen][:, None], problem.values[None, :]
    weight = problem.power[seen][:, None] * problem.variance[seen]
    # A column that no unit reaches, as of odd frequencies above one, adds nothing.
    reached = weight.sum(axis=0) > 0
    values, weight = values[:, reached], weight[:, reached]
    return np.array([np.sum(weight * _leaked(low, values, 2 * t)) / 2 for t in times])


def time_exponent(source: float) -> Prediction:
    """−c: risk in t of infinitely many particles.

    >>> time_exponent(1.5).value
    -1.5
    """
    c = _checks.number("source", source, exclusive=True)
    return Prediction(-c, "slope", "R_∞ in t → ∞, source condition c", "bordelon2024dynamical")


def frontier_exponent(source: float, capacity: float = CAPACITY) -> Prediction:
    """−c/(c + 1/b): least risk in the number of operations, c > 1.

    Raises ValueError for c ≤ 1, where the expansion in 1/m does not hold at the frontier.

    >>> frontier_exponent(1.5).value
    -0.75

    Source: `bordelon2024dynamical`.
    """
    b, c = _hard(capacity, source)
    holds = "least risk in C = m t → ∞; tangent model of m units, λ_k ∝ k^−b, source condition c > 1"
    return Prediction(-c / (c + 1 / b), "slope", holds, "bordelon2024dynamical")


def width_exponent(source: float, capacity: float = CAPACITY) -> Prediction:
    """(c − 1 + 1/b)/(c + 1/b): the number of particles of least risk, in the number of operations, c > 1.

    Raises ValueError as `frontier_exponent`.

    >>> width_exponent(1.5).value
    0.5

    Source: `bordelon2024dynamical`.
    """
    b, c = _hard(capacity, source)
    holds = "m of least risk in C = m t → ∞; tangent model of m units, λ_k ∝ k^−b, source condition c > 1"
    return Prediction((c - 1 + 1 / b) / (c + 1 / b), "slope", holds, "bordelon2024dynamical")


def _hard(capacity: float, source: float) -> tuple[float, float]:
    b, c = _checks.number("capacity", capacity, minimum=1.0, exclusive=True), _checks.number("source", source)
    if c <= 1:
        raise ValueError(f"source must be above 1, where bias and variance of order 1/m balance, got {c:g}")
    return b, c


def _in_modes(kernel: Array) -> NDArray[np.complex128]:
    """⟨k|kernel|l⟩ for the modes e^{ikθ}/√N of functions, K/N being the operator."""
    return np.fft.fft(np.fft.ifft(kernel, axis=1), axis=0) / len(kernel)


def _leaked(low: Array, values: Array, s: float) -> Array:
    """∫₀^s (s − u) e^{−(s−u)λ_k − uλ_l} du, for λ_k `low` and λ_l `values`.

    With z = (λ_l − λ_k)s it is s² e^{−sλ_k} (z − 1 + e^{−z})/z². For z < 0 the factor e^{−z} is taken out: what is left
    is s² e^{−sλ_l} (1 − (1 + |z|) e^{−|z|})/z².
    """
    z = (values - low) * s
    size = np.maximum(np.abs(z), 1e-3)
    ahead = (size + np.expm1(-size)) / size**2
    behind = special.gammainc(2, size) / size**2
    ahead = np.where(np.abs(z) < 1e-3, 0.5 - z / 6 + z**2 / 24, ahead)
    behind = np.where(np.abs(z) < 1e-3, 0.5 + z / 3 + z**2 / 8, behind)
    return s * s * np.where(z >= 0, np.exp(-s * low) * ahead, np.exp(-s * values) * behind)


_arithmetic.guard(__name__)
