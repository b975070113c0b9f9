"""Saad & Solla's committees: the plateau and its end in time, and how fast errors grow at each learning rate."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.beside import draw as beside
from figures.beside import published_points
from figures.style import BLUE, GREEN, GREY, LAZY, ORANGE, THEORY, empty, interval
from simulations import Record, Records
from simulations.limits.committee_order_parameters import committee
from simulations.published import saad1995online as paper

COLORS = (BLUE, GREEN, ORANGE)


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `saad1995online`."""
    return beside(paper.STUDY, records, {"plateau": plateau, "rates": rates})


def plateau(axes: Axes, records: Records) -> None:
    """Errors of networks over time, the equations' from the paper's start, and the height of the plateau."""
    chosen = paper.left(records)
    first = next(iter(chosen), None)
    if first is None:
        return empty(axes, "that leave the plateau")
    pair = committee(first["neurons"], first["rate"])
    errors = pair.error(first["exact_states"])
    axes.plot(first["exact_times"][1:], errors[1:], color=THEORY, lw=1, label="paper's equations, R(0) < 1e-12")
    for d, color in zip(sorted(set(chosen.column("dimension"))), COLORS, strict=False):
        _networks(axes, chosen.where(dimension=d), color, f"networks, d = {d}")
    height, time = paper.HEIGHT, 0.45 * paper.escape(first["exact_times"], errors[None], errors.max() / 1e3)[0]
    published_points(axes, [time], [float(height.value)], [height.accuracy], label="paper: height of the plateau")
    axes.set(xscale="log", yscale="log", ylim=(1e-5, 2), xlim=(10, None))
    axes.set(xlabel="samples seen over d", ylabel="generalisation error")
    axes.legend(loc="lower left")
    return None


def _networks(axes: Axes, records: Records, color: str, label: str) -> None:
    every = np.concatenate([record["error"] for record in records])[:12]
    times = next(iter(records))["times"]
    axes.plot(times[1:], every[:, 1:].T, color=color, lw=0.5, alpha=0.6)
    axes.plot([], [], color=color, lw=1, label=label)


def rates(axes: Axes, records: Records) -> None:
    """Rates at which errors grow, by networks and by equations, and the paper's largest learning rate."""
    chosen = paper.Near.at("exact_error", dimension=max)(records)
    first = next(iter(chosen), None)
    if first is None:
        return empty(axes, "near the teacher")
    growth = np.array([_growth(record, record["error"].astype(float).mean(axis=1)) for record in chosen])
    axes.axhline(0, color=GREY, lw=0.7)
    axes.plot(first["rates"], _growth(first, first["exact_error"]), color=THEORY, lw=1, label="paper's equations")
    label = f"networks, d = {first['dimension']}"
    axes.errorbar(first["rates"], growth.mean(axis=0), yerr=interval(growth), fmt="o", color=LAZY, label=label)
    published_points(axes, [float(paper.LARGEST_RATE.value)], [0.0], label="paper: largest rate")
    axes.set(xlabel="learning rate η", ylabel="growth of the error, d log ε / dt")
    axes.legend(loc="upper left")
    return None


def _growth(record: Record, errors: np.ndarray) -> np.ndarray:
    """Return the growth rates of mean errors [rates, T]."""
    return paper.growth(record["times"], errors)
