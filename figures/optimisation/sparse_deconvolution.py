"""Sparse deconvolution in eight panels: paths, certificate, decay, modes, and how many particles it takes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty, share_bars
from simulations import Record, Records
from simulations.optimisation.sparse_deconvolution import LOOKS, Local, Uniform, certified, collective_rate
from simulations.records.record import along
from theory.deconvolution import Problem

PLUS, MINUS = ORANGE, BLUE
"""Signs of particles and spikes."""

FAMILIES = (("collective", BLUE, "o"), ("spread", GREEN, "s"), ("far", PURPLE, "^"))


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `sparse_deconvolution`."""
    records = records.done
    figure = Figure(figsize=(13, 6.2), layout="constrained")
    grid = figure.add_gridspec(2, 4, wspace=0.04, hspace=0.06)
    line, plane = (shown(Uniform.at("positions", dimension=d, moving=True, signs="both")(records)) for d in (1, 2))
    paths_on_line(figure.add_subplot(grid[0, 0]), line)
    certificate(figure.add_subplot(grid[0, 1]), line)
    paths_in_plane(figure.add_subplot(grid[0, 2]), plane)
    decay(figure.add_subplot(grid[0, 3]), line, records)
    families(figure.add_subplot(grid[1, 0]), records)
    rates(figure.add_subplot(grid[1, 1]), records)
    width(figure.add_subplot(grid[1, 2]), records)
    success(figure.add_subplot(grid[1, 3]), records)
    return figure


def shown(records: Records) -> Record | None:
    """Return the run whose paths are drawn: of the first seed and the strongest penalty, with about 30 particles."""
    return min(records, key=lambda r: (r["seed"], -r["strength"], abs(r["particles"] - 30)), default=None)


def paths_on_line(axes: Axes, record: Record | None) -> None:
    """Positions over time, as wide as the masses."""
    axes.set_title("a  Particles gather at the spikes")
    if record is None:
        return empty(axes, "in one dimension")
    steps = record["times"][1:]
    for j in range(record["particles"]):
        place, mass = record["positions"][1:, j, 1], record["masses"][1:, j]
        points = np.column_stack([steps, np.mod(place, 1)])
        pieces = np.stack([points[:-1], points[1:]], axis=1)
        whole = np.abs(np.diff(points[:, 1])) < 0.5  # pieces that wrap around the torus are left out
        color = PLUS if record["positions"][0, j, 0] > 0 else MINUS
        widths = 0.25 + 4 * np.minimum(mass[1:], 1.0)
        axes.add_collection(LineCollection(list(pieces[whole]), linewidths=widths[whole], colors=color, alpha=0.75))
    end = steps[-1] * 1.35
    for weight, place in record["found"]:
        axes.plot(end, place, "P" if weight > 0 else "o", color=THEORY, ms=3 + 3 * min(abs(weight), 2.0), clip_on=False)
    axes.set(xscale="log", xlim=(1, end), ylim=(-0.02, 1.02), xlabel="steps", ylabel="position (period)")
    axes.set_yticks([0, 0.5, 1])
    axes.plot([], [], color=PLUS, lw=2, label="positive")
    axes.plot([], [], color=MINUS, lw=2, label="negative")
    axes.plot([], [], "P", color=THEORY, label="theory: optimum")
    key(axes)
    return None


