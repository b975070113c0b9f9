"""Exponents that tell lazy training from feature learning, in the output scale α and in the width m.

Throughout f = (α/m) Σ_j Φ(θ_j; x), Φ = a σ(w·x), F = R(f)/α² with R the square loss, θ_j' = −m ∇_{θ_j}F,
distances are ((1/m) Σ_j |θ_j − θ_j(0)|²)^{1/2}, and the horizon T is fixed. Mean-field scaling is α = 1,
tangent scaling is α = √m.

Doubling, (a, w) beside (−a, w), does more than make f(0) = 0. The two move by (p, q) and (p, −q), so every
change of the tangent kernel of first order in 1/α, and every term D²Φ[δ, δ] of f, cancels in pairs: the
distance to the linearised model is one order smaller than for a model centred by subtraction. Likewise in the
width, for independent units: ∇Φ·∇Φ' is even and its change along the flow odd under a → −a (for odd σ also
under w → −w), so a symmetric initial law removes the mean of the first-order change.
"""

from typing import Literal

from theory import _arithmetic, _checks
from theory.prediction import Prediction

Scaling = Literal["mean-field", "tangent"]
_SCALINGS = ("mean-field", "tangent")


def movement_exponent() -> Prediction:
    """−1: sup_{t ≤ T} ‖θ(t) − θ(0)‖ = O(1/α).

    θ' = −(1/α) Dh* (f − y), and f − y starts at −y and does not grow.

    >>> movement_exponent().value
    -1.0

    Source: `chizat2019lazy`, Theorem 2.2.
    """
    return Prediction(
        -1.0,
        "slope",
        "sup_t |θ(t) − θ(0)| in α → ∞; f(0) = 0 (doubled or centred), y ≠ 0, square loss, fixed horizon; "
        "smooth activation or ReLU.",
        "chizat2019lazy",
    )


def output_gap_exponent(initial: Literal["centred", "doubled"] = "centred", smooth: bool = True) -> Prediction:
    """Exponent in α of sup_{t ≤ T} ‖f(t) − f_lin(t)‖, f_lin the linearised model.

    | activation | centred | doubled |
    |---|---|---|
    | smooth | −1 | −2 |
    | ReLU, root mean square over initialisations | −1/2 | −1/2 |

    The paper proves O(1/α) for smooth models; doubling gains an order (see the module). ReLU is not smooth:
    each activation switch moves f by O(1/m) whatever α is, the number of switches is ∝ 1/α, and they come one
    by one, so the root mean square is (mα)^{-1/2}. A single seed has no slope, and the smooth exponents come
    back in the median only where no switch is left, α ≫ m n.

    Raises ValueError for an unknown `initial`.

    >>> output_gap_exponent("doubled").value
    -2.0

    Source: `meanfield`; the bound of a smooth model is in `chizat2019lazy`, Theorem 2.2.
    """
    _checks.choice("initial", initial, ("centred", "doubled"))
    if not smooth:
        return Prediction(
            -0.5,
            "slope",
            "Root mean square over initialisations of sup_t |f − f_lin| in α, m fixed, where units still "
            f"switch in some of them; ReLU, {initial}, square loss, fixed horizon.",
            "meanfield",
        )
    return Prediction(
        -2.0 if initial == "doubled" else -1.0,
        "slope",
        f"sup_t |f − f_lin| in α → ∞; smooth activation, {initial}, square loss, fixed horizon.",
        "meanfield",
    )


def kernel_change_exponent(scaling: Scaling, smooth: bool = True, symmetric: bool = True) -> Prediction:
    """Exponent in m of ‖K(T) − K(0)‖/‖K(0)‖, K the tangent kernel of m units.

    | scaling | smooth, symmetric law | smooth, asymmetric law | ReLU |
    |---|---|---|---|
    | mean-field | 0 | 0 | 0 |
    | tangent | −1 | −1/2 | at most −1/2 |

    O(m^{-1/2}) is always a bound under tangent scaling; it is attained only if neither a → −a nor, for odd σ,
    w → −w preserves the initial law (see the module). For ReLU the velocity jumps across kinks, so switches
    are one-sided and symmetry does not help in the limit; up to m of some thousands the apparent exponent of
    a symmetric law is nearer −2/3.

    Raises ValueError for an unknown `scaling`.

    >>> kernel_change_exponent("tangent").value
    -1.0

    Source: `meanfield`; the bound is in `chizat2019lazy`.
    """
    _checks.choice("scaling", scaling, _SCALINGS)
    law = f"{'symmetric' if symmetric else 'asymmetric'} initial law"
    kind = f"{'smooth activation' if smooth else 'ReLU'}, {law}"
    what = f"Relative change of the tangent kernel in m → ∞; {scaling} scaling, {kind}, f(0) = 0, fixed horizon"
    if scaling == "mean-field":
        return Prediction(0.0, "slope", f"{what}.", "chizat2018global")
    if not smooth:
        return Prediction(-0.5, "<=", f"{what}; a bound on the exponent.", "chizat2019lazy")
    return Prediction(
        -1.0 if symmetric else -0.5,
        "slope",
        f"{what}, bounded output weights (Gaussian ones converge slowly).",
        "meanfield",
    )


