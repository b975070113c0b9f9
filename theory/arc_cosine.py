"""Kernels of infinitely wide two-layer networks: arc-cosine kernels and their kin, from random weights.

A unit is Φ(θ; x) = a σ(w·x), with a of mean 0 and variance s_a² (`output_scale`) independent of w ~ N(0,
s_w² I) (`input_scale`). Activations: relu, leaky_relu (slope 0.01), squared_relu (max(z, 0)²), erf (erf(z),
not erf(z/√2)), cosine (cos z), linear. At the kink relu'(0) = 0 and leaky_relu'(0) = 0.01: it matters to
the derivative kernel of a zero input only. No kernel is formed from an arccosine, so parallel, antipodal,
zero, tiny and huge inputs keep their digits.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array
from theory.activations import ACTIVATIONS, LEAKY_SLOPE, Pairs, two_sided
from theory.prediction import Prediction

Layers = Literal["both", "output", "input"]


def conjugate_kernel(
    x1: ArrayLike, x2: ArrayLike | None = None, activation: str = "relu", *, input_scale: float = 1.0
) -> Array:
    """Σ(x, x') = E σ(w·x)σ(w·x'), w ~ N(0, `input_scale`² I), for all pairs of rows.

    For ReLU, with φ the angle of x and x', Σ = |x||x'| (sin φ + (π − φ) cos φ)/2π.

    `x1` is [n1, d], `x2` is [n2, d] and defaults to `x1`; the result is [n1, n2].

    Raises ValueError for inputs that are not finite matrices of equally many columns, an unknown activation,
    an `input_scale` that is not positive, or a result that overflows.

    >>> conjugate_kernel([[1.0, 0.0]], [[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]]).round(4)
    array([[1.    , 0.    , 0.3183]])

    Source: `cho2009kernel` (relu, squared_relu), `williams1997computing` (erf), `rahimi2007random` (cosine).
    """
    pairs = _pairs(x1, x2, input_scale)
    _checks.choice("activation", activation, ACTIVATIONS)
    with np.errstate(over="ignore", invalid="ignore"):
        return _checks.in_range("x1, x2 and input_scale", ACTIVATIONS[activation].conjugate(pairs))


def derivative_kernel(
    x1: ArrayLike, x2: ArrayLike | None = None, activation: str = "relu", *, input_scale: float = 1.0
) -> Array:
    """Σ'(x, x') = E σ'(w·x)σ'(w·x'), w ~ N(0, `input_scale`² I), for all pairs of rows.

    For ReLU Σ' = (π − φ)/2π, and 0 where x or x' is zero, since relu'(0) = 0.

    Shapes and errors as for `conjugate_kernel`.

    >>> derivative_kernel([[1.0, 0.0]], [[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    array([[0.5 , 0.  , 0.25, 0.  ]])

    Source: `cho2009kernel`.
    """
    pairs = _pairs(x1, x2, input_scale)
    _checks.choice("activation", activation, ACTIVATIONS)
    with np.errstate(over="ignore", invalid="ignore"):
        return _checks.in_range("x1, x2 and input_scale", ACTIVATIONS[activation].derivative(pairs))


def tangent_kernel(
    x1: ArrayLike,
    x2: ArrayLike | None = None,
    activation: str = "relu",
    layers: Layers = "both",
    *,
    output_scale: float = 1.0,
    input_scale: float = 1.0,
    bias: bool = False,
) -> Array:
    """K(x, x') = E ∇_θΦ(θ; x)·∇_θΦ(θ; x'), the limit of the tangent kernel (1/m) Σ_j ∇Φ(θ_j; x)·∇Φ(θ_j; x').

        output layer   E σ(w·x)σ(w·x')
        input layer    s_a² (x·x') E σ'(w·x)σ'(w·x')

    `layers` says which are trained. With `bias`, x gains a last coordinate 1, so w gains a bias, drawn at
    the same scale and trained with it; with `layers="output"` it is drawn and not trained.

    `x1` is [n1, d], `x2` is [n2, d] and defaults to `x1`; the result is [n1, n2]. Raises ValueError as
    `conjugate_kernel`, and for unknown `layers` or a negative `output_scale`.

    >>> tangent_kernel([[1.0, 0.0]], [[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]]).round(4)
    array([[2.    , 0.    , 0.3183]])

    Source: `jacot2018neural`, `chizat2019lazy`.
    """
    _checks.choice("layers", layers, ("both", "output", "input"))
    _checks.choice("activation", activation, ACTIVATIONS)
    output_scale = _checks.number("output_scale", output_scale)
    plain = _pairs(x1, x2, 1.0, bias=bias)
    scaled = _pairs(x1, x2, input_scale, bias=bias)
    kernel = np.zeros((len(plain.x1), len(plain.x2)))
    with np.errstate(over="ignore", invalid="ignore"):
        if layers != "input":
            kernel = kernel + ACTIVATIONS[activation].conjugate(scaled)
        if layers != "output":
            kernel = kernel + output_scale * output_scale * plain.dot * ACTIVATIONS[activation].derivative(scaled)
    return _checks.in_range("x1, x2 and both of output_scale and input_scale", kernel)


def tangent_fluctuation(
    x: ArrayLike, activation: str = "relu", *, fourth_moment: float = 3.0, doubled: bool = False
) -> Prediction:
    """C with E‖K_m − K‖²_F = C/m at every m: how far the tangent kernel of m units is from its limit.

    K_m = (1/m) Σ_j k(θ_j), k = σσ' + a² (x·x') σ̇σ̇' on the samples, is a mean of independent matrices, so

        C = Σ_ik E k² − K²,   E k² = E σ²σ'² + 2 (x·x') E σσ̇σ'σ̇' + E a⁴ (x·x')² E σ̇²σ̇'².

    For ReLU, E k² = [ |x|²|x'|² J₂ + 2 (x·x') |x||x'| J₁ + E a⁴ (x·x')² (π − φ) ]/2π, J₁ = sin φ + (π − φ)
    cos φ and J₂ = 3 sin φ cos φ + (π − φ)(1 + 2 cos² φ). `fourth_moment` is E a⁴, with E a² = 1: 3 for
    Gaussian a, 1 for signs. `doubled` initialisation, (a, w) beside (−a, w), has m/2 independent units:
    twice the constant.

    `x` is [n, d]; `activation` is relu or leaky_relu. Raises ValueError for a bad `x`, another activation,
    or a fourth moment below 1, which Jensen's inequality excludes.

    >>> round(tangent_fluctuation([[1.0, 0.0]]).value, 4)
    3.0

    Source: `meanfield`.
    """
    pairs = _pairs(x, None, 1.0, names=("x", "x"))
    _checks.choice("activation", activation, ("relu", "leaky_relu"))
    fourth_moment = _checks.number("fourth_moment", fourth_moment, minimum=1.0)
    slope = LEAKY_SLOPE if activation == "leaky_relu" else 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        second = two_sided(pairs, 2, slope**2)
        second = second + 2 * pairs.dot * two_sided(pairs, 1, -(slope**2))
        second = second + fourth_moment * pairs.dot**2 * two_sided(pairs, 0, slope**2)
        terms = _checks.in_range("x", second) - tangent_kernel(pairs.x1, activation=activation) ** 2
    value = float(np.sum(_checks.in_range("x", terms)))
    return Prediction(
        2 * value if doubled else value,
        "=",
        "m E‖K_m − K‖²_F for every m; units drawn independently"
        + (", each beside its mirror image (−a, w)" if doubled else "")
        + f"; w ~ N(0, I), a of mean 0, variance 1 and fourth moment {fourth_moment:g}.",
        "meanfield",
    )


def _pairs(
    x1: ArrayLike,
    x2: ArrayLike | None,
    input_scale: float,
    *,
    bias: bool = False,
    names: tuple[str, str] = ("x1", "x2"),
) -> Pairs:
    first = _checks.array(names[0], x1, ["[n, d]"])
    second = first if x2 is None else _checks.array(names[1], x2, ["[n, d]"])
    _checks.same(f"columns of {names[1]}", second.shape[1], names[0], first.shape[1])
    scale = _checks.number("input_scale", input_scale, exclusive=True)
    if bias:
        first, second = (np.column_stack([x, np.ones(len(x))]) for x in (first, second))
    with np.errstate(over="ignore"):
        first, second = scale * first, scale * second
    _checks.in_range(f"{names[0]}, {names[1]} and input_scale", np.concatenate([first, second]))
    return Pairs(first, second)


_arithmetic.guard(__name__)
