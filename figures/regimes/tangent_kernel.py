"""The tangent kernel in six panels: its limit, the training curves it predicts, and what it is worth on test data."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures.legends import key
from figures.style import (
    BLUE,
    GREEN,
    GREY,
    LAZY,
    MEAN_FIELD,
    ORANGE,
    PURPLE,
    THEORY,
    Series,
    empty,
    interval,
    points,
    powers,
)
from simulations import Record, Records
from simulations.records.record import along
from simulations.regimes import eigendirections
from simulations.regimes.eigendirections import learning
from simulations.regimes.kernel_methods import score
from simulations.regimes.tangent_kernel import accuracy_runs, direction_runs, distance, start_runs
from theory import scaling

ACTIVATIONS = {"relu": BLUE, "leaky_relu": ORANGE, "squared_relu": PURPLE, "erf": GREEN, "cosine": GREY}

NAMES = {
    "linear": "linear",
    "features_256": "256 features",
    "features_4096": "4096 features",
    "arc_cosine": "arc-cosine kernel",
    "tangent": "tangent kernel",
    "gaussian": "Gaussian kernel",
    "lazy": "lazy network",
    "mean_field": "mean-field network",
}
"""Methods in the order of the table."""

DATA = {"digits": "digits", "breast_cancer": "breast cancer", "mnist1d": "MNIST-1D"}


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `tangent_kernel`."""
    records = records.done
    figure = Figure(figsize=(10.5, 6.6), layout="constrained")
    rows: Any = figure.subfigures(2, 1, hspace=0.02)
    top, bottom = rows
    for number, panel in enumerate((kernels, curves, times)):
        panel(top.add_subplot(1, 3, number + 1), records)
    grid = bottom.add_gridspec(1, 5, width_ratios=(1.5, 0.75, 0.75, 0.75, 1.5))
    width(bottom.add_subplot(grid[0]), records)
    methods([bottom.add_subplot(grid[i]) for i in (1, 2, 3)], records)
    training(bottom.add_subplot(grid[4]), records)
    return figure


def kernels(axes: Axes, records: Records) -> None:
    """Squared distance of the tangent kernel to its closed form against m."""
    axes.set_title("a  The kernel of m units: C/m from its limit")
    drawn = False
    for activation, color in ACTIVATIONS.items():
        chosen = start_runs(activation=activation)(records)
        x, table = along(chosen, "particles", distance)
        if table.size:
            points(axes, x, table, activation, color)
            constant = np.mean([float(record["constant_both"]) for record in chosen])
            axes.plot(x, constant / x, color=THEORY, lw=0.9, ls="--", label=None if drawn else "theory: C/m")
            drawn = True
    if not drawn:
        return empty(axes, "at the start along m")
    axes.set(xscale="log", yscale="log", xlabel="particles m", ylabel="E ‖Kₘ − K‖² (kernel units²)")
    _sizes(axes, start_runs()(records))
    key(axes)
    return None


def curves(axes: Axes, records: Records) -> None:
    """Training loss on true and on random labels over steps, with what the limiting kernel predicts."""
    axes.set_title("b  Digits: the loss it predicts")
    drawn = False
    for labels, name, color, marker in (
        ("true", "odd or even", LAZY, "o"),
        ("random", "random labels", ORANGE, "s"),
        ("even", "all directions alike", GREEN, "^"),
    ):
        record = _widest(direction_runs(labels=labels)(records))
        if record is None:
            continue
        seen = record["steps"] > 0
        power = np.sum(record["y"] ** 2)
        loss = np.sum(record["residuals"] ** 2, axis=1) / power
        axes.plot(record["steps"][seen], loss[seen], marker, color=color, label=f"{name}, m = {record['particles']}")
        exact = np.sum(record["limit_residuals"] ** 2, axis=1) / power
        label = None if drawn else "theory: Σ (1 − hλᵢ/n)²ᵏ (vᵢ·y)²"
        axes.plot(record["steps"][seen], exact[seen], color=THEORY, lw=0.9, label=label)
        drawn = True
    if not drawn:
        return empty(axes, "trained on digits")
    axes.set(xscale="log", yscale="log", xlabel="steps k (count)", ylabel="loss ‖y − uₖ‖² / ‖y‖²")
    key(axes)
    return None


def times(axes: Axes, records: Records) -> None:
    """Measured against predicted learning time, a point a direction."""
    axes.set_title("c  Direction i is learnt in time n / hλᵢ")
    chosen = learning(records)
    if not len(chosen):
        return empty(axes, "with even labels, long enough")
    sizes = sorted(set(chosen.column("particles")))
    span = [np.inf, 0.0]
    for m, color in zip(sizes if len(sizes) < 3 else (sizes[0], sizes[-1]), (ORANGE, LAZY), strict=False):
        label = f"m = {m}"
        for record in chosen.where(particles=m):
            predicted, measured = eigendirections.learnt(record)
            axes.plot(predicted, measured, ".", ms=2.5, color=color, alpha=0.5, label=label)
            label, span = None, [min(span[0], predicted.min()), max(span[1], predicted.max())]
    axes.plot(span, span, color=THEORY, lw=1, label="theory")
    axes.set(
        xscale="log", yscale="log", xlabel="predicted steps to 1/e (count)", ylabel="measured steps to 1/e (count)"
    )
    key(axes, markerscale=3)
    return None


