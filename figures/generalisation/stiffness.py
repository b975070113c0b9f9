"""Stiffness in six panels: the identity, classes, distance, training, and the size of the step."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty, interval
from simulations import Records
from simulations.generalisation.cosines_at_risk import LAST, LEARNED, SHARES, at_risk, when
from simulations.generalisation.image_pairs import BINS, GROUPS
from simulations.generalisation.stiffness import Training, identity, lazy
from simulations.records.record import widest

LEVELS = np.geomspace(0.9, 0.02, 16)
"""Shares of the risk at the start along which training is drawn."""

STEPS = (ORANGE, GREEN, BLUE)


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `stiffness`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    kernel(axes[0, 0], identity(records))
    trained = one_setting(Training.at("groups")(records))
    classes(axes[0, 1], trained)
    distance(axes[0, 2], trained)
    training(axes[1, 0], one_setting(widest(lazy)(records)))
    step(axes[1, 1], trained, "within", "e  Within a class: any step")
    step(axes[1, 2], trained, "between", "f  Between classes, to h = 2/S")
    return figure


def one_setting(records: Records) -> Records:
    """The runs that share all but the seed with the first of them."""
    first = next(iter(records), None)
    if first is None:
        return records
    names = [name for name in first.parameters if name != "seed"]
    return records.where(lambda record: all(record[name] == first[name] for name in names))


def kernel(axes: Axes, records: Records) -> None:
    """Cosines from gradients against those from the kernel, and for contrast those of residuals without a sign."""
    axes.set(
        xlabel="cosine from the tangent kernel",
        ylabel="cosine of gradients",
        title="a  Gradients are as the kernel says",
    )
    if not len(records):
        empty(axes, "of the identity")
        return
    known, seen, wrong = (
        np.concatenate([_pairs(record[name]) for record in records]) for name in ("kernel", "gradient", "unsigned")
    )
    few = np.random.default_rng(0).permutation(len(known))[:600]
    axes.plot(known[few], wrong[few], ".", color=GREY, ms=2, alpha=0.6, label="sizes of residuals alone")
    axes.plot(known[few], seen[few], "o", color=BLUE, ms=2.5, mew=0, label="measured")
    axes.plot([-1, 1], [-1, 1], color=THEORY, lw=0.8, label="theory")
    key(axes)


def _pairs(cosines: np.ndarray) -> np.ndarray:
    i, k = np.triu_indices(cosines.shape[-1], 1)
    return cosines[..., i, k].ravel()


def classes(axes: Axes, records: Records) -> None:
    """Mean cosine of every pair of classes."""
    axes.set(xlabel="class", ylabel="class", title=f"b  Classes align, at {LEARNED:g} of the risk")
    tables = [at_risk(record, LEARNED, "classes")["h/8"] for record in records]
    tables = [table for table in tables if np.isfinite(table).any()]
    if not tables:
        empty(axes, "of training")
        return
    stack = np.stack(tables)
    known = np.isfinite(stack)
    mean = np.sum(np.where(known, stack, 0), axis=0) / np.maximum(known.sum(axis=0), 1)
    image = axes.imshow(mean, cmap="RdBu_r", vmin=-0.5, vmax=0.5)
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.figure.colorbar(image, ax=axes, label="mean cosine")


def distance(axes: Axes, records: Records) -> None:
    """Mean cosine along the distance of two images."""
    axes.set(xlabel="distance |x − x'|", ylabel="mean cosine", title="c  Nearer is stiffer, either way")
    tables = [at_risk(record, LEARNED, "along")["h/8"] for record in records]
    if not any(np.isfinite(table).any() for table in tables):
        empty(axes, "of training")
        return
    stack = np.stack(tables)
    middle = (BINS[1:] + BINS[:-1]) / 2
    for k, (name, color) in enumerate((("one class", ORANGE), ("two classes", BLUE))):
        _band(axes, middle, stack[:, k], name, color)
    axes.axhline(0, color=THEORY, lw=0.8, ls="--", label="orthogonal: no effect, exact")
    key(axes)


def training(axes: Axes, records: Records) -> None:
    """Groups of pairs as the risk falls, of the widest lazy networks, beside those of their kernel."""
    axes.set(xlabel="risk / risk at the start", ylabel="mean cosine", title="d  Lazy: it fades as the kernel says")
    if not len(records):
        empty(axes, "of lazy networks")
        return
    levels = LEVELS[LEVELS > LAST]
    found, known = (
        np.array([[when(record[f"{of}risk"], record[f"{of}groups"], at) for at in levels] for record in records])
        for of in ("", "kernel_")
    )
    for k, color in enumerate((ORANGE, BLUE, PURPLE, GREEN, GREY)):
        axes.plot(levels, known[:, :, k].mean(axis=0), color=THEORY, lw=0.9, label=None if k else "theory: kernel")
        _band(axes, levels, found[:, :, k], GROUPS[k], color)
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.xaxis.set_minor_formatter(lambda x, _: "")
    key(axes)


def step(axes: Axes, records: Records, group: str, title: str) -> None:
    """One group of pairs at equal risk, for every step."""
    axes.set(xlabel="risk / risk at the start", ylabel=f"mean cosine {group} classes", title=title)
    if not _paths(axes, records, group):
        empty(axes, "of training")
        return
    if group == "between":
        axes.axhline(0, color=THEORY, lw=0.8, ls="--", label="orthogonal: no effect, exact")
    key(axes)


def _paths(axes: Axes, records: Records, group: str) -> bool:
    """A line over `LEVELS` for each step; whether there was anything to draw."""
    paths = [[at_risk(record, level) for level in LEVELS] for record in records]
    if not paths:
        return False
    for (size, share), color in zip(SHARES.items(), STEPS, strict=True):
        table = np.array([[at[size][GROUPS.index(group)] for at in path] for path in paths])
        _band(axes, LEVELS, table, f"h = {next(iter(records))['step'] * share:g}", color)
    axes.set_xscale("log")
    axes.invert_xaxis()
    return True


def _band(axes: Axes, x: np.ndarray, table: np.ndarray, label: str, color: str) -> None:
    """Mean over seeds, the rows, where all know it, and the verdicts' interval."""
    whole = np.isfinite(table).all(axis=0)
    x, table = x[whole], table[:, whole]
    mean = table.mean(axis=0)
    spread = interval(table)
    axes.plot(x, mean, ".-", color=color, label=label)
    axes.fill_between(x, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
