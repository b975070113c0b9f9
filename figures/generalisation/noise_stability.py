"""Noise stability in six panels: cushions, what they say of noise, larger noise, what else orders, bounds, errors."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty, interval
from simulations import Records
from simulations.generalisation.compression import NOISES
from simulations.generalisation.noise_stability import trained

LEVELS = {0: (BLUE, "true labels"), -1: (ORANGE, "random labels")}


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `noise_stability`."""
    chosen = trained(records.done)
    levels = list(chosen.column("levels"))
    chosen = chosen.where(levels=max(levels, key=levels.count, default=None))
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    panels = figure.subplots(2, 3)
    for panel, axes in zip((cushions, exact, sizes, ordered, bounds, errors), panels.flat, strict=True):
        panel(axes, chosen)
    return figure


def cushions(axes: Axes, records: Records) -> None:
    """Distribution of the interlayer cushion over samples."""
    axes.set_title("a  True labels leave a larger cushion")
    if not len(records):
        return empty(axes, "without an error in training")
    for level, (color, name) in LEVELS.items():
        _steps(axes, [record["interlayer"][level] for record in records], color, name)
    _steps(axes, [record["start_interlayer"][0] for record in records], GREY, "before training")
    m = next(iter(records))["particles"]
    axes.axvline(m**-0.5, color=THEORY, ls="--", lw=0.9, label="theory: no direction, 1/√m")
    axes.set(xlabel="interlayer cushion μ₁₂ of a sample", ylabel="share of samples below", xlim=(0, 1), ylim=(0, 1.02))
    key(axes)
    return None


def exact(axes: Axes, records: Records) -> None:
    """Noise of the output against what the cushion says, sample by sample."""
    axes.set_title("b  What it says of noise is exact")
    if not len(records):
        return empty(axes, "without an error in training")
    for level, (color, name) in LEVELS.items():
        pairs = [(record["attenuation"][level], record["response"][level][0]) for record in list(records)[:3]]
        known, found = (np.concatenate([np.ravel(pair[i]) for pair in pairs]) for i in (0, 1))
        axes.loglog(known, found, "o", color=color, ms=1.6, alpha=0.4, label=name)
    ends = np.array(axes.get_xlim())
    axes.plot(ends, ends, color=THEORY, lw=1, label="theory: equal in the mean")
    axes.set(xlabel="1/(m μ₁₂²)", ylabel="noise of f / noise of z, mean of few draws")
    key(axes, markerscale=3)
    return None


def sizes(axes: Axes, records: Records) -> None:
    """Draw the noise of the output over what the cushion says, against the size of the noise, mean over samples."""
    axes.set_title("c  Noise that crosses kinks")
    if not len(records):
        return empty(axes, "without an error in training")
    for level, (color, name) in LEVELS.items():
        table = np.array(
            [np.mean(record["response"][level] / record["attenuation"][level], axis=1) for record in records]
        )
        axes.errorbar(NOISES, table.mean(axis=0), yerr=interval(table), fmt="o", color=color, label=name)
        known = [np.mean(record["exact_response"][level] / record["attenuation"][level], axis=1) for record in records]
        axes.plot(NOISES, np.mean(known, axis=0), color=THEORY, lw=0.9, label=None if level else "theory: exact mean")
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: infinitesimal noise")
    axes.set(xscale="log", xlabel="noise of a hidden unit (|z|)", ylabel="noise of f / noise of z · m μ₁₂²")
    axes.set_ylim(0, None)
    key(axes)
    return None


def ordered(axes: Axes, records: Records) -> None:
    """Cushions, stable rank and norm relative to true labels, against the share of random labels."""
    axes.set_title("d  Cushions tell; so does the norm")
    if not len(records):
        return empty(axes, "without an error in training")
    share = next(iter(records))["shares"]
    for name, said, color, marker in (
        ("interlayer", "1/μ₁₂", PURPLE, "D"),
        ("output", "1/μ₂", GREEN, "^"),
        ("input", "1/μ₁", GREY, "v"),
        ("rank_input", "stable rank", BLUE, "o"),
        ("norm", "½ mean |θ|²", ORANGE, "s"),
        ("contraction", "contraction c", THEORY, "x"),
    ):
        sign = -1 if name in ("interlayer", "output", "input") else 1
        table = np.array([record[name].reshape(len(share), -1).mean(axis=1) for record in records]) ** sign
        table = table / table[:, :1]
        axes.errorbar(
            share, table.mean(axis=0), yerr=interval(table), fmt=f"{marker}-", color=color, lw=0.7, label=said
        )
    axes.set(xlabel="share of random labels", ylabel="value / that for true labels")
    key(axes)
    return None


BOUNDS = (
    ("compression", "compression", PURPLE, "D"),
    ("average", "compression, averages", PURPLE, "d"),
    ("spectral", "spectral norms", BLUE, "o"),
    ("parameters", "count of parameters", GREY, "v"),
    ("path", "path norm", GREEN, "^"),
)


def bounds(axes: Axes, records: Records) -> None:
    """Leading terms of bounds on the test error, and the error."""
    axes.set_title("e  Vacuous bounds, compression most")
    if not len(records):
        return empty(axes, "without an error in training")
    share = next(iter(records))["shares"]
    for name, said, color, marker in BOUNDS:
        table = np.array([record[f"bound_{name}"] for record in records])
        label = f"theory: {said}" if name == "compression" else said
        hollow = "white" if name == "average" else color
        axes.plot(share, table.mean(axis=0), f"{marker}-", color=color, mfc=hollow, lw=0.7, label=label)
    table = np.array([record["test_error"] for record in records])
    axes.errorbar(share, table.mean(axis=0), yerr=interval(table), fmt="s", color=ORANGE, label="test error")
    axes.axhline(1, color=THEORY, ls=":", lw=0.9)
    axes.set(yscale="log", xlabel="share of random labels", ylabel="bound without constants, and error (share)")
    key(axes)
    return None


def errors(axes: Axes, records: Records) -> None:
    """Bounds against test errors, every network."""
    axes.set_title("f  Bounds and test errors")
    if not len(records):
        return empty(axes, "without an error in training")
    for name, said, color, marker in (BOUNDS[0], BOUNDS[2], BOUNDS[4]):
        pairs = [(np.ravel(record["test_error"]), np.ravel(record[f"bound_{name}"])) for record in records]
        error, bound = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
        axes.plot(error, bound, marker, color=color, ms=2.5, alpha=0.5, ls="", label=said)
    line = np.linspace(0.005, 1, 100)
    axes.plot(line, line, color=THEORY, lw=1, label="theory: bound = error")
    axes.set(yscale="log", xlim=(-0.02, 0.75), xlabel="test error (share)", ylabel="bound without constants (share)")
    axes.set_ylim(bottom=0.01)
    key(axes)
    return None


def _steps(axes: Axes, values: list, color: str, name: str) -> None:
    """Share of values below."""
    sample = np.sort(np.concatenate([np.ravel(of) for of in values]))
    axes.plot(sample, np.arange(1, len(sample) + 1) / len(sample), color=color, label=name)
