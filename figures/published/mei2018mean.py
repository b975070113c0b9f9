"""Mei, Montanari & Nguyen's two Gaussians: histograms of radii, and the risk at the end along the separation."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.beside import draw as beside
from figures.beside import published_points
from figures.style import BLUE, GREEN, GREY, LAZY, ORANGE, THEORY, empty, interval
from simulations import Records
from simulations.published import mei2018mean as paper

COLORS = (GREY, BLUE, GREEN, ORANGE)


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `mei2018mean`."""
    return beside(paper.STUDY, records, {"1": radii, "2": risks})


def radii(axes: Axes, records: Records) -> None:
    """Histograms of the radii of networks at four times, and the equation's, drawn of its quantiles."""
    record = max(paper.Radii.at("radii")(records), key=lambda one: one["time"], default=None)
    if record is None:
        return empty(axes, "of trained networks")
    chosen = np.unique(np.linspace(0, len(record["times"]) - 1, 4).round().astype(int))
    at = record["dimension"], record["separation"], record["length"]
    exact = paper.law(*at, tuple(record["times"][chosen].tolist()))
    edges = np.linspace(0, 1.02 * max(record["radii"].max(), exact.max()), 45)
    for place, law, color in zip(chosen, exact, COLORS, strict=False):
        label = f"networks, t = {record['times'][place]:.3g}"
        axes.hist(record["radii"][place], edges, density=True, color=color, alpha=0.45, label=label)
        heights, _ = np.histogram(law, edges, density=True)
        axes.stairs(heights, edges, color=THEORY, lw=0.8)
    axes.plot([], [], color=THEORY, lw=0.8, label="paper's equation")
    axes.set(yscale="log", ylim=(0.01, None), xlabel="radius |w|", ylabel="density")
    axes.legend(loc="upper right")
    return None


def risks(axes: Axes, records: Records) -> None:
    """Risks at the end along Δ, the least of all laws and of one radius, and the threshold between."""
    chosen = paper.Separations.at("excess")(records)
    every = sorted(set(chosen.column("separation")))
    if not every:
        return empty(axes, "along Δ")
    line = np.linspace(0.05, 0.95, 19)
    d = 40
    axes.plot(line, [paper.least_risk(d, delta) for delta in line], color=THEORY, lw=1, label="least of all laws")
    one = [paper.one_radius(d, delta)[1] for delta in line]
    axes.plot(line, one, color=THEORY, lw=0.9, ls="--", label="least of one radius")
    for delta in every:
        some = [*chosen.where(separation=delta)]
        seen = np.array([paper.risk(record) for record in some])
        names = ["equation at the end", f"networks, N = {some[0]['particles']}"] if delta == every[0] else [None, None]
        axes.plot([delta], [some[0]["risk"][-1]], "_", color=GREY, ms=14, label=names[0])
        spread = interval(seen[:, None]) if len(seen) > 1 else None
        axes.errorbar([delta], [seen.mean()], yerr=spread, fmt="+", color=LAZY, ms=8, label=names[1])
    end = float(paper.THRESHOLD.value)
    published_points(axes, [end], [paper.least_risk(d, end)], label="paper: one radius ends, d = ∞")
    axes.set(yscale="log", ylim=(1e-3, 3), xlabel="separation Δ", ylabel="risk E (y − f)² at the end")
    axes.legend(loc="lower left")
    return None
