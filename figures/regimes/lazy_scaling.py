"""Lazy against mean-field in six panels: in α, in m, in time, in the plane, on a teacher and on digits."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures.legends import key
from figures.style import GREEN, GREY, LAZY, MEAN_FIELD, PURPLE, THEORY, Series, empty, interval, points, powers
from simulations import Record, Records, last
from simulations.records.record import along
from simulations.regimes import linearised as measure
from simulations.regimes.lazy_scaling import MEAN_FIELD as FLAT
from simulations.regimes.lazy_scaling import TANGENT, Plane, Teacher, along_alpha, along_m, digits, teachers
from theory import scaling


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `lazy_scaling`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    grid = figure.add_gridspec(2, 3, wspace=0.04, hspace=0.06)
    in_alpha(figure.add_subplot(grid[0, 0]), records)
    in_width(figure.add_subplot(grid[0, 1]), records)
    in_time(figure.add_subplot(grid[0, 2]), records)
    in_plane(figure.add_subplot(grid[1, 0]), records)
    on_teacher(figure.add_subplot(grid[1, 1]), records)
    on_digits(figure.add_subplot(grid[1, 2]), records)
    return figure


def in_alpha(axes: Axes, records: Records) -> None:
    """Movement and output gap of tanh networks against α."""
    axes.set_title("a  Large α: little moves, less bends")
    doubled, centred = (along_alpha(initial=initial)(records) for initial in ("doubled", "centred"))
    moved, gap = last("displacement"), measure.linearised_gap
    series: list[Series] = [
        ("movement (parameter)", doubled, moved, LAZY, "o", scaling.movement_exponent()),
        ("gap, centred (output)", centred, gap, GREEN, "s", scaling.output_gap_exponent("centred")),
        ("gap, doubled (output)", doubled, gap, PURPLE, "^", scaling.output_gap_exponent("doubled")),
    ]
    if not powers(axes, series, "alpha", "theory: slopes −1, −1, −2"):
        return empty(axes, "along α")
    axes.set(xlabel="output scale α", ylabel="distance (parameter or output units)")
    key(axes)
    return None


def in_width(axes: Axes, records: Records) -> None:
    """Kernel change and movement of tanh networks against m, in both scalings."""
    axes.set_title("b  α = √m freezes, α = 1 does not")
    flat, tangent = (along_m(exponent=exponent)(records) for exponent in (FLAT, TANGENT))
    change, moved = last("kernel_drift"), last("displacement")
    series: list[Series] = [
        ("kernel change, α = 1", flat, change, MEAN_FIELD, "o", scaling.kernel_change_exponent("mean-field")),
        ("movement, α = 1", flat, moved, MEAN_FIELD, "s", scaling.displacement_exponent("mean-field")),
        ("kernel change, α = √m", tangent, change, LAZY, "o", scaling.kernel_change_exponent("tangent")),
        ("movement, α = √m", tangent, moved, LAZY, "s", scaling.displacement_exponent("tangent")),
    ]
    if not powers(axes, series, "particles", "theory: slopes 0, 0, −1, −½"):
        return empty(axes, "along m")
    axes.set(xlabel="particles m", ylabel="change of kernel (share), movement")
    key(axes)
    return None


def in_time(axes: Axes, records: Records) -> None:
    """Training loss on the teacher over time, with the exact kernel flow."""
    axes.set_title("c  Lazy loss: the kernel flow's")
    chosen = teachers()(records)
    if not len(chosen):
        return empty(axes, "on the teacher")
    first = min(chosen.column("seed"))
    lazy = list(chosen.where(exponent=TANGENT, seed=first))
    for record, color, marker in zip(_spread(lazy), (GREEN, PURPLE, LAZY), "^so", strict=False):
        axes.plot(
            record["times"][1:],
            record["risk"][1:],
            marker,
            color=color,
            label=f"α = √m, m = {_count(record)}",
        )
    feature = _spread(list(chosen.where(exponent=FLAT, seed=first)))[-1:]
    for record in feature:
        axes.plot(
            record["times"][1:],
            record["risk"][1:],
            "D",
            color=MEAN_FIELD,
            label=f"α = 1, m = {_count(record)}",
        )
    for record in (lazy or feature)[-1:]:
        axes.plot(
            record["times"][1:],
            record["limit_risk"][1:],
            color=THEORY,
            lw=1,
            label="theory: kernel flow, m = ∞",
        )
    axes.set(xscale="log", yscale="log", xlabel="time t (mean-field time)", ylabel="training loss R")
    key(axes)
    return None


def in_plane(axes: Axes, records: Records) -> None:
    """Paths of the particles |a| w of two networks from one start in the plane."""
    axes.set_title("d  Particles find the teacher, or stay")
    chosen = sorted(Plane.at("marks")(records), key=lambda record: record["alpha"])
    if len(chosen) < 2:
        return empty(axes, "in the plane")
    pair = chosen[0], chosen[-1]
    reach = max(float(np.abs(record["particles"]).max()) for record in pair) * 1.12
    for k, direction in enumerate(pair[0]["marks"]):
        ray = np.outer(direction / np.linalg.norm(direction), [0, 2 * reach])
        axes.plot(*ray, color=THEORY, lw=0.8, ls="--", label=None if k else "theory: teacher's neurons")
    for record, color in zip(pair, (MEAN_FIELD, LAZY), strict=True):
        paths, sign = record["particles"], np.sign(record["weights"][0])
        axes.plot(paths[:, :, 0], paths[:, :, 1], color=color, lw=0.8, alpha=0.8)
        for value, marker in ((1, "P"), (-1, "o")):
            label = f"α = {record['alpha']:g}, a {'>' if value > 0 else '<'} 0"
            axes.plot(*paths[-1][sign == value].T, marker, color=color, ms=4, ls="", label=label)
    axes.plot(*pair[0]["particles"][0].T, "o", mfc="white", mec=GREY, ms=2.5, mew=0.7, ls="", label="start")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="|a| w₁", ylabel="|a| w₂")
    key(axes)
    return None


def on_teacher(axes: Axes, records: Records) -> None:
    """Test risk on the teacher against α at one m."""
    axes.set_title("e  Teacher: features beat the kernel")
    chosen = Teacher.at(tangent=True)(records)
    x, table = along(chosen, "alpha", lambda record: float(np.exp(measure.log_risk_ratio(record))))
    if not table.size:
        return empty(axes, "along α on the teacher")
    points(axes, x, table, f"network, m = {_count(next(iter(chosen)))}", MEAN_FIELD)
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: kernel regression, m = ∞")
    axes.set(xscale="log", yscale="log", xlabel="output scale α", ylabel="test risk / that of kernel regression")
    key(axes)
    return None


def on_digits(axes: Axes, records: Records) -> None:
    """Test error on ten classes of digits against m, in both scalings."""
    axes.set_title("f  Digits: wide lazy is the kernel")
    drawn = False
    for exponent, name, color, marker in ((FLAT, "α = 1", MEAN_FIELD, "D"), (TANGENT, "α = √m", LAZY, "o")):
        chosen = digits(exponent=exponent)(records)
        x, table = along(chosen, "particles", lambda record: 100 * float(record["test_error"][-1]))
        if table.size:
            spread = interval(table)
            axes.errorbar(x, table.mean(axis=0), yerr=spread, fmt=marker, color=color, label=name, zorder=3)
            drawn = True
    if not drawn:
        return empty(axes, "on digits")
    chosen = digits()(records)
    levels = {record["seed"]: 100 * float(record["limit_test_error"][-1]) for record in chosen}
    level = float(np.mean(list(levels.values())))
    axes.axhline(level, color=THEORY, ls="--", lw=0.9, label="theory: kernel regression, m = ∞")
    if len(levels) > 1:
        half = float(interval(list(levels.values())))
        axes.axhspan(level - half, level + half, color=GREY, alpha=0.15, lw=0)
    samples = next(iter(chosen))["samples"]
    axes.set(xscale="log", xlabel="particles m", ylabel=f"test error (%), {samples} training images")
    axes.set_ylim(0, None)
    axes.xaxis.set_minor_formatter(NullFormatter())
    key(axes)
    return None


def _spread(records: list[Record]) -> list[Record]:
    """The narrowest, a middle one and the widest."""
    ordered = sorted(records, key=lambda record: record["particles"])
    return ordered if len(ordered) <= 3 else [ordered[0], ordered[len(ordered) // 2], ordered[-1]]


def _count(record: Record) -> str:
    return f"{record['particles']:,}".replace(",", "\u202f")
