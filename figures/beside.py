"""Published figures made again: a panel for each of which there are runs, with the paper's values beside ours."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from figures.style import EMPTY, empty
from simulations import Claim, Records, Study
from simulations.verdicts.checks import half_width

PAPER = "black"
"""The paper's values are open diamonds in the colour of theory: they are what ours are compared with."""

LEVEL = 0.05
"""Of the error bars: those of the intervals that are compared with readings."""

Drawn = Callable[[Axes, Records], None]
"""Draw one published figure on its axes, from the records of its experiments."""


def published_points(
    axes: Axes, x: ArrayLike, y: ArrayLike, accuracy: ArrayLike = 0.0, label: str | None = "paper"
) -> None:
    """Draw values that were read off a paper's figure, with bars for the accuracy of reading."""
    axes.errorbar(
        x,
        y,
        yerr=accuracy if np.any(accuracy) else None,
        fmt="D",
        ms=5,
        mfc="none",
        color=PAPER,
        lw=0.8,
        label=label,
        zorder=4,
    )


def read_off(claims: Iterable[Claim], stem: str) -> dict[str, float]:
    """Return the paper's values in the claims whose names begin so, by the rest of the name."""
    found = {}
    for one in claims:
        if one.name.startswith(stem) and isinstance(one.check, partial):
            found[one.name.removeprefix(stem)] = float(one.check.keywords["predicted"])
    return found


def bars(table: ArrayLike) -> np.ndarray:
    """Return the half-width of the 95 % interval of means over seeds, the rows of a table; 0 for fewer than three."""
    table = np.asarray(table, float)
    if len(table) < 3:
        return np.zeros(table.shape[1:])
    return np.reshape([half_width(one, level=LEVEL) for one in table.reshape(len(table), -1).T], table.shape[1:])


def draw(study: Study, records: Records, parts: Mapping[str, Drawn]) -> Figure:
    """Return a figure with a panel for each of the study's published figures whose experiments have runs.

    `parts` draw them, by the figure's name. A part that finds nothing to draw calls `figures.style.empty`, and is left
    out where another shows something.
    """
    made = {name: records.done.where(experiment=[one.name for one in study.figure(name).experiments]) for name in parts}
    shown = [name for name, some in made.items() if len(some) and not _empty(parts[name], some)] or [*parts]
    across = min(3, len(shown))
    figure = Figure(figsize=(3.6 * across if across > 1 else 5.0, 3.3 * math.ceil(len(shown) / across)))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(math.ceil(len(shown) / across), across, squeeze=False).ravel()
    for name, one in zip(shown, axes, strict=False):
        if len(made[name]):
            parts[name](one, made[name])
        else:
            empty(one, f"of figure {name}")
        one.set_title(f"{study.name} {name}" if len(shown) == 1 else name)
    for one in axes[len(shown) :]:
        one.remove()
    return figure


def _empty(part: Drawn, records: Records) -> bool:
    """Return True if the part finds nothing to draw: the records are of another size."""
    axes = Figure().subplots()
    part(axes, records)
    return axes.get_label() == EMPTY
