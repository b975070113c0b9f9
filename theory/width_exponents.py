r"""How the step that trains best moves with the width m: its exponent, by counting what an update does to the output.

A network f(x) = s Σ_j a_j σ(w_j·x + b_j) has inputs and hidden weights of order one. An update changes each output
weight by δ_a and each row of hidden weights by δ_w. Changes of all neurons add up, for they answer one residual:

    Δf = m s δ_a  (readout)   and   Δf = m s |a| δ_w  (hidden layer).

The best step keeps the larger of the two of order one: with Δf ∝ h m^q for a step h, it is ∝ m^−q, q = max(q_a, q_w).
The powers of m, with s and |a| at the start:

| parametrisation | s | a | δ of a plain gradient: s for a, s a for w | δ of Adam: 1 |
|---|---|---|---|---|
| standard | 0 | −1/2 | q_a = 1, q_w = 0 | q_a = 1, q_w = 1/2 |
| tangent | −1/2 | 0 | 0, 0 | 1/2, 1/2 |
| mup | −1 | 0 | 0, 0 (steps are of mean-field time, m times the gradient) | 0, 0 |

Momentum multiplies a step by a number that knows no width. The step of Muon is c times the polar factor of a layer's
gradient [out, in]: its m rows, or m columns, have the norm m^−1/2 each, so that δ = c m^−1/2, with

| c | hidden layer [m, d] | readout [1, m] |
|---|---|---|
| none: 1 | 0 | 0 |
| ratio: √(out/in) | 1/2 | −1/2 |
| clipped: √max(1, out/in) | 1/2 | 0 |
| rms: √max(out, in), times a number | 1/2 | 1/2 |

in powers of m. A polar factor does not see s, so that muP is taken as s = 1 and a of order 1/m there. "spectral" is
c = √m on the weights of the parametrisation itself: δ = 1, as of Adam. Where Muon trains the hidden layer alone, beside
a readout whose step is right at all widths, q = q_w.

The exponent is that of m → ∞. Where q_a and q_w differ by 1/2 alone, the smaller term is √m times smaller, and at
finite width it bends the line.
"""

from typing import Literal, get_args

from theory import _arithmetic, _checks
from theory.prediction import Prediction

Parametrisation = Literal["standard", "tangent", "mup"]
Optimiser = Literal["sgd", "momentum", "adam", "muon", "spectral"]
Factor = Literal["none", "ratio", "clipped", "rms"]
Layers = Literal["both", "hidden"]

_NETWORK = {"standard": (0.0, -0.5), "tangent": (-0.5, 0.0), "mup": (-1.0, 0.0)}
"""The powers of m in s and in a."""

_FACTOR = {"none": (0.0, 0.0), "ratio": (-0.5, 0.5), "clipped": (0.0, 0.5), "rms": (0.5, 0.5)}
"""The powers of m in c, of the readout and of the hidden layer."""


def best_step(
    parametrisation: Parametrisation, optimiser: Optimiser, factor: Factor = "none", layers: Layers = "both"
) -> Prediction:
    """Return the exponent p of the best step ∝ m^p after a fixed number of updates, m → ∞.

    `factor` and `layers` are those of Muon; "hidden" is for Muon alone. Raises ValueError for words that there are not.

    >>> [best_step(name, "sgd").value for name in ("standard", "tangent", "mup")]
    [-1.0, 0.0, 0.0]
    >>> [best_step("mup", "muon", factor).value for factor in ("none", "ratio", "clipped", "rms")]
    [-0.5, 0.0, -0.5, -1.0]

    Source: `meanfield`; for gradient descent and Adam as `yang2021feature` counts.
    """
    _checks.choice("parametrisation", parametrisation, get_args(Parametrisation))
    _checks.choice("optimiser", optimiser, get_args(Optimiser))
    _checks.choice("factor", factor, get_args(Factor))
    _checks.choice("layers", layers, get_args(Layers))
    if layers == "hidden" and optimiser != "muon":
        raise ValueError(f"layers must be 'both' for {optimiser}, got {layers!r}: only muon trains one layer apart")
    s, a = _NETWORK[parametrisation]
    if optimiser in ("sgd", "momentum"):
        readout, hidden = s, s + a
        if parametrisation == "mup":  # m times the gradient
            readout, hidden = readout + 1, hidden + 1
    elif optimiser in ("adam", "spectral"):
        readout, hidden = 0.0, 0.0
    else:
        readout, hidden = (power - 0.5 for power in _FACTOR[factor])
        if parametrisation == "mup":
            s, a = 0.0, -1.0
    powers = [1 + s + a + hidden] + ([1 + s + readout] if layers == "both" else [])
    words = f"muon ({factor}, {layers})" if optimiser == "muon" else optimiser
    return Prediction(
        0.0 - max(powers),  # no −0
        "slope",
        f"The best step after a fixed number of updates, in m → ∞; two layers, {parametrisation}, {words}.",
        "meanfield",
    )


_arithmetic.guard(__name__)
