"""Excess risks of runs, and the least risk that a number of operations buys, from runs that differ in particles."""

import functools

import numpy as np

from simulations import Record, Records, checks
from simulations.records.record import Select
from simulations.verdicts.measured import Value, chosen, seed_table
from theory.linear_bound import linear_bound

EXCESS = 128.0
"""Time at which the lazy excess is measured (mean-field time)."""

REACH = 2
"""Particle counts on either side of the least risk that a parabola is laid through (count)."""

SPACING = 2**0.5
"""Ratio of one number of operations to the one before."""


def excess(record: Record) -> float:
    """Return the risk at the end less that of infinitely many particles, and less its linear part of mean zero."""
    return float(record["risk"][-1] - record["limit_risk"][-1] - record["linear"])


def moment(record: Record, time: float = EXCESS) -> int:
    """Return where in a record this time is."""
    return int(np.argmin(np.abs(record["times"] - time)))


def lazy_excess(record: Record) -> float:
    """Return the risk there less that of infinitely many particles, and less its linear part of mean zero."""
    at = moment(record)
    return float(record["risk"][at] - record["limit_risk"][at] - record["linear"][at])


def over_variance(record: Record, *, of: float = EXCESS) -> float:
    """Return m times the lazy excess over V, which is taken at the time `of`."""
    return record["particles"] * lazy_excess(record) / float(record["variance"][moment(record, of)])


def over_curve(record: Record, *, curve: str = "curve") -> float:
    """Return the excess risk of ridge regression over its learning curve."""
    return float(record["excess"] / record[curve])


def over_bound(record: Record) -> float:
    """Return the test risk over the least that fixed features can have."""
    return float(record["risk"][-1] / record["bound"])


@functools.lru_cache(maxsize=64)
def fixed_features(dimension: int, samples: int) -> float:
    """Return the bound of `theory.linear_bound` for a ReLU neuron."""
    return linear_bound(lambda z: np.maximum(z, 0), dimension, samples)


@checks.check("=")
def intercept(
    records: Records, *, select: Select, x: str, value: Value, what: str, sides: int, level: float
) -> checks.Estimate:
    """Compare v of a value v + c/x, fitted by least squares to all x seed by seed."""
    points, table = seed_table(chosen(records, select), x, value)
    terms = np.stack([np.ones_like(points), 1 / points], axis=1)
    words = f"{what}, extrapolated in {x} from {points[0]:g} … {points[-1]:g}, {len(table)} seeds"
    return checks.student(np.linalg.lstsq(terms, table.T)[0][0], words, sides, level)


def frontier(select: Select) -> Select:
    """Of the runs that `select` keeps: for every seed and number of operations, the least risk over the particles.

    Records of their own: what the runs share, and operations, `SPACING` apart, as parameters; values risk and width
    (particles of least risk). The least is that of a parabola, in logarithms, through the particle counts
    about the best one; where that is at the end of their range, or a run at the end of its time, nothing is said.
    """
    return lambda records: Records(point for group in _groups(select(records)) for point in _points(group))


def at_fewest(select: Select) -> Select:
    """Return the risk against operations with the fewest particles throughout: records as those of `frontier`."""

    def chosen(records: Records) -> Records:
        fewest = [group[0] for group in _groups(select(records))]
        return Records(
            _record(run, at, _log_risk(run, at), run.parameters["particles"])
            for run in fewest
            for at in _powers(run["operations"][0], run["operations"][-1])
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
    """Return the runs of every setting by their particles, the longest run of each number."""
    groups: dict[tuple, dict[int, Record]] = {}
    for record in sorted(records, key=lambda record: record.parameters["time"]):
        group = groups.setdefault(tuple(sorted(_setting(record).items())), {})
        group[record.parameters["particles"]] = record
    return [[group[m] for m in sorted(group)] for group in groups.values()]


def _powers(low: float, high: float) -> np.ndarray:
    """Return the powers of `SPACING` in a range: the same numbers whatever the range."""
    first, last = np.ceil(np.log(low) / np.log(SPACING)), np.floor(np.log(high) / np.log(SPACING))
    return SPACING ** np.arange(first, last + 1)


def _points(group: list[Record]) -> list[Record]:
    if len(group) < 2 * REACH + 1:
        return []
    low = min(float(record["operations"][0]) for record in group)
    high = max(float(record["operations"][-1]) for record in group)
    points = []
    for at in _powers(low, high):
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
        log_risk = top + slope * shift + bend * shift**2
        points.append(_record(group[best], at, log_risk, np.exp(m[best] + shift)))
    return points


def _log_risk(record: Record, at: float) -> float:
    """Return the log of the risk, less its linear part, at a number of operations, by interpolation in logarithms."""
    risk = record["risk"] - record["linear"]  # never below that of infinitely many particles
    return float(np.interp(np.log(at), np.log(record["operations"]), np.log(risk)))


def _record(run: Record, at: float, log_risk: float, particles: float) -> Record:
    values = {"risk": np.exp(log_risk), "width": particles}
    parameters = {**_setting(run), "operations": float(at)}
    return Record(parameters, {name: np.array([value]) for name, value in values.items()})