def certificate(axes: Axes, record: Record | None) -> None:
    """η of the particles at the end, between −1 and 1, with the true spikes and those of the optimum."""
    axes.set_title("b  The certificate of global optimality")
    if record is None:
        return empty(axes, "in one dimension")
    problem = Problem(record["y"], record["order"], 1, record["strength"])
    grid = np.linspace(0, 1, 1001)
    for row, color, label in ((-1, GREEN, "η at the end"), (len(record["times"]) // 2, GREY, "η half-way")):
        sign, place = record["positions"][row, :, 0], record["positions"][row, :, 1:]
        r = problem.residual(sign * record["masses"][row], place)
        axes.plot(grid, problem.certificate(r, grid[:, None])[0], color=color, label=label, lw=1.4 if row < 0 else 0.8)
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: |η| ≤ 1")
    axes.axhline(-1, color=THEORY, ls="--", lw=0.9)
    axes.plot(record["found"][:, 1], np.sign(record["found"][:, 0]), "o", color=THEORY, ms=4, label="optimum")
    axes.plot(
        record["truth"][:, 1],
        np.sign(record["truth"][:, 0]) * 1.12,
        "|",
        color=ORANGE,
        ms=7,
        mew=1.5,
        label="true spikes",
    )
    axes.set(ylim=(-1.2, 1.2), xlim=(0, 1), xlabel="position (period)", ylabel="certificate η")
    axes.set_yticks([-1, 0, 1])
    key(axes)
    return None


def paths_in_plane(axes: Axes, record: Record | None) -> None:
    """Paths on the torus of two dimensions; the ends are as large as their masses."""
    axes.set_title("c  The same in two dimensions")
    if record is None:
        return empty(axes, "in two dimensions")
    for j in range(record["particles"]):
        path = record["positions"][:, j, 1:]
        color = PLUS if record["positions"][0, j, 0] > 0 else MINUS
        for shift in np.ndindex(3, 3):  # paths that leave the square enter it on the other side
            axes.plot(*(path + np.array(shift) - 1).T, color=color, lw=0.6, alpha=0.6)
        axes.plot(*np.mod(path[0], 1), "o", mfc="white", mec=color, ms=2.5, mew=0.6, ls="")
    for weight, *place in record["found"]:
        axes.plot(*place, "P" if weight > 0 else "o", color=THEORY, ms=5 + 3 * abs(weight), mfc="none", ls="")
    ends, mass = np.mod(record["positions"][-1, :, 1:], 1), record["masses"][-1]
    colors = np.where(record["positions"][0, :, 0] > 0, PLUS, MINUS)
    axes.scatter(*ends.T, s=60 * mass, c=colors, zorder=3)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="position t₁ (period)", ylabel="position t₂ (period)")
    axes.plot([], [], "P", color=THEORY, mfc="none", ls="", label="theory: optimum")
    key(axes)
    return None


def decay(axes: Axes, record: Record | None, records: Records, most: int = 6) -> None:
    """Excess and certified gap of a few seeds of one setting, with the rates that theory predicts for the end."""
    axes.set_title("d  The slowest mode rules the end")
    if record is None:
        return empty(axes, "in one dimension")
    setting = {name: value for name, value in record.parameters.items() if name != "seed"}
    alike = sorted(records.where(**setting), key=lambda one: one["seed"])[:most]
    for k, one in enumerate(alike):
        t, excess = one["times"], one["excess"]
        above = np.where(excess > 1e-14, excess, np.nan)
        axes.plot(t, above, "o", ms=2.5, color=BLUE, label=None if k else "J − min J")
        axes.plot(t[::-LOOKS][::-1], one["gap"], "-", lw=0.7, color=ORANGE, label=None if k else "certified gap")
        late = np.flatnonzero((excess > 1e-12) & (t > 0))
        if len(late):
            at = t[late[-1]] * np.linspace(0.4, 1, 30)
            line = excess[late[-1]] * np.exp(-one["slowest"] * (at - at[-1]))
            axes.plot(at, line, color=THEORY, lw=0.8, ls="--", label=None if k else "theory: slowest rate")
    axes.axhline(
        float(np.mean([one["floor"] for one in alike])), color=ORANGE, ls=":", lw=0.9, label="what the grid leaves open"
    )
    axes.set(yscale="log", xlabel="steps", ylabel="objective (output units²)", ylim=(1e-14, None))
    key(axes)
    return None


def families(axes: Axes, records: Records) -> None:
    """Excess of one local run in time, and the three families that it is the sum of."""
    axes.set_title("e  Near the optimum: three families")
    chosen = list(Local.at("far_rates", metric="mass")(records).where(lambda record: len(record["far_rates"]) > 0))
    if not chosen:
        return empty(axes, "near the optimum")
    record = min(chosen, key=lambda r: (r["seed"], -r["strength"], abs(r["particles"] - 30)))
    t, parts = record["times"][1:], record["predicted_excess"][:, 1:]
    floor = 1e4 * np.finfo(float).eps * record["least"]
    for part, (name, color, _) in zip(parts, FAMILIES, strict=True):
        axes.plot(t, part, color=color, lw=1, label=name)
    axes.plot(t, parts.sum(axis=0), color=THEORY, ls="--", lw=1, label="theory: their sum")
    seen = record["excess"][1:]
    axes.plot(t[seen > floor], seen[seen > floor], "o", ms=3, mfc="white", mec=THEORY, label="particles")
    axes.set(
        xscale="log", yscale="log", ylim=(floor, 3 * seen.max()), xlabel="steps", ylabel="J − min J (output units²)"
    )
    key(axes)
    return None


def rates(axes: Axes, records: Records) -> None:
    """Measured against predicted rates of every mode of all local runs."""
    axes.set_title("f  Every mode at its own rate")
    chosen = list(Local.at("far_rates", metric="mass")(records))
    drawn = False
    for name, color, marker in FAMILIES:
        pairs = [record[f"{name}_rates"] for record in chosen if len(record[f"{name}_rates"])]
        if pairs:
            x, y = np.concatenate(pairs).T
            worst = float(np.abs(y / x - 1).max())
            axes.plot(x, y, marker, color=color, ms=3, mfc="none", mew=0.6, ls="", label=f"{name}, within {worst:.0e}")
            drawn = True
    if not drawn:
        return empty(axes, "near the optimum")
    axes.set(xscale="log", yscale="log")
    ends = np.array(axes.get_xlim())
    axes.plot(ends, ends, color=THEORY, ls="--", lw=0.9, label="theory: equal", zorder=0)
    axes.set(xlim=ends, xlabel="predicted rate (1 / step)", ylabel="measured rate (1 / step)")
    key(axes)
    return None


def width(axes: Axes, records: Records) -> None:
    """Mean rate of the collective modes against m, in the conic metric and in that of plain gradient descent."""
    axes.set_title("g  The rate does not depend on m")
    drawn = False
    for metric, color, label in (("mass", BLUE, "conic descent"), ("plain", ORANGE, "plain gradient descent")):
        x, table = along(Local.at("collective_rates", metric=metric)(records), "particles", collective_rate)
        if table.size:
            axes.plot(np.tile(x, (len(table), 1)).T, table.T, "o", ms=3.5, mfc="none", color=color)
            level = np.exp(np.log(table).mean(axis=0))
            line = np.full(len(x), level[0]) if metric == "mass" else level[0] * x[0] / x
            axes.plot(x, line, color=THEORY, ls="--", lw=0.9, label=None if drawn else "theory: slopes 0, −1")
            axes.plot([], [], "o", mfc="none", color=color, label=label)
            drawn = True
    if not drawn:
        return empty(axes, "at three values of m")
    axes.set(xscale="log", yscale="log", xlabel="particles m", ylabel="collective rate (1 / step)")
    plain_ticks(axes)
    key(axes)
    return None


def success(axes: Axes, records: Records) -> None:
    """Share of instances whose global optimum is reached and certified, against m."""
    axes.set_title("h  A few times as many as spikes")
    drawn = False
    full = Uniform.at("gap", moving=True, signs="both")(records)
    kinds = sorted({(r["dimension"], r["order"], r["spikes"], r["strength"]) for r in full})
    for i, (dimension, order, spikes, strength) in enumerate(kinds):
        kind = {"dimension": dimension, "order": order, "spikes": spikes, "strength": strength}
        chosen = full.where(**kind)
        ms = sorted(set(chosen.column("particles").tolist()))
        wins = [np.array([certified(r) for r in chosen.where(particles=m)]) for m in ms]
        share = [np.mean(win) for win in wins]
        bars = np.hstack([share_bars(int(np.sum(win)), len(win)) for win in wins])
        color, marker = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"))[i % 4]
        label = f"{dimension}-D, {spikes} spikes, λ = {strength:g}"
        axes.errorbar(ms, share, yerr=bars, fmt=f"{marker}-", color=color, lw=0.8, label=label, mfc="none")
        axes.axvline(spikes, color=color, ls=":", lw=0.8)
        drawn = True
    if not drawn:
        return empty(axes, "from all over the torus")
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: all, m → ∞")
    axes.set(xscale="log", ylim=(-0.05, 1.05), xlabel="particles m (dotted: spikes)", ylabel="share solved, certified")
    axes.set_yticks([0, 0.5, 1])
    plain_ticks(axes)
    key(axes)
    return None


def plain_ticks(axes: Axes) -> None:
    """A logarithmic axis of m with the numbers themselves as labels."""
    low, high = axes.get_xlim()
    leading = (1, 2, 5) if high < 30 * low else (1, 3)
    ticks = [tick * 10**k for k in range(6) for tick in leading if low <= tick * 10**k <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
