"""The report of a diagnosis: numbers with intervals, a verdict, and its reason."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from meanfield.arguments import positive_count
from meanfield.diagnosis.intervals import Interval
from meanfield.networks.weights import PARAMETRISATIONS

LAZY, RICH = 0.1, 0.5
"""Relative changes: a network is lazy if kernel and predictions stay within the first of what its linearisation has,
and rich if one of them is surely beyond the second.
"""


@dataclass(frozen=True)
class Report:
    """How far a trained network is from its linearisation at the start. Intervals are 95 %, over samples.

    Numbers do not depend on how f is split into scale, output and input weights. What needs the step and the number of
    steps is None where these were not given.
    """

    verdict: str
    """"lazy", "between" or "rich"."""
    reason: str
    kernel_change: Interval
    """‖K_1 − K_0‖/‖K_0‖ of the tangent kernel, in the metric of the steps."""
    kernel_cosine: Interval
    """⟨K_0, K_1⟩/(‖K_0‖ ‖K_1‖): 1 if the kernel grew without turning."""
    linear_gap: Interval | None
    """‖f − f_lin‖/‖f − f_0‖ on test inputs, f_lin trained for as many steps: 0 if features stayed."""
    replay_gap: Interval | None
    """‖f − f'‖/‖f − f_0‖ on test inputs, f' by gradient descent made again: 0 if activation, loss, step and data are
    those of the training.
    """
    risk: Interval
    """Risk of the network on test data, or on training data where there are no others."""
    linear_risk: Interval | None
    """The same of its linearisation, trained alike; infinite where that diverges."""
    gain: Interval | None
    """`linear_risk` − `risk`, sample by sample: above 0 if learning features was worth it."""
    alignment: tuple[float, float]
    """yᵀ K y/(‖K‖ |y|²) before and after."""
    movement: float | None
    """‖w_1 − w_0‖/‖w_0‖ of the hidden weights, None for a model whose hidden weights are not known."""
    largest_step: Interval
    """2/λ, the largest stable step now; λ is the largest curvature of the training risk."""
    width: int | None
    """m, None for a model that is no two-layer network."""
    parametrisation: str | None
    spectra: tuple[tuple[float, ...], tuple[float, ...]]
    """Eigenvalues of K/n before and after, largest first."""
    curves: dict[str, tuple]
    """`steps`, and after so many the training risk of gradient descent from the initial weights: `risk` of the network,
    `linear_risk` of its linearisation.
    """
    neurons: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)
    """|w_j| before and after, [m], of a two-layer network."""
    kernels: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)
    """The tangent kernels before and after, [n, k, n, k], on the samples that they are compared on."""

    def largest_step_at(self, width: int) -> float:
        """Return 2/λ at another width in the same parametrisation, by counting: it goes as 1/(m s(m)²).

        Raises `ValueError` for a model that is no two-layer network, and for a width below 1.
        """
        if self.width is None:
            raise ValueError(f"width={width}: the model is no two-layer network, expected one for another width.")
        if self.parametrisation is None:
            known = ", ".join(PARAMETRISATIONS)
            raise ValueError(
                f"width={width}: needs a parametrisation that says how its multiplier goes, one of {known}."
            )
        power = 1 + 2 * PARAMETRISATIONS[self.parametrisation]
        return self.largest_step.value * (self.width / positive_count("width", width)) ** power

    def as_json(self) -> dict[str, Any]:
        """Return the report as what JSON holds: an interval is a mapping from value, low and high."""
        found = {name: value for name, value in vars(self).items() if name not in ("neurons", "kernels")}
        for name, value in vars(self).items():
            if isinstance(value, Interval):
                found[name] = {end: _number(number) for end, number in value._asdict().items()}
        found["movement"] = None if self.movement is None else _number(self.movement)
        found["curves"] = {name: [_number(value) for value in values] for name, values in self.curves.items()}
        return found

    def __str__(self):
        lines = [f"{self.verdict}: {self.reason}"]
        for name, text in _LINES.items():
            value = getattr(self, name)
            if value is not None:
                shown = " → ".join(f"{one:.3g}" for one in value) if name == "alignment" else value
                lines.append(f"  {text:44}{shown if not isinstance(shown, float) else f'{shown:.3g}'}")
        if self.width is None:
            lines.append(
                "  of a model of your own there is no movement of hidden weights, and no step at another width"
            )
        return "\n".join(lines)


_LINES = {
    "kernel_change": "relative change of the tangent kernel",
    "kernel_cosine": "cosine of the kernels before and after",
    "linear_gap": "distance from the linearisation, of the way",
    "replay_gap": "distance from gradient descent made again",
    "risk": "risk",
    "linear_risk": "risk of the linearisation",
    "gain": "gain by features",
    "alignment": "alignment with the targets",
    "movement": "movement of the hidden weights",
    "largest_step": "largest stable step",
}


def judged(kernel: Interval, gap: Interval | None, replay: Interval | None, diverges: bool) -> tuple[str, str]:
    """Return the verdict and its reason; `diverges` is whether the linearised network's training risk grew.

    A linearised network that was trained otherwise than the network is no witness: beyond `RICH` of the way between the
    trained network and gradient descent made again the kernel alone is judged.
    """
    if gap is None or replay is None or replay.value < LAZY:
        return _judged(kernel, gap, diverges)
    apart = (
        f"gradient descent made again from the initial weights ends {replay} of the way apart from the trained ones, "
        "expected 0: were activation, loss, step, data and both files these, and was it full gradient descent?"
    )
    if replay.value <= RICH:
        verdict, reason = _judged(kernel, gap, diverges)
        return verdict, f"{reason}; {apart}"
    verdict, reason = _judged(kernel, None, False)
    return verdict, f"{reason}; the linearised network is left out, since {apart}"


def _judged(kernel: Interval, gap: Interval | None, diverges: bool) -> tuple[str, str]:
    changes = {"the tangent kernel changed by": kernel}
    if gap is not None:
        changes["predictions are away from the linearised network's by"] = gap
    if gap is not None and diverges and gap.low > RICH:
        told = "the linearised network diverges at this step, which is above 2/λ of the start"
        return "rich", f"{told}, while the network was trained with it; the tangent kernel changed by {kernel}"
    rich = [f"{name} {value}" for name, value in changes.items() if value.low > RICH]
    if rich:
        return "rich", f"{' and '.join(rich)}, more than {RICH} of what it was"
    told = " and ".join(f"{name} {value}" for name, value in changes.items())
    if all(value.high < LAZY for value in changes.values()):
        return "lazy", f"{told}, {'all ' if gap is not None else ''}below {LAZY}"
    return "between", f"{told}: neither all surely below {LAZY} nor one surely above {RICH}"


def _number(value: float | int) -> float | int | None:
    """A number that JSON has; None for one that is infinite."""
    return value if math.isfinite(value) else None
