"""Two Gaussians in six panels: in time, at the start, along N, and along the step."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, LAZY, MEAN_FIELD, ORANGE, PURPLE, THEORY, empty, interval, points, powers
from simulations import Record, Records
from simulations.limits import radial_limit as measure
from simulations.limits.radial_limit import LEVELS, OUTPUT, RATE, STEP, Networks, early, equation
from simulations.records.record import along
from theory.radial_pde import Flow


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `radial_limit`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    longest = _longest(records)
    flow = None if longest is None else _equation(longest)  # takes seconds, and is shown twice
    in_time(axes[0, 0], longest, flow)
    paths(axes[0, 1], longest, flow)
    start(axes[0, 2], records)
    along_particles(axes[1, 0], records)
    coefficient(axes[1, 1], records)
    along_steps(axes[1, 2], records)
    return figure


def _longest(records: Records) -> Record | None:
    return max(Networks.at("excess")(records), key=lambda record: record["time"], default=None)


def _equation(record: Record) -> Flow:
    """The equation over the time of a run, with points enough for late times."""
    problem = equation(record["dimension"], record["separation"], record["length"], np.inf)
    return problem.integrate(np.linspace(0, record["time"], 41), step=0.05)


def in_time(axes: Axes, record: Record | None, flow: Flow | None) -> None:
    """Risk over time, of networks and of the equation."""
    axes.set_title("a  One curve for many particles")
    if record is None or flow is None:
        return empty(axes, "of trained networks")
    axes.plot(flow.times, flow.risk, color=THEORY, lw=1, label="theory: radial equation")
    axes.plot(2 * flow.times, flow.risk, color=GREY, lw=0.9, ls=":", label="without its factor 2")
    for i, (color, marker) in enumerate(((BLUE, "o"), (GREEN, "s"), (ORANGE, "^"))):
        risks = record["excess"][i] + record["euler_risk"][i]
        spread = interval(risks)
        label = f"ε = 1/{record['steps'] // LEVELS[i]}"
        axes.errorbar(record["times"], risks.mean(axis=0), yerr=spread, fmt=marker, color=color, ms=3.5, label=label)
    axes.set(xlim=(-0.03 * record["time"], 1.03 * record["time"]), ylim=(0, 1.15 * flow.risk[0]))
    axes.set(xlabel="time t (half of mean-field time)", ylabel=f"risk E (y − f)², N = {record['particles']}")
    key(axes)
    return None


def paths(axes: Axes, record: Record | None, flow: Flow | None) -> None:
    """Radii of particles over time, and quantiles of the equation's."""
    axes.set_title("b  Radii: a few leave the others")
    if record is None or flow is None:
        return empty(axes, "of trained networks")
    axes.plot(record["times"], record["radii"], color=LAZY, lw=0.4, alpha=0.5)
    axes.plot([], [], color=LAZY, lw=0.8, label="particles of one network")
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        label = "theory: 5, 25, 50, 75, 95 %" if share == 0.5 else None
        axes.plot(flow.times, np.quantile(flow.radii, share, axis=1), color=THEORY, lw=1, label=label)
    axes.set(xlabel="time t (half of mean-field time)", ylabel="radius |θ| (parameter units)")
    key(axes)
    return None


def start(axes: Axes, records: Records) -> None:
    """The coefficient of 1/N at the start."""
    axes.set_title("c  At the start 1/N is exact")
    chosen = early(records)
    sizes = sorted(set(chosen.column("particles")))
    if not sizes:
        return empty(axes, "of trained networks")
    exact = float(next(iter(chosen))["start_coefficient"])
    tables = [np.array([exact * measure.start_ratio(record) for record in chosen.where(particles=n)]) for n in sizes]
    means, spread = [table.mean() for table in tables], [interval(table) for table in tables]
    axes.errorbar(sizes, means, yerr=spread, fmt="o", color=MEAN_FIELD, label="networks")
    axes.axhline(exact, color=THEORY, lw=0.9, ls="--", label=f"theory: E Var σ = {exact:.3f}")
    axes.set(
        xscale="log", xlabel="particles N", ylabel="N E ($f_N$ − f)² at the start", ylim=(0.8 * exact, 1.2 * exact)
    )
    _only_these(axes, sizes)
    key(axes)
    return None


