"""Random labels in six panels: loss curves, times, complexity and error, what comes first, what is left, capacity."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty, interval, points, power, share_bars
from simulations import Records
from simulations.generalisation import label_memorisation as measure
from simulations.generalisation.label_capacity import Capacity, Dichotomies
from simulations.generalisation.random_labels import drawn, trained, wide
from simulations.records.record import along, widest
from theory import scaling
from theory.memorisation import log_dichotomies

TRUE, MIXED, RANDOM = BLUE, GREEN, ORANGE
"""Colours of the labels."""


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `random_labels`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    panels = figure.subplots(2, 3)
    losses(panels[0, 0], records)
    widths(panels[0, 1], records)
    complexity(panels[0, 2], records)
    first(panels[1, 0], records)
    left(panels[1, 1], records)
    capacity(panels[1, 2], records)
    return figure


def losses(axes: Axes, records: Records) -> None:
    """Residual against steps for true, mixed and random labels, beside the kernel's prediction."""
    axes.set_title("a  Predicted: the loss, random or not")
    chosen = widest(trained)(records)
    if not len(chosen):
        return empty(axes, "of training")
    steps = next(iter(chosen))["steps"]
    alike = [record for record in chosen if np.array_equal(record["steps"], steps)]
    for name, color, level in _levels(alike[0]):
        found, exact = (
            np.stack([measure.residual_norm(record, of)[level] for record in alike]) for of in ("f", "limit_f")
        )
        axes.plot(steps + 1, found.T, color=color, lw=0.4, alpha=0.3)
        axes.plot(steps + 1, found.mean(axis=0), "o", color=color, ms=3, label=name)
        axes.plot(steps + 1, exact.mean(axis=0), color=THEORY, lw=1, label=None if level else "theory: kernel, m → ∞")
    axes.axhline(np.sqrt(measure.LEVEL), color=GREY, ls=":", lw=0.9)
    axes.text(1, 0.97 * np.sqrt(measure.LEVEL), "memorised", color=GREY, ha="left", va="top", fontsize=7)
    axes.set(xscale="log", xlabel="1 + steps of descent", ylabel="‖y − u‖ / √n (output)", ylim=(0, 1.1))
    key(axes)
    return None


def widths(axes: Axes, records: Records) -> None:
    """Distance to the predicted curve against m."""
    axes.set_title("b  The wider, the closer")
    shown = False
    for name, color, marker, level in (("true labels", TRUE, "o", 0), ("random labels", RANDOM, "s", -1)):
        x, table = along(trained(records), "particles", measure.loss_error(level))
        if table.size and np.all(table > 0):
            points(axes, x, table, name, color, marker)
            power(axes, x, table, scaling.kernel_limit_exponent(), None if shown else "theory: 1/√m")
            shown = True
    if not shown:
        return empty(axes, "at three m")
    axes.set(xscale="log", yscale="log", xlabel="particles m", ylabel="sup |‖y − u‖ − predicted| / ‖y‖")
    axes.xaxis.set_minor_formatter(lambda x, _: "")
    key(axes)
    return None


def complexity(axes: Axes, records: Records) -> None:
    """√(2yᵀK⁻¹y/n) and the test error against the share of random labels."""
    axes.set_title("c  A bound of no use but its order")
    chosen = drawn(records)
    chosen = chosen.where(levels=max(chosen.column("levels"), default=None))
    if not len(chosen):
        return empty(axes, "on labels")
    share = next(iter(chosen))["shares"]
    for name, said, color, marker in (
        ("complexity", "√(2yᵀK⁻¹y/n)", PURPLE, "D"),
        ("error", "test error", ORANGE, "o"),
    ):
        table = np.stack([record[name].mean(axis=0) for record in chosen])
        bars = interval(table)
        axes.errorbar(share, table.mean(axis=0), yerr=bars, fmt=marker, color=color, label=said)
    exact = np.mean([record["exact_complexity"] for record in chosen], axis=0)
    axes.plot(share, exact, color=THEORY, lw=1, label="theory: exact mean")
    axes.axhline(1, color=GREY, ls=":", lw=0.9)
    axes.text(1, 1.03, "above 1 a bound says nothing", color=GREY, fontsize=7, va="bottom", ha="right")
    axes.axhline(0.5, color=GREY, ls=":", lw=0.9)
    axes.text(0, 0.53, "guessing", color=GREY, fontsize=7, va="bottom")
    axes.set(xlabel="share of random labels", ylabel="bound, and error (share)", ylim=(0, None))
    key(axes)
    return None


