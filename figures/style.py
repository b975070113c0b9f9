"""One palette, one set of sizes: every figure looks like the others. Colours are Okabe and Ito's, told apart by all
eyes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from simulations import Record, Records
from simulations.records.record import along
from simulations.verdicts.checks import LEVEL, half_width
from simulations.verdicts.intervals import share_ends
from theory.prediction import Prediction

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6E6E6E"
COLORS, MARKERS = (BLUE, ORANGE, GREEN, PURPLE, GREY, "#56B4E9", "#E69F00", "#B2182B"), "os^DvP*X"
"""Lines are told apart by both."""

MEAN_FIELD, LAZY, THEORY = ORANGE, BLUE, "black"
"""The two regimes and the theory keep their colour through all figures."""

_SETTINGS: dict[Any, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "errorbar.capsize": 2,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "savefig.bbox": None,
    "svg.hashsalt": "meanfield",
    "svg.fonttype": "none",
    "axes.unicode_minus": True,
}


@contextmanager
def styled() -> Iterator[None]:
    """The context in which figures are drawn and written: matplotlib's own defaults and the settings above, whatever
    the user's `matplotlibrc`, style sheets and `rcParams` say.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def interval(table: ArrayLike) -> np.ndarray:
    """Return the half-width of the verdicts' interval for a mean over seeds, the rows of `table`; 0 for fewer than
    three, of which a verdict says nothing either.

    An error bar so is the one that decides: where it misses the theory, the claim is turned down.
    """
    table = np.asarray(table, float)
    if len(table) < 3:
        return np.zeros(table.shape[1:])
    halves = [half_width(column) for column in table.reshape(len(table), -1).T]
    return np.reshape(halves, table.shape[1:])


def share_bars(wins: int, count: int) -> list[list[float]]:
    """Return what `errorbar` takes for a share of successes: how far it is to Clopper and Pearson's two ends."""
    low, high = share_ends(wins, count, 1 - LEVEL)
    return [[wins / count - low], [high - wins / count]]


def points(axes: Axes, x, table: np.ndarray, label: str, color: str, marker: str = "o") -> None:
    """Draw geometric means over seeds, the rows of `table`, with their intervals."""
    logs = np.log(table)
    centre, half = np.exp(logs.mean(axis=0)), interval(logs)
    bars = [centre - centre * np.exp(-half), centre * np.exp(half) - centre]
    axes.errorbar(x, centre, yerr=bars, fmt=marker, color=color, label=label, zorder=3)


def power(axes: Axes, x: np.ndarray, table: np.ndarray, predicted: Prediction, label: str | None = None) -> None:
    """The theory's line y ∝ x^exponent through the last point of `points`."""
    last = np.exp(np.log(table[:, -1]).mean())
    axes.plot(x, last * (x / x[-1]) ** float(predicted.value), color=THEORY, lw=0.9, ls="--", label=label, zorder=2)


Series = tuple[str, Records, Callable[[Record], float], str, str, Prediction]
"""Label, records, what is measured, colour, marker, and the exponent that theory predicts."""


def powers(axes: Axes, series: list[Series], x: str, theory: str) -> bool:
    """Points of every series, and the power of x that theory predicts; whether there was anything to draw."""
    drawn = False
    for label, records, value, color, marker, predicted in series:
        at, table = along(records, x, value)
        if table.size:
            points(axes, at, table, label, color, marker)
            power(axes, at, table, predicted, None if drawn else theory)
            drawn = True
    axes.set(xscale="log", yscale="log")
    return drawn


def short(value: object) -> str:
    """Return a number or a word as a legend or an axis has it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


EMPTY = "empty"
"""The label of a panel in which there is nothing to be seen."""


def empty(axes: Axes, what: str) -> None:
    """A panel without records says what it would need."""
    axes.set_label(EMPTY)
    axes.text(0.5, 0.5, f"no runs {what}", ha="center", va="center", transform=axes.transAxes, color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])
