"""The picture of a diagnosis: kernels before and after, their spectra, training curves, and how far neurons moved."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.picture_files import save_picture
from figures.style import GREY, LAZY, MEAN_FIELD, empty, styled

Report = Any
"""What `meanfield.diagnose` returns; pictures import nothing of the engine."""


def draw_diagnosis(report: Report) -> Figure:
    """Return the picture of a report on one page."""
    with styled():
        figure, axes = plt.subplot_mosaic([["before", "after", "spectrum"], ["curves", "curves", "neurons"]],
                                          figsize=(8.4, 5.4), layout="constrained")  # fmt: skip
        assert report.kernels is not None
        _kernels(figure, axes["before"], axes["after"], *report.kernels)
        _spectra(axes["spectrum"], *report.spectra)
        _curves(axes["curves"], report)
        _neurons(axes["neurons"], report)
        figure.suptitle(f"{report.verdict}: the kernel changed by {report.kernel_change}", x=0.01, ha="left")
    return figure


def save_diagnosis(report: Report, out: Path, formats: tuple[str, ...] = ("png",)) -> list[Path]:
    """Write the picture into a directory in these formats, and return the paths; raises what `save_picture` does."""
    return save_picture(draw_diagnosis(report), out, "diagnosis", formats, f"diagnosis: {report.verdict}")


def _kernels(figure: Figure, before: Axes, after: Axes, first: np.ndarray, last: np.ndarray) -> None:
    """Each over its largest entry; samples in the order of an eigenvector of the first, so that blocks are seen."""
    first, last = (kernel.trace(axis1=1, axis2=3) for kernel in (first, last))
    order = np.argsort(np.linalg.eigh(first)[1][:, -2 if len(first) > 1 else -1])
    for axes, kernel, title in ((before, first, "kernel before"), (after, last, "kernel after")):
        limit = np.abs(kernel).max()
        shown = axes.imshow(kernel[np.ix_(order, order)] / limit, vmin=-1, vmax=1, cmap="RdBu_r")
        axes.set(title=f"{title}, over {limit:.3g}", xlabel="samples", ylabel="samples", xticks=[], yticks=[])
    figure.colorbar(shown, ax=[before, after], shrink=0.8)


def _spectra(axes: Axes, first: tuple[float, ...], last: tuple[float, ...]) -> None:
    for values, color, label in ((first, LAZY, "before"), (last, MEAN_FIELD, "after")):
        kept = np.array([value for value in values if value > 1e-7 * values[0]])
        axes.loglog(np.arange(1, len(kept) + 1), kept, color=color, marker=".", ls="", label=label)
    axes.set(title="spectrum of the kernel", xlabel="number", ylabel="eigenvalue of K / n")
    axes.legend(loc="lower left")


def _curves(axes: Axes, report: Report) -> None:
    if not report.curves:
        empty(axes, "without step and steps")
        return
    steps = np.array(report.curves["steps"])
    for name, color, ls, label in (
        ("risk", MEAN_FIELD, "-", "network"),
        ("linear_risk", LAZY, "--", "linearised at the start"),
    ):
        axes.plot(np.maximum(steps, 0.5), report.curves[name], color=color, ls=ls, label=label)
    axes.set(xscale="log", yscale="log", xlabel="steps of gradient descent", ylabel="training risk")
    axes.set(title="trained from the same start")
    axes.legend(loc="lower left")


def _neurons(axes: Axes, report: Report) -> None:
    if report.neurons is None:
        empty(axes, "of a two-layer network")
        return
    before, after = report.neurons
    top = 1.05 * max(before.max(), after.max())
    axes.plot([0, top], [0, top], color=GREY, lw=0.8)
    axes.plot(before, after, ".", color=MEAN_FIELD, alpha=min(1.0, 30 / len(before) ** 0.5), ms=3)
    axes.set(title="hidden weights", xlabel="|w| before", ylabel="|w| after", xlim=(0, top), ylim=(0, top))
