"""Splines in six panels: the fitted functions, their bends, corners, the natural spline, and what is least."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, LAZY, MEAN_FIELD, ORANGE, PURPLE, THEORY, empty
from simulations import Record, Records
from simulations.regimes import splines as study


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `splines`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    fitted(axes[0, 0], records)
    bent(axes[0, 1], records)
    corners(axes[0, 2], records)
    natural(axes[1, 0], records)
    descent(axes[1, 1], records)
    pieces(axes[1, 2], records)
    return figure


def fitted(axes: Axes, records: Records) -> None:
    """One data set: samples, the output layer's function, and that of both layers with its knots."""
    axes.set_title("a  Lazy: cubic; adaptive: few pieces")
    cubic, linear = _one(study.Output.at(sides="both")(records)), _one(study.Adaptive.at(decay="input")(records))
    shown = cubic or linear
    if shown is None:
        return empty(axes, "of training")
    if cubic is not None:
        axes.plot(cubic["exact_points"], cubic["exact_natural"], color=THEORY, lw=2.6, alpha=0.25)
        axes.plot([], [], color=THEORY, lw=2.6, alpha=0.25, label="theory: natural cubic spline")
        axes.plot(*_line(cubic), color=LAZY, label="output layer alone")
    if linear is not None:
        axes.plot(*_line(linear), color=MEAN_FIELD, label="both layers, weight decay")
        strong = _strong(linear)
        axes.plot(strong, _value(linear, strong), "|", color=MEAN_FIELD, ms=13, mew=1.4, label="its knots")
        axes.plot(linear["x"], linear["exact_values"], "_", color=THEORY, ms=9, label="theory: least F, at the samples")
    axes.plot(shown["x"], shown["y"], "o", color=GREY, ms=5, label="samples", zorder=4)
    axes.set(xlabel="input x", ylabel="output f(x)")
    key(axes)
    return None


def bent(axes: Axes, records: Records) -> None:
    """Cumulative ∫|f''| of the same networks, and of a random one."""
    axes.set_title("b  Where f bends")
    kinds = (
        (study.Random.at()(records), GREY, "random network"),
        (study.Output.at(sides="both")(records), LAZY, "output layer alone"),
        (study.Adaptive.at(decay="input")(records), MEAN_FIELD, "both layers, weight decay"),
    )
    seed = _one(kinds[2][0])
    drawn = False
    for chosen, color, label in kinds:
        record = _one(chosen)
        if record is not None and len(record["knots"]):
            total = np.cumsum(np.abs(record["bends"]))
            knots = np.concatenate([[-1.0], record["knots"], [1.0]])
            axes.step(
                knots, np.concatenate([[0], total, total[-1:]]) / total[-1], where="post", color=color, label=label
            )
            drawn = True
    if not drawn:
        return empty(axes, "with knots")
    if seed is not None:
        for i, x in enumerate(seed["x"][1:-1]):
            axes.axvline(x, color=THEORY, ls="--", lw=0.8, label=None if i else "theory: samples")
    axes.set(xlabel="input x", ylabel="share of ∫|f''| left of x", ylim=(0, 1.03))
    key(axes)
    return None


def corners(axes: Axes, records: Records) -> None:
    """Both layers in the lazy limit: the tangent kernel's interpolant, corners and all."""
    axes.set_title("c  Lazy with both layers: corners")
    chosen = study.Tangent.at()(records)
    record = _one(chosen)
    if record is None:
        return empty(axes, "of the tangent model")
    axes.plot(record["exact_points"], record["exact_natural"], color=THEORY, lw=2.6, alpha=0.25)
    axes.plot([], [], color=THEORY, lw=2.6, alpha=0.25, label="theory: natural cubic spline")
    sizes = sorted(set(chosen.column("output")))
    for size, color in zip(sizes, (GREEN, PURPLE, BLUE, ORANGE), strict=False):
        one = _one(chosen.where(output=size))
        assert one is not None
        axes.plot(one["exact_points"], one["exact_interpolant"], color=THEORY, lw=0.8, ls="--")
        axes.plot(one["exact_points"], one["predictions"][-1], "o", ms=3, color=color, label=f"κ = {size:g}")
    axes.plot([], [], color=THEORY, lw=0.8, ls="--", label="theory: kernel's interpolant")
    axes.plot(record["x"], record["y"], "o", color=GREY, ms=5, label="samples")
    axes.set(xlabel="input x", ylabel="output f(x)")
    key(axes)
    return None


def natural(axes: Axes, records: Records) -> None:
    """Distance to the natural spline, and to the other, against the reach of the breakpoints."""
    axes.set_title("d  Natural from afar; one-sided: exact")
    drawn = False
    for sides, name, color, marker, label in (
        ("both", "natural", LAZY, "o", "both orientations − natural spline"),
        ("both", "interpolant", GREEN, "s", "both orientations − kernel's interpolant"),
        ("right", "natural", GREY, "x", "one orientation − natural spline"),
        ("right", "one_sided", PURPLE, "D", "one orientation − its cubic spline"),
    ):
        at, distances = _distances(study.Output.at(sides=sides)(records), name)
        if len(at):
            axes.plot(at, distances, marker, color=color, label=label)
            drawn = True
    both = study.Output.at(sides="both")(records)
    if not drawn:
        return empty(axes, "of the output layer")
    if len(both):
        size = np.exp(np.mean([np.log(np.abs(one["exact_correction"]).max()) for one in both]))
        reach = np.array([max(1.5, min(both.column("reach")) / 5), 1.5 * max(both.column("reach"))])
        axes.plot(reach, size / reach, color=THEORY, ls="--", lw=0.9, label="theory: max |δ| / L")
    axes.set(
        xscale="log", yscale="log", xlabel="reach L of the breakpoints (input)", ylabel="largest distance (output)"
    )
    ticks = sorted({reach / 2**k for reach in study.Output.at()(records).column("reach") for k in range(3)})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    key(axes)
    return None


