"""The facts about the runs of a motion for the page: words, sliders, ranges of axes, and where the arrays lie."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from figures.explorer._packing import Block
from simulations import Motion, OwnMotion, Record, Records

MOST_DRAWN = 1000
"""Particles of one run that are drawn; of more, a random part, and the page says so."""

ROUNDED = ("particles", "weights", "functions", "target")
EXACT = ("times", "grid", "samples", "marks")


def facts(motion: Motion | OwnMotion, records: Records, block: Block) -> dict[str, Any]:
    """Everything but the arrays, which go into `block`.

    Raises `ValueError` without a run that reached its end, and when two runs have one place on the sliders.
    """
    done = list(records.done)
    if not done:
        raise ValueError(f"{motion.study.name}: none of {len(records)} runs reached its end; nothing to explore.")
    scene, weights = motion.scene, [record.values["weights"] for record in done]
    sliders = [
        {"name": name, "label": label, "values": values, "beside": name == scene.beside}
        for name, label in scene.sliders.items()
        if len(values := sorted({record.parameters[name] for record in done})) > 1
    ]
    moved = [name for name in scene.sliders if len({record.parameters[name] for record in done}) > 1]
    seeds = sorted({record.parameters.get("seed", 0) for record in done})
    runs = [_run(record, moved, sliders, scene.curves, block) for record in done]
    places = {(tuple(run["place"]), run["seed"]) for run in runs}
    if len(places) < len(runs):
        raise ValueError(f"{motion.study.name}: {len(runs)} runs have {len(places)} places on its sliders.")
    return {
        "plane": list(scene.plane),
        "function": list(scene.function),
        "target": scene.target,
        "marks": scene.marks,
        "rays": scene.rays,
        "story": [list(chapter) for chapter in scene.story],
        "tail": scene.tail,
        "curves": [
            {"name": name, "label": label, **_scale(done, name, name in scene.logarithmic)}
            for name, label in scene.curves.items()
            if all(_curve(name) in record.values for record in done)
        ],
        "sliders": sliders,
        "seeds": seeds,
        "signs": [sign for sign in (1, -1) if any((sign * weight > 0).any() for weight in weights)],
        "weighted": any(np.ptp(weight) > 0 for weight in weights),
        "growth": max(float(np.abs(weight).max()) / _initial(weight) for weight in weights),
        "ranges": _ranges(done, scene.rays),
        "runs": runs,
    }


def _run(record: Record, moved: list[str], sliders: list[dict], curves: Iterable[str], block: Block) -> dict[str, Any]:
    """Where one run stands on the sliders, and where its arrays lie."""
    values = {**record.values, **_drawn(record)}
    arrays = {name: block.rounded(values[name]) for name in ROUNDED}
    arrays |= {name: block.exact(values[name]) for name in EXACT if name in values}
    arrays |= {_curve(name): block.exact(values[_curve(name)]) for name in curves if _curve(name) in values}
    return {
        "place": [slider["values"].index(record.parameters[name]) for name, slider in zip(moved, sliders, strict=True)],
        "seed": record.parameters.get("seed", 0),
        "particles": int(record.values["weights"].shape[1]),
        "weight": _initial(record.values["weights"]),
        "arrays": arrays,
    }


def _drawn(record: Record) -> dict[str, np.ndarray]:
    """Particles and weights that are drawn: the same ones at all times."""
    m = record.values["weights"].shape[1]
    if m <= MOST_DRAWN:
        return {}
    # Every hundredth one would be a bad part where particles are stored in pairs.
    chosen = np.sort(np.random.default_rng(0).choice(m, MOST_DRAWN, replace=False))
    return {name: record.values[name][:, chosen] for name in ("particles", "weights")}


def _initial(weights: np.ndarray) -> float:
    """Mean |weight| at the start or, where all start without, at the end."""
    sizes = np.abs(weights).mean(axis=1)
    return float(sizes[0] or sizes[-1]) or 1.0


def _curve(name: str) -> str:
    return f"curve_{name}"


def _ranges(records: list[Record], rays: bool) -> dict[str, Any]:
    """Ends of every axis over all runs and times: what moves is then the data, and not the axes."""
    particles = [record.values["particles"] for record in records]
    marks = [record.values["marks"] for record in records if "marks" in record.values and not rays]
    samples = [record.values["samples"][:, 1] for record in records if "samples" in record.values]
    functions = [record.values[name] for record in records for name in ("functions", "target")]
    return {
        "plane": [_ends([one[..., axis] for one in [*particles, *marks]]) for axis in range(particles[0].shape[2])],
        "function": [_ends([record.values["grid"] for record in records], 0.0), _ends(functions + samples)],
        "time": _times([record.values["times"] for record in records]),
    }


def _times(times: list[np.ndarray]) -> dict[str, Any]:
    """The axis of time: logarithmic where the times are spread like that."""
    positive = np.concatenate([one[one > 0] for one in times])
    if np.median(positive) > 0.25 * positive.max():
        return {"log": False, "ends": _ends(times, 0.02)}
    return {"log": True, "ends": _ends([np.log10(positive)], 0.02)}


def _scale(records: list[Record], name: str, log: bool) -> dict[str, Any]:
    """The axis of a curve; as logarithms to base ten, which plotly takes, if zero is not among what it is to show."""
    every = np.concatenate([record.values[_curve(name)] for record in records])
    positive = every[np.isfinite(every) & (every > 0)]
    if log and len(positive):
        return {"log": True, "ends": _ends([np.log10(positive)])}
    return {"log": False, "ends": _ends([every])}


def _ends(arrays: list[np.ndarray], margin: float = 0.06) -> list[float]:
    every = np.concatenate([np.ravel(array) for array in arrays])
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    wide = (high - low) or 1.0
    return [low - margin * wide, high + margin * wide]
