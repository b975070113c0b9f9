"""What a run leaves behind, and a collection of such records."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from simulations._labelled import to_pandas, to_xarray

if TYPE_CHECKING:
    import pandas
    import xarray


@dataclass(frozen=True)
class Record:
    """Named arrays with the parameters that made them, and where they come from (seed, versions, device, precision)."""

    parameters: dict[str, Any]
    values: dict[str, np.ndarray]
    provenance: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """A value or a parameter, whichever has this name."""
        if name in self.values:
            return self.values[name]
        if name in self.parameters:
            return self.parameters[name]
        raise KeyError(f"{name!r} is neither a value nor a parameter of this record")

    def __contains__(self, name: object) -> bool:
        return name in self.values or name in self.parameters

    @property
    def status(self) -> str:
        """ "done", or how the run ended instead."""
        return self.provenance.get("status", "done")


class Records:
    """Records in the order of their runs; iterable, and selected by parameters with `where`.

    >>> import numpy as np
    >>> records = Records([Record({"m": 10}, {"risk": np.array([1.0])}), Record({"m": 20}, {"risk": np.array([0.5])})])
    >>> len(records.where(m=20)), records.where(m=20).last("risk").tolist()
    (1, [0.5])
    """

    def __init__(self, records: Iterable[Record]):
        self._records = tuple(records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"Records({len(self)})"

    def where(self, condition: Callable[[Record], bool] | None = None, /, **parameters) -> "Records":
        """The records that meet `condition` and have these parameters; a tuple or list means any of its values."""

        def fits(record: Record) -> bool:
            if condition is not None and not condition(record):
                return False
            return all(_matches(record.parameters.get(name), value) for name, value in parameters.items())

        return Records(record for record in self if fits(record))

    @property
    def done(self) -> "Records":
        """Those whose run reached its end."""
        return Records(record for record in self if record.status == "done")

    def to_pandas(self, *names: str) -> "pandas.DataFrame":
        """A table with a row a record: parameters, status, seconds, and the last entry of each value named (of all
        one-dimensional values, if none is).

        Raises `ImportError` without pandas (extra `data`), `ValueError` for a name that is no value of a record.
        """
        return to_pandas(self, names)

    def to_xarray(self, *names: str) -> "xarray.Dataset":
        """The values named (all numbers of one shape, if none is) over the parameters that vary, as dimensions.

        Settings without a record, and what a run lacks that did not reach its end, are NaN. Values observed in time
        have the dimension `time`, or `observation` where a parameter of that name varies, padded by NaN; parameters
        that all records share are attributes. `records.to_xarray("risk").risk.mean("seed")` averages over seeds.

        Raises `ImportError` without xarray (extra `data`), `ValueError` for a name that is no value of a record, for
        values of several shapes, and for two records of one setting.
        """
        return to_xarray(self, names)

    def column(self, name: str) -> np.ndarray:
        """One parameter of every record."""
        return np.asarray([record.parameters[name] for record in self])

    def last(self, name: str) -> np.ndarray:
        """The last entry of one value of every record."""
        return np.asarray([np.asarray(record.values[name])[-1] for record in self])


def _matches(value, wanted: Any) -> bool:
    if isinstance(wanted, tuple | list | set | frozenset):
        return value in wanted
    return value == wanted


def along(records: Records, x: str, value: Callable[[Record], float]) -> tuple[np.ndarray, np.ndarray]:
    """(x values, value[row, x]): a row for every setting of all other parameters, the seed among them.

    Settings with fewer than three x are no line and left out; of the others, the x that all of them have are taken.
    Averages over another number of replicas at another x are still one line.
    """
    points, rows = _lines(records, x)
    table = np.array([[value(record) for record in row] for row in rows])
    return np.asarray(points, float), table.reshape(len(rows), len(points))


def seed_lines(records: Records, x: str, value: Callable[[Record], float]) -> tuple[np.ndarray, np.ndarray]:
    """(x values, value[seed, x]): what `along` finds, several lines of one seed as their mean."""
    points, table = along(records, x, value)
    means = seed_means([row[0] for row in _lines(records, x)[1]], table)
    return points, means.reshape(len(means), len(points))


def seed_means(records: Iterable[Record], values: ArrayLike) -> np.ndarray:
    """Means of `values` [records, …] over the records of each seed, [seeds, …]: these share data or a start."""
    seeds, values = np.array([record.parameters["seed"] for record in records]), np.asarray(values)
    return np.array([values[seeds == seed].mean(axis=0) for seed in np.unique(seeds)])


def _lines(records: Records, x: str) -> tuple[list[float], list[list[Record]]]:
    """(x values, the records at them of every line): those of `along`."""
    rows: dict[tuple, dict[float, Record]] = {}
    for record in records:
        setting = {name: value for name, value in record.parameters.items() if name not in (x, "replicas")}
        rows.setdefault(tuple(sorted(setting.items())), {})[record.parameters[x]] = record
    lines = [row for row in rows.values() if len(row) >= 3]
    points = sorted(set.intersection(*map(set, lines))) if lines else []
    return points, [[row[point] for point in points] for row in lines]


def canonical_text(parameters: dict[str, Any]) -> str:
    """Parameters as JSON with sorted keys: the same text for the same run, on every machine."""
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"), allow_nan=False)


Select = Callable[[Records], Records]


def runs(*names: str, **parameters) -> Select:
    """A selection: the records that hold these names and have these parameters (a tuple means any of its values)."""
    return lambda records: records.where(lambda record: all(name in record for name in names), **parameters)


def widest(select: Select) -> Select:
    """Of those, the ones at the largest m that there is."""
    return lambda records: _at(select(records), max)


def narrowest(select: Select) -> Select:
    """Of those, the ones at the smallest m that there is."""
    return lambda records: _at(select(records), min)


def _at(records: Records, choose: Callable) -> Records:
    return records.where(particles=choose(records.column("particles"), default=None))
