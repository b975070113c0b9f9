"""Weight decay and exponential rates in six panels: rates, effective rates, losses, distances, and where it ends."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty
from simulations import Record, Records
from simulations.optimisation import exponential_rate as study
from simulations.optimisation import normalised_measures as measure
from theory import exponential_rate as theory

LEAST = 1e-17
"""Distance at which what is equal to the last bit is drawn."""


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `exponential_rate`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    growing(axes[0, 0], records)
    effective(axes[0, 1], records)
    losses(axes[0, 2], records)
    distances(axes[1, 0], records)
    scheduled(axes[1, 1], records)
    ending(axes[1, 2], records)
    return figure


def growing(axes: Axes, records: Records) -> None:
    """The rates without decay that are equivalent to a constant one with decay, and the exponentials."""
    axes.set_title("a  Decay is a rate that grows exponentially")
    runs = study.within.where(schedule="constant", batch=0, activation="tanh")(records)
    if not len(runs):
        return empty(axes, "at a constant rate")
    first = next(iter(runs))
    axes.plot(first["rates"], color=GREY, label="with decay: constant")
    shown = (("rest", BLUE, "o"), ("larger", ORANGE, "s"), ("smaller", GREEN, "^"))
    seen = set()
    for start, color, marker in shown:
        for record in runs.where(start=start):
            if (start, record["momentum"]) in seen or len(seen) > 3:
                continue
            seen.add((start, record["momentum"]))
            label = (
                f"γ = {record['momentum']:g}, from rest"
                if start == "rest"
                else f"γ = {record['momentum']:g}, {start} root"
            )
            axes.plot(record["equivalent_rates"], marker, color=color, ms=3, ls="", markevery=(0, 5), label=label)
            if start == "rest" and record["momentum"] > 0:
                continue
            root = theory.roots(record["momentum"], record["strength"])[start == "smaller"]
            t = np.arange(record["steps"])
            axes.plot(t, np.exp(np.log(record["rate"]) - (2 * t + 1) * np.log(root)), color=THEORY, lw=0.8, zorder=1)
    axes.plot([], [], color=THEORY, lw=0.8, label="theory: η $r^{-2t-1}$")
    axes.set(yscale="log", xlabel="step t", ylabel="rate of input weights (time a step)")
    axes.set_ylim(top=min(axes.get_ylim()[1], 1e7), bottom=0.3 * first["rate"])
    key(axes)
    return None


def effective(axes: Axes, records: Records) -> None:
    """The effective rate η/|w|², with decay, without, and without decay at the equivalent rate."""
    axes.set_title("b  The effective rate η/|w|² is the same")
    runs = list(study.descent(records))
    if not runs:
        return empty(axes, "of descent")
    record = max(runs, key=lambda record: record["strength"])
    for name, rates, style in _three(record):
        rates = np.append(rates, rates[-1])
        axes.plot(rates / record[f"{name}_norm"] ** 2, **style)
    factors = record["factors"]
    growth = record["rate"] / record["decay_norm"][0] ** 2 / factors**2
    axes.plot(growth, color=THEORY, ls="--", lw=0.9, label="theory, zero gradient")
    axes.set(yscale="log", xlabel="step t", ylabel="η / |w|² (time / weight²)")
    key(axes)
    return None


def losses(axes: Axes, records: Records) -> None:
    """The risk of the same three runs."""
    axes.set_title("c  So is the function, at every step")
    runs = list(study.descent(records))
    if not runs:
        return empty(axes, "of descent")
    record = max(runs, key=lambda record: record["strength"])
    for name, _, style in _three(record):
        axes.plot(record[f"{name}_risk"], **style)
    axes.set(yscale="log", xlabel="step t", ylabel="training risk (loss)")
    key(axes)
    return None


def distances(axes: Axes, records: Records) -> None:
    """Distance of functions from that with decay, for the right and for wrong rates, and the bound on rounding."""
    axes.set_title("d  To rounding; wrong rates are far off")
    runs = study.within.where(schedule="constant", batch=0)(records)
    runs = list(runs.where(start="larger")) or list(runs)
    if not runs:
        return empty(axes, "at a constant rate")
    record = runs[0]
    shown = (
        ("plain", GREY, "neither decay nor growth"),
        ("decoupled", PURPLE, "decay after momentum"),
        ("half", GREEN, "rates η/$r^t$"),
        ("unbuffered", BLUE, "no buffer at the start"),
        ("same", ORANGE, "the right rates"),
    )
    for name, color, label in shown:
        axes.plot(_shown(record, f"{name}_gap"), color=color, label=label)
    axes.plot(_shown(record, "gap_bound"), color=THEORY, ls="--", lw=0.9, label="theory: bound on rounding")
    axes.set(yscale="log", xlabel="step t", ylabel="largest |f − f with decay|", ylim=(LEAST, None))
    key(axes)
    return None


def scheduled(axes: Axes, records: Records) -> None:
    """Schedules with momentum from rest: rates with decay, and the equivalent ones."""
    axes.set_title("e  Every schedule has an equivalent")
    runs = study.within(records).where(lambda record: record["schedule"] != "constant")
    if not len(runs):
        return empty(axes, "with a schedule")
    seen = set()
    for record in runs:
        name = record["schedule"]
        if name in seen:
            continue
        color = (BLUE, ORANGE)[len(seen) % 2]
        seen.add(name)
        axes.plot(record["rates"], color=color, lw=0.9, label=f"{name}, with decay")
        axes.plot(record["equivalent_rates"], "o", color=color, ms=2.5, ls="", markevery=3, label=f"{name}, without")
        exact = theory.equivalent_rates(
            record["rates"], theory.factors(record["rates"], record["strength"] / record["rate"], record["momentum"])
        )
        axes.plot(exact, color=THEORY, lw=0.8, zorder=1)
    axes.plot([], [], color=THEORY, lw=0.8, label="theory: $η_t/(c_t c_{t+1})$")
    axes.set(yscale="log", xlabel="step t", ylabel="rate of input weights (time a step)")
    key(axes)
    return None


def ending(axes: Axes, records: Records) -> None:
    """How long the equivalence lasts beyond the condition, against decay."""
    axes.set_title("f  Too much decay, and it ends")
    runs = study.beyond.where(start="rest", schedule="constant")(records)
    if not len(runs):
        return empty(axes, "beyond the condition")
    momenta = sorted(set(runs.column("momentum")))[-5:]
    colors = (GREEN, BLUE, ORANGE, PURPLE, GREY)
    for gamma, color in zip(momenta, colors, strict=False):
        some = runs.where(momentum=gamma)
        at = [record["strength"] / theory.largest_strength(gamma) for record in some]
        axes.plot(at, [measure.lasted(record) for record in some], "o", color=color, ls="", label=f"γ = {gamma:g}")
        ratio = np.geomspace(1.02, max(10, 1.3 * max(at)), 400)
        strengths = ratio * theory.largest_strength(gamma)
        axes.plot(ratio, [theory.lasts(gamma, s) for s in strengths], color=THEORY, lw=0.8, zorder=1)
    axes.plot([], [], color=THEORY, lw=0.8, label="theory: $c_t$ turns negative")
    axes.axvspan(0.5, 1, color=GREY, alpha=0.2, lw=0)
    axes.text(0.52, 0.03, "lasts\nfor ever", transform=axes.get_xaxis_transform(), color=GREY, fontsize=7)
    axes.set(xscale="log", yscale="log", xlim=(0.5, None))
    axes.set(xlabel="ηλ / (1 − √γ)²", ylabel="steps until no positive rate is equivalent")
    key(axes)
    return None


def _three(record: Record) -> list[tuple[str, np.ndarray, dict]]:
    """Names, rates and styles of the runs that users choose from."""
    return [
        ("plain", record["rates"], {"color": GREY, "label": "no decay, constant rate"}),
        ("decay", record["rates"], {"color": BLUE, "lw": 3, "alpha": 0.5, "label": "decay, constant rate"}),
        ("same", record["equivalent_rates"],
         {"color": ORANGE, "marker": "o", "ms": 3, "ls": "", "markevery": 5, "label": "no decay, exponential rate"}),
    ]  # fmt: skip


def _shown(record: Record, name: str) -> np.ndarray:
    """Return a distance at every step where it can be drawn."""
    return np.clip(record[name], LEAST, 1e6)
