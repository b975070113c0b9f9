"""Step over batch as a temperature, in six panels: exact risk, collapse, schedules, and the drift to flat minima."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty, interval
from simulations import Records
from simulations.optimisation import temperature_ratios as measure
from simulations.optimisation.sgd_temperature import SETTLED, Constant, Width, constant, schedules, width
from theory.temperature import variance_factor

COLORS = {1: BLUE, 4: ORANGE, 16: GREEN, 64: PURPLE}


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `sgd_temperature`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    in_time(axes[0, 0], records)
    collapse(axes[0, 1], records)
    breaks(axes[0, 2], records)
    batches(axes[1, 0], records)
    schedule(axes[1, 1], records)
    minima(axes[1, 2], records)
    return figure


def in_time(axes: Axes, records: Records) -> None:
    """Excess risk over time for one seed."""
    axes.set_title("a  Down to a level that theory knows")
    chosen = Constant.at("second", replacement=True)(records)
    first = next(iter(chosen), None)
    if first is None:
        return empty(axes, "at one step and batch")
    rows = list(chosen.where(seed=first["seed"], noise=first["noise"], ridge=first["ridge"]))[:5]
    for number, (record, color) in enumerate(zip(rows, (BLUE, GREEN, ORANGE, PURPLE, GREY), strict=False)):
        times = np.maximum(record["steps"], 0.5) * record["step"]
        label = f"ηL = {_share(record['fineness'])}, B = {record['batch']}"
        axes.plot(times, record["excess"], "o", color=color, ms=2.5, label=label)
        axes.plot(times, record["exact"], color=THEORY, lw=0.9, label=None if number else "theory: exact moments")
    axes.set(xscale="log", yscale="log", xlabel="time ηk", ylabel="excess risk, mean over replicas")
    key(axes)
    return None


def collapse(axes: Axes, records: Records) -> None:
    """Late excess risk against η/B, in units that all seeds share."""
    axes.set_title("b  η/B is a temperature")
    chosen = constant(records)
    if not len(chosen):
        return empty(axes, "at one step and batch")
    reached: list[float] = []
    for batch in sorted(set(chosen.column("batch"))):
        x, y = [], []
        for record in chosen.where(batch=batch):
            x.append(1 / (record["fineness"] * batch))
            y.append(measure.over_first_order(record) * x[-1] / 4)
        axes.plot(x, y, "o", color=COLORS.get(batch, GREY), ms=3.5, alpha=0.8, label=f"B = {batch}")
        reached += x
    line = np.array([min(reached), max(reached)])
    axes.plot(line, line / 4, color=THEORY, lw=1, label="theory: (η/4B) tr C")
    axes.set(xscale="log", yscale="log", xlabel="ηL/B", ylabel="L · excess risk / tr C")
    axes.xaxis.set_minor_formatter(NullFormatter())
    key(axes)
    return None


def breaks(axes: Axes, records: Records) -> None:
    """Late excess risk over the first-order law, against the step."""
    axes.set_title("c  … until ηL is no longer small")
    chosen = constant(records)
    if not len(chosen):
        return empty(axes, "at one step and batch")
    for number, batch in enumerate(sorted(set(chosen.column("batch")))):
        color, x, means, spreads, exact = COLORS.get(batch, GREY), [], [], [], []
        for fineness in sorted(set(chosen.where(batch=batch).column("fineness"))):
            rows = list(chosen.where(batch=batch, fineness=fineness))
            ratios = np.array([measure.over_first_order(row) for row in rows])
            x.append(1 / fineness)
            means.append(ratios.mean())
            spreads.append(interval(ratios))
            exact.append(np.mean([measure.exact_excess(row) / row["first_order"] for row in rows]))
        axes.errorbar(x, means, yerr=spreads, fmt="o", color=color, ms=3.5, label=f"B = {batch}, 99.9 %")
        axes.plot(x, exact, "_", color=THEORY, ms=11, label=f"_exact, B = {batch}" if number else "theory: exact")
    axes.axhline(1, color=THEORY, lw=0.9, ls="--", label="theory: first order")
    axes.set(xscale="log", xlabel="ηL", ylabel="excess risk / ((η/4B) tr C)")
    fine = sorted(set(chosen.column("fineness")))
    axes.set_xticks([1 / value for value in fine], [_share(value) for value in fine])
    axes.xaxis.set_minor_formatter(NullFormatter())
    key(axes)
    return None


def batches(axes: Axes, records: Records) -> None:
    """Draw the excess risk against the size of a batch, with replacement of samples and without."""
    axes.set_title("d  Different samples: less noise")
    chosen = Constant.at("second", **SETTLED)(records)
    kept = chosen.where(replacement=False)
    if not len(kept):
        return empty(axes, "without replacement")
    first = next(iter(kept))
    n = first["samples"]
    same = {name: first[name] for name in ("samples", "fineness")}
    for replaced, color, label in ((True, GREY, "with replacement"), (False, BLUE, "without")):
        rows = chosen.where(replacement=replaced, **same)
        drawn = sorted(set(rows.column("batch")))
        values = [[measure.over_first_order(record) / batch for record in rows.where(batch=batch)] for batch in drawn]
        if drawn:
            means, spreads = [np.mean(some) for some in values], [float(interval(some)) for some in values]
            axes.errorbar(drawn, means, yerr=spreads, fmt="o", color=color, ms=4, label=f"{label}, 99.9 %")
    sizes = np.arange(1, n)
    axes.plot(sizes, 1 / sizes, color=THEORY, ls="--", lw=0.9, label="theory: 1/B")
    without = [variance_factor(n, int(b), replacement=False) for b in sizes]
    axes.plot(sizes, without, color=THEORY, lw=1, label="theory: (n − B)/(n − 1)/B")
    axes.set(xscale="log", yscale="log", xlabel=f"batch B, of n = {n}", ylabel="excess risk / ((η/4) tr C)")
    key(axes)
    return None


def schedule(axes: Axes, records: Records) -> None:
    """After a settled run: a batch times q, a step over q."""
    axes.set_title("e  Growing batch = decaying step")
    chosen = list(schedules(records))
    if not chosen:
        return empty(axes, "that change step or batch")
    fine = max(record["fineness"] for record in chosen)
    rows = [record for record in chosen if record["fineness"] == fine and record["factor"] == chosen[0]["factor"]]
    share = np.arange(1, 9) / 8
    for name, color, marker, label in (
        ("grown", ORANGE, "o", "batch × q"),
        ("decayed", BLUE, "s", "step / q, as many samples"),
        ("decayed_steps", GREY, "^", "step / q, as many steps"),
    ):
        values = np.array([record[name] / record["exact_before"] for record in rows])
        spread = interval(values)
        axes.errorbar(share, values.mean(axis=0), yerr=spread, fmt=marker, color=color, ms=3.5, label=label)
    for name, style, words in (("grown", "-", "batch × q"), ("decayed", "--", "step / q")):
        values = np.mean([record[f"exact_{name}"] / record["exact_before"] for record in rows], axis=0)
        axes.plot(share, values, color=THEORY, ls=style, lw=0.9, label=f"theory: {words}")
    axes.set(xlabel=f"time since the change, q = {rows[0]['factor']} (relaxation times)")
    axes.set(ylabel="excess risk / that before", ylim=(0, 1.05))
    key(axes)
    return None


def minima(axes: Axes, records: Records) -> None:
    """Trace of the Hessian along the minima against the dose."""
    axes.set_title("f  To flat minima by one clock")
    chosen = list(width(records)) or list(Width.at("base_traces")(records))
    if not chosen:
        return empty(axes, "along minima")
    fine = max(record["fineness"] for record in chosen)
    rows = [record for record in chosen if record["fineness"] == fine and record["dose"] == chosen[0]["dose"]]
    labels = {"base": "η, B, σ", "batch": "η/2, B/2, σ", "noise": "η/2, B, √2 σ", "cold": "η/2, B, σ, twice as long"}
    for (name, label), color, marker in zip(labels.items(), (BLUE, ORANGE, GREEN, PURPLE), "osD^", strict=True):
        every = 2 if name == "cold" else 1
        logs = [np.log(row[f"{name}_traces"]).mean(axis=0)[::every] for row in rows]
        falls = np.exp(np.mean([one - one[0] for one in logs], axis=0))
        axes.plot(rows[0]["doses"], falls, marker, color=color, ms=4, alpha=0.8, label=label)
    mean = np.exp(np.mean([np.log(row["exact_traces"] / row["exact_traces"][0]) for row in rows], axis=0))
    axes.plot(rows[0]["doses"], mean, color=THEORY, lw=1, label="theory: slow flow, T → 0")
    axes.set(xlabel="dose (ησ²/4B) ηk", ylabel="trace of the Hessian / its start")
    key(axes)
    return None


def _share(fineness: float) -> str:
    """ηL in words."""
    return "1" if fineness == 1 else f"1/{fineness:g}"
