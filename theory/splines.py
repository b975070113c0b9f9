r"""ReLU networks of one input as linear splines, and the spline that training finds.

Output weights alone, over breakpoints b spread evenly on [−L, L] and both orientations, have the kernel

    K(x, z) = (1/4L) ∫ [(x − b)₊(z − b)₊ + (b − x)₊(b − z)₊] db.

Its least-norm interpolant minimises ½∫_{−L}^{L} f''² + A²/L + 3B²/L³ for f = ½∫ f''(b)|x − b| db + A x + B, which is a
natural cubic spline in the limit L → ∞ alone. To first order in 1/L the slopes p, q at the outer samples cost
(p + q)²/8L, the bends outside of the samples being at their best, so that

    f_L = f_natural + δ/L + o(1/L),

δ the cubic spline that vanishes at all samples with δ'' = ±(p + q)/4 at the first and the last. With one orientation,
(x − b)₊, the norm is ∫_{−L} f''² with f(−L) = f'(−L) = 0: a cubic spline for every L.

Training of both layers with decay of input and output weights, the bias free, minimises over all widths

    (1/2n) Σ (f(x_i) − y_i)² + λ max(∫|f''|, |f'(−∞) + f'(∞)|),

which a linear spline with knots at samples attains.
"""

import math
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.interpolate import CubicSpline

from theory import _arithmetic, _checks, _rounding, _scale
from theory._checks import Array
from theory._lasso import lasso


def breakpoint_kernel(x: ArrayLike, z: ArrayLike, reach: float, *, sides: str = "both") -> Array:
    """K of features relu(x − b), relu(b − x) at even odds (`sides="both"`), or of the first alone ("right"), [n, k].

    b is uniform on [−L, L], L = `reach`; `x` is [n] and `z` is [k], both within. Raises ValueError otherwise.

    >>> breakpoint_kernel([0.0], [0.0, 1.0], 1.0).round(6).tolist()
    [[0.166667, 0.208333]]

    Source: `williams2019gradient`.
    """
    x, z = _checks.array("x", x, ["[n]"]), _checks.array("z", z, ["[k]"])
    reach = _checks.number("reach", reach, exclusive=True)
    _checks.choice("sides", sides, ("both", "right"))
    if max(np.abs(x).max(), np.abs(z).max()) > reach:
        raise ValueError(f"x and z must lie within the breakpoints, got reach {reach:g}")
    fraction, power = math.frexp(reach)
    return np.ldexp(_kernel(np.ldexp(x, -power), np.ldexp(z, -power), fraction, sides), 2 * power)


def _kernel(x: Array, z: Array, reach: float, sides: str) -> Array:
    right = _overlap(x[:, None], z[None, :], reach) / (2 * reach)
    if sides == "right":
        return right
    return (right + _overlap(-x[:, None], -z[None, :], reach) / (2 * reach)) / 2


def tangent_kernel(x: ArrayLike, z: ArrayLike, reach: float, output: float) -> Array:
    """Kernel of both layers, [n, k]: K + κ² K_in for |a| = κ = `output`, |w| = 1, biases as in `breakpoint_kernel`.

    K_in(x, z) = (1 + x z)(2L − |x − z|)/4L comes from weights and biases of the hidden layer. Its kink at x = z makes
    interpolants with corners at the samples: no cubic splines. Raises ValueError as `breakpoint_kernel`.

    >>> tangent_kernel([0.0], [0.0], 1.0, 2.0).round(6).tolist()
    [[2.166667]]

    Source: `meanfield`; the limits κ → 0 and ∞ are those of `williams2019gradient`.
    """
    kernel = breakpoint_kernel(x, z, reach)
    output, reach = _checks.number("output", output), _checks.number("reach", reach)
    x, z = _checks.array("x", x)[:, None], _checks.array("z", z)[None, :]
    return kernel + output**2 * (1 + x * z) * (2 * reach - np.abs(x - z)) / (4 * reach)


def interpolant(kernel: ArrayLike, kernel_test: ArrayLike, y: ArrayLike) -> Array:
    """f = K_* K⁻¹ y, the interpolant of least norm, [k], for `kernel` [n, n] and `kernel_test` [k, n].

    >>> interpolant([[2.0]], [[1.0], [4.0]], [1.0]).tolist()
    [0.5, 2.0]

    Source: `williams2019gradient`.
    """
    kernel, cross = _checks.array("kernel", kernel, ["[n, n]"]), _checks.array("kernel_test", kernel_test, ["[k, n]"])
    y = _checks.array("y", y, ["[n]"])
    _checks.same("shape of kernel", kernel.shape, "y", (len(y), len(y)))
    _checks.same("columns of kernel_test", cross.shape[1], "kernel", len(kernel))
    condition = float(np.linalg.cond(kernel))
    if not condition * np.finfo(float).eps < 1:
        raise ValueError(f"kernel must be regular, got one of condition {condition:.3g}")
    return cross @ np.linalg.solve(kernel, y)


