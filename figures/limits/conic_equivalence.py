"""Particles as masses on a sphere in six panels: their paths, their masses, and errors of known order."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.legends import key
from figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, THEORY, Series, empty, powers
from simulations import Record, Records
from simulations.limits import conic_defects as measure
from simulations.limits.conic_equivalence import Conic, Descent, RungeKutta, balanced, order, relu, trained
from simulations.limits.first_variation import SMOOTHING
from simulations.records.record import along
from theory import conic

TALL = 8
"""How many particles, those of the largest mass, a panel follows in time."""


def draw(records: Records) -> Figure:
    """The figure; `records` are those of the study `conic_equivalence`."""
    records = records.done
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    panels = figure.subplots(2, 3)
    shown = _shown(records)
    paths(panels[0, 0], shown)
    masses(panels[0, 1], shown)
    energy(panels[0, 2], records)
    kept(panels[1, 0], records)
    spheres(panels[1, 1], records)
    kinks(panels[1, 2], records)
    return figure


def paths(axes: Axes, record: Record | None) -> None:
    """Paths of the particles |a| w of one network, with those of the masses on the sphere."""
    axes.set_title("a  Particles: masses on a sphere")
    if record is None:
        return empty(axes, "from a balanced start")
    path = record["path"]
    seen = np.abs(path[:, :, :1]) * path[:, :, 1:3]
    flow = _theory(record)
    exact = flow.mass[..., None] * flow.direction[..., :2]
    for j, sign in enumerate(np.sign(path[0, :, 0])):
        color = ORANGE if sign > 0 else BLUE
        axes.plot(*seen[:: len(seen) // 4, j].T, "o", color=color, ms=3.5, zorder=1)
        axes.plot(*exact[:, j].T, color=THEORY, lw=0.9, zorder=2)
        axes.plot(*seen[0, j], "o", mfc="white", mec=color, ms=3.5, zorder=3)
    for color, name in ((ORANGE, "a > 0"), (BLUE, "a < 0")):
        axes.plot([], [], "o", color=color, ms=3.5, label=f"particles, {name}")
    axes.plot([], [], color=THEORY, lw=0.9, label="theory: mass × direction")
    axes.set(xlabel="|a| w₁ (parameter²)", ylabel="|a| w₂ (parameter²)", aspect="equal")
    key(axes)
    return None


def masses(axes: Axes, record: Record | None) -> None:
    """The largest masses of the same network in time."""
    axes.set_title("b  Their masses grow and shrink")
    if record is None:
        return empty(axes, "from a balanced start")
    path, flow = record["path"], _theory(record)
    times = np.linspace(0, record["time"], len(path))
    largest = np.argsort(-(path[-1, :, 0] ** 2))[:TALL]
    for j in largest:
        color = ORANGE if path[0, j, 0] > 0 else BLUE
        axes.plot(times, path[:, j, 0] ** 2, "o", color=color, ms=2.5)
        axes.plot(np.linspace(0, record["time"], len(flow.mass)), flow.mass[:, j], color=THEORY, lw=0.8)
    axes.plot([], [], "o", color=GREY, ms=2.5, label=f"a² of {len(largest)} particles")
    axes.plot([], [], color=THEORY, lw=0.8, label="theory: c' = −2c(sg + λ)")
    axes.set(xlabel="time t (mean-field time)", ylabel="mass c (parameter²)")
    key(axes)
    return None


def energy(axes: Axes, records: Records) -> None:
    """The defect in the balance of energy against the number of steps."""
    axes.set_title("c  Energy lost is energy dissipated")
    euler, fourth = (trained(experiment)(records) for experiment in (Descent, RungeKutta))
    series: list[Series] = [
        ("gradient descent", euler, measure.energy_defect, ORANGE, "o", order(1, "Euler")),
        ("less its leading term", euler, measure.beyond_leading, GREEN, "s", order(2, "Euler")),
        ("Runge–Kutta", fourth, measure.energy_defect, BLUE, "^", order(4, "Runge–Kutta")),
    ]
    return _orders(axes, series, [], "|ΔF + ∫(1/m)Σ|θ'|²dt| (energy)", "theory: slopes −1, −2, −4")


def kept(axes: Axes, records: Records) -> None:
    """How far a² − |w|² is from its exact decay, with decay and without."""
    axes.set_title(r"d  a² − |w|² decays as $\mathbf{e^{-2λt}}$")
    fourth = trained(RungeKutta)(records)
    relus = relu(Descent, balanced=False)(records)
    series: list[Series] = [
        ("Runge–Kutta, smooth unit", fourth, measure.balance_defect, BLUE, "^", order(4, "Runge–Kutta")),
        ("gradient descent, ReLU", relus, measure.balance_defect, ORANGE, "o", order(1, "Euler")),
    ]
    wrong = [(r"$e^{-λt}$ for $e^{-2λt}$", fourth, partial(measure.balance_defect, decay=1.0))]
    return _orders(axes, series, wrong, "defect of a² − |w|² (parameter²)", "theory: slopes −4, −1")


def spheres(axes: Axes, records: Records) -> None:
    """Distance of predictions to the flows on the two spheres."""
    axes.set_title("e  Same predictions on both spheres")
    full, inner = trained(RungeKutta)(records), balanced(RungeKutta)(records)
    descent = trained(Conic)(records)
    series: list[Series] = [
        ("ConicFlow, all parameters", descent, measure.to_sphere, ORANGE, "o", order(1, "conic")),
        ("particles, all parameters", full, measure.to_sphere, BLUE, "^", order(4, "Runge–Kutta")),
        ("particles, input weights", inner, measure.to_balanced, GREEN, "s", order(4, "Runge–Kutta")),
    ]
    wrong = [("r' = −rG for −2rG", full, measure.to_half_growth), ("not balanced", full, measure.to_balanced)]
    return _orders(axes, series, wrong, "distance to theory (output)", "theory: slopes −1, −4, −4")


def kinks(axes: Axes, records: Records) -> None:
    """Draw the distance of predictions to theory for ReLU, whose velocity jumps: order one for every integrator."""
    axes.set_title("f  ReLU: kinks leave order one")
    descent = relu(Descent, balanced=False)(records)
    inner = relu(Conic, balanced=True)(records)
    series: list[Series] = [
        ("gradient descent, all", descent, measure.to_sphere, ORANGE, "o", order(1, "Euler")),
        ("ConicFlow, input weights", inner, measure.to_balanced, GREEN, "s", order(1, "Euler")),
    ]
    wrong = [("r' = −rG for −2rG", descent, measure.to_half_growth)]
    return _orders(axes, series, wrong, "distance to theory (output)", "theory: slope −1")


def _orders(axes: Axes, series: list[Series], wrong: list, ylabel: str, theory: str) -> None:
    """Errors against the number of steps with theory's slopes, and in grey what a wrong statement leaves."""
    if not powers(axes, series, "steps", theory):
        return empty(axes, "with three numbers of steps")
    for (label, records, value), marker in zip(wrong, "xv", strict=False):
        x, table = along(records, "steps", value)
        if table.size:
            axes.plot(x, np.exp(np.log(table).mean(axis=0)), marker, color=PURPLE, label=f"wrong: {label}")
    counts = sorted({record["steps"] for _, records, *_ in series for record in records})
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set(xlabel="steps N", ylabel=ylabel)
    key(axes)
    return None


def _shown(records: Records) -> Record | None:
    """The balanced network with the most steps of those that kept their path."""
    chosen = balanced(RungeKutta)(records).where(lambda record: "path" in record and record["dimension"] > 1)
    return max(chosen, key=lambda record: record["steps"], default=None)


def _theory(record: Record) -> conic.Flow:
    """The flow on the sphere of input weights from the start of the record's path."""
    start, times = record["path"][0], np.linspace(0, record["time"], 60)
    return conic.balanced_flow(
        start, record["x"], record["y"], times, smoothing=SMOOTHING[record["activation"]],
        strength=record["decay"], scale=record["alpha"], rtol=1e-6,
    )  # fmt: skip
