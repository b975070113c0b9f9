"""On-line learning in six panels: in time, along d, and on the plateau."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, LAZY, MEAN_FIELD, ORANGE, PURPLE, THEORY, empty, interval, points
from simulations import Record, Records
from simulations.limits.committee_order_parameters import committee
from simulations.limits.online_learning import ON_PLATEAU, Plateau, apart, until
from simulations.records.record import along
from theory.order_fluctuations import Expansion
from theory.order_parameters import Committee

COLORS = (ORANGE, GREEN, PURPLE, BLUE)


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `online_learning`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    in_time(axes[0, 0], records)
    overlaps(axes[0, 1], records)
    fluctuations(axes[0, 2], records)
    finite(axes[1, 0], records)
    plateau(axes[1, 1], records)
    specialised(axes[1, 2], records)
    return figure


def _one_setting(records: Records) -> Records:
    """The runs that lean to their teachers, as many as share rate, time and neurons with the first of them."""
    chosen = apart(records)
    first = next(iter(chosen), None)
    return chosen.where(**{name: first[name] for name in ("rate", "time", "neurons")}) if first else chosen


def _pair(record: Record, quadratic: bool = True) -> Committee:
    return committee(record["neurons"], record["rate"], quadratic)


def _curve(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Times, and states of the limit."""
    times = np.linspace(0, record["time"], 60)
    return times, _pair(record).integrate(record["limit"][0], times)


def in_time(axes: Axes, records: Records) -> None:
    """Generalisation error over time for every d."""
    axes.set_title("a  A few overlaps tell the error")
    chosen = _one_setting(records)
    if not len(chosen):
        return empty(axes, "with overlaps apart")
    first = next(iter(chosen))
    times, states = _curve(first)
    axes.plot(times, _pair(first).error(states), color=THEORY, lw=1, label="theory: d = ∞")
    wrong = _pair(first, quadratic=False)
    axes.plot(times, wrong.error(wrong.integrate(states[0], times)), color=GREY, lw=0.9, ls=":", label="without η²")
    dimensions = sorted(set(chosen.column("dimension")))
    for d, color, marker in zip(_spread(dimensions), COLORS, "osD^", strict=False):
        rows = list(chosen.where(dimension=d))
        mean = np.mean([record["error"].mean(axis=0) for record in rows], axis=0)
        axes.plot(rows[0]["times"], mean, marker, color=color, ms=3, label=f"d = {d}")
    axes.set(yscale="log", xlabel="time t (samples / d)", ylabel="generalisation error $ε_g$")
    key(axes)
    return None


def overlaps(axes: Axes, records: Records) -> None:
    """Overlaps over time at the largest d."""
    axes.set_title("b  Each student turns to a teacher")
    chosen = _one_setting(records)
    if not len(chosen):
        return empty(axes, "with overlaps apart")
    largest = chosen.where(dimension=max(chosen.column("dimension")))
    first = next(iter(largest))
    times, states = _curve(first)
    q, r = _pair(first).unpack(states)
    seen = np.concatenate([record["overlaps"] for record in largest]).astype(float)
    q_seen, r_seen = _pair(first).unpack(seen)
    kinds = [("R₁₁", r, r_seen, (0, 0)), ("Q₁₁", q, q_seen, (0, 0))]
    if first["neurons"] > 1:
        kinds += [("R₁₂", r, r_seen, (0, 1)), ("Q₁₂", q, q_seen, (0, 1))]
    for (name, limit, sample, (i, j)), color, marker in zip(kinds, COLORS, "osD^", strict=False):
        axes.plot(times, limit[:, i, j], color=THEORY, lw=1, label="theory: d = ∞" if name == "R₁₁" else None)
        values = sample[:, :, i, j]
        spread = values.std(axis=0, ddof=1)
        at = first["times"]
        axes.errorbar(at, values.mean(axis=0), yerr=spread, fmt=marker, color=color, ms=3, label=name)
    axes.set(xlabel="time t (samples / d)", ylabel=f"overlap (mean ± sd), d = {first['dimension']}")
    key(axes)
    return None


def fluctuations(axes: Axes, records: Records) -> None:
    """Standard deviation of overlaps along d."""
    axes.set_title("c  Overlaps fluctuate by 1/√d")
    x, table = along(apart(records), "dimension", _deviation)
    if not table.size:
        return empty(axes, "along d")
    points(axes, x, table, "networks", MEAN_FIELD)
    variance = np.mean(np.diagonal(next(iter(apart(records)))["covariance"][-1]))
    axes.plot(x, np.sqrt(variance / x), color=THEORY, ls="--", lw=0.9, label="theory: √(mean $Σ_{ii}$ / d)")
    axes.set(xscale="log", yscale="log", xlabel="inputs d", ylabel="sd of an overlap at the end")
    _only_these(axes, x)
    key(axes)
    return None


