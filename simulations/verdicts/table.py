"""The numbers of a sweep as a table: every observed value at its last time, over the parameters that were swept."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from meanfield.arguments import one_of
from simulations.records.record import Record, Records
from simulations.study.given import instance
from simulations.verdicts.intervals import student_half_width

LEVEL = 0.95
"""Of the intervals of tables and pictures, unless another one is given: they describe and decide nothing."""

TIMES = ("times", "steps")
"""Values that say when the others were observed."""

COLUMNS = ("value", "mean", "error", "seeds", "unfinished")
"""What stands in a row beside the parameters."""

HEADING = ",".join(COLUMNS)
"""The end of the first line of a table as CSV."""


@dataclass(frozen=True)
class Table:
    """A row for every value of every setting; settings are those of all parameters that vary but the seed."""

    swept: tuple[str, ...]
    """The parameters that vary, in their declared order."""
    values: tuple[str, ...]
    """The names of what was observed, as numbers."""
    rows: tuple[dict[str, Any], ...]
    """For each the swept parameters, the name of the `value`, its `mean` over `seeds`, the half-width `error` of
    Student's interval for it (None for a single seed), and how many runs are `unfinished`, which are left out.
    """
    left_out: tuple[str, ...]
    """What was observed and is not one number a time."""
    level: float
    """Of the intervals."""

    def settings(self) -> list[tuple[tuple, dict[str, dict[str, Any]]]]:
        """(values of the swept parameters, row of each value by its name), setting by setting."""
        found: dict[tuple, dict[str, dict[str, Any]]] = {}
        for row in self.rows:
            found.setdefault(tuple(row[column(name)] for name in self.swept), {})[row["value"]] = row
        return list(found.items())

    def require(self, *values: str, x: str | None = None) -> None:
        """Raise `ValueError` for a value that was not observed, and an `x` that is no swept parameter."""
        for name in values:
            if name in self.left_out:
                raise ValueError(f"value={name!r}: is not one number a run; expected one of {', '.join(self.values)}.")
            one_of("value", name, self.values)
        if x is not None:
            if not self.swept:
                raise ValueError(f"x={x!r}: no parameter was swept; expected a grid of several settings.")
            one_of("x", x, self.swept)

    def csv(self) -> str:
        """The rows as comma-separated values, with a heading."""
        stream = io.StringIO()
        names = (*map(column, self.swept), *COLUMNS)
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return stream.getvalue()


def table(records: Records, *, level: float = LEVEL) -> Table:
    """Every observed value of these records against every parameter that varies among them.

    A value in time is taken at the last time, replicas of one run are averaged, and what is no single number then is
    left out. Means and Student's intervals are over seeds, of runs that reached their end; a single seed has no
    interval. Numbers that are not finite are None.

    >>> import numpy as np
    >>> runs = [Record({"m": m, "seed": s}, {"risk": np.array([1.0, (s + 1) / m])}) for m in (1, 2) for s in (0, 1)]
    >>> made = table(Records(runs))
    >>> [(row["m"], row["value"], row["mean"], row["seeds"]) for row in made.rows]
    [(1, 'risk', 1.5, 2), (2, 'risk', 0.75, 2)]

    Raises `ValueError` for a level that is not between 0 and 1.
    """
    instance("records", records, Records)
    if not isinstance(level, float) or not 0 < level < 1:
        raise ValueError(f"level={level!r}: expected a number above 0 and below 1.")
    swept = tuple(name for name in varying(record.parameters for record in records) if name != "seed")
    groups: dict[tuple, list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record.parameters.get(name) for name in swept), []).append(record)
    names = list(dict.fromkeys(name for record in records for name in record.values if name not in TIMES))
    numbers = {id(record): {name: last(record, name) for name in record.values} for record in records}
    values = [name for name in names if any(number.get(name) is not None for number in numbers.values())]
    rows = []
    for setting in sorted(groups, key=lambda setting: [(str(type(part)), part) for part in setting]):
        done = [record for record in groups[setting] if record.status == "done"]
        for name in values:
            samples = _by_seed(done, [numbers[id(record)].get(name) for record in done])
            if len(samples) or not done:
                facts = (name, *_summary(samples, level), len(samples), len(groups[setting]) - len(done))
                at = {column(one): _plain(part) for one, part in zip(swept, setting, strict=True)}
                rows.append(at | dict(zip(COLUMNS, facts, strict=True)))
    return Table(swept, tuple(values), tuple(rows), tuple(name for name in names if name not in values), level)


def varying(parameters: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """The names of those that differ, in their order.

    >>> varying([{"m": 1, "d": 2, "seed": 0}, {"m": 2, "d": 2, "seed": 1}])
    ('m', 'seed')
    """
    rows = list(parameters)
    names = dict.fromkeys(name for row in rows for name in row)
    return tuple(name for name in names if len({row.get(name) for row in rows}) > 1)


def column(parameter: str) -> str:
    """The key of a swept parameter in a row: its name, unless a column of every row has that."""
    return f"parameter {parameter}" if parameter in COLUMNS else parameter


def last(record: Record, name: str) -> float | None:
    """A value at its last time, averaged over replicas; None where it is no single number.

    >>> last(Record({}, {"times": np.arange(3), "risk": np.array([3.0, 2.0, 1.0]), "x": np.ones((4, 2))}), "risk")
    1.0
    """
    value = np.asarray(record.values[name])
    if value.dtype.kind not in "iufb":
        return None
    lengths = {len(record.values[time]) for time in TIMES if np.ndim(record.values.get(time, 0)) == 1}
    replicas = record.parameters.get("replicas", 1)
    if value.ndim == 2 and value.shape[0] == replicas and value.shape[1] in lengths:
        value = value[:, -1].mean()
    elif value.ndim == 1 and len(value) in (lengths or {len(value)}) and len(value):
        value = value[-1]
    elif value.ndim == 1 and len(value) == replicas:
        value = value.mean()
    return float(value.reshape(())) if value.size == 1 else None


def _by_seed(records: list[Record], numbers: list[float | None]) -> np.ndarray:
    """The mean of each seed's runs: seeds are the unit of replication."""
    found: dict[Any, list[float]] = {}
    for place, (record, number) in enumerate(zip(records, numbers, strict=True)):
        if number is not None:
            found.setdefault(record.parameters.get("seed", place), []).append(number)
    return np.array([np.mean(those) for those in found.values()])


def _summary(samples: np.ndarray, level: float) -> tuple[float | None, float | None]:
    """(mean, half-width of Student's interval)."""
    if not len(samples) or not np.all(np.isfinite(samples)):
        return None, None
    mean = float(np.mean(samples))
    return mean, student_half_width(samples, level) if len(samples) > 1 else None


def _plain(part: Any) -> Any:
    return part.item() if isinstance(part, np.generic) else part
