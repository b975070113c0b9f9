"""Figures from panels: each part as the study describes it, theory in black, with the verdicts' intervals."""

import math
import string

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import COLORS, MARKERS, THEORY, empty, interval, short
from simulations import Panel, Record, Records, Study
from simulations.records.record import seed_means
from simulations.study.parameters import kinds
from theory.prediction import Prediction

CURVES = 8
"""Curves of a panel, at most: more can't be told apart."""


def figure(study: Study, records: Records) -> Figure:
    """Return the figure of a study's panels, in rows of at most three."""
    panels = study.panels
    across = min(3, len(panels))
    down = math.ceil(len(panels) / across)
    made = Figure(figsize=(3.4 * across if across > 1 else 5.0, 3.1 * down), layout="constrained")
    axes = made.subplots(down, across, squeeze=False).ravel()
    for letter, panel, one in zip(string.ascii_lowercase, panels, axes, strict=False):
        draw(one, panel, records.done, study)
        one.set_title(f"{letter}  {panel.title}" if len(panels) > 1 else panel.title)
    for one in axes[len(panels) :]:
        one.remove()
    return made


def draw(axes: Axes, panel: Panel, records: Records, study: Study) -> None:
    """Draw one panel; without records it says so."""
    chosen = panel.select(records)
    if not len(chosen):
        return empty(axes, f"with {panel.y}" if isinstance(panel.y, str) else "to be drawn")
    in_time = panel.x not in next(iter(chosen)).parameters
    said: set[str] = set()
    for k, (value, group) in enumerate(_groups(panel, chosen)):
        label = f"{_symbol(study, panel.series)} = {short(value)}" if panel.series else None
        style = {"color": COLORS[k % len(COLORS)], "label": label}
        theory = panel.predicted(value)
        if in_time:
            x, line = _curve(axes, panel, group, theory, style)
        else:
            x, line = _points(axes, panel, group, theory, style | {"marker": MARKERS[k % len(MARKERS)]})
        words = _theory_words(panel, theory, study)
        if line is not None:
            several = axes.plot(x, line, color=THEORY, lw=0.9, ls="--")
            several[0].set_label(f"_{words}" if words in said else words)
            said.add(words)
    label = panel.ylabel or (panel.y if isinstance(panel.y, str) else panel.y.__name__.replace("_", " "))
    axes.set(xlabel=panel.xlabel or _words(study, panel.x), ylabel=label)
    axes.set(xscale=_scale(panel, "x", in_time), yscale=_scale(panel, "y", in_time))
    if not in_time:
        _ticks(axes, sorted(set(chosen.column(panel.x).tolist())), "x" in panel.log)
    if axes.get_legend_handles_labels()[0]:
        key(axes)
    return None


def _theory_words(panel: Panel, theory: object, study: Study) -> str:
    """Return how a legend calls the line of theory."""
    if not isinstance(theory, Prediction):
        return "theory"
    value, symbol = short(float(theory.value)), _symbol(study, panel.x)
    if theory.relation != "slope":
        return f"theory: {value}"
    return f"theory: ∝ ${symbol if len(symbol) == 1 else panel.x}^{{{value}}}$"


def _ticks(axes: Axes, at: list, logarithmic: bool) -> None:
    """Mark the few values that a parameter has, where they are not too close to be read."""
    places = np.log(at) if logarithmic else np.array(at, float)
    if 1 < len(at) <= 6 and np.min(np.diff(places)) > np.ptp(places) / 9:
        axes.set_xticks(at, [short(value) for value in at])
        axes.set_xticks([], minor=True)


def _groups(panel: Panel, records: Records) -> list[tuple[object, Records]]:
    """The records of each line, by the value of the parameter that tells lines apart."""
    if not panel.series:
        return [(None, records)]
    values = sorted(set(records.column(panel.series).tolist()))
    kept = {values[i] for i in np.unique(np.rint(np.linspace(0, len(values) - 1, CURVES)).astype(int))}
    return [(value, records.where(**{panel.series: value})) for value in values if value in kept]


def _points(axes: Axes, panel: Panel, records: Records, theory, style: dict) -> tuple[np.ndarray, np.ndarray | None]:
    """Draw means over seeds at every value of a parameter, and return these values with the line of theory."""
    values = sorted(set(records.column(panel.x).tolist()))
    parts = [records.where(**{panel.x: value}) for value in values]
    back = np.exp if "y" in panel.log else np.asarray
    centres, halves = [], []
    for part in parts:
        numbers = np.array([_number(panel.y, record) for record in part])
        samples = seed_means(part, np.log(numbers) if "y" in panel.log else numbers)
        centres.append(float(np.mean(samples)))
        halves.append(float(interval(samples)))
    low, means, high = (back(np.array(centres) + sign * np.array(halves)) for sign in (-1, 0, 1))
    x = np.array(values, float)
    axes.errorbar(x, means, yerr=[means - low, high - means], ls="", zorder=3, **style)
    if isinstance(theory, Prediction):
        value = float(theory.value)
        return x, means[-1] * (x / x[-1]) ** value if theory.relation == "slope" else np.full(len(x), value)
    if theory is None:
        return x, None
    return x, np.array([np.mean([_number(theory, record) for record in part]) for part in parts])


def _curve(axes: Axes, panel: Panel, records: Records, theory, style: dict) -> tuple[np.ndarray, np.ndarray | None]:
    """Draw the curve of the first seed, and return its x with the line of theory."""
    record = min(records, key=lambda one: one.parameters.get("seed", 0))
    x = np.asarray(record[panel.x], float)
    axes.plot(x, _array(panel.y, record), **style)
    if isinstance(theory, Prediction):
        return x, np.full(len(x), float(theory.value))
    return x, None if theory is None else _array(theory, record)


def _array(measure, record: Record) -> np.ndarray:
    return np.asarray(record[measure] if isinstance(measure, str) else measure(record), float)


def _number(measure, record: Record) -> float:
    return float(np.ravel(_array(measure, record))[-1])


def _scale(panel: Panel, axis: str, in_time: bool) -> str:
    """The scale of an axis; times that begin with zero have their place on a logarithmic one, too."""
    if axis not in panel.log:
        return "linear"
    return "symlog" if axis == "x" and in_time else "log"


def _kind(study: Study, name: str):
    """Return what the field of a parameter says of itself."""
    return next((kinds(one)[name] for one in study.experiments if name in kinds(one)), None)


def _symbol(study: Study, name: str) -> str:
    kind = _kind(study, name)
    return (kind and kind.symbol) or name


def _words(study: Study, name: str) -> str:
    """The label of an axis: what the parameter is, its symbol and its unit."""
    kind = _kind(study, name)
    if kind is None:
        return f"{name} (mean-field time)" if name == "times" else name
    unit = f" ({kind.unit})" if kind.unit and kind.unit != "count" else ""
    return f"{kind.about or name}{kind.symbol and f', {kind.symbol}'}{unit}"
