"""Learned representations in six panels: kernels that turn to the targets, and a hidden direction found."""

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
from simulations import Records, last
from simulations.records.record import along
from simulations.regimes import hidden_direction
from simulations.regimes.representation_learning import (
    CENTRED,
    DOUBLED,
    SWITCHES,
    along_dimensions,
    along_samples,
    at,
    kernels,
    large,
    manifold,
    many,
)

LAWS = {"doubled": ("tanh", BLUE, "o"), "relu": ("ReLU", ORANGE, "^")}


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `representation_learning`."""
    records = records.done
    figure = Figure(figsize=(10.5, 6.4), layout="constrained")
    axes = figure.subplots(2, 3)
    in_time(axes[0, 0], records, "features_alignment", "a  Features turn to the targets, if α = 1")
    axes[0, 0].set_ylabel("alignment of features and targets (cosine)")
    in_time(axes[0, 1], records, "tangent_dimension", "b  and spread over more dimensions")
    axes[0, 1].set_ylabel("effective dimension, tangent kernel (count)")
    exponents(axes[0, 2], records)
    dimensions(axes[1, 0], records)
    samples(axes[1, 1], records)
    found(axes[1, 2], records)
    return figure


def in_time(axes: Axes, records: Records, name: str, title: str) -> None:
    """A value over training time at the least and the largest output scale."""
    axes.set_title(title)
    drawn = False
    for law, (label, color, marker) in LAWS.items():
        mine = kernels(activation=label.lower(), initial="doubled")(records)
        alphas = sorted(set(mine.column("alpha").tolist()))
        for alpha, line in zip(sorted({*alphas[:1], *alphas[-1:]}), ("-", ":"), strict=False):
            rows = [record for record in at(alpha, law)(records) if len(record["times"]) > 1]
            if not rows:
                continue
            times = rows[0]["times"]
            table = np.array([record[name] for record in rows if len(record["times"]) == len(times)])
            centre, spread = table.mean(axis=0), interval(table)
            x = np.maximum(times, times[1] / 4)
            axes.errorbar(x, centre, spread, fmt=marker + line, ms=3, color=color, label=f"{label}, α = {alpha:g}")
            drawn = True
    if not drawn:
        return empty(axes, "on sign(x₁x₂)")
    axes.axhline(
        float(np.asarray(axes.lines[0].get_ydata())[0]), color=THEORY, lw=0.7, ls="--", label="theory: α = ∞, tanh"
    )
    axes.set(xscale="log", xlabel="time t (mean-field time; leftmost: 0)")
    axes.set_ylim(0, None)
    key(axes)
    return None


def exponents(axes: Axes, records: Records) -> None:
    """Change of the tangent kernel, and of its alignment, against α."""
    axes.set_title("c  Symmetry makes it lazier, kinks less")
    drift, aligned = last("tangent_drift"), last("tangent_realigned")
    series: list[Series] = [
        ("kernel, ReLU", large("relu")(records), drift, ORANGE, "^", SWITCHES),
        ("kernel, tanh, centred", large("centred")(records), drift, GREEN, "s", CENTRED),
        ("kernel, tanh, doubled", large("doubled")(records), drift, BLUE, "o", DOUBLED),
        ("alignment, tanh, doubled", large("doubled")(records), aligned, PURPLE, "D", DOUBLED),
    ]
    if not powers(axes, series, "alpha", "theory: slopes −½, −1, −2, −2"):
        return empty(axes, "along α")
    axes.set(xlabel="output scale α (output units)", ylabel="relative change; change of alignment (share)")
    key(axes)
    return None


def _errors(axes: Axes, records: Records, x: str) -> bool:
    """Test errors of both on the same tasks, with the slopes that were measured."""
    drawn = False
    for name, value, color, marker in (
        ("kernel", last("kernel_error"), LAZY, "s"),
        ("network", last("net_error"), MEAN_FIELD, "o"),
    ):
        at, table = along(records, x, value)
        if table.size:
            slope = np.polyfit(np.log(at), np.log(table).mean(axis=0), 1)[0]
            points(axes, at, table, f"{name}: slope {slope:.1f}".replace("-", "−"), color, marker)
            axes.plot(at, np.exp(np.log(table).mean(axis=0)), color=color, lw=0.8)
            drawn = True
    axes.set(xscale="log", yscale="log", ylabel="test error (share of variance)")
    axes.xaxis.set_minor_formatter(NullFormatter())
    ticks = sorted(set(records.column(x).tolist()))
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    return drawn


def dimensions(axes: Axes, records: Records) -> None:
    """Test error against the dimension: data that fill the sphere, and data on a manifold."""
    axes.set_title("d  Hidden direction against manifold")
    chosen = along_dimensions(records)
    drawn = _errors(axes, chosen, "dimension")
    mine = manifold(records)
    for value, color, marker in (
        (last("kernel_error"), LAZY, "D"),
        (last("net_error"), MEAN_FIELD, "v"),
    ):
        at, table = along(mine, "dimension", value)
        if table.size:
            name = "kernel" if color == LAZY else "network"
            points(axes, at, table, f"{name}, data of {next(iter(mine))['intrinsic']} dimensions", color, marker)
            label = "theory: free of d" if color == LAZY else None
            axes.plot(at, np.full(len(at), np.exp(np.log(table).mean())), color=THEORY, lw=0.8, ls="--", label=label)
            drawn = True
    if not drawn:
        return empty(axes, "along d")
    axes.set(xlabel="dimension d (count)")
    key(axes)
    return None


def samples(axes: Axes, records: Records) -> None:
    """Test error against the number of samples."""
    axes.set_title("e  The lead grows with the samples")
    if not _errors(axes, along_samples(records), "samples"):
        return empty(axes, "along n")
    axes.set(xlabel="training samples n (count)")
    key(axes)
    return None


def found(axes: Axes, records: Records) -> None:
    """The kernel's test error over the network's against the share of the network along the hidden direction."""
    axes.set_title("f  No direction, no lead")
    drawn = False
    for chosen, label, color, marker in (
        (along_dimensions(records), "one direction", MEAN_FIELD, "o"),
        (many(records), "400 directions", GREY, "s"),
    ):
        for d in sorted(set(chosen.column("dimension").tolist())):
            rows = chosen.where(dimension=d)
            x = [record["along"][-1] for record in rows]
            y = [np.exp(hidden_direction.advantage(record)) for record in rows]
            axes.plot(x, y, marker, ms=3.5, color=color, alpha=0.7, label=label)
            label, drawn = None, True
    if not drawn:
        return empty(axes, "of adaptivity")
    axes.axhline(1, color=THEORY, lw=0.8, label="no advantage")
    axes.axhline(3, color=THEORY, lw=0.8, ls="--", label="claimed bound: 3")
    axes.set(yscale="log", xlabel="share of the network along e₁, mean cos²(w, e₁)", xlim=(-0.02, 1.02))
    axes.set_ylabel("test error, kernel / network")
    key(axes)
    return None
