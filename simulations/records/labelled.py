"""Records as labelled tables, for those who analyse them with xarray or pandas.

A run that failed, or was stopped early, may lack values that the others have: it is NaN at its place. One that is done
must have them, so that a misspelt name is an error and not a column of NaN.
"""

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas
    import xarray

    from simulations.records.record import Record, Records

TIME = "times"
"""The value that holds the times of the others."""


def to_pandas(records: "Records", names: tuple[str, ...]) -> "pandas.DataFrame":
    """A row a record: its parameters, status, seconds, and the last entry of each value named; NaN where a run that did
    not reach its end has no such value.

    Raises `ImportError` without pandas, `ValueError` for a name that a finished run, or every run, lacks.
    """
    try:
        import pandas
    except ImportError:
        raise ImportError("to_pandas needs pandas: pip install pandas (the extra `data`).") from None
    names = names or tuple(
        name for name in _shared(records) if all(np.ndim(one[name]) < 2 for one in _with(records, name))
    )
    for name in names:
        _with(records, name)  # which refuses a name that is none
    rows = []
    for record in records:
        facts = {"status": record.status, "seconds": record.provenance.get("seconds", np.nan)}
        rows.append({**record.parameters, **facts, **{name: _last(record, name) for name in names}})
    return pandas.DataFrame(rows)


def to_xarray(records: "Records", names: tuple[str, ...]) -> "xarray.Dataset":
    """A dimension for every parameter that varies, in alphabetical order, then those of the values themselves.

    Values as long as the `times` of their run have the dimension `time`, or `observation` where a parameter called
    `time` varies; shorter ones are padded by NaN. Its coordinate is the times where all records share them, up to where
    a run was stopped; else `times` is a coordinate over all those dimensions. Settings without a record, and runs that
    were stopped before they had a value, are NaN.

    Raises `ImportError` without xarray; `ValueError` for a name that a finished run, or every run, lacks, for values of
    several shapes, and for two records of one setting.
    """
    try:
        import xarray
    except ImportError:
        raise ImportError("to_xarray needs xarray: pip install xarray (the extra `data`).") from None
    if not len(records):
        return xarray.Dataset()
    axes = _axes(records)
    observed = "observation" if "time" in axes else "time"
    chosen = names or tuple(name for name in _shared(records) if _numeric(records, name))
    variables = {name: _variable(records, name, axes, observed) for name in chosen}
    coordinates: dict[str, Any] = {name: np.asarray(list(places)) for name, places in axes.items()}
    stamps = [np.asarray(record.values[TIME]) for record in records if TIME in record.values]
    if stamps and all(stamp.ndim == 1 for stamp in stamps) and max(map(len, stamps)):
        longest = max(stamps, key=len)
        if all(np.array_equal(longest[: len(stamp)], stamp) for stamp in stamps):
            variables.pop(TIME, None)
            coordinates[observed] = longest
        elif any(observed in dimensions for dimensions, _ in variables.values()):
            coordinates[TIME] = variables.pop(TIME, None) or _variable(records, TIME, axes, observed)
    same = {name: value for name, value in next(iter(records)).parameters.items() if name not in axes}
    return xarray.Dataset(variables, coordinates, same)


def _axes(records: "Records") -> dict[str, dict[Any, int]]:
    """The values of every parameter that varies, sorted, each with its place.

    Raises `ValueError` when two records have the same parameters.
    """
    first = next(iter(records)).parameters
    axes = {}
    for name in sorted(first):
        values = {record.parameters.get(name) for record in records}
        if len(values) > 1:
            ordered = sorted(values, key=lambda value: (str(type(value)), value))  # type: ignore[arg-type]
            axes[name] = {value: place for place, value in enumerate(ordered)}
    settings = {tuple(record.parameters.get(name) for name in axes) for record in records}
    if len(settings) < len(records):
        raise ValueError(f"{len(records)} records have {len(settings)} settings: expected each once.")
    return axes


def _variable(records: "Records", name: str, axes: dict, observed: str) -> tuple[tuple[str, ...], np.ndarray]:
    """(dimensions, array over the axes) of one value."""
    having = _with(records, name)
    shapes = _shapes(having, name)
    if len(shapes) > 1:
        raise ValueError(f"{name!r} has shapes {sorted(shapes)}: expected one shape; select records first.")
    (shape,) = shapes
    dimensions = [f"{name}_{axis}" for axis in range(len(shape))]
    if _observed(having, name):
        dimensions[0] = observed
    kind = np.result_type(float, *{np.asarray(one[name]).dtype for one in having})
    array = np.full((*map(len, axes.values()), *shape), np.nan, kind)
    for record in having:
        place = tuple(places[record.parameters.get(axis)] for axis, places in axes.items())
        value = np.asarray(record[name])
        array[(*place, slice(len(value))) if value.ndim else place] = value
    return (*axes, *dimensions), array


def _shapes(having: list["Record"], name: str) -> set[tuple[int, ...]]:
    """The shapes of one value; those of values observed in time are padded to the longest."""
    shapes = {np.shape(record[name]) for record in having}
    if _observed(having, name):
        longest = max(shape[0] for shape in shapes)
        return {(longest, *shape[1:]) for shape in shapes}
    return shapes


def _observed(having: list["Record"], name: str) -> bool:
    """Return True if the first axis of a value is that of the times, in every record."""

    def along(record: "Record") -> bool:
        shape, times = np.shape(record[name]), np.shape(record.values.get(TIME, 0.0))
        return len(times) == 1 and shape[:1] == times

    return all(map(along, having))


def _whole(records: "Records") -> list["Record"]:
    """Records that tell which values there are: of runs that reached their end or, if none did, that left any."""
    return [one for one in records if one.status == "done"] or [one for one in records if one.values]


def _shared(records: "Records") -> list[str]:
    """Names of values that every whole record has."""
    every = [set(record.values) for record in _whole(records)]
    return sorted(set.intersection(*every)) if every else []


def _with(records: "Records", name: str) -> list["Record"]:
    """Records that have a value; raises `ValueError` when one that should have it does not."""
    whole = _whole(records)
    for record in whole:
        if not isinstance(name, str) or name not in record.values:
            raise ValueError(
                f"names: {name!r:.60} is no value of the run {record.parameters}; expected one of "
                f"{', '.join(sorted(record.values))}.{_nearest(name, record.values)}"
            )
    if len(records) and not whole:
        raise ValueError(
            f"names: {name!r:.60}: none of {len(records)} runs has values; the first {next(iter(records)).status!r}."
        )
    return [record for record in records if name in record.values]


def _nearest(name: object, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(name), list(names), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _numeric(records: "Records", name: str) -> bool:
    having = _with(records, name)
    kinds = {np.asarray(record[name]).dtype.kind for record in having}
    return len(_shapes(having, name)) == 1 and kinds <= set("biuf")


def _last(record: "Record", name: str) -> Any:
    value = np.asarray(record.values.get(name, np.nan))
    return value[()] if value.ndim == 0 else value[-1] if len(value) else np.nan
