"""The record that a run leaves behind, and a collection of such records."""

import difflib
import functools
import inspect
import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from meanfield.arguments.described import Described, Phrase, html, text
from simulations.records.labelled import to_pandas, to_xarray
from simulations.study.ranges import coerce, in_short, plain_number

if TYPE_CHECKING:
    import pandas
    import xarray


class UnknownName(KeyError, ValueError):
    """A name that no record has, with the names that there are."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Record:
    """Named arrays with the parameters that made them, and where they come from (seed, versions, device, precision).

    Raises `ValueError` for what are no mappings.
    """

    parameters: dict[str, Any]
    values: dict[str, np.ndarray]
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        for name in ("parameters", "values", "provenance"):
            if not isinstance(getattr(self, name), Mapping):
                raise ValueError(f"{name}={in_short(getattr(self, name))}: expected a mapping from names.")

    def __getitem__(self, name: str) -> Any:
        """A value or a parameter, whichever has this name; raises `UnknownName`, a `KeyError`, for any other."""
        if not isinstance(name, str) or name not in self:
            require_name("name", name, [*self.values, *self.parameters])
        return self.values[name] if name in self.values else self.parameters[name]

    def __contains__(self, name: object) -> bool:
        return name in self.values or name in self.parameters

    @property
    def status(self) -> str:
        """ "done", or how the run ended instead."""
        return self.provenance.get("status", "done")


SHOWN = 6
"""Most values of a parameter that a line shows."""


class Records:
    """Records in the order of their runs; iterable, and selected by parameters with `where`.

    >>> import numpy as np
    >>> records = Records([Record({"m": 10}, {"risk": np.array([1.0])}), Record({"m": 20}, {"risk": np.array([0.5])})])
    >>> len(records.where(m=20)), records.where(m=20).last("risk").tolist()
    (1, [0.5])
    """

    def __init__(self, records: Iterable[Record]):
        self._records = tuple(records) if isinstance(records, Iterable) else (records,)
        for record in self._records:
            if not isinstance(record, Record):
                raise ValueError(f"records={in_short(record)}: expected records, each a simulations.Record.")

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    __repr__, _repr_html_ = text, html

    def _described(self) -> Described:
        yield "", Phrase(f"{len(self)} run{'s' * (len(self) != 1)}")
        yield "ended early", sum(record.status != "done" for record in self) or None
        for name in dict.fromkeys(name for record in self for name in record.parameters):
            seen = list(dict.fromkeys(repr(record.parameters.get(name)) for record in self))
            if len(seen) > 1:  # what is the same in all runs is not what they are about
                few = seen if len(seen) <= SHOWN else [*seen[: SHOWN - 1], "…", seen[-1]]
                yield name, Phrase(f"[{', '.join(few)}]")
        yield "values", Phrase(", ".join(dict.fromkeys(name for record in self for name in record.values)))

    def where(self, condition: Callable[[Record], bool] | None = None, /, **parameters) -> "Records":
        """The records that meet `condition` and have these parameters; several values mean any of them.

        A function, such as `between(2, 4)`, means values for which it is true, and `max` or `min` the largest or the
        least value among the records that meet all else. Raises `UnknownName`, a `ValueError`, for a parameter that
        none of the records has.
        """
        if condition is not None:
            require_function("condition", condition)
        wanted = {name: _wanted(name, value) for name, value in parameters.items()}
        if self._records:
            there = {name: None for record in self for name in record.parameters}
            for name in wanted:
                require_name(name, name, there, what="parameter")

        def fits(record: Record) -> bool:
            if condition is not None and not condition(record):
                return False
            return all(meets(record.parameters.get(name)) for name, meets in wanted.items())

        found = Records(record for record in self if fits(record))
        for name, value in parameters.items():
            if _is_extreme(value) and len(found):
                found = found.where(**{name: value(found.column(name))})
        return found

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
        """One parameter of every record; raises `UnknownName` where one has none of this name."""
        for record in self:
            require_name("name", name, record.parameters, what="parameter")
        return np.asarray([record.parameters[name] for record in self])

    def last(self, name: str) -> np.ndarray:
        """The last entry of one value of every record; raises `UnknownName` where one has none of this name."""
        for record in self:
            require_name("name", name, record.values, what="value")
        return np.asarray([_last(name, np.asarray(record.values[name])) for record in self])


def _last(name: str, value: np.ndarray) -> Any:
    if value.ndim and not len(value):
        raise ValueError(f"name={name!r}: the value of a record has no entries.")
    return value[-1] if value.ndim else value[()]


def _wanted(name: str, wanted: Any) -> Callable[[Any], bool]:
    """Return the condition on a parameter, None where a record has none; `min` and `max` ask only that there is one."""
    if not callable(wanted):
        return _listed(name, wanted).__contains__
    require_function(name, wanted)
    return lambda value: value is not None and (_is_extreme(wanted) or bool(wanted(value)))


def _is_extreme(wanted: Any) -> bool:
    return wanted is min or wanted is max


def _listed(name: str, wanted: Any) -> Container:
    """The values that are asked for, as they stand in records."""
    if isinstance(wanted, range):
        return wanted  # which may be a million numbers
    several = isinstance(wanted, Iterable) and not isinstance(wanted, str | bytes) and getattr(wanted, "ndim", 1)
    try:
        values = [plain_number(value) for value in (wanted if several else [wanted])]
    except TypeError:
        raise ValueError(f"{name}={in_short(wanted)}: expected a value, or several, of this parameter.") from None
    if isinstance(wanted, Mapping) or not all(_is_plain(value) for value in values):
        raise ValueError(f"{name}={in_short(wanted)}: expected a value, or several, of this parameter.")
    return values


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def require_name(argument: str, name: Any, names: Iterable[str], what: str = "value or parameter") -> None:
    """Raise `UnknownName` for a name that is none of `names`, with the nearest one."""
    there = list(names)
    if isinstance(name, str) and name in there:
        return
    near = difflib.get_close_matches(str(name), there, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    among = ", ".join(there) if there else "nothing, for there are none"
    raise UnknownName(f"{argument}={in_short(name)}: is no {what} of the records; expected one of {among}.{hint}")


def require_function(argument: str, function: Any, *of: Any) -> None:
    """Raise `ValueError` for what can't be called with so many arguments, one if none is given."""
    fits = callable(function)
    try:
        inspect.signature(function).bind(*(of or (None,)))
    except TypeError:
        fits = False
    except ValueError:  # some functions of C do not say what they take
        pass
    if not fits:
        what = "one argument" if len(of) < 2 else f"{len(of)} arguments"
        raise ValueError(f"{argument}={in_short(function)}: expected a function of {what}.")


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
    if not len(points):  # the lines have no x in common
        return points, np.empty((0, 0))
    means = seed_means([row[0] for row in _lines(records, x)[1]], table)
    return points, means.reshape(len(means), len(points))