def displacement_exponent(scaling: Scaling) -> Prediction:
    """Exponent in m of ‖θ(T) − θ(0)‖: 0 in mean-field scaling, −1/2 in tangent scaling, where α = √m.

    Raises ValueError for an unknown `scaling`.

    >>> displacement_exponent("tangent").value
    -0.5

    Source: `chizat2018global` (mean-field), `chizat2019lazy` (tangent).
    """
    _checks.choice("scaling", scaling, _SCALINGS)
    return Prediction(
        0.0 if scaling == "mean-field" else -0.5,
        "slope",
        f"Root-mean-square displacement of a unit in m → ∞; {scaling} scaling, f(0) = 0, y ≠ 0, square loss, "
        "fixed horizon.",
        "chizat2018global" if scaling == "mean-field" else "chizat2019lazy",
    )


def criterion_exponent(power: float, initial: Literal["independent", "doubled"] = "independent") -> Prediction:
    """Exponent in m of κ = ‖f(0) − y‖ ‖D²f‖/‖Df‖², the lazy criterion, for α = m^`power`.

    κ² ≈ A/m + B/α²: the first term is f(0), the second y. So the exponent is −min(power, 1/2) for independent
    units, and −power for doubled ones, where f(0) = 0. Training is lazy if κ → 0. (The fourth version of the
    paper prints the exponent −1/2 for the second term; that is a bound, and the rate is −1.)

    Raises ValueError if `power` is not a finite number ≥ 0, or for an unknown `initial`.

    >>> criterion_exponent(0.5).value, criterion_exponent(1.0).value, criterion_exponent(1.0, "doubled").value
    (-0.5, -0.5, -1.0)

    Source: `chizat2019lazy`, corrected.
    """
    power = _checks.number("power", power)
    _checks.choice("initial", initial, ("independent", "doubled"))
    return Prediction(
        -power if initial == "doubled" else -min(power, 0.5),
        "slope",
        f"Lazy criterion κ in m → ∞; α = m^{power:g}, {initial} units, smooth activation, bounded output "
        "weights of mean 0, y ≠ 0.",
        "chizat2019lazy",
    )


def kernel_limit_exponent() -> Prediction:
    """−1/2: root mean square over initialisations of ‖f_m(T) − f_∞(T)‖ in m, at tangent scaling.

    f_∞ is kernel regression with the limiting tangent kernel, trained as long, and f_m starts at zero. The
    tangent kernel of m units differs from its limit by O(m^{-1/2}) (`arc_cosine.tangent_fluctuation`), and
    trained predictions are a smooth function of it; what the kernel changes in training is of higher order.

    >>> kernel_limit_exponent().value
    -0.5

    Source: `meanfield`; the bound is in `lee2019wide`.
    """
    return Prediction(
        -0.5,
        "slope",
        "(E |f_m(T) − f_∞(T)|²)^{1/2} in m → ∞ at α = √m; doubled or centred start, square loss, fixed horizon.",
        "meanfield",
    )


def kernel_distance_exponent() -> Prediction:
    """−1: E‖K_m − K‖²_F at the start, in m; exact at every m, with the constant of `arc_cosine.tangent_fluctuation`.

    >>> kernel_distance_exponent().value
    -1.0

    Source: `meanfield`.
    """
    return Prediction(
        -1.0,
        "slope",
        "E ‖K_m − K‖²_F in m; independent units, output weights of mean 0 with a finite fourth moment.",
        "meanfield",
    )


_arithmetic.guard(__name__)
