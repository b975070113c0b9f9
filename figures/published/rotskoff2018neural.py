"""Rotskoff & Vanden-Eijnden's spins: what n units add to the error of their mean, along n."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.beside import PAPER
from figures.beside import draw as beside
from figures.style import BLUE, GREEN, GREY, ORANGE, empty, points
from simulations import Records
from simulations.published import rotskoff2018neural as paper
from simulations.records.record import along

COLORS = (BLUE, GREEN, ORANGE)


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `rotskoff2018neural`."""
    return beside(paper.STUDY, records, {"scaling": scaling})


def scaling(axes: Axes, records: Records) -> None:
    """Fluctuations of every dimension along n, the paper's 1/n beside them, and losses."""
    drawn = False
    for d, color in zip(sorted(set(records.column("dimension"))), COLORS, strict=False):
        chosen = paper.Spins.at("fluctuations", dimension=d, time=max)(records)
        x, table = along(chosen, "particles", paper.fluctuation)
        if not table.size or not np.all(table > 0):
            continue
        points(axes, x, table, f"E|$f_n$ − E $f_n$|², d = {d}", color)
        last = np.exp(np.log(table[:, -1]).mean())
        label = None if drawn else "paper: slope −1"
        axes.plot(x, last * (x / x[-1]) ** float(paper.RATE.value), color=PAPER, lw=0.9, ls="--", label=label)
        losses = np.exp(along(chosen, "particles", paper.remaining)[1])
        axes.plot(x, losses.mean(axis=0), color=color, lw=0.8, ls=":", marker=".", label=f"loss, d = {d}")
        drawn = True
    if not drawn:
        return empty(axes, "along n")
    axes.axhline(1, color=GREY, lw=0.6)
    axes.set(xscale="log", yscale="log", xlabel="units n", ylabel="shares of E f²")
    low, _ = axes.get_ylim()
    axes.set_ylim(low / 8, 2)
    axes.legend(loc="lower left")
    return None
