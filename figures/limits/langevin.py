"""Mean-field Langevin in six panels: law, linear clouds, free energy, fluctuations and bias in time, annealing."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtri

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, LAZY, MEAN_FIELD, ORANGE, PURPLE, THEORY, empty, interval
from simulations import Record, Records
from simulations.limits import deviations_from_laws as measure
from simulations.limits import langevin as study
from simulations.verdicts.checks import LEVEL

SERIES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"))


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `langevin`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    panels = figure.subplots(2, 3)
    line = _alike(study.line(records))
    law(panels[0, 0], line)
    clouds(panels[0, 1], _alike(study.plane(records), "seed"))
    free_energy(panels[0, 2], line)
    fluctuations(panels[1, 0], line)
    bias(panels[1, 1], line)
    annealing(panels[1, 2], _alike(study.cold(records)), _alike(study.cooled(records)))
    return figure


def law(axes: Axes, line: Records) -> None:
    """Histograms of all particles of the widest networks over time, with the exact law."""
    axes.set_title("a  The law goes to its own Gibbs measure")
    if not len(line):
        return empty(axes, "on the line")
    wide = line.where(particles=max(line.column("particles")))
    one = next(iter(wide))
    nodes, equilibrium = one["nodes"], one["equilibrium"]
    counts = np.sum([record["histogram"] for record in wide], axis=0)
    density = counts / counts.sum(axis=1, keepdims=True) / (nodes[1] - nodes[0])
    chosen = sorted({1, len(density) // 2, len(density) - 1} & set(range(1, len(density))))
    for k, (color, marker) in zip(chosen, SERIES, strict=False):
        axes.plot(nodes, density[k], marker, color=color, ms=3, label=f"particles, t = {one['times'][k]:g}")
        axes.plot(nodes, one["density"][k], color=THEORY, lw=0.8, label="theory: law" if k == chosen[-1] else None)
    axes.plot(nodes, equilibrium, color=GREY, lw=2.5, alpha=0.5, zorder=1, label="theory: Gibbs measure")
    inside = nodes[density[chosen].max(axis=0) > 1e-3 * density.max()]
    axes.set_xlim(inside[0], inside[-1])
    axes.set_ylim(0, None)
    axes.set(xlabel="parameter θ", ylabel="density (1 / parameter)")
    key(axes)
    return None


def clouds(axes: Axes, plane: Records) -> None:
    """Variances of linear clouds: of their mean, times m, and within them."""
    axes.set_title("b  Linear units: exact at every m")
    if not len(plane):
        return empty(axes, "in the plane")
    for record, (color, marker) in zip(_by_count(plane), SERIES, strict=False):
        m, away = record["particles"], record["means"] - record["exact_mean"][:, None]
        spread = np.trace(record["within"], axis1=1, axis2=2) / 2 / max(1 - 1 / m, 1e-9)
        of_mean = m * np.mean(away**2, axis=(1, 2))
        # 2R squares of independent normal numbers, at each time
        bars = -ndtri(LEVEL / 2) * of_mean / np.sqrt(record["replicas"])
        axes.errorbar(record["times"], of_mean, bars, fmt=marker, color=color, label=f"m = {_count(record)}")
        axes.plot(record["times"], spread, marker, color=color, mfc="white")
    one = next(iter(plane))
    names = ("theory: m × variance of the mean (filled)", "theory: variance within (open)")
    lines = (one["path_fluctuation"], one["path_spread"])
    for values, name, style in zip(lines, names, ("-", "--"), strict=True):
        axes.plot(_times(one, values), values, style, color=THEORY, lw=0.9, label=name, zorder=1)
    axes.axhline(one["temperature"] / one["strength"], color=GREY, lw=0.9, ls=":", label="theory: Gibbs, τ/λ")
    axes.set(xlabel="time t (mean-field time)", ylabel="variance (parameter²)")
    axes.set_ylim(0, None)
    key(axes)
    return None


def free_energy(axes: Axes, line: Records) -> None:
    """Free energy above its minimum, with the exact law, the bound and the rate at the minimum."""
    axes.set_title("c  Free energy beats its bound")
    if not len(line):
        return empty(axes, "on the line")
    wide = line.where(particles=max(line.column("particles")))
    one, gaps = next(iter(wide)), np.array([measure.gap(record) for record in wide])
    mean, times = gaps.mean(axis=0), _times(one, one["path_gap"])
    axes.plot(times, one["path_gap"], color=THEORY, label="theory: exact law")
    axes.plot(times, one["path_bound"], color=THEORY, ls="--", lw=0.9, label="theory: log-Sobolev bound")
    spread = interval(gaps)
    seen = mean > spread  # what is left of it is more than its error
    axes.errorbar(
        one["times"][seen],
        mean[seen],
        spread[seen],
        fmt="o",
        color=MEAN_FIELD,
        label="particles",
        zorder=3,
    )
    axes.set(yscale="log", xlabel="time t (mean-field time)", ylabel="free energy above minimum (loss)")
    key(axes)
    return None


def fluctuations(axes: Axes, line: Records) -> None:
    """m E|f_m − f|² in time."""
    axes.set_title("d  Fluctuations: O(1/m) at all times")
    if not len(line):
        return empty(axes, "on the line")
    _in_time(axes, line, lambda record: record["particles"] * measure.squares(record))
    one = next(iter(line))
    times, independent = _times(one, one["path_squares"]), one["path_independent"]
    axes.plot(times, one["path_squares"], color=THEORY, label="theory: limit", zorder=1)
    axes.plot(times, independent, ls="--", lw=0.9, color=THEORY, label="theory: independent particles", zorder=1)
    axes.set(xlabel="time t (mean-field time)", ylabel="m E|fₘ − f|² (output²)")
    axes.set_ylim(0, None)
    key(axes)
    return None


def bias(axes: Axes, line: Records) -> None:
    """m (E f_m − f) in time, along its limit."""
    axes.set_title("e  Bias: O(1/m) at all times")
    if not len(line):
        return empty(axes, "on the line")

    def along(record: Record) -> np.ndarray:
        limit = record["limit_bias"]
        size = np.maximum(np.linalg.norm(limit, axis=1), 1e-300)
        return record["particles"] * np.sum((record["mean"] - record["limit_mean"]) * limit, axis=1) / size

    _in_time(axes, line, along)
    limit = next(iter(line))["path_bias"]
    axes.plot(_times(next(iter(line)), limit), limit, color=THEORY, label="theory: limit", zorder=1)
    axes.set(xlabel="time t (mean-field time)", ylabel="m (E fₘ − f), along its limit (output)")
    axes.axhline(0, color=GREY, lw=0.6)
    key(axes)
    return None


def annealing(axes: Axes, cold: Records, cooled: Records) -> None:
    """Energy in time at a falling and at constant temperatures, with two wells."""
    axes.set_title("f  Two wells: cooling wins")
    if not len(cooled):
        return empty(axes, "with two wells")
    one = next(iter(cooled))
    hot, last = one["temperature"], one["final_temperature"]
    drawn = (
        (f"τ = {study.HOT:g}", "path_hot", Records([]), GREY, "^"),
        (f"τ = {last:g}", "path_cold", cold, LAZY, "s"),
        (f"τ from {hot:g} to {last:g}", "path_energy", cooled, MEAN_FIELD, "o"),
    )
    for name, curve, simulated, color, marker in drawn:
        axes.plot(_times(one, one[curve]), one[curve], color=color, lw=1, label=f"theory, {name}")
        if len(simulated):
            values = np.array([record["energy"] - record["rest"] for record in simulated])
            axes.plot(next(iter(simulated))["times"], values.mean(axis=0), marker, color=color, label="particles")
    axes.set(yscale="log", xlabel="time t (mean-field time)", ylabel="energy F above Gibbs's (loss)")
    key(axes)
    return None


def _in_time(axes: Axes, line: Records, value) -> None:
    """Means over seeds of a function of time, for every m, moved aside a little so that bars do not overlap."""
    counts = sorted(set(line.column("particles")))
    counts = [counts[i] for i in sorted({0, len(counts) // 3, 2 * len(counts) // 3, len(counts) - 1})]
    for i, (m, (color, marker)) in enumerate(zip(counts, SERIES, strict=False)):
        chosen = list(line.where(particles=m))
        table = np.array([value(record) for record in chosen])
        spread = interval(table)
        times = chosen[0]["times"]
        aside = times + (i - (len(counts) - 1) / 2) * 0.015 * times[-1]
        axes.errorbar(aside, table.mean(axis=0), spread, fmt=marker, color=color, label=f"m = {_count(chosen[0])}")


def _alike(records: Records, *more: str) -> Records:
    """Those that differ from the first one in particles, replicas and seed alone; `more` must be the same as well."""
    free = {"particles", "replicas", "seed"} - set(more)
    first = next(iter(records), None)
    if first is None:
        return records
    return records.where(**{name: value for name, value in first.parameters.items() if name not in free})


def _by_count(records: Records) -> list[Record]:
    return sorted(records, key=lambda record: record["particles"])


def _times(record: Record, path: np.ndarray) -> np.ndarray:
    """Return the times of a path over all steps of a run."""
    return np.arange(len(path)) * record["step"]


def _count(record: Record) -> str:
    return f"{record['particles']:,}".replace(",", "\u202f")
