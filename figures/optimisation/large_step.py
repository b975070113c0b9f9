"""Large steps in six panels: the linear model, a network at the edge of stability, and the catapult."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, Series, empty, powers
from simulations import Record, Records
from simulations.optimisation import large_step_measures as measure
from simulations.optimisation.large_step import HEIGHT, Catapult, Edge, Linear
from simulations.records.record import between

COLORS = (BLUE, GREEN, PURPLE, ORANGE, GREY, "#56B4E9", "#E69F00", "#B2182B")
FLOOR = 1e-12
"""The least loss that is drawn."""


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `large_step`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    linearised(axes[0, 0], records)
    sharpness(axes[0, 1], records)
    risk(axes[0, 2], records)
    catapult(axes[1, 0], records)
    ends(axes[1, 1], records)
    height(axes[1, 2], records)
    return figure


def one_a_step(records: Records, most: int = 8) -> list[Record]:
    """The first record of every step, among those that share all else with the first; few enough to tell apart."""
    first = next(iter(records), None)
    if first is None:
        return []
    shared = ("seed", "particles", "samples", "steps")
    alike = records.where(lambda record: all(record[name] == first[name] for name in shared if name in first))
    found = {record["step"]: record for record in reversed(list(alike))}
    steps = sorted(found)
    kept = {steps[i] for i in np.unique(np.rint(np.linspace(0, len(steps) - 1, most)).astype(int))}
    return [found[step] for step in steps if step in kept]


def linearised(axes: Axes, records: Records) -> None:
    """Risk of the linear model against its exact one."""
    chosen = one_a_step(Linear.at("exact_risk")(records))
    axes.set(xlabel="step", ylabel="risk", title="a  Linearised: stable up to hλ = 2")
    if not chosen:
        empty(axes, "of the linear model")
        return
    for record, color in zip(chosen, COLORS, strict=False):
        label = f"hλ = {record['step']:g}"
        axes.plot(record["seen"], record["risk"], "o", color=color, ms=3, label=label)
        exact = "theory" if record is chosen[-1] else None
        axes.plot(record["seen"], record["exact_risk"], color=THEORY, lw=0.8, label=exact)
    axes.set(yscale="log", xscale="symlog", xlim=(-0.2, None), ylim=(1e-4, 1e4))
    key(axes)


def sharpness(axes: Axes, records: Records) -> None:
    """S over steps, with 2/h of each h."""
    chosen = one_a_step(Edge.at("sharpness")(records), most=5)
    axes.set(xlabel="step", ylabel="sharpness S (1 / time)", title="b  A network sharpens up to 2/h")
    if not chosen:
        empty(axes, "of networks")
        return
    highest = max(np.max(one["sharpness"][np.isfinite(one["sharpness"])]) for one in chosen)
    for record, color in zip(chosen, COLORS, strict=False):
        axes.plot(
            record["seen"], record["sharpness"], ".-", color=color, ms=2.5, lw=0.8, label=f"h = {record['step']:g}"
        )
        if 2 / record["step"] < 1.2 * highest:
            axes.axhline(2 / record["step"], color=color, lw=0.9, ls="--")
    axes.plot([], [], color=GREY, ls="--", lw=0.9, label="theory: 2/h")
    axes.set(xscale="symlog", xlim=(1, None), ylim=(0, 1.2 * highest))
    key(axes)


def risk(axes: Axes, records: Records) -> None:
    """The risk of the same runs at pairs of consecutive steps."""
    chosen = one_a_step(Edge.at("sharpness")(records), most=5)
    axes.set(xlabel="step", ylabel="risk", title="c  There every other step goes up")
    if not chosen:
        empty(axes, "of networks")
        return
    for record, color in zip(chosen, COLORS, strict=False):
        values = record["risk"]
        axes.plot(record["seen"], values, color=color, lw=0.7, label=f"h = {record['step']:g}")
        at = measure.windows(record)
        up = at[values[at + 1] > values[at]]
        axes.plot(record["seen"][up + 1], values[up + 1], "^", color=color, ms=3)
    axes.plot([], [], "^", color=GREY, ms=3, label="after a rise")
    axes.set(xscale="symlog", yscale="log", xlim=(1, None))
    key(axes)


def catapult(axes: Axes, records: Records) -> None:
    """The loss of one network for each step, over the exact map."""
    chosen = one_a_step(Catapult.at("output")(records))
    axes.set(xlabel="step", ylabel="loss f²/2", title="d  The catapult: thrown for 2 < hλ < 4")
    if not chosen:
        empty(axes, "of the catapult")
        return
    for record, color in zip(chosen, COLORS, strict=False):
        loss = _loss(record["output"])
        axes.plot(record["seen"], loss, "o", color=color, ms=3, label=f"hλ = {record['step']:g}")
        exact = "theory: exact map" if record is chosen[-1] else None
        axes.plot(record["seen"], _loss(record["map_output"]), color=THEORY, lw=0.8, label=exact)
    axes.set(yscale="log", xlim=(-0.5, 30), ylim=(1e-4, None))
    key(axes)


def _loss(output: np.ndarray) -> np.ndarray:
    """f²/2 where it can be drawn."""
    with np.errstate(over="ignore"):  # of runs that diverge
        loss = output**2 / 2
    return np.where((loss > FLOOR) & (loss < 1e12), loss, np.nan)


def ends(axes: Axes, records: Records) -> None:
    """hλ at the end against hλ at the start, all networks; above 4 there is no end."""
    chosen = Catapult.at("curvature")(records)
    axes.set(xlabel="hλ at the start", ylabel="hλ at the end", title="e  It lands where hλ < 2")
    if not len(chosen):
        empty(axes, "of the catapult")
        return
    landed = chosen.where(lambda record: bool(record["reached"]))
    ends_at = [record["curvature"][-1] for record in landed]
    axes.plot([record["step"] for record in landed], ends_at, "o", color=ORANGE, ms=3, alpha=0.5, mew=0)
    lost = sorted({record["step"] for record in chosen if not record["reached"]})
    axes.plot(lost, [4.4] * len(lost), "x", color=GREY, ms=5)
    axes.plot([0, 2, 4], [0, 2, 2], color=THEORY, lw=0.9, label="theory: bound on the end")
    axes.axvline(4, color=THEORY, lw=0.9, ls="--")
    axes.plot([], [], "x", color=GREY, label="diverged")
    axes.set(ylim=(0, 4.7), xlim=(0, None))
    key(axes)


def height(axes: Axes, records: Records) -> None:
    """The height of the loss in m."""
    chosen = Catapult.at("output", step=between(2.1, 3.9))(records)
    series: list[Series] = [
        (f"hλ = {step:g}", chosen.where(step=step), measure.peak, color, "o", HEIGHT)
        for step, color in zip(sorted({record["step"] for record in chosen}), COLORS, strict=False)
    ]
    axes.set(xlabel="particles m", ylabel="largest loss f²/2", title="f  Thrown to a height ∝ m")
    if not powers(axes, series, "particles", "theory: ∝ m"):
        empty(axes, "of three widths")
        return
    key(axes)
