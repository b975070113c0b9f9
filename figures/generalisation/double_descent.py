"""Double descent in six panels: exact, on a teacher, on digits, with ridge, lazy networks, and trained by steps."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty, interval
from simulations import Records
from simulations.generalisation import double_descent as study
from simulations.generalisation.feature_curves import Features
from simulations.generalisation.interpolation_peak import off_over_rounding
from theory.double_descent import isotropic_risk


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `double_descent`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 3)
    exactly(axes[0, 0], records)
    curves(axes[0, 1], records, study.Teacher, "b  Random features: the peak is at m = n")
    curves(axes[0, 2], records, study.Digits, "c  Digits 3 and 8, wrong labels")
    interpolation(axes[1, 0], records)
    lazy(axes[1, 1], records)
    trained(axes[1, 2], records)
    return figure


def exactly(axes: Axes, records: Records) -> None:
    """Excess risk of isotropic inputs, against the exact formula at finite n."""
    axes.set_title("a  Normal inputs: exact at every n")
    runs = list(study.Isotropic.at("excess")(records))
    if not runs:
        return empty(axes, "of isotropic inputs")
    first = runs[0].parameters
    alike = [run for run in runs if all(run[name] == first[name] for name in first if name != "seed")]
    n, noise = first["samples"], first["noise"]
    count = np.unique(np.geomspace(0.15 * n, 6 * n, 400).round().astype(int))
    for signal, style, label in ((study.SIGNAL, "-", "theory"), (0.0, ":", "theory, errors' part alone")):
        exact = np.array([isotropic_risk(n, int(p), signal, noise) for p in count])
        axes.plot(count / n, np.where(np.isfinite(exact), exact, np.nan), style, color=THEORY, lw=1, label=label)
    means = np.array([run["excess"].mean(axis=1) for run in alike])
    ratio = alike[0]["widths"] / n
    axes.errorbar(
        ratio, means.mean(axis=0), yerr=interval(means), fmt="o", color=BLUE, label=f"mean of draws, n = {n}", zorder=3
    )
    axes.axvline(1, color=GREY, lw=0.8, ls=":")
    axes.set(xscale="log", yscale="log", xlabel="parameters over samples p/n", ylabel="excess risk |â − a|²")
    axes.set_ylim(0.01, 40)
    _ticks(axes, (0.25, 0.5, 1, 2, 4))
    key(axes)
    return None


def curves(axes: Axes, records: Records, experiment: type[Features], title: str) -> None:
    """Median test risk of random features with and without ridge, against m/n."""
    axes.set_title(title)
    runs = list(experiment.at("ridge_risk")(records))
    if not runs:
        return empty(axes, f"of random features, {experiment.name}")
    first = runs[-1].parameters
    alike = [run for run in runs if all(run[k] == first[k] for k in first if k not in ("seed", "replicas"))]
    ratio = alike[0]["parameters"] / first["samples"]
    for name, color, marker, label in (
        ("risk", ORANGE, "o", "least norm"),
        ("ridge_risk", GREEN, "s", f"ridge λ = {first['ridge']:g}"),
    ):
        draws = np.concatenate([run[name] for run in alike], axis=1)
        low, middle, high = np.quantile(draws, [0.25, 0.5, 0.75], axis=1)
        axes.fill_between(ratio, low, high, color=color, alpha=0.2, lw=0)
        axes.plot(ratio, middle, f"{marker}-", color=color, label=f"{label}: median, quartiles")
    axes.axvline(1, ymax=0.72, color=THEORY, lw=0.9, ls="--", label="theory: interpolation, m = n")
    axes.set(xscale="log", yscale="log", xlabel="features over samples m/n", ylabel="test mean square (target units²)")
    axes.margins(y=0.3)
    _ticks(axes, (0.1, 0.25, 0.5, 1, 2, 4, 10))
    key(axes)
    return None


def interpolation(axes: Axes, records: Records) -> None:
    """Training residual over its rounding against m/n."""
    axes.set_title("d  From m = n on nothing is left to fit")
    drawn = False
    for experiment, color, marker in ((study.Teacher, BLUE, "o"), (study.Digits, PURPLE, "s")):
        for run in experiment.at("train_residual")(records):
            ratio, worst = run["parameters"] / run["samples"], (run["train_residual"] / run["rounding"]).max(axis=1)
            axes.plot(ratio, worst, f"{marker}-", color=color, lw=0.5)
            drawn = True
        axes.plot([], [], f"{marker}-", color=color, lw=0.5, label=experiment.name)
    if not drawn:
        return empty(axes, "of random features")
    axes.axhline(1, color=THEORY, lw=0.9, ls="--", label="theory: bound on rounding")
    axes.set(xscale="log", yscale="log", xlabel="features over samples m/n", ylabel="training residual / rounding")
    _ticks(axes, (0.1, 0.25, 0.5, 1, 2, 4, 10))
    key(axes)
    return None


def lazy(axes: Axes, records: Records) -> None:
    """Median test risk of tangent models against m d/n: relu and tanh peak at different widths."""
    axes.set_title("e  Lazy networks: relu wastes one in d + 1")
    runs = list(study.Tangent.at("risk")(records))
    if not runs:
        return empty(axes, "of tangent models")
    for activation, color, marker in (("relu", BLUE, "o"), ("tanh", ORANGE, "s")):
        alike = [run for run in runs if run["activation"] == activation]
        alike = [run for run in alike if all(run[k] == alike[0][k] for k in ("samples", "dimension"))]
        if not alike:
            continue
        n, d = alike[0]["samples"], alike[0]["dimension"]
        middle = np.median(np.concatenate([run["risk"] for run in alike], axis=1), axis=1)
        axes.plot(alike[0]["widths"], middle, f"{marker}-", color=color, label=activation)
        place, text = (n / d, "m d = n") if activation == "relu" else (n / (d + 1), "m (d + 1) = n")
        axes.axvline(place, ymax=0.7, color=color, lw=0.9, ls="--", label=f"theory: {text}")
    axes.set(xscale="log", yscale="log", xlabel="particles m", ylabel="test mean square, median (target units²)")
    axes.margins(y=0.35)
    _ticks(axes, runs[0]["widths"])
    key(axes)
    return None


def trained(axes: Axes, records: Records) -> None:
    """Test risk of every trained tangent model against that of its closed form."""
    axes.set_title("f  Trained by steps: the same peak")
    runs = list(study.Trained.at("risk", "exact_predictions")(records))
    if not runs:
        return empty(axes, "of trained networks")
    first = runs[0].parameters
    runs = [run for run in runs if all(run[k] == first[k] for k in first if k != "seed")]
    draws, ratio = np.stack([run["risk"] for run in runs], axis=1), runs[0]["parameters"] / first["samples"]
    low, middle, high = np.quantile(draws, [0.25, 0.5, 0.75], axis=1)
    gap = max(off_over_rounding("exact_predictions", run) for run in runs)
    axes.fill_between(ratio, low, high, color=BLUE, alpha=0.2, lw=0)
    label = f"{first['steps']} steps of the flow: median, quartiles"
    axes.plot(ratio, middle, "o-", color=BLUE, label=label)
    axes.axvline(1, ymax=0.7, color=THEORY, lw=0.9, ls="--", label="theory: parameters that count = samples")
    axes.plot([], [], " ", label=f"from closed form: {gap:.2g} of its rounding")
    axes.set(xscale="log", yscale="log", ylabel="test mean square (target units²)")
    axes.set_xlabel("parameters that count, over samples")
    axes.margins(y=0.4)
    _ticks(axes, (0.4, 0.6, 1, 1.4, 2, 4))
    key(axes)
    return None


def _ticks(axes: Axes, places) -> None:
    """These places alone are named on the horizontal axis."""
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.set_xticks([], minor=True)
