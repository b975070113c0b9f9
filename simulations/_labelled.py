"""Records as labelled tables, for those who analyse them with xarray or pandas."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas
    import xarray

    from simulations._records import Record, Records

TIME = "times"
"""The value that holds the times of the others."""


def to_pandas(records: "Records", names: tuple[str, ...]) -> "pandas.DataFrame":
    """A row a record: its parameters, status, seconds, and the last entry of each value named."""
    try:
        import pandas
    except ImportError:
        raise ImportError("to_pandas needs pandas; install it with the extra `data`.") from None
    names = names or tuple(name for name in _shared(records) if all(np.ndim(one.values[name]) < 2 for one in records))
    rows = []
    for record in records:
        facts = {"status": record.status, "seconds": record.provenance.get("seconds", np.nan)}
        rows.append({**record.parameters, **facts, **{name: _last(record, name) for name in names}})
    return pandas.DataFrame(rows)


def to_xarray(records: "Records", names: tuple[str, ...]) -> "xarray.Dataset":
    """A dimension for every parameter that varies, in alphabetical order, then those of the values themselves.

    Settings without a record are NaN. Values as long as `times` have the dimension `time`, with the times as its
    coordinate where all records share them.
    """
    try:
        import xarray
    except ImportError:
        raise ImportError("to_xarray needs xarray; install it with the extra `data`.") from None
    if not len(records):
        return xarray.Dataset()
    axes = _axes(records)
    sizes = tuple(map(len, axes.values()))
    chosen = names or tuple(name for name in _shared(records) if _numeric(records, name))
    variables, coordinates = {}, {name: np.asarray(values) for name, values in axes.items()}
    for name in chosen:
        shapes = {np.shape(_value(record, name)) for record in records}
        if len(shapes) > 1:
            raise ValueError(f"{name!r} has shapes {sorted(shapes)}: expected one shape; select records first.")
        (shape,) = shapes
        array = np.full(sizes + shape, np.nan, np.result_type(float, *{np.asarray(one[name]).dtype for one in records}))
        for record in records:
            array[tuple(values.index(record.parameters[axis]) for axis, values in axes.items())] = record[name]
        variables[name] = ((*axes, *_dimensions(records, name, shape)), array)
    stamps = [np.asarray(record.values.get(TIME, ())) for record in records]
    if all(np.array_equal(stamps[0], other) for other in stamps[1:]) and stamps[0].ndim == 1 and len(stamps[0]):
        variables.pop(TIME, None)
        coordinates["time"] = stamps[0]
    same = {name: value for name, value in next(iter(records)).parameters.items() if name not in axes}
    return xarray.Dataset(variables, coordinates, same)


def _axes(records: "Records") -> dict[str, list]:
    """The values of every parameter that varies, sorted.

    Raises `ValueError` when two records have the same parameters.
    """
    first = next(iter(records)).parameters
    axes = {}
    for name in sorted(first):
        values = {record.parameters.get(name) for record in records}
        if len(values) > 1:
            axes[name] = sorted(values, key=lambda value: (str(type(value)), value))  # type: ignore[arg-type]
    settings = {tuple(record.parameters.get(name) for name in axes) for record in records}
    if len(settings) < len(records):
        raise ValueError(f"{len(records)} records have {len(settings)} settings: expected each once.")
    return axes


def _dimensions(records: "Records", name: str, shape: tuple[int, ...]) -> list[str]:
    length = len(np.atleast_1d(next(iter(records)).values.get(TIME, ())))
    dimensions = [f"{name}_{axis}" for axis in range(len(shape))]
    if shape and shape[0] == length:
        dimensions[0] = "time"
    return dimensions


def _shared(records: "Records") -> list[str]:
    """Names of values that every record has."""
    every = [set(record.values) for record in records]
    return sorted(set.intersection(*every)) if every else []


def _numeric(records: "Records", name: str) -> bool:
    arrays = [np.asarray(record.values[name]) for record in records]
    return len({array.shape for array in arrays}) == 1 and all(array.dtype.kind in "biuf" for array in arrays)


def _value(record: "Record", name: str) -> Any:
    if name not in record.values:
        raise ValueError(
            f"{name!r} is no value of the run {record.parameters}; expected one of {sorted(record.values)}."
        )
    return record.values[name]


def _last(record: "Record", name: str) -> Any:
    value = np.asarray(_value(record, name))
    return value[()] if value.ndim == 0 else value[-1] if len(value) else np.nan
