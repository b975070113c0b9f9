"""The numbers of a grid of one's own as a picture: any value against any swept parameter, lines by the others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, empty, short
from simulations import Records, Table
from simulations.verdicts.table import column, table

PANELS = 12
"""Values that are drawn where none is named, at most."""

COLORS = (BLUE, ORANGE, GREEN, PURPLE, GREY)
MARKERS = "os^Dv"
"""Lines are told apart by colour, then by marker."""

NAMED = 20
"""Lines that the legend names, at most."""

LETTERS, LINE = 15.0, 0.17
"""Of the legend: letters in an inch, and inches of a line."""

DECADES = 10.0
"""Numbers that span this factor, and are all positive, are drawn on a logarithmic axis."""


def draw(records: Records, value: str | Sequence[str] | None = None, x: str | None = None) -> Figure:
    """A panel for each value named (of all, the first twelve); see `figures.table`."""
    made = table(records)
    names = made.values[:PANELS] if value is None else (value,) if isinstance(value, str) else tuple(value)
    made.require(*names, x=x)
    along = _chosen(made) if x is None else x
    across = min(3, max(1, len(names)))
    down = -(-len(names) // across) or 1
    single = len(names) < 2
    figure = Figure(figsize=(6.4, 4.4) if single else (3.4 * across, 2.7 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel().tolist()
    for axes, name in zip(panels, names, strict=False):
        _panel(axes, made, name, along)
    for axes in panels[len(names) :]:
        axes.remove()
    if not names:
        empty(panels[0], "with a number in them")
    _legend(figure, panels[: len(names)], single)
    return figure


def _chosen(made: Table) -> str | None:
    """The swept parameter with most values, of numbers if there are any; None where nothing was swept."""

    def rank(name: str) -> tuple[bool, int]:
        values = {row[column(name)] for row in made.rows}
        return all(_numeric(value) for value in values), len(values)

    return max(made.swept, key=rank, default=None)


def _panel(axes: Axes, made: Table, name: str, along: str | None) -> None:
    """One value against the swept parameter `along`, a line for each setting of the others."""
    rows = [row for row in made.rows if row["value"] == name and row["mean"] is not None]
    others = [other for other in made.swept if other != along]
    places = _places([row[column(along)] for row in rows] if along else [])
    # A setting has its colour in all panels, also where one of them lacks it.
    lines: dict[tuple, list[dict[str, Any]]] = {tuple(row[column(one)] for one in others): [] for row in made.rows}
    for row in rows:
        lines[tuple(row[column(other)] for other in others)].append(row)
    for k, (setting, points) in enumerate(lines.items()):
        if not points:
            continue
        at = [places[row[column(along)]] if along else 0.0 for row in points]
        bars = [row["error"] or 0.0 for row in points] if any(row["error"] for row in points) else None
        label = ", ".join(f"{other} = {short(part)}" for other, part in zip(others, setting, strict=True))
        axes.errorbar(
            at, [row["mean"] for row in points], yerr=bars, label=label or None, lw=1.0,
            color=COLORS[k % len(COLORS)], marker=MARKERS[k // len(COLORS) % len(MARKERS)],
        )  # fmt: skip
    axes.set(xlabel=along or "", ylabel=name)
    _scales(axes, rows, places, along)


def _scales(axes: Axes, rows: list[dict[str, Any]], places: dict[Any, float], along: str | None) -> None:
    means = np.array([row["mean"] for row in rows])
    if _spans(means):
        axes.set_yscale("log")
        # A bar that reaches zero would stretch the axis over decades in which there is nothing.
        low = np.array([row["mean"] - (row["error"] or 0.0) for row in rows])
        axes.set_ylim(bottom=min(means.min() / 3, max(low.min(), means.min() / 30)))
    if not along or not all(map(_numeric, places)):
        axes.set_xticks(list(places.values()), list(map(str, places)))
    elif _spans(np.array(list(places.values()))):
        axes.set_xscale("log")


def _spans(numbers: np.ndarray) -> bool:
    return len(numbers) > 0 and bool(numbers.min() > 0 and numbers.max() >= DECADES * numbers.min())


def _places(values: list) -> dict[Any, float]:
    """Where on an axis each value stands: numbers at their own place, words one after the other."""
    distinct = list(dict.fromkeys(values))
    if all(map(_numeric, distinct)):
        return {value: float(value) for value in distinct}
    return {value: float(place) for place, value in enumerate(distinct)}


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _legend(figure: Figure, panels: Sequence[Axes], single: bool) -> None:
    """Draw the legend of the lines, once for all panels."""
    found = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if not found:
        return
    labels, handles = list(found)[:NAMED], list(found.values())[:NAMED]
    if len(found) > NAMED:
        labels[-1] = f"and {len(found) - NAMED + 1} more"
    longest = max(map(len, labels)) + 6
    columns = max(1, min(4, int(LETTERS * figure.get_figwidth() / longest)))
    if single and longest < 30:
        panels[0].legend(handles, labels)
    else:
        figure.set_figheight(figure.get_figheight() + LINE * -(-len(labels) // columns))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)