def first(axes: Axes, records: Records) -> None:
    """Draw the shares that are right when half of the labels are random: true labels, wrong labels, test samples."""
    axes.set_title("d  Half random: what is true comes first")
    chosen = list(wide(records))
    chosen = [record for record in chosen if np.array_equal(record["steps"], chosen[0]["steps"])]
    if not chosen:
        return empty(axes, "with half of the labels random")
    steps, level = chosen[0]["steps"], measure.middle(chosen[0])
    for said, color, marker, values in (
        ("true labels fitted", TRUE, "o", lambda r, of: measure.right(r, level, ~measure.wrong(r)[level], of)),
        ("wrong labels fitted", RANDOM, "s", lambda r, of: measure.right(r, level, measure.wrong(r)[level], of)),
        ("test samples right", GREEN, "^", lambda r, of: 1 - r["limit_error" if of == "limit_f" else "error"][level]),
    ):
        found, exact = (np.mean([values(record, of) for record in chosen], axis=0) for of in ("f", "limit_f"))
        axes.plot(steps[1:], found[1:], marker, color=color, ms=3, label=said)
        axes.plot(steps[1:], exact[1:], color=THEORY, lw=0.9, label=None if marker != "^" else "theory: kernel")
    axes.set(xscale="log", xlabel="steps of descent", ylabel="share", ylim=(-0.03, 1.08))
    key(axes)
    return None


def left(axes: Axes, records: Records) -> None:
    """Critical samples and the sensitivity of the loss, by level."""
    axes.set_title("e  What random labels leave is rough")
    chosen = list(wide(records))
    if not chosen:
        return empty(axes, "with half of the labels random")
    share = np.linspace(0, 1, len(chosen[0]["labels"]))
    chosen = [record for record in chosen if len(record["labels"]) == len(share)]
    unevenness = [[measure.gini(of) for of in record["sensitivity"]] for record in chosen]
    critical = [np.mean(record["critical"], axis=1) for record in chosen]
    for values, said, color, marker in (
        (critical, "critical test samples (share)", ORANGE, "o"),
        (unevenness, "unevenness of sensitivity (Gini)", PURPLE, "D"),
    ):
        table = np.array(values)
        bars = interval(table)
        axes.errorbar(share, table.mean(axis=0), yerr=bars, fmt=f"{marker}-", color=color, label=said, lw=0.7)
    ratio = np.exp(np.mean([measure.log_sensitivity(record) for record in chosen]))
    axes.text(
        0.97, 0.04, f"wrong among true labels:\n{ratio:.1f} times the sensitivity", transform=axes.transAxes,
        ha="right", va="bottom", fontsize=7.5, color=GREY,
    )  # fmt: skip
    axes.set(xlabel="share of random labels", ylabel="share, coefficient", ylim=(0, None))
    key(axes)
    return None


def capacity(axes: Axes, records: Records) -> None:
    """Share of labellings that are memorised, or that output weights alone can fit, against parameters a sample."""
    axes.set_title("f  Too few units cannot memorise")
    chosen = Capacity.at("memorised")(records)
    if not len(chosen):
        return empty(axes, "with few units")
    for n, color, marker in zip(sorted(set(chosen.column("samples"))), (ORANGE, GREEN, PURPLE), "osD", strict=False):
        of = chosen.where(samples=n)
        runs: dict[float, list[float]] = {}
        for record in of:
            runs.setdefault(measure.per_sample(record), []).append(float(record["memorised"]))
        x = np.array(sorted(runs))
        shares = np.array([np.mean(runs[at]) for at in x])
        bars = np.hstack([share_bars(int(np.sum(runs[at])), len(runs[at])) for at in x])
        axes.errorbar(x, shares, yerr=bars, fmt=f"{marker}-", color=color, lw=0.7, label=f"n = {n}, Adam")
        known = [np.mean([record["bound"] for record in of if measure.per_sample(record) == at]) for at in x]
        axes.plot(x, known, color=THEORY, ls="--", lw=0.9, label="theory: bound by counting" if marker == "o" else None)
    dichotomies(axes, records)
    axes.set(xscale="log", xlabel="parameters / samples", ylabel="share of labellings fitted", ylim=(-0.05, 1.05))
    ticks = [0.1, 0.3, 1.0, 3.0, 10.0]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    key(axes)
    return None


def dichotomies(axes: Axes, records: Records) -> None:
    """Share of random labellings that the output weights of random units can fit, with Cover's."""
    chosen = Dichotomies.at("separated")(records)
    if not len(chosen):
        return
    n = max(chosen.column("samples"))
    counts = sorted(set(chosen.where(samples=n).column("particles")))
    tables = [np.concatenate([record["separated"] for record in chosen.where(samples=n, particles=m)]) for m in counts]
    x, shares = np.array(counts) / n, [np.mean(table) for table in tables]
    bars = np.hstack([share_bars(int(np.sum(table)), len(table)) for table in tables])
    axes.errorbar(x, shares, yerr=bars, fmt="v", color=BLUE, mfc="white", label=f"n = {n}, output weights")
    m = np.arange(max(1, min(counts) - 2), max(counts) + 3)
    exact = [np.exp(log_dichotomies(n, int(one)) - n * np.log(2)) for one in m]
    axes.plot(m / n, exact, color=THEORY, lw=0.9, label="theory: Cover")


def _levels(record) -> list[tuple[str, str, int]]:
    """(name, colour, level) of true, mixed and random labels."""
    levels = [("true labels", TRUE, 0), ("random labels", RANDOM, len(record["labels"]) - 1)]
    if len(record["labels"]) > 2:
        levels.insert(1, ("half random", MIXED, measure.middle(record)))
    return levels
