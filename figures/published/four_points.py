"""Four points and the networks that interpolate them: in the kernel regime for every κ, and in the adaptive one."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import beside
from figures.style import COLORS, GREY, MEAN_FIELD, THEORY, empty
from simulations import Records
from simulations.published.four_points import STUDY, Adaptive, Kernel


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `four_points`."""
    return beside.draw(STUDY, records, {"kappa": interpolants})


def interpolants(axes: Axes, records: Records) -> None:
    """Networks of one seed, less the linear spline, with the exact interpolants of their kernels."""
    axes.set(xlabel="x", ylabel="f − linear spline")
    kernels, adaptive = (one.at("predictions", seed=min)(records) for one in (Kernel, Adaptive))
    if not len(kernels):
        empty(axes, "of kernels")
        return
    first = next(iter(kernels))
    points, x, y = first["exact_points"], first["x"], first["y"]
    line = np.interp(points, x, y)
    axes.plot(points, first["exact_natural"] - line, color=GREY, lw=2.5, alpha=0.4, label="natural cubic spline")
    for record, color in zip(sorted(kernels, key=lambda one: one["output"]), COLORS, strict=False):
        f = record["predictions"][-1] - line
        axes.plot(points, f, "o", ms=2.5, color=color, label=f"kernel, κ = {record['output']:g}")
        axes.plot(points, record["exact_interpolant"] - line, color=THEORY, lw=0.8)
    for i, record in enumerate(one for one in adaptive if np.array_equal(one["x"], x)):
        f = record["predictions"][-1] - np.interp(record["exact_points"], x, y)
        axes.plot(record["exact_points"], f, color=MEAN_FIELD, lw=1, ls=":", label="_" if i else "adaptive, all κ")
    axes.plot([], [], color=THEORY, lw=0.8, label="theory: interpolant of the kernel")
    beside.published_points(axes, x, 0 * x, label="the four points")
    low, high = axes.get_ylim()
    axes.set(ylim=(low, high + 0.9 * (high - low)))
    axes.legend(ncols=2, loc="upper center", fontsize=6.5)
