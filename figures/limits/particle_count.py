"""Networks of m particles in six panels: their law at the start, and how far they stray from the limit in training."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
from simulations import Records
from simulations.limits import fluctuations as measure
from simulations.limits.particle_count import (
    EARLY,
    HALF,
    PENALTY,
    RATE,
    SECOND,
    STAYS,
    TANGENT,
    start_runs,
    trained_runs,
)
from simulations.limits.particle_count import MEAN_FIELD as FLAT
from theory.initial_law import output_kurtosis

DISTANCE = r"$E|f_m - f_\infty|^2$"
MARKS = ((GREEN, "^"), (PURPLE, "s"), (BLUE, "o"), (ORANGE, "D"), (GREY, "v"))


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `particle_count`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    panels = figure.subplots(2, 3)
    densities(panels[0, 0], records)
    kurtoses(panels[0, 1], records)
    covariances(panels[0, 2], records)
    in_time(panels[1, 0], records)
    along_width(panels[1, 1], records)
    healing(panels[1, 2], records)
    return figure


def densities(axes: Axes, records: Records) -> None:
    """Histograms of f over its exact standard deviation, untrained, at α = √m."""
    axes.set_title("a  Untrained, α = √m: Gaussian as m grows")
    chosen = start_runs(exponent=TANGENT, output="gaussian")(records)
    widths = _spread(sorted(set(chosen.column("particles")) if len(chosen) else []))
    if not widths:
        return empty(axes, "at the start with α = √m")
    edges = np.linspace(-6, 6, 37)
    middle = (edges[1:] + edges[:-1]) / 2
    for m, (color, marker) in zip(widths, MARKS, strict=False):
        f = np.concatenate([
            record["outputs"] / np.sqrt(record["limit_covariance"][0, 0]) for record in chosen.where(particles=m)
        ])  # fmt: skip
        share = np.histogram(f, edges)[0] / len(f) / np.diff(edges)
        exact = float(output_kurtosis(m).value)
        label = f"m = {_count(m)}, exact excess kurtosis {exact:.2g}"
        axes.plot(middle[share > 0], share[share > 0], marker, color=color, ms=3, label=label)
    fine = np.linspace(-6, 6, 200)
    gauss = np.exp(-(fine**2) / 2) / np.sqrt(2 * np.pi)
    axes.plot(fine, gauss, color=THEORY, lw=1, label="theory: Gaussian, m = ∞", zorder=1)
    axes.set(yscale="log", ylim=(3e-5, 1), xlabel="f / exact standard deviation", ylabel="density")
    key(axes)
    return None


def kurtoses(axes: Axes, records: Records) -> None:
    """Excess kurtosis of f at the start against m, for both laws of the output weights."""
    axes.set_title("b  Excess kurtosis: 15/m exactly")
    laws = (("gaussian", "Gaussian output weights", LAZY, "o", 3.0), ("signs", "output weights ±1", GREEN, "^", 1.0))
    reach = []
    for output, name, color, marker, fourth in laws:
        chosen = start_runs(exponent=TANGENT, output=output)(records)
        widths = np.array(sorted(set(chosen.column("particles")) if len(chosen) else []), float)
        if not len(widths):
            continue
        seen = [np.array([measure.excess_kurtosis(record) for record in chosen.where(particles=m)]) for m in widths]
        means, errors = [values.mean() for values in seen], [interval(values) for values in seen]
        axes.errorbar(widths, means, yerr=errors, fmt=marker, color=color, label=name, zorder=3)
        reach.append((fourth, widths))
    if not reach:
        return empty(axes, "at the start with α = √m")
    ends = np.array([min(w.min() for _, w in reach) / 1.5, max(w.max() for _, w in reach) * 1.5])
    for (fourth, _), style in zip(reach, ("-", "--"), strict=False):
        constant = float(output_kurtosis(1, fourth_moment=fourth).value)
        axes.plot(ends, constant / ends, style, color=THEORY, lw=0.9, label=f"theory: {constant:g}/m", zorder=1)
    axes.set(xscale="log", yscale="log", ylabel="excess kurtosis of f (dimensionless)")
    _width_axis(axes, start_runs(exponent=TANGENT)(records))
    key(axes)
    return None


def covariances(axes: Axes, records: Records) -> None:
    """Covariance of f of every pair of inputs against the arc-cosine kernel."""
    axes.set_title("c  Covariance: the arc-cosine kernel")
    chosen = start_runs(output="gaussian")(records)
    drawn = False
    for exponent, name, color, marker in ((TANGENT, "α = √m", LAZY, "o"), (FLAT, "α = 1", MEAN_FIELD, "D")):
        exact, seen = [], []
        for record in chosen.where(exponent=exponent):
            pairs = np.triu_indices(len(record["limit_covariance"]))
            unit = record["particles"] / (record["alpha"] * record["particles"] ** exponent) ** 2
            exact.append(unit * record["limit_covariance"][pairs])
            seen.append(unit * record["covariance_halves"].mean(axis=0)[pairs])
        if exact:
            axes.plot(np.concatenate(exact), np.concatenate(seen), marker, color=color, ms=2, alpha=0.5, label=name)
            drawn = True
    if not drawn:
        return empty(axes, "at the start")
    high = max(axes.get_xlim()[1], 1e-3)
    axes.plot([0, high], [0, high], color=THEORY, lw=0.9, label="theory: equal", zorder=1)
    axes.set(xlabel="E σ(w·x)σ(w·x′) (output²)", ylabel="(m/α²) Cov(f(x), f(x′)) (output²)")
    key(axes)
    return None


def in_time(axes: Axes, records: Records) -> None:
    """m E|f_m − f_∞|² over time with C(t) and the Monte-Carlo error."""
    axes.set_title(f"d  Training, α = 1: {DISTANCE} = C(t)/m")
    chosen = _alike(trained_runs(0.0)(records))
    widths = _spread(sorted(set(chosen.column("particles")) if len(chosen) else []))
    if not widths:
        return empty(axes, "in training at α = 1")
    for m, (color, marker) in zip(widths, MARKS, strict=False):
        times, table = _series(chosen.where(particles=m), "distance")
        points(axes, times, m * table, f"m = {_count(m)}", color, marker)
    record = next(iter(chosen))
    fine = record["times"]
    axes.plot(fine, record["limit_constant"], color=THEORY, lw=1, label="theory: C(t)", zorder=1)
    axes.plot(fine, record["limit_resampling"], color=THEORY, lw=1, ls=":", label="Monte-Carlo bound", zorder=1)
    _time_axis(axes)
    axes.set(yscale="log", ylabel=f"m {DISTANCE} (output²)")
    key(axes)
    return None


def along_width(axes: Axes, records: Records) -> None:
    """Distance to the limit against m in both scalings, and what the linear response leaves of it."""
    axes.set_title("e  A limit at α = 1, none at α = √m")
    flat, tangent = _alike(trained_runs(EARLY)(records)), _alike(trained_runs(EARLY, exponent=TANGENT)(records))
    late = _alike(trained_runs(HALF)(records)).where(lambda record: "response_remainder" in record)
    near = measure.distance(EARLY)
    series: list[Series] = [
        (f"{DISTANCE}, t = {EARLY:g}, α = √m", tangent, near, LAZY, "o", STAYS),
        (f"{DISTANCE}, t = {EARLY:g}, α = 1", flat, near, MEAN_FIELD, "D", RATE),
        (f"share left by linear response, t = {HALF:g}", late, measure.remainder(HALF), GREEN, "^", SECOND),
    ]
    if not powers(axes, series, "particles", "theory: slopes 0, −1, −1"):
        return empty(axes, "along m in training")
    axes.set(ylabel="distance² (output²), share")
    _width_axis(axes, Records([*flat, *tangent, *late]))
    key(axes)
    return None


def healing(axes: Axes, records: Records) -> None:
    """Fluctuations on the samples, between them, and with a penalty, at the largest m."""
    axes.set_title("f  Healing, on the samples alone")
    free, held = trained_runs(0.0)(records), trained_runs(0.0, penalty=PENALTY)(records)
    kinds = (
        ("between the samples", free, "test_distance", "test_constant", PURPLE, "s"),
        (f"on the samples, penalty {PENALTY:g}", held, "distance", "constant", GREEN, "^"),
        ("on the samples", free, "distance", "constant", MEAN_FIELD, "D"),
    )
    drawn = False
    for name, records_of, value, constant, color, marker in kinds:
        chosen = _alike(records_of, max)
        if not len(chosen):
            continue
        m = max(chosen.column("particles"))
        times, table = _series(chosen.where(particles=m), value)
        points(axes, times, m * table, f"{name}, m = {_count(m)}", color, marker)
        record = next(iter(chosen))
        label = None if drawn else "theory: C(t)"
        axes.plot(record["times"], record[f"limit_{constant}"], color=THEORY, lw=1, label=label, zorder=1)
        drawn = True
    if not drawn:
        return empty(axes, "in training at α = 1")
    _time_axis(axes)
    axes.set(yscale="log", ylabel=f"m {DISTANCE} (output²)")
    key(axes)
    return None


def _commonest(times: list[float]) -> float:
    """The value that most have, the largest of those."""
    return max(set(times), key=lambda time: (times.count(time), time))


def _alike(records: Records, horizon: Callable = _commonest) -> Records:
    """Those of one problem, one step and one final time (the commonest by default): points of one curve."""
    if not len(records):
        return records
    model = max(records, key=lambda record: (record["time"], record["particles"]))
    same = records.where(**{name: model[name] for name in ("samples", "step", "alpha")})
    return same.where(time=horizon(list(same.column("time"))))


def _series(records: Records, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(times, table[record, time]) of a value."""
    return next(iter(records))["times"], np.stack([record[name] for record in records])


def _time_axis(axes: Axes) -> None:
    """Logarithmic, and 0 to the left of it."""
    axes.set_xscale("symlog", linthresh=0.5, linscale=0.5)
    last = axes.get_xlim()[1]
    axes.set_xticks([0.0, *(10.0**power for power in range(4) if 10.0**power <= last)])
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlim=(-0.1, last), xlabel="time t (mean-field time)")


def _width_axis(axes: Axes, records: Records) -> None:
    """Ticks at the widths that there are."""
    widths = sorted(set(records.column("particles")))
    axes.set_xticks(widths, [_count(m) for m in widths])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("particles m")


def _spread(widths: list[int]) -> list[int]:
    """The narrowest, a middle one and the widest."""
    return widths if len(widths) <= 3 else [widths[0], widths[len(widths) // 2], widths[-1]]


def _count(m: int) -> str:
    return f"{m:,}".replace(",", "\u202f")