def _deviation(record: Record) -> float:
    """Return the standard deviation of an overlap at the end between replicas, root mean square over overlaps."""
    return float(np.sqrt(np.mean(np.var(record["overlaps"][:, -1].astype(float), axis=0, ddof=1))))


def finite(axes: Axes, records: Records) -> None:
    """By how much the mean error is off the limit, along d."""
    axes.set_title("d  The first order in 1/d")
    chosen = _one_setting(records)
    dimensions = np.array(sorted(set(chosen.column("dimension"))))
    if len(dimensions) < 2:
        return empty(axes, "along d")
    first = next(iter(chosen))
    found, error = Expansion(*(first[name] for name in ("limit", "shift", "covariance"))), _pair(first).error
    limit = float(error(found.limit[-1]))
    tables = [
        np.array([record["error"][:, -1].mean() for record in chosen.where(dimension=d)]) / limit for d in dimensions
    ]
    means, spread = [table.mean() for table in tables], [interval(table) for table in tables]
    axes.errorbar(dimensions, means, yerr=spread, fmt="o", color=MEAN_FIELD, label="networks")
    fine = np.geomspace(dimensions[0] * 0.8, dimensions[-1] * 1.25, 50)
    axes.plot(fine, [found.mean(error, d)[-1] / limit for d in fine], color=THEORY, lw=1, label="theory: first order")
    axes.axhline(1, color=THEORY, lw=0.9, ls="--", label="theory: d = ∞")
    axes.set(xscale="log", xlabel="inputs d", ylabel="$ε_g$ at the end / that of the limit")
    _only_these(axes, dimensions)
    key(axes)
    return None


def plateau(axes: Axes, records: Records) -> None:
    """Generalisation error of single networks that start on the plateau."""
    axes.set_title("e  Noise ends the plateau")
    chosen = _longest(Plateau.at("overlaps")(records))
    if not chosen:
        return empty(axes, "on the plateau")
    record = max(chosen, key=lambda one: one["dimension"])
    for row in record["error"][:16]:
        axes.plot(record["times"], row, color=LAZY, lw=0.7, alpha=0.7)
    axes.plot([], [], color=LAZY, lw=0.7, label=f"networks, d = {record['dimension']}")
    pair, small = _pair(record), committee(record["neurons"], 1e-3)
    height = float(pair.error(pair.plateau()))
    axes.axhline(height, color=THEORY, lw=1, label="theory: fixed point")
    low = float(small.error(small.plateau()))
    axes.axhline(low, color=GREY, lw=0.9, ls=":", label="fixed point for η → 0")
    axes.set(yscale="log", xlabel="time t (samples / d)", ylabel="generalisation error $ε_g$")
    key(axes)
    return None


def _longest(records: Records) -> list[Record]:
    """Return the runs of the longest time, in which the plateau has ended."""
    return list(records.where(time=max(records.column("time"), default=None)))


def specialised(axes: Axes, records: Records) -> None:
    """Angles of one student with two teachers, before and after."""
    axes.set_title("f  One student, one teacher")
    chosen = _longest(Plateau.at("overlaps")(records).where(neurons=2))
    if not chosen:
        return empty(axes, "of two neurons on the plateau")
    size = max(record["dimension"] for record in chosen)
    shown = [record for record in chosen if record["dimension"] == size]
    states = np.concatenate([record["overlaps"] for record in shown]).astype(float)
    q, r = _pair(shown[0]).unpack(states)
    cosines = r[:, :, 0] / np.sqrt(q[:, :, 0, 0])[:, :, None]
    times = shown[0]["times"]
    middle = until(times, ON_PLATEAU)
    for at, color, marker in ((middle, ORANGE, "o"), (len(times) - 1, BLUE, "s")):
        axes.plot(*cosines[:, at].T, marker, color=color, ms=2.5, alpha=0.6, label=f"t = {times[at]:g}")
    axes.plot(*cosines[0, 0], "*", color=GREY, ms=9, mec="white", label="start: the plateau")
    axes.plot([1, 0], [0, 1], "+", color=THEORY, ms=9, label="theory: one to one")
    axes.set(xlabel="cosine of student 1 with teacher 1", ylabel="cosine with teacher 2", aspect="equal")
    key(axes)
    return None


def _spread(values: list) -> list:
    """The first, the last and two between, where there are so many."""
    return values if len(values) <= 4 else [values[i] for i in np.rint(np.linspace(0, len(values) - 1, 4)).astype(int)]


def _only_these(axes: Axes, values) -> None:
    """Ticks at the few values of x that there are."""
    axes.set_xticks(values, [f"{value:.3g}" for value in values])
    axes.set_xticks([], minor=True)