def seed_means(records: Iterable[Record], values: ArrayLike) -> np.ndarray:
    """Means of `values` [records, …] over the records of each seed, [seeds, …]: these share data or a start."""
    records = list(records)
    for record in records:
        require_name("seed", "seed", record.parameters, what="parameter")
    seeds, values = np.array([record.parameters["seed"] for record in records]), np.asarray(values)
    return np.array([values[seeds == seed].mean(axis=0) for seed in np.unique(seeds)])


def _lines(records: Records, x: str) -> tuple[list[float], list[list[Record]]]:
    """(x values, the records at them of every line): those of `along`."""
    rows: dict[tuple, dict[float, Record]] = {}
    for record in records:
        require_name("x", x, record.parameters, what="parameter")
        setting = {name: value for name, value in record.parameters.items() if name not in (x, "replicas")}
        rows.setdefault(tuple(sorted(setting.items())), {})[record.parameters[x]] = record
    lines = [row for row in rows.values() if len(row) >= 3]
    points = sorted(set.intersection(*map(set, lines))) if lines else []
    return points, [[row[point] for point in points] for row in lines]


def canonical_text(parameters: dict[str, Any]) -> str:
    """Parameters as JSON with sorted keys: the same text for the same run, on every machine."""
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain_name(name: str) -> bool:
    """Return True if a name can be that of a folder, and be printed, and mean nothing else."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", name) is not None


Select = Callable[[Records], Records]


class Restrictable(ABC):
    """Selections of which a part can be taken."""

    @abstractmethod
    def __call__(self, records: Records) -> Records:
        """Return the records that are selected."""

    def where(self, condition: Callable[[Record], bool] | None = None, /, **parameters) -> "Restriction":
        """Return the selection of those that meet `condition` and have these parameters, as `Records.where` takes them:
        `runs("risk").where(lambda record: record["particles"] > record["samples"], step=min)`.
        """
        return Restriction(self, condition, parameters)


@dataclass(frozen=True)
class Restriction(Restrictable):
    """The records of a selection that meet a condition and have some parameters."""

    select: Restrictable
    condition: Callable[[Record], bool] | None
    parameters: Mapping[str, Any]

    def __call__(self, records: Records) -> Records:
        return self.select(records).where(self.condition, **self.parameters)


@dataclass(frozen=True)
class Selection(Restrictable):
    """The records that hold some names and have some parameters: what `runs` gives, a value that can be pickled."""

    names: tuple[str, ...]
    parameters: Mapping[str, Any]

    def __call__(self, records: Records) -> Records:
        values = dict(self.parameters)
        if "experiment" in values:
            if not any("experiment" in record.parameters for record in records):
                return Records([])  # those of a study that had no experiments yet
            records = records.where(experiment=values.pop("experiment"))
            if not len(records):
                return records  # other experiments need not have these parameters
        asked = [name for name, value in self.parameters.items() if callable(value)]
        return records.where(lambda record: all(name in record for name in (*self.names, *asked))).where(**values)


@dataclass(frozen=True)
class Between:
    """True for a number above `low` and below `high`."""

    low: float
    high: float

    def __call__(self, value: float) -> bool:
        return self.low < value < self.high


def between(low: float, high: float) -> Between:
    """Return a condition on an axis: `runs("risk", step=between(2, 4))` selects runs with a step above 2 and below 4.

    Raises `ValueError` for bounds between which there is nothing.
    """
    low, high = (_end(name, value) for name, value in (("low", low), ("high", high)))
    if not low < high:
        raise ValueError(f"low={in_short(low)}, high={in_short(high)}: expected low below high.")
    return Between(low, high)


def _end(name: str, value: Any) -> float:
    """A number, or an infinite one."""
    return value if isinstance(value, float) and math.isinf(value) else coerce(name, float, value)


def runs(*names: str, **parameters) -> Selection:
    """Return a selection: the records that hold these names and have these parameters.

    A tuple means any of its values, a function (such as `between(2, 4)`) those for which it is true, and `max` or `min`
    the largest or the least value among the records that meet all else. `runs("risk").where(condition)` selects those
    of them that meet a condition on the whole record.
    """
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"names={in_short(name)}: expected the names of values.")
    return Selection(names, parameters)


def widest(select: Select) -> Select:
    """Restrict `select` to the records at the largest m among them."""
    return functools.partial(_at, select, max)


def narrowest(select: Select) -> Select:
    """Restrict `select` to the records at the smallest m among them."""
    return functools.partial(_at, select, min)


def _at(select: Select, choose: Callable, records: Records) -> Records:
    return select(records).where(particles=choose)
