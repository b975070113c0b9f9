"""Runs of your own as a moving picture: what `mf.simulate` returned, with no study behind it."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import said
from simulations.records.provenance import origin
from simulations.records.record import Record, Records
from simulations.study.animation import Scene

ALONG = 181
"""Points at which predictors are drawn."""


@dataclass(frozen=True)
class OwnRuns:
    """Name and summary, in the place of a study."""

    summary: str
    name: str = "own_runs"


@dataclass(frozen=True)
class OwnMotion:
    """Runs of your own to look at, and how they are drawn."""

    study: OwnRuns
    scene: Scene


def own_motion(
    runs: "mf.Trajectory | Mapping[str | float, mf.Trajectory]", title: str = "Particles and what they predict"
) -> tuple[OwnMotion, Records]:
    """Return runs as a motion and its records, as `figures.explorer.save` and `figures.explore` take them.

    **Arguments:** `runs`: a trajectory, or several by a number or word each, which becomes a slider; the problem of
    each is a `mf.Objective` with one output, and `mf.Positions()` was among its observables. `title`: the heading.

    Neurons are drawn at |a| w, in more than two dimensions along the two directions in which they spread most at the
    end of all runs; particles of another unit at their first two parameters' principal directions. The predictor is
    drawn on the line of inputs, around the circle if they are two, and else along the first principal direction of the
    samples.

    >>> import jax, meanfield as mf, simulations
    >>> unit, data = mf.Neuron("relu"), mf.datasets.teacher(jax.random.key(0), n=20, d=2)
    >>> problem = mf.Objective(unit, mf.Square(), data.x, data.y)
    >>> start = mf.Particles.doubled(jax.random.key(1), unit, m=10, d=2)
    >>> run = mf.simulate(problem, mf.GradientFlow(0.5), start, times=[0, 1, 2], observables=[mf.Positions()])
    >>> motion, records = simulations.own_motion(run)
    >>> motion.scene.plane, len(records)
    (('|a| w₁ (parameter²)', '|a| w₂ (parameter²)'), 1)

    Raises `ValueError` for what is no trajectory, has no positions at two times or more, or no such problem.
    """
    given = dict(runs) if isinstance(runs, Mapping) else {"": runs}
    if not given:
        raise ValueError("runs={}: expected a Trajectory, or several of them by a number or word each.")
    for name, run in given.items():
        _suitable(f"runs[{name!r}]" if name != "" else "runs", run)
    first = next(iter(given.values()))
    unit, x = first.objective.unit, np.asarray(first.objective.x)
    if any(np.shape(run.objective.x)[1] != x.shape[1] or run.objective.unit != unit for run in given.values()):
        raise ValueError("runs: expected networks of one unit and as many inputs.")
    ends = np.concatenate([_places(unit, run.values["positions"][-1])[0] for run in given.values()])
    axes, plane = _plane(unit, ends, x.shape[1])
    grid, inputs, samples, label = _line(x)
    scalars = [name for name, value in first.values.items() if value.ndim == 1]
    scalars = [name for name in scalars if all(name in run.values for run in given.values())]
    records = Records(_record(name, run, axes, grid, inputs, samples, scalars) for name, run in given.items())
    several = len(given) > 1
    scene = Scene(
        title=title,
        plane=plane,
        function=(label, "output f(x)"),
        target="f at the end",
        curves={name: name.replace("_", " ") for name in scalars},
        sliders={"run": "run"} if several else {},
        dot="A dot is a particle θ; it runs down its potential: θ' = −∇F'[μ](θ).",
        beside="run",
        logarithmic=tuple(name for name in scalars if all(np.all(run.values[name][1:] > 0) for run in given.values())),
    )
    told = f"{len(given)} runs of {len(first.particles.position)} particles" if several else "a run of my own"
    return OwnMotion(OwnRuns(told), scene), records


def _suitable(name: str, run: "mf.Trajectory") -> None:
    if not isinstance(run, mf.Trajectory):
        raise ValueError(f"{said(name, run)}: expected a Trajectory, as mf.simulate returns it.")
    if "positions" not in run.values or len(run.times) < 2:
        raise ValueError(f"{name}: has no positions at two times or more; observe mf.Positions().")
    if not all(hasattr(run.objective, part) for part in ("unit", "x", "y", "predict")):
        raise ValueError(f"{name}: expected a run that has its problem with it, a network on samples.")
    if np.ndim(run.objective.predict(run.particles)) > 1:
        raise ValueError(f"{name}: has several outputs; expected one.")


def _places(unit, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where particles are drawn, before it is made a plane, and what each contributes, with its sign."""
    position = np.asarray(position, float)
    if type(unit) is not mf.Neuron:
        return position, np.ones(len(position))
    a, rest = position[:, 0], position[:, 1:]
    return np.abs(a)[:, None] * rest, a * np.linalg.norm(rest, axis=1)


