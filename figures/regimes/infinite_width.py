"""Deep random networks in six panels: a Gaussian process and a kernel in the limit, and what depth does to both."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, LAZY, MEAN_FIELD, ORANGE, PURPLE, THEORY, empty, interval, points
from simulations import Records
from simulations.records.record import along
from simulations.regimes import finite_width as measure
from simulations.regimes.infinite_width import Regression, deep, he, networks, smooth
from theory.deep_fluctuation import relu_kurtosis, relu_tangent_variance
from theory.deep_kernels import DEGENERATION, cosine_deficits

COLORS = (ORANGE, GREEN, BLUE, PURPLE, GREY)


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `infinite_width`."""
    records = records.done
    figure = Figure(figsize=(10.5, 6.4), layout="constrained")
    axes = figure.subplots(2, 3)
    law(axes[0, 0], records)
    kurtosis(axes[0, 1], records)
    widths(axes[0, 2], records)
    cosines(axes[1, 0], records)
    accuracy(axes[1, 1], records, "digits", "e  Digits: depth does not help")
    accuracy(axes[1, 2], records, "mnist1d", "f  MNIST-1D: a few layers help a little")
    return figure


def _some(values: list) -> list:
    """At most three of them: the first, the middle and the last."""
    return values if len(values) <= 3 else [values[0], values[len(values) // 2], values[-1]]


def _sizes(records: Records) -> list[int]:
    return sorted(set(records.column("width").tolist()))


def _deepest(records: Records) -> Records:
    """The ReLU networks of the most layers."""
    chosen = he(records)
    return chosen.where(depth=max(chosen.column("depth"))) if len(chosen) else chosen


def law(axes: Axes, records: Records) -> None:
    """Density of an output in units of its limiting deviation: narrow and wide networks, and the normal law."""
    axes.set_title("a  Wide networks are Gaussian")
    chosen = _deepest(records)
    if not len(chosen):
        return empty(axes, "of ReLU networks")
    layers, sizes = max(chosen.column("depth")), _sizes(chosen)
    edges = np.linspace(-5, 5, 31)
    for width, color in zip(sorted({sizes[0], sizes[-1]}), (ORANGE, BLUE), strict=False):
        outputs = [
            record["outputs"] / np.sqrt(np.diag(record["limit_conjugate"][-1])) for record in chosen.where(width=width)
        ]
        values = np.concatenate([part.ravel() for part in outputs])
        share = np.histogram(values, edges)[0] / len(values) / np.diff(edges)
        seen = share > 0
        middle = (edges[1:] + edges[:-1]) / 2
        axes.plot(middle[seen], share[seen], "o", ms=3, color=color, label=f"N = {width}")
    grid = np.linspace(-5, 5, 200)
    axes.plot(grid, np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi), color=THEORY, label="theory: N = ∞")
    axes.set(yscale="log", xlabel=f"output f, {layers} layers of ReLU (limiting deviations)", ylabel="density")
    key(axes)
    return None


def kurtosis(axes: Axes, records: Records) -> None:
    """Excess kurtosis of the outputs against depth for every width.

    Points end at L = N/3: of tails that heavy, samples show too little.
    """
    axes.set_title("b  Depth over width tells how nearly")
    chosen = _deepest(records)
    if not len(chosen):
        return empty(axes, "of ReLU networks")
    for width, color in zip(_some(_sizes(chosen)), COLORS, strict=False):
        rows = chosen.where(width=width)
        depths = np.arange(1, max(rows.column("depth")) + 1)
        seen = depths[depths <= max(1, width // 3)]
        table = np.array([record["kurtosis"][: len(seen)] for record in rows])
        spread = interval(table)
        axes.errorbar(seen, table.mean(axis=0), spread, fmt="o", color=color, label=f"N = {width}", zorder=3)
        label = "theory: 3(1 + 5/N)ᴸ − 3" if color == COLORS[0] else None
        axes.plot(depths, [relu_kurtosis(int(depth), width) for depth in depths], color=THEORY, lw=0.9, label=label)
    axes.set(xlabel="layer L (count)", ylabel="excess kurtosis of an output")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    key(axes)
    return None


def widths(axes: Axes, records: Records) -> None:
    """Squared distances of kernels to their limits against the width, with what theory says of their size."""
    axes.set_title("c  Kernels are 1/N from their limits")
    drawn = False
    for label, chosen, color, marker in (
        ("conjugate kernel, erf", smooth(records), GREEN, "s"),
        ("conjugate kernel, ReLU", deep(records), LAZY, "^"),
    ):
        x, table = along(chosen, "width", measure.distance)
        if table.size:
            points(axes, x, table, label, color, marker)
            constant = np.exp(np.mean(np.log([record["constant"][1] for record in chosen])))
            said = None if drawn else "theory: C/N, or exact"
            axes.plot(x, constant / x, color=THEORY, lw=0.9, label=said)
            drawn = True
    x, table = along(deep(records), "width", lambda record: float(record["tangent_variance"]))
    if table.size:
        points(axes, x, table, "tangent kernel, ReLU, one input", MEAN_FIELD, "o")
        depth = int(max(deep(records).column("depth")))
        axes.plot(x, [relu_tangent_variance(depth, int(width)) for width in x], color=THEORY, lw=0.9)
    if not drawn:
        return empty(axes, "along N")
    axes.set(xscale="log", yscale="log", xlabel="width N", ylabel="E ‖$K_N$ − K‖² (units²; tangent: share²)")
    axes.xaxis.set_minor_formatter(NullFormatter())
    sizes = _sizes(networks()(records))
    if len(sizes) <= 5:
        axes.set_xticks(sizes, [str(size) for size in sizes])
    key(axes)
    return None


def cosines(axes: Axes, records: Records) -> None:
    """L² (1 − cosine) of two inputs against the layer: networks, the map, and its limit."""
    axes.set_title("d  In depth all inputs become one")
    chosen = _deepest(records)
    if not len(chosen):
        return empty(axes, "of ReLU networks")
    first = min(chosen.column("seed"))
    mine = chosen.where(seed=first)
    angle = measure.pairs(next(iter(mine)))[0]
    for width, color in zip(_some(_sizes(mine)), COLORS, strict=False):
        record = max(mine.where(width=width), key=lambda one: one["depth"])
        depths = np.arange(1, record["depth"] + 1)
        axes.plot(depths, depths**2 * record["deficit"][:, 0, 1], "o", color=color, ms=3, label=f"N = {width}")
    far = np.unique(np.rint(np.geomspace(1, 3000, 60)).astype(int))
    axes.plot(far, far**2 * cosine_deficits(angle, 3000)[far], color=THEORY, lw=1, label="theory: N = ∞")
    axes.axhline(DEGENERATION, color=THEORY, ls="--", lw=0.9, label="theory: 9π²/2")
    axes.set(xscale="log", yscale="log", xlabel="layer L (count)", ylabel="L² (1 − cosine of two inputs)")
    key(axes)
    return None


def accuracy(axes: Axes, records: Records, data: str, title: str) -> None:
    """Test accuracy of regression against depth, mean and the verdicts' interval over splits, with numbers."""
    axes.set_title(title)
    chosen = Regression.at("accuracy_tangent", data=data)(records)
    if not len(chosen):
        return empty(axes, f"of regression on {data}")
    drawn, shift = [], 0.94
    for activation, kernel, color, marker, name in (
        ("relu", "conjugate", LAZY, "o", "ReLU, conjugate"),
        ("relu", "tangent", MEAN_FIELD, "s", "ReLU, tangent"),
        ("erf", "conjugate", GREEN, "^", "erf, conjugate"),
        ("erf", "tangent", PURPLE, "D", "erf, tangent"),
    ):
        rows = chosen.where(activation=activation)
        if not len(rows):
            continue
        depths = min((record["depths"] for record in rows), key=len)
        table = 100 * np.array([record[f"accuracy_{kernel}"][: len(depths)] for record in rows])
        centre = table.mean(axis=0)
        spread = interval(table)
        best = int(centre.argmax())
        label = f"{name}: {centre[best]:.1f} ± {spread[best]:.1f} at L = {depths[best]}"
        axes.errorbar(depths * shift, centre, spread, fmt=marker + "-", color=color, ms=3, lw=0.8, label=label)
        shift *= 1.04
        drawn.append((centre - spread, centre + spread))
    linear = 100 * float(np.mean([record["accuracy_linear"] for record in chosen]))
    axes.axhline(linear, color=GREY, ls=":", lw=1, label=f"linear kernel: {linear:.1f}")
    high = max(float(top.max()) for _, top in drawn)
    low = min(linear, min(float(bottom[:3].min()) for bottom, _ in drawn))
    room = high - low
    axes.set(xscale="log", xlabel="layers L (count)", ylim=(low - 0.1 * room, high + 0.1 * room))
    axes.set_ylabel(f"test accuracy (%), {next(iter(chosen))['samples']} training samples")
    axes.set_xticks(depths, [str(depth) for depth in depths])
    axes.xaxis.set_minor_formatter(NullFormatter())
    key(axes)
    return None
