"""Random labels, as Arora et al. (2019): loss curves over the theorem's, projections, and complexity beside error."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import beside
from figures.style import BLUE, GREEN, GREY, ORANGE, THEORY, empty, interval
from simulations import Records
from simulations.published.arora2019fine import STUDY, Complexity, Descent

LABELS = (("true labels", BLUE), ("half random", GREEN), ("random labels", ORANGE))


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `arora2019fine`."""
    return beside.draw(STUDY, records, {"1": curves, "2": complexity})


def curves(axes: Axes, records: Records) -> None:
    """The residual of networks, and what the theorem says as m → ∞; inset, projections of labels of one draw."""
    axes.set(xlabel="step", ylabel="‖y − u‖ / ‖y‖")
    chosen = Descent.at("residual", paired=False, particles=max, samples=max)(records)
    if not len(chosen):
        empty(axes, "of networks")
        return
    first = next(iter(chosen))
    marks = first["marks"]
    same = chosen.where(lambda record: np.array_equal(record["marks"], marks))
    table, limit = (np.stack([record[name] for record in same]) for name in ("residual", "limit_residual"))
    for i, (label, color) in enumerate(LABELS):
        bars = interval(table[:, i])
        axes.errorbar(marks, table[:, i].mean(axis=0), bars, fmt="o", ms=2.5, color=color, label=f"ours: {label}")
        axes.plot(marks, limit[:, i].mean(axis=0), color=THEORY, lw=0.9, label="_" if i else "paper: theorem, m → ∞")
    kept = Descent.at("residual", paired=True, particles=max, samples=max)(records)
    kept = [record["residual"][2] for record in kept if np.array_equal(record["marks"], marks)]
    if kept:
        axes.plot(
            marks, np.mean(kept, axis=0), "o", mfc="none", ms=4, color=ORANGE, label="ours: random, κ = 1, in pairs"
        )
    axes.set(xscale="symlog", xlim=(-0.2, None), ylim=(0, 2.2))
    axes.legend(loc="upper right", fontsize=6.5)
    inset = axes.inset_axes((0.09, 0.64, 0.24, 0.26))
    for i in (2, 0):
        inset.plot(1 + np.arange(first["projections"].shape[1]), first["projections"][i], ".", ms=2, color=LABELS[i][1])
    inset.set(xscale="log", yscale="log", ylim=(1e-3, 2))
    inset.set_title("|v·y| / ‖y‖ by eigenvector", fontsize=6, weight="normal")
    inset.tick_params(labelsize=5)


def complexity(axes: Axes, records: Records) -> None:
    """Complexity and test error by the share of random labels; the paper's statement is that they grow alike."""
    axes.set(xlabel="share of random labels", ylabel="complexity, √(2yᵀH⁻¹y/n)")
    chosen = Complexity.at("complexity", samples=max, levels=max)(records)
    if not len(chosen):
        empty(axes, "of many labels")
        return
    shares = next(iter(chosen))["shares"]
    grown, error = (np.stack([record[name].mean(axis=0) for record in chosen]) for name in ("complexity", "error"))
    exact = np.mean([record["exact_complexity"] for record in chosen], axis=0)
    left = axes.errorbar(shares, grown.mean(axis=0), interval(grown), fmt="o", color=BLUE, label="ours: complexity")
    (theory,) = axes.plot(shares, exact, color=THEORY, lw=0.9, label="theory: its mean")
    other = axes.twinx()
    right = other.errorbar(
        shares, error.mean(axis=0), interval(error), fmt="s-", color=ORANGE, label="ours: test error"
    )
    other.set(ylabel="test error", ylim=(0, 0.8))
    other.spines["right"].set_visible(True)
    beside.published_points(other, [1.0], [0.5], label="paper: guessing")
    guess = other.get_legend_handles_labels()[0][-1]
    axes.set(ylim=(0, 1.6 * np.max(exact)))
    axes.legend(handles=[left, theory, right, guess], loc="upper left")
    axes.axhline(1, color=GREY, lw=0.7, ls=":")
