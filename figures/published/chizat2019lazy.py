"""Chizat, Oyallon & Bach (2019): test loss by the scale of the start and by width, population loss of one pass."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import beside
from figures.beside import bars, published_points
from figures.style import LAZY, MEAN_FIELD, empty
from simulations import Records, find


def draw(records: Records) -> Figure:
    """Draw the figures 1 (c), 2 (a) and 2 (b) of which there are runs."""
    return beside.draw(find("chizat2019lazy"), records, {"1c": by_scale, "2a": by_width, "2b": one_pass})


def means(axes: Axes, records: Records, x: str, value: str, factor: float, label: str, color: str, style: str) -> bool:
    """Draw means over seeds against a parameter, with 95 % intervals; return True if there are any."""
    at = sorted(set(records.column(x).tolist())) if len(records) else []
    tables = [factor * np.array([float(one[value]) for one in records.where(**{x: value_of})]) for value_of in at]
    if at:
        centre, half = [table.mean() for table in tables], [float(bars(table)) for table in tables]
        axes.errorbar(at, centre, yerr=half, fmt=style, color=color, label=label)
    return bool(at)


def by_scale(axes: Axes, records: Records) -> None:
    """A thousand times the test loss, at the end and the least throughout."""
    records = records.where(lambda one: "final" in one.values and "best" in one.values)
    if not len(records):
        return empty(axes, "that descend from starts of several scales")
    means(axes, records, "tau", "final", 1000, "end of training", LAZY, "o-")
    means(axes, records, "tau", "best", 1000, "best throughout", MEAN_FIELD, "s:")
    published_points(axes, [10**-2.2, 3.2], [0.05, 3.1], [0.05, 0.1], "paper")
    published_points(axes, [3.2], [1.95], [0.1], None)
    axes.set(xscale="log", ylim=(0, None), xlabel="scale of the start τ", ylabel="1000 × test loss")
    axes.legend()
    return None


def by_width(axes: Axes, records: Records) -> None:
    """A tenth of the test loss at the end, for both scalings."""
    if not len(records):
        return empty(axes, "of several widths")
    for scaling, color, style in (("1/√m", LAZY, "o-"), ("1/m", MEAN_FIELD, "s-")):
        some = records.where(scaling=scaling)
        means(axes, some, "particles", "final", 0.1, f"scaling {scaling}", color, style)
    published_points(axes, [2, 512, 512], [1.7, 0.90, 0.18], [0.1, 0.03, 0.03], "paper")
    axes.set(xscale="log", ylim=(0, None), xlabel="neurons m", ylabel="0.1 × test loss")
    axes.legend()
    return None


def one_pass(axes: Axes, records: Records) -> None:
    """The population loss at the end over the largest mean of all scales."""
    at = sorted(set(records.column("tau").tolist())) if len(records) else []
    if not at:
        return empty(axes, "of one pass over fresh samples")
    most = max(np.mean([float(one["final"]) for one in records.where(tau=tau)]) for tau in at)
    means(axes, records, "tau", "final", float(1 / most), "fresh samples at every step", LAZY, "o-")
    axes.axhline(1, color="black", lw=0.9, ls="--", label="paper: the largest is 1")
    axes.set(xscale="log", ylim=(0, None), xlabel="scale of the start τ", ylabel="population loss / largest")
    axes.legend()
    return None
