"""The edge of stability of Cohen et al. (2021): sharpness and loss against the author's time, steps times η."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import beside
from figures.style import COLORS, empty
from simulations import Records
from simulations.published.cohen2021gradient import RATES, STUDY, Descent
from simulations.records.record import between


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `cohen2021gradient`."""
    return beside.draw(STUDY, records, {"1": hovering, "sharpening": sharpening})


def hovering(axes: Axes, records: Records) -> None:
    """The sharpness of one network for every step, with the paper's 2/η at its end."""
    axes.set(xlabel="time, steps × η", ylabel="sharpness S")
    chosen = Descent.at("sharpness", seed=min, step=between(0.05, 0.5))(records)
    degrees = sorted(set(chosen.column("degree"))) if len(chosen) else []
    if not degrees:
        empty(axes, "of steps that come to the edge")
        return
    degree = 4 if 4 in degrees else degrees[0]
    found = {record["step"]: record for record in chosen.where(degree=degree)}
    for i, (step, color) in enumerate(zip(sorted(found), COLORS, strict=False)):
        record = found[step]
        time = record["seen"] * step
        axes.plot(time, record["sharpness"], ".-", color=color, ms=2.5, lw=0.8, label=f"η = {step:g}, degree {degree}")
        axes.axhline(2 / step, color=color, lw=0.7, ls="--")
        beside.published_points(axes, time[-1], 2 / step, label="_" if i else "paper: 2/η")
    axes.set(xscale="symlog", xlim=(1, None), ylim=(0, 1.5 * 2 / min(found)))
    axes.legend(loc="upper left")


def sharpening(axes: Axes, records: Records) -> None:
    """The sharpness of every network under the smallest step, and the largest step's 2/η that it passes."""
    axes.set(xlabel="time, steps × η", ylabel="sharpness S")
    chosen = Descent.at("sharpness", step=between(0, 0.03))(records)
    if not len(chosen):
        empty(axes, "of small steps")
        return
    for degree, color in zip(sorted(set(chosen.column("degree"))), COLORS, strict=False):
        for i, record in enumerate(chosen.where(degree=degree)):
            label = "_" if i else f"degree {degree}, η = {record['step']:g}"
            axes.plot(record["seen"] * record["step"], record["sharpness"], color=color, lw=0.7, label=label)
    level, words = 2 / RATES[-1], f"paper: rises to 2/η, here of η = {RATES[-1]:g}"
    axes.axhline(level, color=beside.PAPER, lw=0.9, ls="--", label=words)
    axes.set(xscale="symlog", yscale="log", xlim=(1, None))
    axes.legend(loc="upper left")