def width(axes: Axes, records: Records) -> None:
    """Distance to the predicted residuals, and scatter of learning times, against m."""
    axes.set_title("d  The prediction sharpens as 1/√m")
    half = scaling.kernel_limit_exponent()
    true, random, even = (direction_runs(labels=labels)(records) for labels in ("true", "random", "even"))
    series: list[Series] = [
        ("error, odd or even", true, eigendirections.residual_error, LAZY, "o", half),
        ("error, random labels", random, eigendirections.residual_error, ORANGE, "s", half),
        ("error, all directions alike", even, eigendirections.residual_error, GREEN, "^", half),
        ("scatter of log learning times", learning(records), eigendirections.scatter, PURPLE, "D", half),
    ]
    if not powers(axes, series, "particles", "theory: slope −½"):
        return empty(axes, "trained along m")
    axes.set(xlabel="particles m", ylabel="relative error, scatter (share)")
    _sizes(axes, direction_runs()(records))
    key(axes)
    return None


def methods(row: list[Axes], records: Records) -> None:
    """The table: test accuracy of every method on three data sets, mean and 95 % interval over splits."""
    row[0].set_title("e  Test accuracy")
    for axes, (data, name) in zip(row, DATA.items(), strict=True):
        chosen = accuracy_runs(data=data)(records)
        axes.set_xlabel(f"{name} (%)")
        if not len(chosen):
            empty(axes, "")
            axes.set_xlabel(name)
            continue
        scores = {method: [100 * score(record, method) for record in chosen] for method in NAMES}
        centres = {method: float(np.mean(shares)) for method, shares in scores.items()}
        infinite = 100 * np.mean([score(record, "infinite") for record in chosen])
        ends = [infinite]
        for place, (method, shares) in enumerate(scores.items()):
            spread = interval(shares)
            ends += [centres[method] - spread, centres[method] + spread]
            color = {"lazy": LAZY, "mean_field": MEAN_FIELD, "tangent": GREEN}.get(method, GREY)
            axes.errorbar(centres[method], place, xerr=spread, fmt="o", color=color, ms=3.5)
            text = f"{centres[method]:.1f} ± {spread:.1f}"
            axes.text(
                1.0, place - 0.28, text, transform=axes.get_yaxis_transform(), ha="right", fontsize=6, color=color
            )
        label = "theory: lazy, m = ∞, same steps"
        axes.plot(infinite, list(NAMES).index("lazy"), "|", ms=11, mew=1.4, color=THEORY, label=label)
        room = max(max(ends) - min(ends), 1.0) * 0.1
        axes.set(xlim=(min(ends) - room, max(ends) + room), ylim=(len(NAMES) - 0.3, -0.7))
        axes.set_yticks(range(len(NAMES)), NAMES.values() if axes is row[0] else [""] * len(NAMES), fontsize=7)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=3)
        axes.grid(axis="y", lw=0.3)
        if axes is row[0]:
            key(axes).set_in_layout(False)  # it may hang below the neighbours, too


def training(axes: Axes, records: Records) -> None:
    """Test accuracy on digits against training time: networks, the infinitely wide lazy one, and regressions."""
    axes.set_title("f  Digits: time decides")
    chosen = accuracy_runs(data="digits")(records)
    if not len(chosen):
        return empty(axes, "of accuracy on digits")
    longest = max(int(record["steps"][-1]) for record in chosen)
    chosen = chosen.where(lambda record: int(record["steps"][-1]) == longest)
    steps, m = next(iter(chosen))["steps"], next(iter(chosen))["particles"]
    for name, label, color, style in (
        ("lazy", f"lazy network, m = {m}", LAZY, "o"),
        ("mean_field", f"mean-field network, m = {m}", MEAN_FIELD, "D"),
        ("infinite", "theory: lazy, m = ∞, same steps", THEORY, "-"),
    ):
        table = 100 * np.array([record[f"accuracy_{name}"] for record in chosen])
        centre, seen = table.mean(axis=0), steps > 0
        axes.plot(steps[seen], centre[seen], style, color=color, label=label, lw=1)
        if len(table) > 1:
            spread = interval(table)
            axes.fill_between(
                steps[seen], (centre - spread)[seen], (centre + spread)[seen], color=color, alpha=0.15, lw=0
            )
    for method, color, line in (("tangent", GREEN, "--"), ("linear", GREY, ":")):
        level = 100 * float(np.mean([score(record, method) for record in chosen]))
        axes.axhline(level, color=color, ls=line, lw=1, label=f"{NAMES[method]} regression")
    samples = next(iter(chosen))["samples"]
    axes.set(xscale="log", xlabel="steps k (count)", ylabel=f"test accuracy (%), {samples} training images")
    key(axes)
    return None


def _sizes(axes: Axes, records: Records) -> None:
    """Ticks at the m that were run, where they are few."""
    axes.xaxis.set_minor_formatter(NullFormatter())
    sizes = sorted(set(records.column("particles").tolist()))
    if len(sizes) <= 5:
        axes.set_xticks(sizes, [str(m) for m in sizes])


def _widest(records: Records) -> Record | None:
    """The first network of the largest size."""
    return max(records, key=lambda record: (record["particles"], -record["seed"]), default=None)
