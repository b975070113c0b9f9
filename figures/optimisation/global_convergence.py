"""Global convergence in six panels: how often, how far, how sure, where to, and against smaller and lazier students."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, THEORY, empty, share_bars
from simulations import Record, Records
from simulations.optimisation import shares_of_success as success
from simulations.optimisation.global_convergence import Paths, Population, Sigmoid, beyond, every, plane, relu

LEAST = 1e-10
"""Relative excess below which points are drawn on the floor of an axis."""


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `global_convergence`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    how_often(axes[0, 0], records)
    how_far(axes[0, 1], records)
    how_sure(axes[0, 2], records)
    where_to(axes[1, 0], records)
    teachers(axes[1, 1], records)
    sigmoids(axes[1, 2], records)
    return figure


def how_often(axes: Axes, records: Records) -> None:
    """Share of students that reach the global minimum against m."""
    axes.set_title("a  More particles, more often global")
    shown = _shares(axes, plane(records), success.at_minimum, "within 0.1 %", ORANGE, "o")
    shown |= _shares(axes, plane(records), success.certified, "certified, 1 %", GREEN, "s")
    shown |= _shares(axes, relu(layers="output")(records), success.at_minimum, "output only", BLUE, "^")
    if not shown:
        return empty(axes, "in the plane")
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: m → ∞")
    axes.set(xscale="log", xlabel="particles m", ylabel="share at the global minimum")
    _counts(axes)
    _shares_axis(axes)
    key(axes)
    return None


def how_far(axes: Axes, records: Records) -> None:
    """Excess over the convex minimum against m, beside fixed random features."""
    axes.set_title("b  Features that move find it")
    students = plane(records)
    if not len(students):
        return empty(axes, "in the plane")
    _cloud(axes, students, success.excess, "trained", ORANGE, -0.03)
    _cloud(axes, students, _feature_excess, "convex, fixed features", BLUE, 0.03)
    axes.axhline(success.CLOSE, color=GREY, ls=":", lw=0.9, label="counted as success")
    axes.axhline(LEAST, color=THEORY, ls="--", lw=0.9, label="theory: 0, all networks")
    axes.set(xscale="log", yscale="log", xlabel="particles m", ylabel="(F − F*) / F*, middle half and all")
    axes.set_ylim(LEAST / 3, None)
    _counts(axes)
    key(axes)
    return None


def how_sure(axes: Axes, records: Records) -> None:
    """Excess against what a certificate says, for every run with weight decay."""
    axes.set_title("c  A certificate is never wrong")
    chosen = list(every(records))
    if not chosen:
        return empty(axes, "with weight decay")
    for name, color, marker, label in (
        ("own_gap", GREY, "x", "at its own neurons: no proof"),
        ("gap", GREEN, "o", "over the whole sphere: certified"),
    ):
        gaps = np.array([record[name] / record["minimum"] for record in chosen])
        far = np.array([success.excess(record) for record in chosen])
        axes.plot(_floored(gaps), _floored(far), marker, color=color, ms=2.2, alpha=0.5, ls="", mew=0.6, label=label)
    chosen = list(beyond(records))
    if chosen:
        gaps = np.array([record["gap"] / record["minimum"] for record in chosen])
        far = np.array([success.excess(record) for record in chosen])
        d = sorted({record["dimension"] for record in chosen})
        label = f"d = {', '.join(map(str, d))}: excess over the best known"
        axes.plot(_floored(gaps), _floored(far), "^", color=BLUE, ms=2.6, alpha=0.7, ls="", label=label)
    ends = np.array([LEAST, 1e2])
    axes.plot(ends, ends, color=THEORY, lw=1, label="theory: excess ≤ gap")
    axes.set(xscale="log", yscale="log", xlabel="gap / F*", ylabel="(F − F*) / F*", xlim=(LEAST / 3, 1e2))
    axes.set_ylim(LEAST / 3, 1e2)
    key(axes, markerscale=2)
    return None


def where_to(axes: Axes, records: Records) -> None:
    """Paths of the particles |a| w of one student in the plane, and the atoms of the convex optimum."""
    axes.set_title("d  Particles move to the optimum's atoms")
    chosen = Paths.at("positions", dimension=2, layers="both")(records)
    if not len(chosen):
        return empty(axes, "in the plane")
    record = max(chosen, key=lambda one: (one["particles"], -one["seed"]))
    positions = record["positions"][:, : record["particles"]]
    a, w = positions[..., :1], positions[..., 1:]
    paths, sign = np.abs(a) * w, np.sign(a[-1, :, 0])
    for value, color in ((1, ORANGE), (-1, BLUE)):
        axes.plot(*np.moveaxis(paths[:, sign == value], 2, 0), color=color, lw=0.6, alpha=0.6)
        name = f"a {'>' if value > 0 else '<'} 0"
        axes.plot(*paths[-1][sign == value].T, "o", color=color, ms=3.5, ls="", label=name)
    axes.plot(*paths[0].T, "o", mfc="white", mec=GREY, ms=2.2, mew=0.6, ls="", label="start")
    weights = np.abs(record["optimum"][:, 0])
    for weight, direction in zip(weights / weights.max(initial=1e-300), record["optimum"][:, 1:], strict=True):
        axes.plot(*np.outer(direction, [0, 9 * np.abs(paths[-1]).max()]), color=THEORY, lw=0.3 + weight, ls="--")
    axes.plot([], [], color=THEORY, lw=0.9, ls="--", label="theory: atoms")
    reach = 1.15 * float(np.abs(paths[[0, -1]]).max())
    axes.set(xlim=(-1.2 * reach, 1.2 * reach), ylim=(-reach, 1.2 * reach), aspect="equal")
    axes.set(xlabel="|a| w₁", ylabel="|a| w₂")
    key(axes)
    return None


def teachers(axes: Axes, records: Records) -> None:
    """Share of students that find their teacher against m, exact population risk."""
    axes.set_title("e  Larger students find the teacher")
    chosen = Population.at("energy")(records)
    if not _shares(axes, chosen, success.fitted, "both layers", ORANGE, "o"):
        return empty(axes, "on the population risk")
    for neurons in sorted(set(chosen.column("neurons")))[:1]:
        label = f"theory: 0 below m* = {neurons}"
        axes.axvline(neurons, color=THEORY, ls="--", lw=0.9, label=label)
    axes.set(xlabel="particles m", ylabel="share with risk < 0.1 % of f = 0")
    _shares_axis(axes)
    key(axes)
    return None


def sigmoids(axes: Axes, records: Records) -> None:
    """Loss of sigmoid students against m, beside fixed random features."""
    axes.set_title("f  Sigmoid, from {0} × sphere")
    chosen = Sigmoid.at("energy", layers="both")(records)
    if not len(chosen):
        return empty(axes, "with sigmoid neurons")
    _cloud(axes, chosen, lambda record: record["energy"][-1] / record["nothing"], "trained", ORANGE, -0.03)
    _cloud(axes, chosen, lambda record: record["feature_minimum"] / record["nothing"], "convex, fixed", BLUE, 0.03)
    neurons = min(chosen.column("neurons"))
    axes.axvline(neurons, color=GREY, ls=":", lw=0.9, label=f"teacher, m* = {neurons}")
    axes.axhline(LEAST, color=THEORY, ls="--", lw=0.9, label="theory: 0 from m* on")
    axes.set(xscale="log", yscale="log", xlabel="particles m", ylabel="loss / loss of f = 0, middle half and all")
    axes.set_ylim(LEAST / 3, None)
    _counts(axes)
    key(axes)
    return None


def _feature_excess(record: Record) -> float:
    return float(record["feature_minimum"] / record["minimum"] - 1)


def _shares(axes: Axes, records: Records, value, label: str, color: str, marker: str) -> bool:
    """Shares of success at every m with their exact intervals; whether there were any."""
    rows = []
    for m in sorted(set(records.column("particles"))):
        wins, count = success.tally(records.where(particles=m), value)
        (down,), (up,) = share_bars(wins, count)
        rows.append((m, wins / count, down, up))
    if rows:
        x, y, down, up = np.array(rows).T
        axes.errorbar(x, y, yerr=[down, up], fmt=marker + "-", color=color, lw=0.8, label=label, zorder=3)
    return bool(rows)


def _cloud(axes: Axes, records: Records, value, label: str, color: str, shift: float) -> None:
    """Draw median, middle half and range of all runs at every m."""
    for m in sorted(set(records.column("particles"))):
        samples = _floored(np.array([value(record) for record in records.where(particles=m)]))
        x = m * np.exp(shift)
        axes.plot([x, x], [samples.min(), samples.max()], color=color, lw=0.7, alpha=0.7)
        axes.plot([x, x], np.quantile(samples, [0.25, 0.75]), color=color, lw=3, alpha=0.6)
        axes.plot(x, np.median(samples), "o", color=color, ms=4, label=label)
        label = ""


def _floored(samples: np.ndarray) -> np.ndarray:
    return np.maximum(samples, LEAST)


def _counts(axes: Axes) -> None:
    """Ticks of a logarithmic axis of counts, written out."""
    low, high = axes.get_xlim()
    ticks = [m for m in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if low <= m <= high]
    axes.set_xticks(ticks, [str(m) for m in ticks])
    axes.set_xticks([], minor=True)


def _shares_axis(axes: Axes) -> None:
    """An axis of shares."""
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
