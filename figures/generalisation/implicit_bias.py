"""The largest margin, and in which norm, in six panels: in time, along α, and what it is worth on test samples."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import GREEN, GREY, LAZY, MEAN_FIELD, PURPLE, THEORY, empty, interval, points
from simulations import Records
from simulations.generalisation import normalised_margins as measure
from simulations.generalisation.implicit_bias import both, lazy, output, rich, tested
from simulations.generalisation.tested_margins import INPUTS, SAMPLES
from simulations.records.record import along


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `implicit_bias`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    panels = figure.subplots(2, 3)
    in_plane(panels[0, 0], records)
    in_time(panels[0, 1], records)
    path(panels[0, 2], records)
    ends(panels[1, 0], records)
    errors(panels[1, 1], records, "samples", "e  F1 sees the plane, F2 does not")
    errors(panels[1, 2], records, "dimension", "f  Coordinates that say nothing")
    return figure


def in_plane(axes: Axes, records: Records) -> None:
    """Samples of one run, and where its network and the network of its output layer change sign."""
    axes.set_title("a  Two classifiers without an error")
    chosen = rich(records).where(dimension=3)
    if not len(chosen):
        return empty(axes, "with both layers at α = 1")
    record = min(chosen, key=lambda record: record["seed"])
    line = np.linspace(-0.6, 0.6, 161)
    plane = np.stack([*np.meshgrid(line, line), np.ones((161, 161))], axis=-1)
    pairs = [("both layers: F1", record, MEAN_FIELD)]
    pairs += [("output layer: F2", one, LAZY) for one in output(records).where(dimension=3, seed=record["seed"])][:1]
    for name, one, color in pairs:
        theta = one["end"]
        f = np.maximum(plane @ theta[:, 1:].T, 0) @ theta[:, 0]
        axes.contour(line, line, f, [0.0], colors=color, linewidths=1.4)
        axes.plot([], [], color=color, label=name)
    for label, sign, marker in ((1, "+", "P"), (-1, "−", "o")):
        axes.plot(*record["x"][record["y"] == label, :2].T, marker, color=GREY, ms=4, label=f"y = {sign}1")
    axes.set(xlabel="x₁", ylabel="x₂", xlim=(-0.6, 0.6), ylim=(-0.6, 0.6), aspect="equal", xticks=(-0.5, 0, 0.5))
    key(axes)
    return None


def in_time(axes: Axes, records: Records) -> None:
    """Margins over their norms and the largest that there is, against the margin itself."""
    axes.set_title("b  Every training to its largest margin")
    drawn = 0.0
    kinds = ((rich, "variation", "both layers, F1", MEAN_FIELD, "D"), (output, "output", "output layer, F2", LAZY, "o"))
    for select, norm, name, color, marker in (*kinds, (lazy, "moved", "α = 10⁸, tangent", GREEN, "^")):
        for i, record in enumerate(select(records)):
            seen = record["margin"] > 1
            axes.plot(
                record["margin"][seen], measure.in_time(record, norm)[seen], marker,
                color=color, ms=3, label=f"_{record['seed']}: {name}" if i else name,
            )  # fmt: skip
            drawn = max(drawn, float(record["margin"][-1]))
    if not drawn:
        return empty(axes, "to a margin")
    at = np.geomspace(1, drawn * 1.3, 100)
    n = max(record["samples"] for select in (both, output) for record in select(records))
    axes.axhline(1, color=THEORY, lw=1, label="theory: largest margin")
    # A maximiser of norm r has (margin)/(γ r) ≥ margin/(margin + log n).
    axes.plot(at, at / (at + np.log(n)), color=THEORY, ls="--", lw=0.9, label="theory: but for log n")
    axes.set(xscale="log", ylim=(0, 1.08), xlabel="margin min y f (output)", ylabel="margin / (norm · largest margin)")
    key(axes)
    return None


def path(axes: Axes, records: Records) -> None:
    """From F1 to the tangent space: both relative margins against α."""
    axes.set_title("c  Between them: the output scale α")
    chosen = both(records)
    drawn = False
    kinds = (("variation", "F1: mean ½|θ|²", MEAN_FIELD, "D"), ("moved", "tangent: ‖θ − θ₀‖", GREEN, "^"))
    for norm, name, color, marker in kinds:
        x, table = along(chosen, "alpha", lambda record, norm=norm: measure.relative(record, norm))
        if table.size and np.all(table > 0):
            points(axes, x, table, name, color, marker)
            axes.plot(x, np.exp(np.log(table).mean(axis=0)), color=color, lw=0.7)
            drawn = True
    if not drawn:
        return empty(axes, "along three α")
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: F1 as α → 0, tangent as α → ∞")
    axes.set(xscale="log", yscale="log")
    axes.set(xlabel="output scale α", ylabel="margin / (norm · largest margin)")
    key(axes)
    return None


def ends(axes: Axes, records: Records) -> None:
    """Draw what is missing to the largest margin, in units of log n, at each end and for the output layer."""
    axes.set_title("d  Missing: less than log n")
    kinds = (
        (rich, measure.variation_shortfall, "both layers\nF1", MEAN_FIELD),
        (output, measure.output_shortfall, "output layer\nF2", LAZY),
        (lazy, measure.tangent_shortfall, "α = 10⁸\ntangent", GREEN),
        (output, measure.total_shortfall, "output layer\nin F1: wrong", PURPLE),
    )
    drawn = False
    for at, (select, value, name, color) in enumerate(kinds):
        chosen = select(records)
        missing, places = np.array([value(record) for record in chosen]), at + np.linspace(-0.2, 0.2, len(chosen))
        axes.plot(places[missing > 0], missing[missing > 0], "o", color=color, label=f"_{name}")
        drawn = drawn or bool(np.any(missing > 0))
        if value in (measure.output_shortfall, measure.tangent_shortfall):
            exact = [measure.flow_shortfall(record) for record in chosen]
            axes.plot(places, exact, "_", color=THEORY, ms=7, label="theory: exact flow" if at == 1 else None)
    if not drawn:
        return empty(axes, "to a margin")
    axes.axhline(1, color=THEORY, ls="--", lw=0.9, label="theory: at most 1")
    axes.set_xticks(range(len(kinds)), [name for _, _, name, _ in kinds], fontsize=6.5)
    axes.set(yscale="log", ylabel="(γ · norm − margin) / log n", xlabel="training, and norm")
    key(axes)
    return None


def errors(axes: Axes, records: Records, x: str, title: str) -> None:
    """Test errors of the network and of the classifier of largest margin over F2 against n or d."""
    axes.set_title(title)
    other, usual = {"samples": ("dimension", INPUTS), "dimension": ("samples", SAMPLES)}[x]
    shown = False
    for labels, filled in (("clusters", True), ("spread", False)):
        chosen = tested(labels=labels)(records)
        at = usual if usual in set(chosen.column(other)) else max(chosen.column(other), default=None)
        chosen = chosen.where(**{other: at})
        ticks = sorted(set(chosen.column(x))) if len(chosen) else []
        word = labels if filled else "spread labels"
        for name, said, color, marker in (
            ("error", "both layers", MEAN_FIELD, "D"),
            ("output_error", "theory: largest margin, F2", LAZY, "o"),
        ):
            means = [_share(chosen.where(**{x: tick}), name) for tick in ticks]
            if means:
                shown = True
                axes.errorbar(
                    ticks, [m for m, _ in means], yerr=[h for _, h in means], fmt=marker,
                    color=color, mfc=color if filled else "white", label=f"{word}: {said}",
                )  # fmt: skip
    if not shown:
        return empty(axes, "with test samples")
    name = {"samples": "training samples n", "dimension": "inputs d (plane, noise, constant)"}[x]
    axes.set(xscale="log", xlabel=name, ylabel="test error (%)")
    ticks = sorted(set(tested()(records).column(x)))
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(min(ticks) / 1.5, max(ticks) * 1.5)
    axes.set_ylim(0, None)
    key(axes)
    return None


def _share(records: Records, name: str) -> tuple[float, float]:
    """(mean, half-width of its 99.9 % interval) in percent, over all networks."""
    shares = 100 * np.array([record[name] for record in records])
    half = interval(shares)
    return float(shares.mean()), float(half)
