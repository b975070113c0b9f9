"""Saddle escape in six panels: plateaus, exit times, slopes, noise, and a symmetry that only rounding breaks."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty
from simulations import Record, Records
from simulations.optimisation import saddle_escape as study
from simulations.optimisation import saddle_measures as measure

COLORS = {"tanh": BLUE, "linear": GREEN, "softplus": PURPLE, "relu": ORANGE}


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `saddle_escape`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    plateaus(axes[0, 0], records)
    exits(axes[0, 1], records)
    slopes(axes[0, 2], records)
    noise(axes[1, 0], records)
    tilted(axes[1, 1], records)
    stuck(axes[1, 2], records)
    return figure


def plateaus(axes: Axes, records: Records) -> None:
    """Risk in time, for starts of every size in one direction."""
    axes.set_title("a  Every decade costs the same time")
    runs = list(study.smooth(records))
    if not runs:
        return empty(axes, "of small starts")
    record = runs[0]
    rate = float(record["exact_rate"])
    shades = np.linspace(1.0, 0.35, len(record["sizes"]))
    for k, size in enumerate(record["sizes"]):
        label = f"ε = $10^{{{np.log10(size):.0f}}}$" if k in (0, len(record["sizes"]) - 1) else None
        risk = record["risk"][k] / record["exact_risk"]
        axes.plot(rate * record["times"], risk, color=BLUE, alpha=shades[k], label=label)
        if "exact_exit_times" in record:
            late = rate * record["exact_exit_times"][k]
            axes.plot(late, 0.95, "o", color=THEORY, ms=3, label="theory: exit" if k == 0 else None)
    axes.set(xlabel="time, |$λ_{min}$| t", ylabel="risk / risk at the saddle", ylim=(0, 1.05))
    key(axes)
    return None


def exits(axes: Axes, records: Records) -> None:
    """Mean exit time against size, for every unit and for the stable eigenspace, and what is predicted."""
    axes.set_title("b  Exit time: log(1/ε)/|$λ_{min}$| + const")
    groups = {}
    for record in (*study.smooth(records), *study.kinked(records), *study.stable(records)):
        groups.setdefault((record["activation"], record["experiment"]), []).append(record)
    if not groups:
        return empty(axes, "of small starts")
    for (activation, experiment), members in sorted(groups.items()):
        first = members[0]
        same = [record for record in members if np.array_equal(record["sizes"], first["sizes"])]
        late = np.mean([_scaled(record, "exit_times") for record in same], axis=0)
        stable = experiment == study.StableStarts.name
        label = f"{activation}, stable start" if stable else activation
        color = GREY if stable else COLORS[activation]
        axes.plot(first["sizes"], late, "^" if stable else "o", color=color, ms=4, ls="", label=label, zorder=3)
        logs = np.log(first["sizes"][-1] / first["sizes"])
        exact = late[-1] + (3 if stable else 1) * logs
        if "exact_exit_times" in first:
            exact = np.mean([_scaled(record, "exact_exit_times") for record in same], axis=0)
        axes.plot(first["sizes"], exact, color=THEORY, lw=0.9)
    axes.plot([], [], color=THEORY, lw=0.9, label="theory (stable: slope 3)")
    axes.set(xscale="log", xlabel="size of the start ε (parameter units)", ylabel="exit time, |$λ_{min}$| T")
    axes.invert_xaxis()
    key(axes)
    return None


def slopes(axes: Axes, records: Records) -> None:
    """Slopes of every seed in units of the predicted ones."""
    axes.set_title("c  Slopes: the right rate for each unit")
    shown = [
        (name, study.smooth(records).where(activation=name), measure.local_slope, COLORS[name])
        for name in ("tanh", "linear", "softplus")
    ]
    shown += [
        ("relu", study.kinked(records), measure.kinked_slope, ORANGE),
        ("relu,\nif |g|/2", study.kinked(records), measure.smooth_slope, GREY),
        ("noise", study.noisy(records), measure.noise_slope, PURPLE),
    ]
    shown = [one for one in shown if len(one[1])]
    if not shown:
        return empty(axes, "of small starts")
    for k, (_, chosen, value, color) in enumerate(shown):
        ratios = [value(record) for record in chosen]
        axes.plot(k + np.linspace(-0.25, 0.25, len(ratios)), ratios, "o", color=color, alpha=0.8, ls="")
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: 1")
    axes.set_xticks(range(len(shown)), [name for name, *_ in shown])
    axes.set(xlim=(-0.6, len(shown) - 0.4), xlabel="unit", ylabel="slope in log(1/ε) × rate, each seed")
    key(axes)
    return None


def noise(axes: Axes, records: Records) -> None:
    """Exit times with Langevin noise against temperature: mean and spread, and what is predicted."""
    axes.set_title("d  Noise is a start of size √(τ/|$λ_{min}$|)")
    runs = list(study.noisy(records))
    if not runs:
        return empty(axes, "with noise")
    for k, record in enumerate(runs):
        rate, at = float(record["exact_rate"]), record["sizes"] ** 2
        shift = record["exact_exit_times"][0] - np.log(1 / record["sizes"][0]) / rate
        late = rate * (record["exit_times"] - shift)
        jitter = np.exp(np.linspace(-0.6, 0.6, len(runs))[k])
        label = "mean and spread of runs, each seed" if k == 0 else None
        axes.errorbar(
            at * jitter,
            late.mean(axis=1),
            yerr=late.std(axis=1, ddof=1),
            fmt="o",
            ms=3,
            color=PURPLE,
            alpha=0.7,
            label=label,
        )
    ends = np.array([runs[0]["sizes"][0], runs[0]["sizes"][-1]])
    spread = float(runs[0]["exact_spread"] * runs[0]["exact_rate"])
    axes.plot(ends**2, np.log(1 / ends), color=THEORY, lw=0.9, label="theory: mean, and one deviation")
    axes.fill_between(ends**2, np.log(1 / ends) - spread, np.log(1 / ends) + spread, color=GREY, alpha=0.25, lw=0)
    axes.set(xscale="log", xlabel="temperature τ / |$λ_{min}$| (parameter units²)")
    axes.set_ylabel("exit time, |$λ_{min}$| T − const")
    axes.invert_xaxis()
    key(axes)
    return None


def tilted(axes: Axes, records: Records) -> None:
    """The last weights in time, of starts that are mirrored but for ε, and of one that is exactly."""
    axes.set_title("e  Only rounding tilts a mirrored start")
    runs = list(study.mirrored(records))
    if not runs:
        return empty(axes, "of mirrored starts")
    record = runs[0]
    time = float(record["exact_rate"]) * record["times"]
    for k in _levels(record):
        axes.plot(time, record["tilt"][k], color=ORANGE, label="tilted by ε" if k == 0 else None)
    axes.plot(time, np.maximum(record["tilt"][-1], 1e-20), color=BLUE, label="exactly mirrored")
    axes.plot(time, measure.rounding_bound(record), color=THEORY, ls="--", lw=0.9, label="theory: bound on rounding")
    axes.set(
        yscale="log", xlabel="time, |λ| t at the origin", ylabel="last weight, root mean square", ylim=(1e-20, None)
    )
    key(axes)
    return None


def stuck(axes: Axes, records: Records) -> None:
    """The risk of the same runs over the least that symmetry allows."""
    axes.set_title("f  Symmetry never leaves")
    runs = list(study.mirrored(records))
    if not runs:
        return empty(axes, "of mirrored starts")
    record = runs[0]
    time, least = float(record["exact_rate"]) * record["times"], record["exact_symmetric_risk"]
    for k in _levels(record):
        axes.plot(time, record["risk"][k] / least, color=ORANGE, label="tilted by ε" if k == 0 else None)
    axes.plot(time, record["risk"][-1] / least, color=BLUE, lw=1.8, label="exactly mirrored")
    axes.plot(time, record["risk"][-2] / least, color=GREY, lw=1.8, label="start at the origin")
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: least with symmetry")
    axes.set(xlabel="time, |λ| t at the origin", ylabel="risk / least symmetric risk", ylim=(0, None))
    key(axes)
    return None


def _scaled(record: Record, name: str) -> np.ndarray:
    """In units of the time of one e-fold, [S]."""
    return record[name] * float(record["exact_rate"])


def _levels(record: Record) -> range:
    """The starts that are tilted."""
    return range(len(record["sizes"]) - 2)
