"""The picture of a comparison of widths: loss against step for each, and the best step against the width."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from figures.legends import heighten, key
from figures.picture_files import save_picture
from figures.style import MEAN_FIELD, THEORY, styled
from simulations import TransferReport


def draw_transfer(report: TransferReport) -> Figure:
    """Return the picture of a report on one page."""
    with styled():
        figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained", width_ratios=(3, 2))
        _losses(left, report)
        _steps(right, report)
        head = f"{report.parametrisation}, {report.optimiser}: {report.verdict.replace('^', ' to the ')}"
        figure.suptitle(head, x=0.01, ha="left")
        heighten(figure)
    return figure


def save_transfer(report: TransferReport, out: Path, formats: tuple[str, ...] = ("png",)) -> list[Path]:
    """Write the picture into a directory in these formats, and return the paths; raises what `save_picture` does."""
    return save_picture(draw_transfer(report), out, "transfer", formats, f"transfer: {report.verdict}")


def _losses(axes: Axes, report: TransferReport) -> None:
    """A curve for each width, from light to dark, with its best step and the interval of that."""
    colors = plt.get_cmap("viridis_r")(np.linspace(0.12, 1, len(report.curves)))
    for color, curve, row in zip(colors, report.curves, report.rows, strict=True):
        axes.plot(curve["steps"], curve["mean"], color=color, label=f"{curve['width']}")
        bars = [[row["best"] - row["low"]], [row["high"] - row["best"]]]
        axes.errorbar(row["best"], row["loss"], xerr=bars, fmt="o", color=color, zorder=3)
    axes.set(xscale="log", yscale="log", xlabel="step", ylabel=f"training loss after {report.updates} updates")
    axes.set(title="loss against step")
    _marks(axes)
    key(axes, title="width m")


def _marks(axes: Axes) -> None:
    """Write few marks of logarithmic axes, as plain numbers where they span less than a decade."""
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_minor_formatter(NullFormatter())
        if np.ptp(np.log10(limits)) < 1.2:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")


def _steps(axes: Axes, report: TransferReport) -> None:
    """The best steps with their intervals, the measured power through them, and the predicted one in black."""
    widths = np.array([row["width"] for row in report.rows], float)
    best, low, high = (np.array([row[name] for row in report.rows]) for name in ("best", "low", "high"))
    axes.errorbar(widths, best, yerr=[best - low, high - best], fmt="o", color=MEAN_FIELD, label="best step", zorder=3)
    fitted = np.array(report.law.fitted, float)
    line = np.array([report.step_at(int(width))["best"] for width in fitted])
    said = f"m$^p$, p = {report.measured:.2f} ± {report.error:.2f}"
    axes.plot(fitted, line, color=MEAN_FIELD, lw=0.9, label=said)
    if report.predicted is not None:
        centre, middle = np.exp(np.log(fitted).mean()), np.exp(np.log(line).mean())
        theory = middle * (widths / centre) ** report.predicted
        axes.plot(widths, theory, color=THEORY, lw=0.9, ls="--", label=f"theory: p = {report.predicted:g}", zorder=2)
    axes.set(xscale="log", yscale="log", xlabel="width m", ylabel="step", title="best step against width")
    reach = np.log10(high.max() / low.min())
    if reach < 1:  # one that does not move is shown over a decade, so that it is not blown up
        middle = np.sqrt(high.max() * low.min())
        axes.set_ylim(middle / 10**0.5, middle * 10**0.5)
    _marks(axes)
    axes.set_xticks(widths, [f"{m:g}" for m in widths])
    axes.set_xticks([], minor=True)
    key(axes)
