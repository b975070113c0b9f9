"""Chizat & Bach (2018): what m neurons leave of the risk beside features, and how often they reach the teacher."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import beside
from figures.style import BLUE, GREY, ORANGE, empty, share_bars
from simulations import Records
from simulations.published.chizat2018global import (
    COMPLEXITY,
    FEATURES,
    STUDY,
    SUCCESS,
    Complexity,
    Success,
    log_excess,
    reached,
)

FLOOR = 1e-6
"""Excesses below are drawn there: how small they get is a matter of steps."""


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `chizat2018global`."""
    return beside.draw(STUDY, records, {"complexity": complexity, "success": success})


def complexity(axes: Axes, records: Records) -> None:
    """Excesses of all runs and their medians against m, and those of random features, over that of the most."""
    records = Complexity.at("features")(records)
    if not len(records):
        return empty(axes, "with random features")
    at = sorted(set(records.column("particles").tolist()))
    each = {m: np.maximum(10.0 ** np.array([log_excess(one) for one in records.where(particles=m)]), FLOOR) for m in at}
    for m, found in each.items():
        axes.plot(np.full(len(found), m), found, ".", color=ORANGE, ms=3, alpha=0.5)
    axes.plot(at, [np.median(each[m]) for m in at], color=ORANGE, marker="o", label="descent of all weights, median")
    table = np.array([record["features"] / record["features"][-1] for record in records])
    axes.plot(FEATURES, table.mean(axis=0), color=BLUE, marker="s", label="random features, best weights")
    paper = beside.read_off(COMPLEXITY, "excess_")
    values = 10 ** np.array([*paper.values()])
    beside.published_points(axes, [*map(int, paper), 25], [*values, 1e-5 / 0.4])
    axes.axvline(20, color=GREY, lw=0.8, ls=":")
    axes.set(
        xscale="log", yscale="log", xlabel="neurons m (dotted: the teacher's)", ylabel="excess / that of 200 features"
    )
    axes.set(ylim=(FLOOR / 2, 30))
    axes.legend(loc="lower left")
    return None


def success(axes: Axes, records: Records) -> None:
    """Shares of runs that reach the teacher with exact intervals, for both starts."""
    records = Success.at("nothing")(records)
    if not len(records):
        return empty(axes, "with success")
    starts = {"sphere": ("±1 and the sphere", ORANGE, "o"), "gaussian": ("Gaussian start", BLUE, "s")}
    for law, (label, color, marker) in starts.items():
        some = records.where(start_law=law)
        for i, m in enumerate(sorted(set(some.column("particles").tolist()))):
            outcomes = [reached(one) for one in some.where(particles=m)]
            bars = share_bars(sum(outcomes), len(outcomes))
            axes.errorbar(m, np.mean(outcomes), bars, fmt=marker, color=color, label=None if i else label)
    paper = beside.read_off(SUCCESS, "success_")
    beside.published_points(axes, [*map(int, paper)], [*paper.values()], label="paper, 30 runs")
    axes.axvline(10, color=GREY, lw=0.8, ls=":")
    axes.set(xlabel="neurons m (dotted: the teacher's)", ylabel="share that reach the teacher", ylim=(-0.05, 1.08))
    axes.legend(loc="lower right")
    return None
