"""Incremental gradients in six panels: who gets how far, against the theorems, and what plain SGD does."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty
from simulations import Record, Records
from simulations.optimisation import finite_sum_rates as measure
from simulations.optimisation.finite_sums import decaying, fitted, noisy, of
from simulations.records.record import runs

NAMES = {
    "sgd": ("SGD, step 1/2L", GREY),
    "decaying": ("SGD, steps 2/μ(k + k₀)", PURPLE),
    "sag": ("SAG", GREEN),
    "svrg": ("SVRG", ORANGE),
    "saga": ("SAGA", BLUE),
    "adapted": ("SAGA, 1/2(λn + L)", "#56B4E9"),
}
REMEMBERING = ("sag", "svrg", "saga", "adapted")
SMALL = 1e-18
"""The least excess risk that is drawn: below is rounding, which may be negative."""

SHARED = ("seed", "samples", "dimension", "particles", "ridge", "noise")


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `finite_sums`."""
    records = runs("excess")(records.done)
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    race(axes[0, 0], records)
    bounds(axes[0, 1], records)
    rates(axes[0, 2], records)
    floors(axes[1, 0], records)
    decays(axes[1, 1], records)
    interpolation(axes[1, 2], records)
    return figure


def _first_seed(records: Records) -> Records:
    """The records of the first seed of the first setting."""
    first = next(iter(records), None)
    if first is None:
        return records
    return records.where(**{name: first[name] for name in SHARED})


def _passes(record: Record) -> np.ndarray:
    """Velocities on one sample, over n: SAGA computes n at the start, SVRG two a step and n a snapshot."""
    n, steps = record["samples"], record["steps"]
    if record["experiment"] == "svrg":
        return 1 + 2.5 * steps / n
    return steps / n + (record["experiment"] in ("saga", "adapted"))


def race(axes: Axes, records: Records) -> None:
    """Mean excess risk over the passes that each method paid for."""
    axes.set_title("a  Memory removes the floor")
    chosen = _first_seed(of("saga")(records))
    first = next(iter(chosen), None)
    if first is None:
        return empty(axes, "of SAGA")
    shared = {name: first[name] for name in SHARED}
    for name, (label, color) in NAMES.items():
        chosen = decaying(2.0)(records) if name == "decaying" else records
        for record in list(runs("excess", experiment=name, **shared)(chosen))[:1]:
            values = np.maximum(record["excess"].mean(axis=0), SMALL)
            kept = _passes(record) <= 2.6 * first["passes"]
            axes.plot(_passes(record)[kept], values[kept], color=color, label=label)
    axes.axhline(first["floor"], color=THEORY, lw=0.9, ls="--", label="theory: floor")
    axes.set(yscale="log", xlabel="gradients of one sample / n", ylabel="excess risk, mean")
    key(axes)
    return None


def bounds(axes: Axes, records: Records) -> None:
    """Draw the quantities that the theorems bound, and their bounds."""
    axes.set_title("b  Each below its theorem's bound")
    chosen = _first_seed(of(*REMEMBERING)(records))
    if not len(chosen):
        return empty(axes, "of SAG, SAGA or SVRG")
    for name in REMEMBERING:
        for record in list(chosen.where(experiment=name))[:1]:
            label, color = NAMES[name]
            values = record["excess" if name == "sag" else "distance"].mean(axis=0)
            axes.plot(record["steps"], np.maximum(values, SMALL), color=color, label=label)
            axes.plot(record["steps"], record[f"{name}_bound"], color=color, ls="--", lw=0.9, label=f"_bound, {label}")
    axes.plot([], [], color=THEORY, ls="--", lw=0.9, label="theory: bounds")
    axes.set(yscale="log", xlabel="steps k", ylabel="E|b − b*|², for SAG E F − min F")
    key(axes)
    return None