def descent(axes: Axes, records: Records) -> None:
    """Excess over the least of all widths in time, and its certified gap."""
    axes.set_title("e  Weight decay: down to the least F")
    drawn = False
    for decay, color, label in (("input", MEAN_FIELD, "biases free"), ("all", GREEN, "biases decay too")):
        for i, record in enumerate(study.Adaptive.at(decay=decay)(records)):
            late, least = record["times"] > 0, record["exact_minimum"]
            excess = np.maximum(record["energy"] - least, 1e-12) / least
            axes.plot(record["times"][late], excess[late], color=color, lw=0.8, label=None if i else label)
            if "gap" in record:
                gap = record["gap"][late] / least
                axes.plot(
                    record["times"][late], gap, ":", color=THEORY, lw=0.8, label=None if i else "theory: certified gap"
                )
            else:
                cubic = record["exact_cubic"] / least - 1
                axes.axhline(cubic, color=LAZY, lw=0.6, label=None if i else "natural cubic splines")
            drawn = True
    if not drawn:
        return empty(axes, "with weight decay")
    axes.set(xscale="log", yscale="log", xlabel="time t (mean-field time)", ylabel="(F − min F) / min F")
    key(axes)
    return None


def pieces(axes: Axes, records: Records) -> None:
    """Linear pieces between the outer samples, every one and as they look."""
    axes.set_title("f  Linear pieces on (−1, 1)")
    kinds = (
        ("random\nnetwork", study.Random.at(), GREY),
        ("output\nlayer", study.Output.at(sides="both"), LAZY),
        ("weight\ndecay", study.Adaptive.at(decay="input"), MEAN_FIELD),
        ("biases\ntoo", study.Adaptive.at(decay="all"), GREEN),
    )
    drawn = False
    for at, (_, select, color) in enumerate(kinds):
        chosen = list(select(records))
        for name, shift, marker in (("all_pieces", -0.15, "x"), ("pieces", 0.15, "o")):
            counts = [int(record[name]) for record in chosen]
            if counts:
                axes.plot(at + shift + np.linspace(-0.1, 0.1, len(counts)), counts, marker, color=color)
                drawn = True
    if not drawn:
        return empty(axes, "with knots")
    axes.plot([], [], "x", color=GREY, label="all")
    axes.plot([], [], "o", color=GREY, label="that are seen (gaps > 0.02, 99 % of ∫|f''|)")
    known = [record["samples"] for record in study.Adaptive.at()(records)]
    if known:
        axes.axhline(max(known) - 1, color=THEORY, ls="--", lw=0.9, label="theory: n − 1 with weight decay")
    half = [record["particles"] for record in study.Random.at()(records)]
    for i, m in enumerate(sorted(set(half))):
        axes.plot([-0.4, 0.4], [m / 2 + 1] * 2, color=THEORY, lw=0.9, label=None if i else "theory: m/2 knots")
    axes.set_xticks(range(len(kinds)), [name for name, *_ in kinds])
    axes.set(yscale="log", xlabel="training", ylabel="linear pieces (count)", xlim=(-0.6, 3.6))
    key(axes)
    return None


def _first(record: Record) -> tuple[float, ...]:
    return record["seed"], *(-record[name] for name in ("reach", "particles") if name in record)


def _one(chosen: Records) -> Record | None:
    """The record of the first seed, of the largest reach or the most particles among these."""
    return min(chosen, key=_first, default=None)


def _value(record: Record, x: np.ndarray) -> np.ndarray:
    offset, slope = record["line"]
    return offset + slope * x + np.maximum(x[:, None] - record["knots"], 0) @ record["bends"]


def _line(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """The network's function on [−1, 1], every knot included."""
    x = np.unique(np.concatenate([np.linspace(-1, 1, 101), record["knots"]]))
    return x, _value(record, x)


def _strong(record: Record) -> np.ndarray:
    """Knots that carry 99 % of ∫|f''|."""
    size = np.abs(record["bends"])
    order = np.argsort(size)
    return np.sort(record["knots"][order[np.cumsum(size[order]) > 0.01 * size.sum()]])


def _distances(chosen: Records, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(reaches, largest distances at each), every record and reach a point."""
    at, distances = [], []
    for record in chosen:
        f, other = record["predictions"], np.broadcast_to(record[f"exact_{name}"], record["predictions"].shape)
        if name == "one_sided":
            f, other = f[-1:], other[-1:]
        at += list(record["reach"] / 2.0 ** np.arange(len(f))[::-1])
        distances += list(np.maximum(np.abs(f - other).max(axis=1), 1e-16))
    return np.array(at), np.array(distances)
