"""The report of a comparison of widths: best steps, their power of the width, the verdict, and the step elsewhere."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simulations.transfers.exponent import Law

TRANSFERS = 0.15
"""A step transfers if its exponent lies within this of 0, interval and all: under a factor 1.25 for four times m."""


@dataclass(frozen=True)
class TransferReport:
    """The report of `simulations.transfer`; `str` says it in words, `as_json` is what the command answers."""

    parametrisation: str
    optimiser: str
    rows: tuple[dict[str, float], ...]
    """`width`, `best` step, and `low` and `high`, the ends of its 95 % interval; `loss` is the mean loss there."""
    measured: float
    """p of best ∝ m^p."""
    error: float
    """Half of the 95 % interval of p."""
    predicted: float | None
    """p as theory has it for m → ∞, None where nothing is known."""
    updates: int
    notes: tuple[str, ...]
    """What was not as it should be, a sentence each."""
    law: Law = field(repr=False)
    curves: tuple[dict[str, Any], ...] = field(repr=False)
    """`width`, `steps` [T], and `mean`, `low` and `high` [T], mean and extremes over seeds of the loss there."""

    @property
    def verdict(self) -> str:
        """The answer: "transfers", "drifts as m^p", or "undecided" where the interval is too wide for either."""
        if abs(self.measured) + self.error <= TRANSFERS:
            return "transfers"
        return f"drifts as m^{self.measured:.2f}" if abs(self.measured) > self.error else "undecided"

    def step_at(self, width: int) -> dict[str, float]:
        """Return the step to use at a width, by the law, as `best`, `low` and `high`."""
        found = self.law.at(width)
        return {"best": found.value, "low": found.low, "high": found.high}

    def as_json(self) -> dict[str, Any]:
        """Return rows, exponent and verdict as what JSON holds."""
        exponent = {"measured": self.measured, "error": self.error, "predicted": self.predicted}
        return {"rows": list(self.rows), "exponent": exponent, "verdict": self.verdict, "notes": list(self.notes)}

    def __str__(self):
        theory = "theory does not say" if self.predicted is None else f"theory says {self.predicted:g}"
        fitted = self.law.fitted
        lines = [
            f"{self.verdict}: the best step goes as m^p, p = {self.measured:.3f} ± {self.error:.3f} over widths "
            f"{fitted[0]} to {fitted[-1]}; {theory}",
            f"  {'width':>8}{'best step':>12}{'from':>12}{'to':>12}{'loss':>12}",
        ]
        for row in self.rows:
            numbers = "".join(f"{row[name]:12.4g}" for name in ("best", "low", "high", "loss"))
            lines.append(f"  {row['width']:8d}{numbers}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def row(width: int, best: Any, losses: np.ndarray) -> dict[str, float]:
    """Return one row: the best step of a width and the least mean loss [T, seeds]."""
    loss = float(np.min(losses.mean(axis=1)))
    return {"width": width, "best": best.value, "low": best.low, "high": best.high, "loss": loss}