def rates(axes: Axes, records: Records) -> None:
    """Observed rates against those of the theorems."""
    axes.set_title("c  Twice as fast as proved")
    chosen = of(*REMEMBERING)(records)
    if not len(chosen):
        return empty(axes, "of SAG, SAGA or SVRG")
    proved = []
    for name, marker in zip(REMEMBERING, "s^oD", strict=True):
        rows = list(chosen.where(experiment=name))
        if rows:
            x = np.array([row[f"{name}_rate"] for row in rows])
            y = x * [measure.rate_ratio(row) for row in rows]
            label, color = NAMES[name]
            axes.plot(x, y, marker, color=color, ms=4, alpha=0.7, label=label)
            proved += list(x)
    line = np.array([min(proved) / 1.3, max(proved) * 1.3])
    axes.plot(line, line, color=THEORY, lw=1, label="theory: at least this")
    axes.plot(line, 2 * line, color=THEORY, lw=0.9, ls=":", label="twice that")
    axes.set(xscale="log", yscale="log", xlabel="rate of the theorem (1/step)", ylabel="observed rate (1/step)")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    key(axes)
    return None


def floors(axes: Axes, records: Records) -> None:
    """Excess risk of SGD with a constant step over its floor, all seeds."""
    axes.set_title("d  The floor of a constant step is known")
    chosen = list(noisy(records))
    if not chosen:
        return empty(axes, "of SGD with a constant step")
    for number, record in enumerate(chosen):
        values = record["excess"].mean(axis=0) / record["floor"]
        label = f"_seed {record['seed']}" if number else "SGD, each seed's mean"
        axes.plot(record["steps"], values, color=GREY, lw=0.7, label=label)
    axes.axhline(1, color=THEORY, lw=1, label="theory: stationary second moments")
    axes.set(yscale="log", xlabel="steps k", ylabel="excess risk / exact floor")
    key(axes)
    return None


def decays(axes: Axes, records: Records) -> None:
    """Excess risk with steps c/(μ(k + k₀))."""
    axes.set_title("e  Steps c/μk: 1/k if c > 1/2")
    shown = False
    for c, color in ((2.0, PURPLE), (0.25, GREEN)):
        for record in list(decaying(c)(records))[:1]:
            late, exact = record["steps"] + record["offset"], record["exact"]
            axes.plot(late, record["excess"].mean(axis=0), "o", color=color, ms=3, label=f"SGD, c = {c:g}")
            axes.plot(late, exact, color=THEORY, lw=1, label=None if shown else "theory: exact moments")
            power = exact[-1] * (late / late[-1]) ** (-1.0 if c > 0.5 else -2 * c)
            axes.plot(late, power, color=THEORY, lw=0.9, ls=":", label=None if shown else "1/k, and $k^{-2c}$")
            shown = True
    if not shown:
        return empty(axes, "with decaying steps")
    axes.set(xscale="log", yscale="log", xlabel="steps k + k₀", ylabel="excess risk, mean")
    key(axes)
    return None


def interpolation(axes: Axes, records: Records) -> None:
    """SGD with a constant step on fitted samples, and on others."""
    axes.set_title("f  Fitted samples: no floor at all")
    chosen = list(fitted(records))
    if not chosen:
        return empty(axes, "of SGD on fitted samples")
    record = min(chosen, key=lambda one: one["excess"][:, -1].mean())
    start = record["excess"][0, 0]
    for number, row in enumerate(record["excess"]):
        label = None if number else "SGD, each replica"
        axes.plot(record["steps"], row / start, color=BLUE, lw=0.5, alpha=0.5, label=label)
    axes.plot(record["steps"], record["exact"] / start, color=THEORY, lw=1.2, label="theory: exact mean")
    for other in list(noisy(records).where(seed=record["seed"]))[:1]:
        values = other["excess"].mean(axis=0) / other["excess"][0, 0]
        axes.plot(other["steps"], values, color=GREY, label="labels with noise")
    axes.set(yscale="log", xlabel="steps k", ylabel="excess risk / its start")
    key(axes)
    return None
