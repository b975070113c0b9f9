"""Panels: what a part of a study's figure shows, in words; `figures` draws them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from meanfield.arguments import one_of
from simulations.records.record import Record, Select, require_function
from simulations.study.ranges import coerce, in_short
from theory.prediction import Prediction

Measure = str | Callable[[Record], Any]
"""A value of a record by its name, of which the last entry is taken where there are several, or a function of it."""

SCALES = ("", "x", "y", "xy")


@dataclass(frozen=True)
class Panel:
    """One panel of a figure: `y` against `x`, a line for each value of the parameter `series`, and theory in black.

    Where `x` is a parameter, points are means over seeds with the intervals of the verdicts, geometric means on a
    logarithmic axis. Where it is a value of the records, such as "times", the curves of the first seed are drawn.

    `theory` is a prediction, drawn as a power of x through the last point (`slope`) or as a level, or a mapping from
    values of `series` to predictions; or what records hold, or a function of a record, drawn beside each series.

    >>> import simulations
    >>> from theory.prediction import Prediction
    >>> rate = Prediction(-0.5, "slope", "independent draws", "meanfield")
    >>> select = simulations.runs("distance")
    >>> panel = simulations.Panel("Closer as m grows", select, x="particles", y="distance", theory=rate)
    """

    title: str
    """What is seen, as a finding."""
    select: Select
    """The records that are drawn, as `Experiment.at` gives them."""
    x: str
    y: Measure
    series: str = ""
    theory: Prediction | Mapping[Any, Prediction] | Measure | None = None
    log: str = "xy"
    """Which axes are logarithmic: "", "x", "y" or "xy"."""
    xlabel: str = ""
    """With its unit; of a parameter, what its field says if nothing is given."""
    ylabel: str = ""
    """With its unit; the name of a value if nothing is given."""

    def predicted(self, value: Any) -> Prediction | Measure | None:
        """Return what theory says of one value of the series."""
        return self.theory.get(value) if isinstance(self.theory, Mapping) else self.theory

    def __post_init__(self):
        for name in ("title", "x", "series", "log", "xlabel", "ylabel"):
            coerce(name, str, getattr(self, name))
        one_of("log", self.log, SCALES)
        require_function("select", self.select)
        if not (isinstance(self.y, str) or callable(self.y)):
            raise ValueError(f"y={in_short(self.y)}: expected the name of a value, or a function of a record.")
        parts = self.theory.values() if isinstance(self.theory, Mapping) else ()
        known = self.theory is None or isinstance(self.theory, str | Prediction | Mapping) or callable(self.theory)
        if not known or not all(isinstance(part, Prediction) for part in parts):
            allowed = "a Prediction, a mapping to such, the name of a value, or a function of a record"
            raise ValueError(f"theory={in_short(self.theory)}: expected {allowed}.")
