"""Chizat & Bach (2020): test errors against the number of samples, and the margin against the number of particles."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import beside
from figures.style import BLUE, GREEN, ORANGE, empty, interval
from simulations import Records
from simulations.published.chizat2020implicit import ERRORS, MARGINS, STUDY, Errors, Margins, margin, test_error
from simulations.records.record import seed_means

LAYERS = {"both": ("both layers", ORANGE, "o"), "output": ("output layer", BLUE, "s")}


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `chizat2020implicit`."""
    return beside.draw(STUDY, records, {"test-error": errors, "margin": margins})


def means(axes: Axes, records: Records, x: str, value, label: str, color: str, marker: str) -> None:
    """Draw means over seeds at every x with their intervals."""
    at = sorted(set(records.column(x).tolist()))
    parts = [records.where(**{x: one}) for one in at]
    tables = [seed_means(part, [value(record) for record in part]) for part in parts]
    axes.errorbar(
        at, [np.mean(one) for one in tables], [float(interval(one)) for one in tables], marker=marker, color=color,
        label=label,
    )  # fmt: skip


def errors(axes: Axes, records: Records) -> None:
    """Test errors of both ways of training, of the widest networks."""
    records = Errors.at("test_error", particles=max)(records)
    if not len(records):
        return empty(axes, "with test errors")
    for layers, style in LAYERS.items():
        some = records.where(layers=layers)
        if len(some):
            means(axes, some, "samples", test_error, *style)
    beside.published_points(axes, [512, 512], [beside.read_off(ERRORS, f"{layers}_")["512"] for layers in LAYERS])
    at = sorted({512, *records.column("samples").tolist()})
    axes.set(xscale="log", ylim=(-0.02, 0.6), xlabel="training samples n", ylabel="test error")
    axes.set_xticks(at, [f"{one}" for one in at], minor=False)
    axes.set_xticks([], minor=True)
    axes.legend()
    return None


def margins(axes: Axes, records: Records) -> None:
    """The margin of every data set, and their mean."""
    records = Margins.at("margin", layers="both", samples=256)(records)
    if not len(records):
        return empty(axes, "with margins for 256 samples")
    for seed in sorted(set(records.column("seed").tolist())):
        own = sorted(records.where(seed=seed), key=lambda record: record["particles"])
        axes.plot([one["particles"] for one in own], [margin(one) for one in own], color=GREEN, lw=0.5, alpha=0.5)
    means(axes, records, "particles", margin, "mean of data sets", GREEN, "o")
    paper = beside.read_off(MARGINS, "margin_")
    beside.published_points(axes, [8, 1024], [paper["8"], 10 ** paper["1024"]], label="paper, one data set")
    axes.set(xscale="log", xlabel="particles m", ylabel="margin / mean of |θ|²")
    axes.legend(loc="lower right")
    return None