def natural_spline(x: ArrayLike, y: ArrayLike) -> CubicSpline:
    """The natural cubic spline through at least two samples of increasing x.

    >>> float(natural_spline([0.0, 1.0, 2.0], [0.0, 1.0, 0.0])(0.5))
    0.6875

    Source: `williams2019gradient`.
    """
    x, y = _samples(x, y)
    return _finite("y", CubicSpline(x, y, bc_type="natural"))


def finite_reach_correction(x: ArrayLike, y: ArrayLike) -> CubicSpline:
    """δ, the limit of L (f_L − f_natural) as L → ∞: a cubic spline that vanishes at the samples.

    >>> round(float(finite_reach_correction([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])(0.5)), 12)
    -0.03125

    Source: `meanfield`.
    """
    x, y = _samples(x, y)
    slopes = natural_spline(x, y)(x[[0, -1]], 1)
    bend = float(np.sum(slopes)) / 4
    found = CubicSpline(x, np.zeros(len(x)), bc_type=((2, bend), (2, -bend)))  # pyright: ignore[reportArgumentType]
    return _finite("y", found)


def one_sided_spline(x: ArrayLike, y: ArrayLike, reach: float) -> CubicSpline:
    """The interpolant for one orientation: a cubic spline with f = f' = 0 at −L and f'' = 0 at the last sample.

    >>> spline = one_sided_spline([0.0, 1.0], [1.0, 0.0], 2.0)
    >>> float(spline(-2.0)), float(spline(-2.0, 1)), float(spline(0.0))
    (0.0, 0.0, 1.0)

    Source: `meanfield`.
    """
    x, y = _samples(x, y)
    reach = _checks.number("reach", reach, exclusive=True)
    if -reach >= x[0]:
        raise ValueError(f"x must lie within the breakpoints, got reach {reach:g}")
    found = CubicSpline(np.append(-reach, x), np.append(0.0, y), bc_type=((1, 0.0), (2, 0.0)))  # pyright: ignore[reportArgumentType]
    return _finite("y", found)


def cubic_variation(spline: CubicSpline) -> float:
    """∫|f''| over all pieces of a cubic spline, whose second derivative is linear on each.

    >>> cubic_variation(natural_spline([0.0, 1.0, 2.0], [0.0, 1.0, 0.0]))
    3.0
    """
    left, right = spline(spline.x[:-1], 2), spline(spline.x[1:], 2)
    total, crossing = np.abs(left) + np.abs(right), np.sign(left) * np.sign(right) < 0
    safe = np.where(total > 0, total, 1.0)
    mean = np.where(crossing, left * (left / safe) + right * (right / safe), total) / 2
    return float(np.sum(np.diff(spline.x) * mean))


def linear_variation(x: ArrayLike, y: ArrayLike) -> float:
    """∫|f''| of the linear spline with knots at the samples: the least of all interpolants.

    >>> linear_variation([0.0, 1.0, 2.0], [0.0, 1.0, 0.0])
    2.0

    Source: `savarese2019infinite`.
    """
    x, y = _samples(x, y)
    return float(np.sum(np.abs(np.diff(np.diff(y) / np.diff(x)))))


CLOSE = 1e-6
"""Share of the range below which neighbours are as far apart in what is only a start."""


class LinearSpline(NamedTuple):
    """A minimum: the objective, a lower bound of it by duality, f at the samples, and max(∫|f''|, |f'(−∞) + f'(∞)|)."""

    value: float
    lower: float
    values: Array
    cost: float


