"""Mode collapse in six panels: points against strong and weak critics, diversity, coincidences, and intervals."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, empty, interval, share_bars
from simulations import Record, Records
from simulations.generalisation import diversity as measure
from simulations.generalisation import gaussian_ring
from simulations.generalisation import mode_collapse as study
from simulations.generalisation.known_laws import samples_of
from theory import birthday

CRITICS = {study.Network.name: "neurons", study.Kernel.name: "features"}


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `mode_collapse`."""
    records = records.done
    figure = Figure(figsize=(10, 6.6), layout="constrained")
    axes = figure.subplots(2, 3)
    ring(axes[0, 0], records, study.Network, max, "a  Strong critic: every mode")
    ring(axes[0, 1], records, study.Network, min, "b  Weak critic: what it can see")
    diversity(axes[0, 2], records)
    told(axes[1, 0], records)
    coincidences(axes[1, 1], records)
    intervals(axes[1, 2], records)
    return figure


def ring(axes: Axes, records: Records, critic: type[study.Points], choose, title: str) -> None:
    """Data and generated points of one run, against the strongest critic or the weakest of at least four neurons."""
    axes.set_title(title)
    runs = list(critic.at("points")(records).where(lambda record: record["critic"] >= study.WEAK))
    if not runs:
        return empty(axes, f"against a {critic.name}")
    record = choose(runs, key=lambda record: record["critic"])
    points = record["points"]
    for k, centre in enumerate(gaussian_ring.centres(record["kinds"])):
        label = "theory: modes, 4 standard deviations" if k == 0 else None
        axes.add_patch(
            Circle(
                tuple(centre),
                gaussian_ring.ON * gaussian_ring.SPREAD,
                fill=False,
                ec=THEORY,
                lw=0.8,
                ls="--",
                label=label,
            )
        )
    axes.plot(*record["data"].T, ".", color=GREY, ms=2.5, label="data")
    axes.plot(
        *points.T,
        "o",
        color=ORANGE,
        ms=3.5,
        alpha=0.7,
        label=f"{len(points)} points, {record['critic']} {CRITICS[critic.name]}",
    )
    reach = min(max(1.4, 1.1 * float(np.abs(points).max())), 4.0)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="z₁ (data units)")
    axes.set_ylabel("z₂ (data units)")
    key(axes)
    return None


def diversity(axes: Axes, records: Records) -> None:
    """1/Σq² of the modes covered by the points, times their share on modes, against the size of the critic."""
    axes.set_title("c  Modes covered, by the critic's size")
    runs = list(study.generators(records))
    if not runs:
        return empty(axes, "of generators")
    kinds = runs[0]["kinds"]
    runs = [run for run in runs if run["kinds"] == kinds]
    for part, color, marker in (("network", BLUE, "o"), ("kernel", GREEN, "s")):
        own = [run for run in runs if run["experiment"] == part]
        sizes = sorted({run["critic"] for run in own})
        for value, style, what in ((measure.effective, "-", "1/Σq²"), (_fully, ":", "modes with half their share")):
            table = [np.array([value(run) for run in own if run["critic"] == size]) for size in sizes]
            middle, spread = [row.mean() for row in table], [float(interval(row)) for row in table]
            if sizes:
                label = f"{part}: {what}"
                axes.errorbar(
                    sizes,
                    middle,
                    yerr=spread,
                    fmt=marker + style,
                    color=color,
                    label=label,
                    mfc=None if style == "-" else "white",
                )
    axes.axhline(kinds, color=THEORY, lw=0.9, ls="--", label=f"theory: all {kinds}")
    axes.axhline(kinds - 1, color=THEORY, lw=0.9, ls=":", label="theory: most if one is missing")
    axes.set(xscale="log", xlabel="neurons or features of the critic", ylabel="modes (count)")
    axes.set_ylim(0, 1.05 * kinds)
    key(axes)
    return None


def told(axes: Axes, records: Records) -> None:
    """Diversity as one set of samples tells it, against that of the points they were drawn from."""
    axes.set_title("d  Diversity told from samples alone")
    runs = list(study.generators(records))
    if not runs:
        return empty(axes, "of generators")
    drawn = runs[0]["drawn"]
    for part, color, marker in (("network", BLUE, "o"), ("kernel", GREEN, "s")):
        own = [run for run in runs if run["experiment"] == part and run["drawn"] == drawn]
        if not own:
            continue
        true = np.array([measure.effective(run) for run in own])
        low, high = (np.array([run[f"mode_moment_{end}"][0] for run in own]) for end in ("low", "high"))
        pairs = np.array([run["mode_pairs"][0] for run in own])
        estimate = drawn * (drawn - 1) / 2 / np.maximum(pairs, 1)
        bars = [np.maximum(estimate - low, 0), np.minimum(np.maximum(high - estimate, 0), 100)]
        label = f"{part} critic: {drawn} samples, 95 % interval"
        axes.errorbar(true, estimate, yerr=bars, fmt=marker, color=color, alpha=0.6, elinewidth=0.7, label=label)
    axes.plot([0.8, 9], [0.8, 9], color=THEORY, lw=0.9, ls="--", label="theory: estimate = truth")
    axes.set(xlabel="1/Σq² of the modes of the points", ylabel="pairs / coinciding pairs of samples", ylim=(0, None))
    key(axes)
    return None


