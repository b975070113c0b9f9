"""Throughput in three panels: the roofline, time along m, and time with as many samples as particles."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures.legends import key
from figures.style import BLUE, GREY, ORANGE, THEORY, Series, empty, points, powers
from simulations import Record, Records
from simulations.records.record import along
from simulations.scale import throughput as study
from theory import cost


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `throughput`."""
    records = records.done
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    roofline(left, records)
    along_particles(middle, records)
    jointly(right, records)
    return figure


def roofline(axes: Axes, records: Records) -> None:
    """Operations a second against operations a byte, under the machine's two limits; steps of plain JAX below ours."""
    axes.set_title("a  Every shape beats plain JAX")
    panel = study.panel_runs(records)
    shapes = sorted({_shape(record) for record in panel}, key=lambda shape: (shape[2], -shape[0]))
    if not shapes:
        return empty(axes, "with a baseline")
    rate, bandwidth = (float(np.median([record[name][0] for record in panel])) for name in ("rate", "bandwidth"))
    here = {shape: Records(record for record in panel if _shape(record) == shape) for shape in shapes}
    intensity = {shape: _intensity(next(iter(here[shape]))) for shape in shapes}
    low, high = min(intensity.values()) / 3, max(intensity.values()) * 3
    x = np.geomspace(low, high, 200)
    axes.plot(x, [1 / cost.attainable(1, 1 / at, rate, bandwidth) / 1e9 for at in x], color=THEORY, lw=0.9, ls="--",
              label="limit: matrix product, copy")  # fmt: skip
    for marker, shape in zip("osD^vP*X<>hp", shapes, strict=False):
        runs = here[shape]
        operations = cost.pair_operations(*shape) / 1e9
        ours, plain = (
            [operations / float(np.median(record[name])) for record in runs] for name in ("seconds", "plain_seconds")
        )
        at = intensity[shape]
        axes.vlines(at, np.median(plain), np.median(ours), color=GREY, lw=0.8, zorder=1)
        axes.plot(at, np.median(plain), marker, color=GREY, mfc="white", zorder=3)
        label = f"{_power(shape[0])} × {_power(shape[1])}, d = {shape[2]}{', sorted' * runs_sorted(runs)}"
        axes.plot(at, np.median(ours), marker, color=ORANGE if runs_sorted(runs) else BLUE, label=label, zorder=3)
    axes.plot([], [], "o", color=GREY, mfc="white", label="plain JAX")
    axes.set(xscale="log", yscale="log", xlabel="arithmetic intensity (operations / byte)",
             ylabel="4mnd operations a second (G/s)", xlim=(low, high))  # fmt: skip
    axes.xaxis.set_minor_formatter(NullFormatter())  # few shapes span less than a decade
    key(axes)
    return None


def runs_sorted(runs: Records) -> bool:
    """Return True for steps by sorting, which does not do the 4mnd operations that it is credited with."""
    return str(next(iter(runs))["label"][0]) == "sorted"


def along_particles(axes: Axes, records: Records) -> None:
    """Time of a step against m, n fixed."""
    axes.set_title("b  Time is linear in particles")
    series: list[Series] = [
        ("blocked, d = 10, n = 100", study.space_runs(records), study.seconds, BLUE, "o", cost.particle_exponent()),
        (
            "sorted, d = 2, n = 1000",
            study.plane_runs(records),
            study.seconds,
            ORANGE,
            "s",
            cost.particle_exponent("sorted"),
        ),
    ]
    if not powers(axes, series, "particles", "theory: slope 1"):
        return empty(axes, "along m")
    axes.set(xlabel="particles m", ylabel="time of a step (s)")
    key(axes)
    return None


def jointly(axes: Axes, records: Records) -> None:
    """Time of a step against m = n in the plane."""
    axes.set_title("c  Sorting is quasi-linear in both")
    blocked = study.blocked_runs(records)
    series: list[Series] = [("every pair (blocked)", blocked, study.seconds, BLUE, "o", cost.joint_exponent())]
    drawn = powers(axes, series, "particles", "theory: slope 2")
    m, table = along(study.sorted_runs(records), "particles", study.seconds)
    if table.size:
        points(axes, m, table, "sorted", ORANGE, "s")
        last, law = np.exp(np.log(table[:, -1]).mean()), m ** cost.joint_exponent("sorted").value * np.log(m)
        axes.plot(m, last * law / law[-1], color=THEORY, lw=0.9, label="theory: m log m")
    elif not drawn:
        return empty(axes, "with m = n")
    axes.set(xlabel="particles m = samples n, d = 2", ylabel="time of a step (s)")
    key(axes)
    return None


def _shape(record: Record) -> tuple[int, int, int]:
    m, n, d = (int(count) for count in record["shape"])
    return m, n, d


def _intensity(record: Record) -> float:
    return float(record["operations"][0]) / float(record["traffic"][0])


def _power(count: int) -> str:
    """A count as a power of ten where it is one."""
    exponent = len(str(count)) - 1
    return f"$10^{exponent}$" if count == 10**exponent else str(count)
