"""Births and deaths in six panels: faster, a way out, certified, where to, on sites, and exact in the mean."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty
from simulations import Records
from simulations.optimisation import certified_excess as measure
from simulations.optimisation.birth_death import Sites, Step, Training, born
from simulations.optimisation.birth_death_ratios import noise_over_exact, over_exact

LEAST = 1e-7
"""Excess below which points are drawn on the floor of an axis."""


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `birth_death`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    faster(axes[0, 0], records)
    way_out(axes[0, 1], records)
    certified(axes[0, 2], records)
    where_to(axes[1, 0], records)
    on_sites(axes[1, 1], records)
    in_the_mean(axes[1, 2], records)
    return figure


def faster(axes: Axes, records: Records) -> None:
    """Excess against time, for every rate and for transport alone."""
    axes.set_title("a  Births and deaths hurry descent")
    runs = Training.at("energy", start="both", reinjected=0)(records)
    rates = sorted(set(runs.column("rate")))
    if not rates:
        return empty(axes, "from both signs")
    first = runs.where(rate=rates[-1])
    times, alone = _over_time(first, "transport_energy")
    axes.plot(times, alone, "o-", color=BLUE, label="transport alone")
    for rate, color in zip(rates[-3:], (GREEN, ORANGE, PURPLE), strict=False):
        times, table = _over_time(runs.where(rate=rate), "energy")
        axes.plot(times, table, "s-", color=color, label=f"births and deaths, τ = {rate:g}")
    times, gap = _over_time(first, "gap", less=None)
    axes.plot(times, gap, ":", color=THEORY, lw=1, label=f"theory: certified bound, τ = {rates[-1]:g}")
    axes.set(xscale="log", yscale="log", xlabel="time t (mean-field time)", ylabel="F − min F, geometric mean")
    key(axes)
    return None


def way_out(axes: Axes, records: Records) -> None:
    """Excess in units of what positive output weights cost, against time, clones and births in a prior."""
    axes.set_title("b  Clones are stuck, a prior leads out")
    runs = Training.at("energy", start="positive")(records)
    cloned, prior = runs.where(reinjected=0), runs.where(lambda record: record["reinjected"] > 0)
    if not len(runs):
        return empty(axes, "from positive weights")
    for chosen, name, color, marker, label in (
        (cloned or prior, "transport_energy", BLUE, "o", "transport alone"),
        (cloned, "energy", ORANGE, "s", "clones"),
        (prior, "energy", GREEN, "^", "births in a prior"),
    ):
        if len(chosen):
            times, table = _over_time(chosen, name, unit=measure.positive_excess)
            axes.plot(times, table, f"{marker}-", color=color, label=label)
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: best of positive weights")
    axes.set(xscale="log", yscale="log", xlabel="time t (mean-field time)")
    axes.set_ylabel("(F − min F) / (min F₊ − min F)")
    key(axes)
    return None


def certified(axes: Axes, records: Records) -> None:
    """Excess against the certified gap: every network of every run at every time."""
    axes.set_title("c  What is missing is certified")
    runs = Training.at("energy")(records)
    if not len(runs):
        return empty(axes, "of training")
    for chosen, color, label in (
        (runs.where(start="both"), ORANGE, "start with both signs"),
        (runs.where(start="positive"), GREEN, "start with positive weights"),
    ):
        far = [np.maximum(measure.excess(record), LEAST) for record in chosen]
        gaps = [np.maximum(record["gap"], LEAST) for record in chosen]
        if far:
            axes.loglog(np.concatenate(gaps), np.concatenate(far), "o", color=color, ms=1.6, alpha=0.4, label=label)
    ends = np.array([max(LEAST, min(axes.get_xlim()[0], axes.get_ylim()[0])), axes.get_xlim()[1]])
    axes.plot(ends, ends, color=THEORY, lw=1, label="theory: excess ≤ gap")
    axes.set(xlabel="certified gap (loss units)", ylabel="F − min F (loss units)")
    key(axes, markerscale=3)
    return None


def where_to(axes: Axes, records: Records) -> None:
    """Particles |a| w of one run at the start and at the end, and the directions of the optimum."""
    axes.set_title("d  Mass gathers at the optimal neurons")
    runs = list(Training.at("energy", start="both", reinjected=0)(records))
    if not runs:
        return empty(axes, "from both signs")
    record = max(runs, key=lambda record: record["rate"])
    start, end, alone = (
        _visible(record[name]) for name in ("start_position", "end_position", "transport_end_position")
    )
    reach = 1.15 * float(np.quantile(np.abs(np.concatenate([start, end, alone])), 0.995))
    for k, (_, *direction) in enumerate(record["atoms"]):
        label = "theory: neurons of the optimum" if k == 0 else None
        axes.plot(*np.outer(direction, [0, 3 * reach]), color=THEORY, lw=0.8, ls="--", label=label)
    axes.plot(*start.T, "o", mfc="white", mec=GREY, ms=2.5, mew=0.7, ls="", label="start")
    axes.plot(*alone.T, "o", color=BLUE, ms=3.5, ls="", label="end, transport alone")
    axes.plot(*end.T, "s", mfc="none", mec=ORANGE, ms=5, mew=1, ls="", label=f"end, τ = {record['rate']:g}")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="|a| w₁ (parameter units²)")
    axes.set_ylabel("|a| w₂ (parameter units²)")
    key(axes)
    return None


def on_sites(axes: Axes, records: Records) -> None:
    """Masses of eight sites over time by the replicator equation, and those of particles at the end."""
    axes.set_title("e  On sites: the replicator equation")
    runs = list(Sites.at("masses")(records))
    if not runs:
        return empty(axes, "on sites")
    record = max(runs, key=lambda record: (record["particles"], record["rate"]))
    exact, end = record["exact_masses"], record["time"]
    times = np.linspace(0, end, len(exact))
    axes.plot(times, exact, color=THEORY, lw=0.9)
    axes.plot([], [], color=THEORY, lw=0.9, label="theory: m = ∞")
    mean, spread = record["masses"].mean(axis=0), record["masses"].std(axis=0)
    label = f"m = {record['particles']}: mean and spread of runs"
    axes.errorbar(np.full(len(mean), end), mean, yerr=spread, fmt="o", color=ORANGE, label=label, zorder=3)
    axes.set(xlabel="time t (mean-field time)", ylabel="share of particles on a site")
    axes.set_ylim(0, None)
    key(axes)
    return None


def in_the_mean(axes: Axes, records: Records) -> None:
    """Draw measured over exact values, for every seed: changes in a step, and the noise on sites."""
    axes.set_title("f  Exact in mean and noise")
    steps, sites = Step.at("energy_change", rate=born)(records), Sites.at("masses", rate=born)(records)
    if not len(steps) + len(sites):
        return empty(axes, "of a step or on sites")
    shown = (
        ("change\nof f", steps, lambda record: over_exact("prediction_change", record), GREEN),
        ("change\nof F", steps, lambda record: over_exact("energy_change", record), ORANGE),
        ("noise", sites, lambda record: noise_over_exact("noise", record), PURPLE),
        ("noise, if\ndrawn apart", sites, lambda record: noise_over_exact("noise_apart", record), GREY),
    )
    for k, (_, chosen, value, color) in enumerate(shown):
        ratios = np.array([value(record) for record in chosen])
        axes.plot(k + np.linspace(-0.25, 0.25, len(ratios)), ratios, "o", color=color, alpha=0.7, ls="")
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: 1")
    axes.set_xticks(range(len(shown)), [name for name, *_ in shown])
    axes.set(xlim=(-0.6, len(shown) - 0.4), xlabel="quantity", ylabel="measured / exact, each seed")
    axes.set_ylim(0, None)
    key(axes)
    return None


def _over_time(runs: Records, name: str, less: str | None = "minimum", unit=None) -> tuple[np.ndarray, np.ndarray]:
    """Return (times, geometric means over seeds) at the times that all runs have, later than 0."""
    times = sorted(set.intersection(*(set(np.round(record["times"], 9)) for record in runs)) - {0.0})
    rows = []
    for record in runs if unit is None else runs.where(measure.two_signs):
        at = [int(np.argmin(np.abs(record["times"] - time))) for time in times]
        values = record[name] if less is None else measure.excess(record, name)
        rows.append(values[at] / (1 if unit is None else unit(record)))
    return np.array(times), np.exp(np.mean(np.log(np.maximum(rows, 1e-16)), axis=0))


def _visible(position: np.ndarray) -> np.ndarray:
    return np.abs(position[:, :1]) * position[:, 1:]