def coincidences(axes: Axes, records: Records) -> None:
    """P(no coincidence) against the number of samples, measured and exact, for uniform and uneven laws."""
    axes.set_title("e  The birthday paradox")
    runs = list(study.known(records))
    if not runs:
        return empty(axes, "on known laws")
    laws = sorted({(run["law"], run["kinds"]) for run in runs})[:4]
    for (law, kinds), color in zip(laws, (BLUE, ORANGE, GREEN, PURPLE), strict=False):
        own = [run for run in runs if (run["law"], run["kinds"]) == (law, kinds)]
        p = samples_of(law, kinds)
        count = np.arange(2, 61)
        exact = [birthday.no_collision(p / p.sum(), int(s)) for s in count]
        axes.plot(count, exact, color=color, lw=0.9, label=f"_exact: {law} {kinds}")
        sizes = sorted({run["drawn"] for run in own if run["drawn"] <= 60})
        shares = [np.mean([np.mean(run["pairs"] == 0) for run in own if run["drawn"] == size]) for size in sizes]
        axes.plot(sizes, shares, "o", color=color, label=f"{law}, N = {kinds}: 1/Σp² = {own[0]['exact_effective']:.3g}")
    axes.plot([], [], color=THEORY, lw=0.9, label="theory: s! $e_s(p)$")
    axes.set(xlabel="samples s", ylabel="share of sets without a coincidence", ylim=(-0.03, 1.03))
    key(axes)
    return None


def intervals(axes: Axes, records: Records) -> None:
    """How often each interval holds 1/Σp², by law and number of samples, with the exact value for the Poisson one."""
    axes.set_title("f  How often intervals hold 1/Σp²")
    runs = list(study.known(records).where(lambda record: record["drawn"] >= 30))
    if not runs:
        return empty(axes, "on known laws")
    laws = sorted({(run["law"], run["kinds"], run["drawn"]) for run in runs})
    kinds = (
        ("poisson", ORANGE, "o", "Poisson"),
        ("moment", BLUE, "s", "U-statistic"),
        ("disjoint", GREEN, "^", "disjoint pairs"),
    )
    rows = [[run for run in runs if (run["law"], run["kinds"], run["drawn"]) == law] for law in laws]
    places = np.arange(len(laws))

    def held(name: str) -> list[np.ndarray]:
        return [np.concatenate([run[name] for run in own]) for own in rows]

    for shift, (name, color, marker, label) in zip((-0.2, 0.0, 0.2), kinds, strict=True):
        found = held(f"{name}_holds")
        bars = np.transpose([np.ravel(share_bars(int(one.sum()), len(one))) for one in found])
        axes.errorbar(places + shift, [one.mean() for one in found], yerr=bars, fmt=marker, color=color, label=label)
    support = [one.mean() for one in held("poisson_holds_support")]
    axes.plot(places - 0.2, support, "x", color=GREY, label="Poisson: holds N")
    for k, own in enumerate(rows):
        for shift, name in ((-0.2, "poisson"), (0.2, "disjoint")):
            exact, label = float(own[0][f"exact_{name}"]), "theory: exact" if k == 0 and shift < 0 else None
            axes.plot([k + 0.5 * shift - 0.1, k + 1.5 * shift + 0.1], [exact, exact], color=THEORY, lw=1, label=label)
    axes.axhline(measure.LEVEL, color=THEORY, lw=0.8, ls=":")
    axes.set_xticks(range(len(laws)), [f"{law}\nN = {n}\ns = {s}" for law, n, s in laws], fontsize=6.5)
    axes.set(xlim=(-0.6, len(laws) - 0.4), ylim=(-0.05, 1.05))
    axes.set(xlabel="law, kinds N, samples s", ylabel="share of sets")
    axes.set_yticks(np.linspace(0, 1, 6))
    key(axes)
    return None


def _fully(record: Record) -> int:
    """Return the number of modes with at least half of their fair share of all points."""
    return int(np.sum(record["counts"] >= record["particles"] / record["kinds"] / 2))
