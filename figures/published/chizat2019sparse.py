"""Chizat (2019): how the gap closes in two dimensions, and how many particles find five spikes in one."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import beside
from figures.style import COLORS, MARKERS, empty, short
from simulations import Records
from simulations.published.chizat2019sparse import (
    CLOSED,
    FIRST,
    GAPS,
    SHADES,
    SHOWN,
    STUDY,
    WIDTHS,
    Gap,
    Success,
    normalised_gap,
    share_of_largest,
)

LINES = {3: ":", 4: "--", 100: "-"}


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `chizat2019sparse`."""
    return beside.draw(STUDY, records, {"gap": gap, "success": success})


def gap(axes: Axes, records: Records) -> None:
    """The gap over iterations, for every penalty and number of particles, with what was read off the paper's lines."""
    records = Gap.at("loss", particles=WIDTHS, converted=True)(records)
    if not len(records):
        return empty(axes, "with 3, 4 or 100 particles")
    strengths = sorted(set(records.column("strength").tolist()))
    for record in records:
        k, color = np.arange(FIRST, SHOWN + 1), COLORS[strengths.index(record["strength"])]
        values = normalised_gap(record)[FIRST - 1 : SHOWN]
        shown = values > CLOSED / 3
        axes.plot(k[shown], values[shown], LINES[record["particles"]], color=color)
    for strength, color in zip(strengths, COLORS, strict=False):
        axes.plot([], [], color=color, label=f"λ = {short(strength)}")
    for m, line in LINES.items():
        axes.plot([], [], line, color="black", lw=0.9, label=f"m = {m}")
    closing = [*beside.read_off(GAPS, "closing_").values()]
    beside.published_points(axes, closing, [CLOSED] * len(closing))
    late = 10 ** np.array([*beside.read_off(GAPS, "gap_").values()])
    beside.published_points(axes, [1000] * len(late), late, label="")
    axes.set(yscale="log", xlim=(0, SHOWN), ylim=(CLOSED / 3, 30), xlabel="iteration", ylabel="normalised gap of J")
    axes.legend(ncols=2)
    return None


def success(axes: Axes, records: Records) -> None:
    """Mean excess over the largest against m, for every β/α, with the paper's shades."""
    own = Success.at("loss", converted=True, drawn="author")(records)
    fresh = Success.at("loss", converted=True, drawn="fresh", ratio=1.0)(records)
    if not len(own) and not len(fresh):
        return empty(axes, "with converted steps")
    if len(own):
        shares = share_of_largest(own)
        for ratio, color, marker in zip(
            sorted({ratio for _, ratio in shares}, reverse=True), COLORS, MARKERS, strict=False
        ):
            m = sorted(one for one, two in shares if two == ratio)
            label = f"β/α = 1/{1 / ratio:g}" if ratio < 1 else "β/α = 1"
            axes.plot(m, [shares[one, ratio] for one in m], marker=marker, color=color, lw=0.8, label=label)
    if len(fresh):
        shares = share_of_largest(fresh)
        m = sorted(one for one, _ in shares)
        axes.plot(m, [shares[one, 1.0] for one in m], "--", color="0.5", lw=0.9, label="β = α, fresh instances")
    paper = beside.read_off(SHADES, "")
    names = ("share_5", "share_6", "share_7", "slow_share_5")
    beside.published_points(axes, [5, 6, 7, 5], [paper[name] for name in names])
    axes.set(xlabel="particles m", ylabel="mean excess of J, over the largest", ylim=(-0.03, 1.05))
    axes.legend()
    return None