def variation_minimum(x: ArrayLike, y: ArrayLike, strength: float) -> LinearSpline:
    """min over f of (1/2n) Σ (f(x_i) − y_i)² + λ max(∫|f''|, |f'(−∞) + f'(∞)|), λ = `strength`.

    A lasso over neurons of slope 1 at the samples and a free constant. `lower` is proved: for residuals r with
    Σ r_i = 0 and C = max_b |(1/n) Σ r_i (x_i − b)₊|, any s with |s| C ≤ λ bounds the minimum by −(s r·y + s²|r|²/2)/n.

    Raises ValueError for fewer than two samples, x that do not increase, or a strength that is not positive.

    >>> found = variation_minimum([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], 0.01)
    >>> round(found.value, 8), round(found.cost, 6)
    (0.0191, 1.82)

    Source: `savarese2019infinite`.
    """
    x, y = _samples(x, y)
    strength = _checks.number("strength", strength, exclusive=True)
    # In units of a power of two, which changes no distance; constants cost nothing, and are taken out.
    near, power = _scale.scaled(x)
    _, apart = np.frexp(near[-1] - near[0])
    near, power = np.ldexp(near, -apart), power + int(apart)
    target, top = _scale.scaled(y)
    middle = float(np.mean(target))
    target = target - middle
    with np.errstate(over="ignore"):
        decay = float(np.ldexp(strength, -power - top))
    n = len(x)
    # A neuron of either orientation at each sample: what bends between two samples is their sum on all of them.
    right, left = np.maximum(near[:, None] - near[:-1], 0.0), np.maximum(near[1:-1] - near[:, None], 0.0)
    features = np.hstack([right, left])
    means = features.mean(axis=0)
    # Beyond these decays the start does not matter.
    start = _neurons(near, _near_minimum(near, target, float(np.clip(decay, 1e-9, 1.0))))
    c, gap = lasso(features - means, target, decay, start=start)
    fitted = (features - means) @ c
    fitted = fitted - np.mean(fitted)
    kinks = c[: n - 1].copy()
    kinks[1:] += c[n - 1 :]
    cost = max(float(np.abs(kinks).sum()), abs(float(c[: n - 1].sum() - c[n - 1 :].sum())))
    square = float(np.mean((fitted - target) ** 2))
    value = square / 2 + (decay * cost if cost else 0.0)
    gap = gap * float(target @ target) + _rounding.allowance(n) * value
    unit = 2 * top
    return LinearSpline(
        float(np.ldexp(value, unit)),
        float(np.ldexp(max(0.0, value - gap), unit)),
        np.ldexp(fitted + middle, top),
        float(np.ldexp(cost, top - power)),
    )


def _near_minimum(x: Array, y: Array, strength: float) -> Array:
    """f at the samples where `variation_minimum` is, to what an interior-point method leaves."""
    n = len(x)
    # Variables: f (n), slopes on the left and on the right, |kinks| (n), and the cost.
    slopes = np.zeros((n + 1, n + 2))
    slopes[0, n], slopes[n, n + 1] = 1, 1
    for i, gap in enumerate(np.maximum(np.diff(x), CLOSE)):
        slopes[i + 1, [i, i + 1]] = -1 / gap, 1 / gap
    kinks, ends = np.diff(slopes, axis=0), slopes[[0]] + slopes[[n]]
    none, one, eye = np.zeros((n, 1)), np.ones((1, 1)), np.eye(n)
    rows = [[sign * kinks, -eye, none] for sign in (1, -1)]
    rows += [[np.zeros((1, n + 2)), np.ones((1, n)), -one]]
    rows += [[sign * ends, np.zeros((1, n)), -one] for sign in (1, -1)]
    matrix = np.block(rows)
    quadratic = np.diag(np.append(np.full(n, 1 / n), np.zeros(n + 3)))
    linear = np.concatenate([-y / n, np.zeros(n + 2), [strength]])
    clarabel: Any = import_module("clarabel")
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    problem = clarabel.DefaultSolver(
        sparse.csc_matrix(quadratic), linear, sparse.csc_matrix(matrix), np.zeros(len(matrix)),
        [clarabel.NonnegativeConeT(len(matrix))], settings,
    )  # fmt: skip
    solution = np.array(problem.solve().x[:n])
    # It is no more than a start: where the solver fails, nothing is one too.
    return solution if np.all(np.isfinite(solution)) else np.zeros(n)


def _neurons(x: Array, values: Array) -> Array:
    """Weights of relu(x − x_i), i < n, and of relu(x_i − x), 1 < i < n, for a spline, of the least sum."""
    slopes = np.diff(values) / np.maximum(np.diff(x), CLOSE)
    kinks = np.diff(slopes)
    size, ends = float(np.abs(kinks).sum()), float(slopes[0] + slopes[-1])
    tilt = float(np.clip(ends / size, -1.0, 1.0)) if size > 0 else 0.0
    left = (kinks - tilt * np.abs(kinks)) / 2
    return np.concatenate([[slopes[0] + left.sum()], kinks - left, left])


def _finite(name: str, spline: CubicSpline) -> CubicSpline:
    if not np.all(np.isfinite(spline.c)):
        raise ValueError(f"{name} and x must be of sizes that float64 can compute with, got a spline that overflows")
    return spline


def _overlap(x: Array, z: Array, reach: float) -> Array:
    """∫_{−L}^{min(x, z)} (x − b)(z − b) db."""
    low, gap = np.minimum(x, z) + reach, np.abs(x - z)
    return low**3 / 3 + gap * low**2 / 2


def _samples(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    x, y = _checks.array("x", x, ["[n]"]), _checks.array("y", y, ["[n]"])
    _checks.same("y", len(y), "x", len(x))
    if len(x) < 2 or np.any(np.diff(x) <= 0):
        raise ValueError(f"x must increase and hold at least two samples, got {_checks.shown(x.tolist())}")
    return x, y


_arithmetic.guard(__name__)
