"""Williams et al.'s splines: what networks of both regimes end as, and how far they are from both splines along W."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.beside import draw as beside
from figures.beside import published_points
from figures.style import BLUE, GREY, ORANGE, THEORY, empty
from simulations import Record, Records
from simulations.published import williams2019gradient as paper


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `williams2019gradient`."""
    return beside(paper.STUDY, records, {"regimes": regimes})


def regimes(axes: Axes, records: Records) -> None:
    """The networks of the first seed with the largest and the smallest input weights, and both splines."""
    chosen = paper.Layers.at("exact_kernel")(records)
    chosen = chosen.where(seed=min(chosen.column("seed"), default=None))
    rich, lazy = (next(iter(select(chosen)), None) for select in (paper.RICH, paper.LAZY))
    if rich is None or lazy is None or rich is lazy:
        return empty(axes, "of two regimes")
    for record, name, color, words in ((lazy, "kernel", BLUE, "kernel"), (rich, "linear", ORANGE, "adaptive")):
        x, f = record["points"], paper.final(record)
        label = "paper: cubic and linear spline" if record is lazy else None
        axes.plot(x, f, color=color, lw=3, alpha=0.5, label=f"networks, W = {record['size']:g} ({words})")
        axes.plot(x, record[f"exact_{name}"], color=THEORY, lw=0.9, ls="--", label=label)
        _ticks(axes, record, color)
    published_points(axes, lazy["x"], lazy["y"], label="samples")
    axes.axhline(0, color=GREY, lw=0.5)
    axes.set(xlabel="x; below: where f bends", ylabel="f")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.5 * (high - low))
    axes.legend(loc="upper left")
    return None


def _ticks(axes: Axes, record: Record, color: str) -> None:
    """Mark the knots, in proportion to how much f bends there."""
    inside = np.abs(record["knots"]) < 1
    bends = np.abs(record["bends"][inside])
    low = 1.15 * min(record["y"].min(), paper.final(record).min()) - (0.25 if color == ORANGE else 0.0)
    axes.scatter(record["knots"][inside], np.full(len(bends), low), s=120 * bends / bends.sum(), color=color, alpha=0.7)
