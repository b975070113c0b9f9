"""Depth of a linear model in six panels: its dynamics, the rule behind them, and when it is sooner."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, LAZY, MEAN_FIELD, ORANGE, PURPLE, THEORY, empty, points
from simulations import Records
from simulations.optimisation import deep_linear_measures as measure
from simulations.optimisation import depth as study
from simulations.records.record import along


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `depth`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    dynamics(axes[0, 0], records)
    orders(axes[0, 1], records)
    layers(axes[0, 2], records)
    race(axes[1, 0], records)
    speed(axes[1, 1], records)
    losses(axes[1, 2], records)
    return figure


def dynamics(axes: Axes, records: Records) -> None:
    """Singular values of W in time, balanced and unbalanced factors, and those of the end-to-end rule."""
    axes.set_title("a  Factors move W by a rule of W alone")
    chosen = study.UnitTime.at("end", depth=study.DEEP)(records)
    if not len(chosen):
        return empty(axes, "of a unit of time")
    n = max(chosen.where(start="unbalanced").column("depth"), default=max(chosen.column("depth")))
    for start, color, marker in (("balanced", MEAN_FIELD, "o"), ("unbalanced", GREY, "x")):
        for record in list(chosen.where(depth=n, start=start))[-1:]:
            values = np.linalg.svd(record["path"], compute_uv=False)
            axes.plot(record["times"], values, marker, color=color, ms=3.5, mfc="none")
            axes.plot([], [], marker, color=color, mfc="none", label=f"{start} factors, N = {n}")
            if start == "balanced":
                rule = np.linalg.svd(record["exact_rule_path"], compute_uv=False)
                axes.plot(record["times"], rule, color=THEORY, lw=0.9)
    axes.plot([], [], color=THEORY, lw=0.9, label="theory: end-to-end rule")
    axes.set(xlabel="time t (steps · η)", ylabel="singular values of W")
    axes.set_ylim(0, None)
    key(axes)
    return None


def orders(axes: Axes, records: Records) -> None:
    """Distance to the rule against η: after one step, after a unit of time, and from unbalanced factors."""
    axes.set_title("b  Second order a step, first in time")
    kinds = (
        (study.one_step, "one step", BLUE, "o"),
        (study.balanced, "unit of time", ORANGE, "s"),
        (study.unbalanced, "unit of time, unbalanced", GREY, "x"),
    )
    drawn = False
    for select, name, color, marker in kinds:
        at, table = along(select(records), "steps", measure.distance)
        if table.size and np.all(table > 0):
            points(axes, 1 / at, table, name, color, marker)
            if select is study.balanced:
                exact = np.exp(np.log(table[:, -1]).mean()) * (at / at[-1]) ** float(study.RULE.value)
                axes.plot(1 / at, exact, color=THEORY, ls="--", lw=0.9, label="theory: slope 1")
            drawn = True
    at, table = along(study.one_step(records), "steps", measure.second_order)
    if table.size:
        exact = np.exp(np.log(table).mean(axis=0))
        axes.plot(1 / at, exact, color=THEORY, lw=0.9, label="theory: second order of a step")
    if not drawn:
        return empty(axes, "along three steps")
    axes.set(xscale="log", yscale="log", xlabel="step η (time)", ylabel="|W − W of the rule|")
    key(axes)
    return None


def layers(axes: Axes, records: Records) -> None:
    """Two factors against as many linear neurons, and against the rule, in time steps."""
    axes.set_title("c  Two factors are linear neurons")
    chosen = study.UnitTime.at("units")(records)
    if not len(chosen):
        return empty(axes, "of two factors")
    kinds = (
        ("exact_rule", "two factors − rule", ORANGE, "s"),
        ("rounding", "theory: bound of rounding", THEORY, "_"),
        ("units", "two factors − neurons", BLUE, "o"),
    )
    for name, label, color, marker in kinds:
        for i, record in enumerate(chosen):
            other = record[name]
            far = float(other) if name == "rounding" else float(np.linalg.norm(record["end"] - other))
            axes.plot(
                record["steps"], max(far, 1e-17), marker,
                color=color, ms=8 if marker == "_" else 4, label=None if i else label,
            )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="steps in a unit of time", ylabel="|difference of W|")
    axes.margins(x=0.15)
    counts = sorted(set(chosen.column("steps")))
    axes.set_xticks(counts, [f"{count:g}" for count in counts])
    axes.minorticks_off()
    key(axes)
    return None


def race(axes: Axes, records: Records) -> None:
    """Residuals of a deep and a shallow model along one race for ℓ4."""
    axes.set_title("d  ℓ4: the small target is learned sooner")
    chosen = list(study.two(records))
    if not chosen:
        return empty(axes, "of a race for ℓ4")
    record = max(chosen, key=lambda record: record["target"])
    for name, label, color in (("shallow", "one factor", LAZY), ("deep", "two factors", MEAN_FIELD)):
        for column, style in ((0, ":"), (1, "-")):
            which = "large target" if column == 0 else "small target"
            left = np.maximum(record[f"{name}_residuals"][:, column], 1e-9)
            axes.plot(record["times"][1:], left[1:], style, color=color, label=f"{label}, {which}")
    done = float(record["shallow_second"][measure.SLOW])
    if np.isfinite(done):
        sooner = float(record["exact_speed_up"])
        ends = [done / sooner, done]
        axes.plot(ends, [record["tolerance"]] * 2, "|-", color=THEORY, ms=8, label=f"theory: {sooner:.4g} times")
    axes.set(xscale="log", yscale="log", xlabel="iterations", ylabel="residual |f − y|")
    axes.set_ylim(record["tolerance"] / 4, record["target"] * 2)
    key(axes)
    return None


def speed(axes: Axes, records: Records) -> None:
    """Ratio of iterations against the large target, and what it tends to."""
    axes.set_title("e  By 27/8 for N = 2, ℓ4")
    chosen = study.quartic()(records).where(lambda record: record["initial"] <= 1e-5 and measure.fair(record))
    drawn = False
    kinds = zip(sorted(set(chosen.column("depth"))), (MEAN_FIELD, GREEN, PURPLE, BLUE), "osD^", strict=False)
    for n, color, marker in kinds:
        at, table = along(chosen.where(depth=n), "target", measure.sooner)
        if table.size:
            points(axes, at, table, f"N = {n}", color, marker)
            limit = float(next(iter(chosen.where(depth=n)))["exact_speed_up"])
            axes.axhline(limit, color=THEORY, ls="--", lw=0.9, label=None if drawn else "theory: limits")
            drawn = True
    if not drawn:
        return empty(axes, "along three targets")
    axes.axhline(1, color=GREY, lw=0.7)
    axes.set(xscale="log", xlabel="large target y₁ (output)", ylabel="iterations, one factor / N factors")
    axes.set_ylim(0, None)
    axes.set_xticks(sorted(set(chosen.column("target"))), [f"{x:g}" for x in sorted(set(chosen.column("target")))])
    axes.minorticks_off()
    key(axes)
    return None


def losses(axes: Axes, records: Records) -> None:
    """Ratios of iterations at the best steps, four problems."""
    axes.set_title("f  At their best steps")
    kinds = (
        ("ℓ4\n8 and 1", study.apart, MEAN_FIELD),
        ("ℓ4\n1 and 1", study.equal, GREY),
        ("ℓ2\n10 and 1", study.isotropic, LAZY),
        ("ℓ2, κ = 100\n1 and 10", study.conditioned, GREEN),
    )
    drawn = False
    for at, (_, select, color) in enumerate(kinds):
        gains = np.exp([measure.log_gain(record) for record in select(records)])
        if len(gains):
            axes.plot(at + np.linspace(-0.25, 0.25, len(gains)), gains, "o", color=color)
            drawn = True
    if not drawn:
        return empty(axes, "of races")
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory, ℓ2 of equal curvatures: below 1")
    axes.set_xticks(range(len(kinds)), [name for name, *_ in kinds])
    axes.set(yscale="log", xlim=(-0.6, len(kinds) - 0.4), xlabel="loss and targets")
    axes.set_ylabel("iterations, one factor / two factors")
    key(axes)
    return None
