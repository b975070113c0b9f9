"""Scaling laws in six panels: particles (mean-field, lazy), samples, operations, the best width, and features."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, ScalarFormatter

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, LAZY, MEAN_FIELD, ORANGE, PURPLE, THEORY, Series, empty, points, powers
from simulations import Records, last
from simulations.records.record import along
from simulations.scale import risks as measure
from simulations.scale import scaling_laws as study
from theory.circle import CAPACITY
from theory.compute_frontier import frontier_exponent, width_exponent
from theory.learning_curve import sample_exponent

FRONTIER = measure.frontier(lambda records: records)


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `scaling_laws`."""
    records = records.done
    figure = Figure(figsize=(10, 6), layout="constrained")
    panels = figure.subplots(2, 3)
    particles(panels[0, 0], records)
    samples(panels[0, 1], records)
    features(panels[0, 2], records)
    lazy = study.lazy_runs(records)
    risk(panels[1, 0], lazy)
    frontier(panels[1, 1], lazy)
    widths(panels[1, 2], lazy)
    for axes in panels.flat:  # over a decade or two, labels between the powers of ten would run into each other
        axes.xaxis.set_minor_formatter(NullFormatter())
    return figure


def particles(axes: Axes, records: Records) -> None:
    """Excess risk over infinitely many particles against m, in both regimes."""
    axes.set_title("a  Particles: excess ∝ 1/m in both regimes")
    mean_field, lazy = study.mean_field_runs(records), study.excess_runs(records)
    series: list[Series] = [
        ("mean-field, t = 5", mean_field, measure.excess, MEAN_FIELD, "o", study.IN_M),
        (f"lazy, t = {measure.EXCESS:g}", lazy, measure.lazy_excess, LAZY, "s", study.IN_M),
    ]
    series = [one for one in series if _positive(one[1], "particles", one[2])]
    if not powers(axes, series, "particles", "theory: slope −1"):
        return empty(axes, "along m")
    runs = list(lazy)
    if runs:  # the constant as well as the slope
        m = np.array(sorted({record.parameters["particles"] for record in runs}), float)
        axes.plot(m, runs[0]["variance"][measure.moment(runs[0])] / m, color=THEORY, lw=1.2, label="theory: V/m, lazy")
    axes.set(xlabel="particles m", ylabel="excess test risk")
    key(axes)
    return None


def samples(axes: Axes, records: Records) -> None:
    """Excess risk of ridge regression against n, with the learning curve of the eigenvalues."""
    axes.set_title("b  Samples: lazy learns at the best rate")
    runs = study.sample_runs()(records)
    at, table = along(runs, "samples", last("excess"))
    if not table.size:
        return empty(axes, "along n")
    points(axes, at, table, "ridge regression, tangent kernel", LAZY, "s")
    curve = along(runs, "samples", lambda record: float(record["curve"]))[1][0]
    axes.plot(at, curve, color=THEORY, lw=1.2, label="theory: curve of the spectrum")
    exponent = float(sample_exponent(CAPACITY, study.ROUGH).value)
    axes.plot(at, curve[-1] * (at / at[-1]) ** exponent, color=THEORY, lw=0.9, ls="--",
              label=f"theory: slope {exponent:.2f}".replace("-", "−"))  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="samples n", ylabel="excess test risk E|f − $f_*$|²")
    key(axes)
    return None