def _plane(unit, ends: np.ndarray, inputs: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the axes [c, 2] on which places are drawn, and their labels."""
    neuron, count = type(unit) is mf.Neuron, ends.shape[1]
    what = "(parameter²)" if neuron else "(parameter)"
    if count == 1:
        return np.eye(1), (f"|a| w {what}" if neuron else f"parameter θ {what}",)
    if count == 2:
        names = ("|a| w", "|a| b") if neuron and inputs == 1 else ("|a| w₁", "|a| w₂") if neuron else ("θ₁", "θ₂")
        return np.eye(2), tuple(f"{name} {what}" for name in names)
    axes = np.linalg.svd(ends, full_matrices=False)[2][:2].T
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # a direction, not its opposite, whatever the library
    first = "|a| w" if neuron else "θ"
    return axes, tuple(f"{first}, {order} direction {what}" for order in ("1st", "2nd"))


def _line(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Return the grid [G] on which predictors are drawn, its inputs [G, d], places of samples [n], and the label."""
    count = x.shape[1]
    if count == 2 and np.ptp(np.linalg.norm(x, axis=1)) < 1e-3 * np.abs(x).max():
        radius, grid = np.linalg.norm(x[0]), np.linspace(-180, 180, ALONG)
        inputs = radius * np.column_stack([np.cos(np.radians(grid)), np.sin(np.radians(grid))])
        return grid, inputs, np.degrees(np.arctan2(x[:, 1], x[:, 0])), "direction of the input x (degrees)"
    center = x.mean(axis=0)
    if count == 1:
        direction = np.ones(1)
    else:
        direction = np.linalg.svd(x - center, full_matrices=False)[2][0]
        direction *= np.sign(direction[np.abs(direction).argmax()])
    places = x[:, 0] if count == 1 else (x - center) @ direction
    wide = np.ptp(places) or 1.0
    grid = np.linspace(places.min() - 0.1 * wide, places.max() + 0.1 * wide, ALONG)
    inputs = grid[:, None] if count == 1 else center + grid[:, None] * direction
    return grid, inputs, places, "input x" if count == 1 else "along the 1st direction of the inputs"


def _record(name, run: "mf.Trajectory", axes, grid, inputs, samples, scalars: list[str]) -> Record:
    positions, mass = run.values["positions"], run.particles.mass
    predict = jax.jit(lambda position: run.objective.predict(mf.Particles(position, mass), jnp.asarray(inputs)))
    functions = np.stack([np.asarray(predict(position), float) for position in positions])
    drawn = [_places(run.objective.unit, position) for position in positions]
    values = {
        "times": np.asarray(run.times, float),
        "particles": np.stack([places @ axes for places, _ in drawn]),
        "weights": np.stack([weights for _, weights in drawn]) * np.asarray(mass, float),
        "grid": grid,
        "functions": functions,
        "target": functions[-1],
        **{f"curve_{one}": np.asarray(run.values[one], float) for one in scalars},
    }
    if samples is not None and np.shape(run.objective.x)[1] <= 2:
        values["samples"] = np.column_stack([samples, np.ravel(run.objective.y)])
    return Record({"run": name}, values, {"status": "done", **origin()})
