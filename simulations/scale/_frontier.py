"""Measures of the study of scaling laws, and the least risk that a number of operations buys."""

from collections.abc import Callable

import numpy as np

from simulations.records.record import Record, Records, Select

REACH = 2
"""Particle counts on either side of the least risk that a parabola is laid through (count)."""


def excess(record: Record) -> float:
    """Risk at the end less that of infinitely many particles, and less its linear part, whose mean is zero."""
    return float(_excess(record)[-1])


def excess_at(time: float) -> Callable[[Record], float]:
    """Return the measure `excess` at a time of observation instead of the end."""
    return lambda record: float(_excess(record)[_moment(record, time)])


def final_risk(record: Record) -> float:
    """Risk at the end."""
    return float(record["risk"][-1])


def risk_at(time: float) -> Callable[[Record], float]:
    """Risk at a time that was looked at."""
    return lambda record: float(record["risk"][_moment(record, time)])


def over_variance(time: float, of: float | None = None) -> Callable[[Record], float]:
    """m (risk − limit − linear part)/V at a time, V being taken at the time `of` (the same if None)."""

    def ratio(record: Record) -> float:
        exact = record["variance"][_moment(record, time if of is None else of)]
        return record["particles"] * excess_at(time)(record) / float(exact)

    return ratio


def seen_at(time: float) -> Callable[[Record], bool]:
    """Return a predicate that is True for a record with observations at this time."""
    return lambda record: "linear" in record and bool(np.any(np.isclose(record["times"], time)))


def _excess(record: Record) -> np.ndarray:
    return record["risk"] - record["limit_risk"] - record["linear"]


def _moment(record: Record, time: float) -> int:
    return int(np.argmin(np.abs(record["times"] - time)))


def sample_excess(record: Record) -> float:
    """E|f − f_*|² of ridge regression."""
    return float(record["excess"][0])


def distance(record: Record) -> float:
    """Return the root of `sample_excess`."""
    return sample_excess(record) ** 0.5


def over_curve(name: str = "curve") -> Callable[[Record], float]:
    """E|f − f_*|² over the learning curve."""
    return lambda record: sample_excess(record) / float(record[name][0])


def over_bound(record: Record) -> float:
    """Test risk over the least that fixed features can have."""
    return final_risk(record) / float(record["bound"][0])


def least_risk(record: Record) -> float:
    """Least risk at a number of operations, of a record of `frontier`."""
    return float(record["risk"][0])


def width(record: Record) -> float:
    """Particles of least risk, of a record of `frontier`."""
    return float(record["width"][0])


def frontier(select: Select, spacing: float = 2**0.5) -> Select:
    """Of the runs that `select` keeps: for every seed and number of operations, the least risk over the particles.

    Records of their own: what the runs share, and operations, `spacing` apart, as parameters; values risk and width
    (particles of least risk). The least is that of a parabola, in logarithms, through the particle counts
    about the best one; where that is at the end of their range, or a run at the end of its time, nothing is said.
    """
    return lambda records: Records(point for group in _groups(select(records)) for point in _points(group, spacing))


def at_fewest(select: Select, spacing: float = 2**0.5) -> Select:
    """The risk against operations with the fewest particles throughout: records as those of `frontier`."""

    def chosen(records: Records) -> Records:
        fewest = [group[0] for group in _groups(select(records))]
        return Records(
            _record(run, at, _log_risk(run, at), run.parameters["particles"])
            for run in fewest
            for at in _grid(run["operations"][0], run["operations"][-1], spacing)
        )

    return chosen


def expanded(records: Records) -> Records:
    """Return the runs with the risk that the expansion in 1/m gives them, R_∞ + V/m."""
    return Records(
        Record(
            record.parameters,
            {
                **record.values,
                "risk": record["limit_risk"] + record["variance"] / record["particles"],
                "linear": np.zeros_like(record["risk"]),
            },
        )
        for record in records
    )


def _setting(record: Record) -> dict:
    """Return the parameters that all runs of one frontier share, the seed among them."""
    return {name: value for name, value in record.parameters.items() if name not in ("particles", "replicas", "time")}


def _groups(records: Records) -> list[list[Record]]:
    """Runs of one setting by their particles, the longest run of each number."""
    groups: dict[tuple, dict[int, Record]] = {}
    for record in sorted(records, key=lambda record: record.parameters["time"]):
        group = groups.setdefault(tuple(sorted(_setting(record).items())), {})
        group[record.parameters["particles"]] = record
    return [[group[m] for m in sorted(group)] for group in groups.values()]


def _grid(low: float, high: float, spacing: float) -> np.ndarray:
    """Powers of `spacing` in a range: the same numbers whatever the range."""
    first, last = np.ceil(np.log(low) / np.log(spacing)), np.floor(np.log(high) / np.log(spacing))
    return spacing ** np.arange(first, last + 1)


def _points(group: list[Record], spacing: float) -> list[Record]:
    if len(group) < 2 * REACH + 1:
        return []
    low = min(float(record["operations"][0]) for record in group)
    high = max(float(record["operations"][-1]) for record in group)
    points = []
    for at in _grid(low, high, spacing):
        # Who was not trained for so long, or not so little, might be better still: there the frontier ends.
        seen = [record["operations"][0] <= at <= record["operations"][-1] for record in group]
        logs = np.array([_log_risk(record, at) if ok else np.nan for record, ok in zip(group, seen, strict=True)])
        if not np.any(seen):
            continue
        best = int(np.nanargmin(logs))
        near = slice(best - REACH, best + REACH + 1)
        if best < REACH or best + REACH >= len(group) or not np.all(np.isfinite(logs[near])):
            continue
        m = np.log([record.parameters["particles"] for record in group])
        bend, slope, top = np.polyfit(m[near] - m[best], logs[near], 2)
        # The parabola's least, if it is among the points that it goes through.
        shift = np.clip(-slope / (2 * bend), m[near][0] - m[best], m[near][-1] - m[best]) if bend > 0 else 0.0
        run = group[best]
        log_risk = top + slope * shift + bend * shift**2
        points.append(_record(run, at, log_risk, np.exp(m[best] + shift)))
    return points


def _log_risk(record: Record, at: float) -> float:
    """log of the risk, less its linear part, at a number of operations, by interpolation in logarithms."""
    risk = record["risk"] - record["linear"]  # never below that of infinitely many particles
    return float(np.interp(np.log(at), np.log(record["operations"]), np.log(risk)))


def _record(run: Record, at: float, log_risk: float, particles: float) -> Record:
    values = {"risk": np.exp(log_risk), "width": particles}
    parameters = {**_setting(run), "operations": float(at)}
    return Record(parameters, {name: np.array([value]) for name, value in values.items()})