def along_particles(axes: Axes, records: Records) -> None:
    """Excess risk and deviation of the output along N."""
    axes.set_title("d  Risk gains 1/N, the output 1/√N")
    chosen = early(records)
    series = [
        ("$R_N$ − R", chosen, measure.excess, MEAN_FIELD, "o", RATE),
        ("|$f_N$ − f|", chosen, measure.output_deviation, PURPLE, "s", OUTPUT),
    ]
    _, table = along(chosen, "particles", measure.excess)
    if not table.size or not np.all(table > 0) or not powers(axes, series, "particles", "theory: slopes −1, −½"):
        return empty(axes, "along N")
    axes.set(xlabel="particles N", ylabel="excess risk, deviation of the output")
    _only_these(axes, along(chosen, "particles", measure.excess)[0])
    key(axes)
    return None


def coefficient(axes: Axes, records: Records) -> None:
    """N (R_N − R) at the end, at ε and extrapolated."""
    axes.set_title("e  What steps take from 1/N")
    chosen = early(records)
    _, table = along(chosen, "particles", measure.excess)
    if not table.size:
        return empty(axes, "along N")
    for value, color, marker, label in (
        (measure.excess, MEAN_FIELD, "o", "extrapolated to ε = 0"),
        (measure.excess_at_step, LAZY, "s", "at ε"),
    ):
        x, table = along(chosen, "particles", value)
        scaled = table * x
        spread = interval(scaled)
        axes.errorbar(x, scaled.mean(axis=0), yerr=spread, fmt=marker, color=color, label=label)
    x, table = along(chosen, "particles", measure.excess)
    axes.axhline(float(np.mean(table * x)), color=THEORY, lw=0.9, ls="--", label="theory: constant in N")
    axes.set(xscale="log", xlabel="particles N", ylabel="N ($R_N$ − R) at the end")
    _only_these(axes, x)
    key(axes)
    return None


def along_steps(axes: Axes, records: Records) -> None:
    """Draw by how much doubling the step changes the risk, along the step."""
    axes.set_title("f  The error of the step")
    chosen = [record for record in early(records) if record["batch"] > 1]
    if not chosen:
        return empty(axes, "of trained networks")
    groups: dict[tuple, dict[int, list]] = {}
    for record in chosen:
        setting = record["time"], record["particles"], record["batch"]
        groups.setdefault(setting, {}).setdefault(record["steps"], []).append(measure.against_time(record))
    # The setting with the most steps; of those, the longest run of the most particles.
    setting = max(groups, key=lambda one: (len(groups[one]), one))
    time, particles, batch = setting
    drawn, ticks = [], set()
    for (steps, levels), color, marker in zip(
        sorted(groups[setting].items()), (BLUE, GREEN, ORANGE, PURPLE), "os^D", strict=False
    ):
        fine, middle, rough = np.transpose(levels)
        x, table = np.array([2.0, 4.0]) / steps, np.abs(np.stack([fine - middle, middle - rough], axis=1))
        points(axes, x, table, f"networks, 1/ε = {steps}", color, marker)
        drawn.append((x[1], np.exp(np.log(table[:, 1]).mean())))
        ticks |= set(x)
    right, top = max(drawn)
    span = np.array([min(ticks), right])
    axes.plot(
        span, top * (span / right) ** float(STEP.value), color=THEORY, lw=0.9, ls="--", label="theory: at least √ε"
    )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=f"step 2ε; N = {particles}, B = {batch}, t = {time:g}",
        ylabel="|$R_N$(2ε) − $R_N$(ε)|",
    )
    _only_these(axes, sorted(ticks))
    key(axes)
    return None


def _only_these(axes: Axes, values) -> None:
    """Ticks at the few values of x that there are."""
    axes.set_xticks(values, [f"{value:.3g}" for value in values])
    axes.set_xticks([], minor=True)