def features(axes: Axes, records: Records) -> None:
    """Test risk on a neuron of unknown direction against n, mean-field and lazy, above and below the bound."""
    axes.set_title("c  A neuron: moving features win")
    runs, drawn = study.Teacher.at("bound")(records), False
    scales = sorted({record.parameters["alpha"] for record in runs})
    for scale, color, marker in zip(scales[:4], (MEAN_FIELD, LAZY, GREEN, PURPLE), "os^D", strict=False):
        at, table = along(runs.where(alpha=scale), "samples", last("risk"))
        if table.size:
            points(axes, at, table, f"network, α = {scale:g}", color, marker)
            bound = along(runs.where(alpha=scale), "samples", lambda record: float(record["bound"]))[1][0]
            seen = bound > 0
            axes.plot(at[seen], bound[seen], color=THEORY, lw=1.2, label=None if drawn else "bound on fixed features")
            drawn = True
    if not drawn:
        return empty(axes, "with a teacher along n")
    axes.set(xscale="log", yscale="log", xlabel="samples n", ylabel="test risk at the end")
    counts = sorted({record.parameters["samples"] for record in runs})
    axes.xaxis.set_major_locator(FixedLocator(counts[:: max(1, len(counts) // 5)]))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    key(axes)
    return None


def risk(axes: Axes, runs: Records) -> None:
    """Risk against time for every m: together until 1/m ends it."""
    axes.set_title("d  Time: the limit, until 1/m shows")
    counts = sorted({record.parameters["particles"] for record in runs})
    if not counts:
        return empty(axes, "of tangent models")
    shown = counts[:: max(1, len(counts) // 4)]
    for i, m in enumerate(shown):
        group = list(runs.where(particles=m))
        one = [record for record in group if len(record["times"]) == len(group[0]["times"])]
        mean = np.mean([record["risk"] - record["linear"] for record in one], axis=0)
        shade = 0.25 + 0.75 * (i + 1) / len(shown)
        axes.plot(one[0]["times"], mean, color=BLUE, alpha=shade, label=f"m = {m}")
    last = max(runs, key=lambda record: record["times"][-1])
    axes.plot(last["times"], last["limit_risk"], color=THEORY, lw=1.2, label="theory: m → ∞")
    axes.set(xscale="log", yscale="log", xlabel="time t (1 / rate)", ylabel="risk, all inputs")
    key(axes)
    return None


def frontier(axes: Axes, runs: Records) -> None:
    """Risk against operations for every m, and the least of all."""
    axes.set_title("e  Operations: the frontier")
    for m in sorted({record.parameters["particles"] for record in runs}):
        group = list(runs.where(particles=m))
        one = [record for record in group if len(record["times"]) == len(group[0]["times"])]
        mean = np.mean([record["risk"] - record["linear"] for record in one], axis=0)
        axes.plot(one[0]["operations"], mean, color=GREY, lw=0.6, alpha=0.7)
    label = f"theory: slope {frontier_exponent(study.SOURCE).value:.2f}".replace("-", "−")
    series: list[Series] = [("least risk", FRONTIER(runs), last("risk"), ORANGE, "o", frontier_exponent(study.SOURCE))]
    if not powers(axes, series, "operations", label):
        return empty(axes, "of five particle counts or more")
    axes.plot([], [], color=GREY, lw=0.6, label="every m")
    axes.set(xlabel="operations 4mnd × steps", ylabel="risk, all inputs")
    key(axes)
    return None


def widths(axes: Axes, runs: Records) -> None:
    """Particles of least risk against operations."""
    axes.set_title("f  Operations: the best width")
    label = f"theory: slope {width_exponent(study.SOURCE).value:.2f}".replace("-", "−")
    series: list[Series] = [
        ("particles of least risk", FRONTIER(runs), last("width"), ORANGE, "o",
         width_exponent(study.SOURCE))
    ]  # fmt: skip
    if not powers(axes, series, "operations", label):
        return empty(axes, "of five particle counts or more")
    exact = FRONTIER(measure.expanded(runs))
    seed = min(record.parameters["seed"] for record in runs)  # no seed moves the expansion
    at, table = along(exact.where(seed=seed), "operations", last("width"))
    if table.size:
        axes.plot(at, table[0], color=THEORY, lw=1.2, label="theory: expansion in 1/m")
    axes.set(xlabel="operations 4mnd × steps", ylabel="particles m")
    key(axes)
    return None


def _positive(runs: Records, x: str, value) -> bool:
    table = along(runs, x, value)[1]
    return bool(table.size) and bool(np.all(table > 0))
