"""What the study of scaling laws measures on its records, and the least risk that a number of operations buys."""

from collections.abc import Callable

import numpy as np

from simulations._records import Record, Records, Select
from theory.cost import pair_operations


def excess(record: Record) -> float:
    """Risk at the end less that of infinitely many particles, and less its linear part, whose mean is zero."""
    return float(record["risk"][-1] - record["limit_risk"][-1] - np.ravel(record["linear"])[-1])


def final_risk(record: Record) -> float:
    """Risk at the end."""
    return float(record["risk"][-1])


def plain_excess(record: Record) -> float:
    """Risk at the end less that of infinitely many particles at α = 1."""
    return float(record["risk"][-1] - record["limit_risk"][-1])


def over_variance(share: float = 1.0) -> Callable[[Record], float]:
    """m (risk − limit − linear part)/V at the end, V being taken at this share of the time."""

    def ratio(record: Record) -> float:
        at = int(np.argmin(np.abs(np.log(record["times"] / (share * record["times"][-1])))))
        return record["particles"] * excess(record) / float(record["variance"][at])

    return ratio


def sample_excess(record: Record) -> float:
    """E|f − f_*|² of ridge regression."""
    return float(record["excess"][0])


def over_curve(record: Record) -> float:
    """The same over the learning curve."""
    return sample_excess(record) / float(record["curve"][0])


def over_bound(record: Record) -> float:
    """Test risk over the least that fixed features can have."""
    return final_risk(record) / float(record["bound"][0])


def least_risk(record: Record) -> float:
    """Least risk at a number of operations, of a record of `frontier`."""
    return float(record["risk"][0])


def width(record: Record) -> float:
    """Particles of least risk, of a record of `frontier`."""
    return float(record["width"][0])


def steps(record: Record) -> float:
    """Steps of least risk, of a record of `frontier`."""
    return float(record["steps"][0])


def operations(particles: float, time: float, samples: int, step: float) -> float:
    """Operations of training m particles for a time, one velocity a step."""
    return pair_operations(1, samples, 2) * particles * time / step


def frontier(select: Select, spacing: float = 2**0.5) -> Select:
    """Of the runs that `select` keeps: for every seed and number of operations, the least risk over the particles.

    Records of their own: parameters seed and operations, the latter `spacing` apart; values risk, width (particles of
    least risk) and steps. Between the particle counts that were run a parabola through the least and its neighbours, in
    logarithms, is followed; where the least is at the end of the range, or the range of times, nothing is said.
    """
    return lambda records: Records(
        point for group in _seeds(select(records)) for point in _points(group, spacing)
    )


def at_width(select: Select, particles: Callable = np.min) -> Select:
    """The risk against operations at one number of particles: records as those of `frontier`."""

    def chosen(records: Records) -> Records:
        runs = select(records)
        if not len(runs):
            return runs
        one = runs.where(particles=int(particles(runs.column("particles"))))
        return Records(
            _record(record.parameters["seed"], at, _log_risk(record, at), record.parameters["particles"], record)
            for record in one
            for at in _grid(record["operations"][0], record["operations"][-1], 2.0)
        )

    return chosen


def _seeds(records: Records) -> list[list[Record]]:
    groups: dict[tuple, list[Record]] = {}
    for record in records:
        setting = {name: v for name, v in record.parameters.items() if name not in ("particles", "replicas", "time")}
        groups.setdefault(tuple(sorted(setting.items())), []).append(record)
    return [sorted(group, key=lambda record: record.parameters["particles"]) for group in groups.values()]


def _grid(low: float, high: float, spacing: float) -> np.ndarray:
    """Powers of `spacing` in a range: the same numbers whatever the range."""
    first, last = np.ceil(np.log(low) / np.log(spacing)), np.floor(np.log(high) / np.log(spacing))
    return spacing ** np.arange(first, last + 1)


def _points(group: list[Record], spacing: float) -> list[Record]:
    if len(group) < 3:
        return []
    low = min(float(record["operations"][0]) for record in group)
    high = max(float(record["operations"][-1]) for record in group)
    points = []
    for at in _grid(low, high, spacing):
        seen = [record for record in group if record["operations"][0] <= at <= record["operations"][-1]]
        logs = np.array([_log_risk(record, at) for record in seen])
        best = int(np.argmin(logs)) if len(logs) else 0
        # A neighbour that was not trained for so long, or not so little, may be better still.
        around = seen[best - 1 : best + 2] if best > 0 else []
        if len(around) < 3 or not all(np.isfinite(logs[best - 1 : best + 2])):
            continue
        m = np.log([record.parameters["particles"] for record in around])
        bend, slope, top = np.polyfit(m - m[1], logs[best - 1 : best + 2], 2)
        shift = -slope / (2 * bend)
        points.append(_record(seen[best].parameters["seed"], at, top + slope * shift / 2, np.exp(m[1] + shift), seen[best]))
    return points


def _log_risk(record: Record, at: float) -> float:
    """log of the risk at a number of operations, by interpolation in logarithms."""
    ahead = record["operations"] > 0
    return float(np.interp(np.log(at), np.log(record["operations"][ahead]), np.log(record["risk"][ahead])))


def _record(seed: int, at: float, log_risk: float, particles: float, run: Record) -> Record:
    unit = operations(1.0, 1.0, run.parameters["samples"], 1.0)
    values = {"risk": np.exp(log_risk), "width": particles, "steps": at / (unit * particles)}
    return Record({"seed": seed, "operations": float(at)}, {name: np.array([v]) for name, v in values.items()})
