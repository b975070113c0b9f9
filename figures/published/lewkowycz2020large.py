"""The catapult of Lewkowycz et al. (2020): the course of the curvature, where the phases end, and ReLU networks."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import beside
from figures.style import COLORS, GREEN, GREY, MARKERS, ORANGE, THEORY, empty, interval
from simulations import Records
from simulations.published.lewkowycz2020large import (
    CRITICAL,
    LARGEST,
    RATIOS,
    RELU,
    STUDY,
    TRIED_RELU,
    Images,
    Phases,
    Warmup,
    largest,
)
from simulations.records.record import along

RISES, DIVERGES, TWELVE = (float(one.value) for one in (CRITICAL, LARGEST, RELU))
"""The paper's steps, over 1/λ₀: from which the loss rises and descent diverges, and of ReLU networks."""


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `lewkowycz2020large`."""
    return beside.draw(STUDY, records, {"1": course, "2": phases, "relu": relu})


def course(axes: Axes, records: Records) -> None:
    """ηλ of one network in each phase, as it descends."""
    axes.set(xlabel="step", ylabel="step × curvature, ηλ")
    chosen = Warmup.at(seed=min, particles=512)(records)
    found = {record["ratio"]: record for record in chosen if record["ratio"] in RATIOS}
    if not found:
        empty(axes, "of the warm-up model")
        return
    for (ratio, record), color in zip(sorted(found.items()), COLORS, strict=False):
        label = f"ηλ₀ = {ratio:g}" + ("" if record["reached"] else ", diverges")
        product = record["step"] * record["curvature"]
        axes.plot(record["times"], np.where(product < 6, product, np.nan), color=color, label=label)
    axes.axhline(RISES, color=THEORY, lw=0.9, ls="--", label="paper: ends below 2")
    axes.set(xscale="symlog", xlim=(0, None), ylim=(0, 8.5))
    axes.legend(ncols=2, loc="upper left")


def phases(axes: Axes, records: Records) -> None:
    """The largest loss of every network, by its step: 1 where it only falls, none where descent diverges."""
    axes.set(xlabel="step × curvature of the start, ηλ₀", ylabel="largest loss / loss at the start", yscale="log")
    chosen = Phases.at(particles=min)(records)
    if not len(chosen):
        empty(axes, "of many steps")
        return
    top = 10 * max(np.max(record["peaks"][np.isfinite(record["peaks"])]) for record in chosen)
    for record in chosen:
        axes.plot(record["tried"], record["peaks"], ".-", color=GREEN, ms=3, lw=0.6, alpha=0.6)
        gone = record["tried"][np.isinf(record["peaks"])]
        axes.plot(gone, [top] * len(gone), "x", color=GREY, ms=4)
    axes.plot([], [], ".-", color=GREEN, ms=3, label="ours, one network a line")
    axes.plot([], [], "x", color=GREY, ms=4, label="ours: diverges")
    beside.published_points(axes, [RISES, DIVERGES], [1, top], label="paper: 2/λ₀ and 4/λ₀")
    axes.set(ylim=(0.3, 100 * top))
    axes.legend(loc="upper left")


def relu(axes: Axes, records: Records) -> None:
    """The largest step of a ReLU network, by the share of the images' power that is in their mean."""
    axes.set(xlabel="share of the images' power in their mean", ylabel="largest step × λ₀")
    shares, table = along(Images.at()(records), "share", largest)
    if not table.size:
        empty(axes, "of ReLU networks")
        return
    axes.plot(shares, table.T, ".", color=ORANGE, ms=3, alpha=0.5, mew=0)
    axes.errorbar(shares, table.mean(axis=0), interval(table), fmt=MARKERS[0], color=ORANGE, label="ours: ReLU")
    axes.axhspan(TWELVE - RELU.accuracy, TWELVE + RELU.accuracy, color=THEORY, alpha=0.12, lw=0)
    axes.axhline(TWELVE, color=THEORY, lw=0.9, ls="--", label="paper: 12, data of its own")
    axes.axhline(DIVERGES, color=THEORY, lw=0.9, ls=":", label="paper: 4, linear")
    axes.axhline(TRIED_RELU[-1], color=THEORY, lw=0.5, alpha=0.4, label="largest that was tried")
    axes.set(ylim=(0, 1.5 * TRIED_RELU[-1]))
    axes.legend(loc="upper left")
