"""Call a function with one argument replaced by what users hold in its place, and judge what comes back.

A replacement of the same meaning (a list, another byte order, a table) has to give what the plain value gives. One that
has no meaning there, and one at the ends of a type's range, has to give a number that is one, or a refusal: a
`ValueError` of one sentence that names the argument.
"""

import dataclasses
import numbers
import re
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import xarray as xr


class Replacement(NamedTuple):
    """A value to put in an argument's place, and its plain form where it means the same."""

    label: str
    value: Any
    plain: Any = None
    """The same numbers as an ordinary array, number or text; None where there are none."""
    rtol: float = 1e-5


class NoValue:
    """An object that means nothing to anybody."""

    def __repr__(self) -> str:
        return "<no value>"


WRONG = {
    "None": None,
    "text": "word",
    "a dictionary": {"a": 1.0},
    "a class": NoValue,
    "an object": NoValue(),
    "a function of no argument": lambda: 1.0,
    "a complex number": 1.0 + 1.0j,
    "a set": {1.0, 2.0},
    "bytes": b"ab",
    "a date": np.datetime64("2020-01-01"),
}


def replacements(value: Any) -> Iterator[Replacement]:
    """What stands in for `value`: numbers and arrays in every form, and what is wrong for any argument."""
    array = _array(value)
    if array is not None and array.ndim and array.size:
        yield from _arrays(array)
    elif array is not None and array.size:
        yield from _numbers(array, value)
    for label, wrong in WRONG.items():
        if value is not wrong and not (isinstance(value, str) and label == "text"):
            yield Replacement(label, wrong)
    if isinstance(value, str):
        yield Replacement("a misspelt word", value + "x")


def turns(value: Any, place: str, whole: bool) -> list[Replacement]:
    """Return the replacements of the argument at a `place`: the whole of them, or every fifth.

    Which ones follows from the place, so that each kind has its turn at a fifth of all arguments in every run.
    """
    every = list(replacements(value))
    return every if whole else every[zlib.crc32(place.encode()) % 5 :: 5]


def _array(value: Any) -> np.ndarray | None:
    """`value` as an array where it is numbers, or None."""
    if isinstance(value, bool | str) or value is None or hasattr(value, "_fields"):
        return None
    if isinstance(value, numbers.Real):
        return np.asarray(value)
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return None
    if isinstance(value, np.ndarray | jax.Array | list | tuple):
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):  # a list of keys, or of arrays of several shapes
            return None
        return array if array.dtype.kind in "iuf" else None
    return None


def _arrays(array: np.ndarray) -> Iterator[Replacement]:
    wide = array.astype(float) if array.dtype.kind == "f" else array
    yield Replacement("a nested list", array.tolist(), array)
    yield Replacement("a read-only array", _read_only(wide), wide)
    yield Replacement("Fortran order", np.asfortranarray(wide), wide)
    yield Replacement("a strided view", np.repeat(wide, 2, axis=0)[::2], wide)
    yield Replacement("big-endian", wide.astype(wide.dtype.newbyteorder(">")), wide)
    yield Replacement("object dtype", wide.astype(object), wide)
    yield Replacement("a masked array, nothing masked", np.ma.masked_array(wide), wide)
    yield Replacement("a JAX array", jnp.asarray(wide), np.asarray(jnp.asarray(wide)))
    yield Replacement("xarray", xr.DataArray(wide), wide)
    if array.ndim <= 2:
        table = pd.Series(wide) if array.ndim == 1 else pd.DataFrame(wide)
        yield Replacement("pandas", table, wide)
        yield Replacement("pandas, nullable", table.astype("Float64" if array.dtype.kind == "f" else "Int64"), wide)
    if array.ndim == 2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)  # the class is old, and still held
            matrix = np.asmatrix(wide)
        yield Replacement("numpy.matrix", matrix, wide)
        yield Replacement("a sparse matrix", scipy.sparse.csr_matrix(wide), wide)
    if array.dtype.kind == "f":
        yield Replacement("longdouble", array.astype(np.longdouble), wide)
        yield Replacement("big-endian float32", array.astype(">f4"), array.astype("f4"))
        yield Replacement("float16", array.astype(np.float16), array.astype(np.float16).astype(float), 2e-2)
        yield Replacement(
            "bfloat16", jnp.asarray(array, jnp.bfloat16), np.asarray(jnp.asarray(array, jnp.bfloat16), float), 1e-1
        )
        for label, number in (("nan", np.nan), ("inf", np.inf), ("-inf", -np.inf)):
            yield Replacement(f"an entry {label}", _with(wide, number))
        for number in (1e300, 1e30, 1e-30, 1e-300, -1e300):
            yield Replacement(f"an entry {number:g}", _with(wide, number))
            yield Replacement(f"all entries {number:g}", np.full_like(wide, number))
        yield Replacement("all entries 0", np.zeros_like(wide))
    yield Replacement("a masked entry", _masked(wide))
    yield Replacement("complex", wide + 1j)
    yield Replacement("numbers as text", wide.astype(str))
    yield Replacement("dates", np.zeros(array.shape, "datetime64[s]"))
    yield Replacement("an empty array", wide[:0])
    yield Replacement("one axis more", wide[None])
    yield Replacement("a structured array", np.zeros(array.shape, [("a", float), ("b", int)]))
    yield Replacement("a ragged list", [[1.0], [1.0, 2.0]])


def _numbers(array: np.ndarray, value: Any) -> Iterator[Replacement]:
    if array.dtype.kind == "f":
        for kind in (np.float64, np.float32, np.longdouble):
            yield Replacement(np.dtype(kind).name, kind(value), float(kind(value)))
        yield Replacement("float16", np.float16(value), float(np.float16(value)), 2e-2)
        for number in (0.0, -1.0, np.nan, np.inf, -np.inf, 1e300, 1e-300, 1e30, 1e-30, 5e-324):
            yield Replacement(f"{number:g}", number)
    else:
        yield Replacement("numpy integer", np.int64(value), value)
        if 0 <= value < 256:
            yield Replacement("numpy uint8", np.uint8(value), value)
        yield Replacement("a whole float", float(value))
        for number in (0, -1, 10**18, 10**30, 0.5, np.nan, np.inf):
            yield Replacement(f"{number:g}", number)
    yield Replacement("an array of no axes", np.asarray(value), value)
    yield Replacement("an array of no axes, big-endian", np.asarray(value).astype(array.dtype.newbyteorder(">")), value)
    yield Replacement("a JAX number", jnp.asarray(value), np.asarray(jnp.asarray(value)).item())
    yield Replacement("a masked number", np.ma.masked)
    yield Replacement("True", True)
    yield Replacement("a number as text", str(value))
    yield Replacement("an empty list", [])


def _with(array: np.ndarray, number: float) -> np.ndarray:
    changed = array.copy()
    changed.flat[0] = number
    return changed


def _masked(array: np.ndarray) -> np.ma.MaskedArray:
    mask = np.zeros(array.shape, bool)
    mask.flat[0] = True
    return np.ma.masked_array(array, mask)


def _read_only(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed.setflags(write=False)
    return changed


def judge(
    call: Callable, arguments: Mapping[str, Any], name: str, replaced: Replacement, *, infinite: bool = False
) -> None:
    """Fail unless `call(**arguments)` with `name` replaced gives what it should, or refuses as it should.

    `infinite` allows infinities in the result, for functions that state them.
    """
    try:
        result = call(**{**arguments, name: replaced.value})
    except ValueError as problem:
        refusal(str(problem), name)
        return
    except Exception as problem:
        pytest.fail(f"{name} replaced by {replaced.label}: {type(problem).__name__}: {problem}")
    found = leaves(result)
    for leaf in found:
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f":
            wrong = np.isnan(leaf) if infinite else ~np.isfinite(leaf)
            assert not wrong.any(), f"{name} replaced by {replaced.label}: the result holds {leaf[wrong][0]}"
    if replaced.plain is None:
        return
    wanted = leaves(call(**{**arguments, name: replaced.plain}))
    assert len(found) == len(wanted), f"{name} replaced by {replaced.label}: another structure"
    for got, want in zip(found, wanted, strict=True):
        if isinstance(want, np.ndarray) and want.dtype.kind in "iufb":
            largest = np.max(np.abs(want), initial=0.0, where=np.isfinite(want)) if want.dtype.kind == "f" else 0.0
            message = f"{name} replaced by {replaced.label}"
            np.testing.assert_allclose(
                np.asarray(got, want.dtype), want, rtol=replaced.rtol, atol=replaced.rtol * largest, err_msg=message
            )


def refusal(message: str, name: str) -> None:
    """Fail unless the message is one sentence that names the argument."""
    assert "\n" not in message, f"more than one line: {message}"
    assert re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", message), f"{name} is not named: {message}"


def leaves(result: Any) -> list:
    """The arrays, numbers and texts of a result, in the order of its fields."""
    if result is None or isinstance(result, str | bool | np.bool_):
        return [result]
    if isinstance(result, numbers.Real):
        return [np.asarray(result)]
    if isinstance(result, jax.Array) and jnp.issubdtype(result.dtype, jax.dtypes.prng_key):
        return [np.asarray(jax.random.key_data(result))]
    if isinstance(result, np.ndarray | jax.Array):
        array = np.asarray(result)
        return [array.astype(float) if jnp.issubdtype(array.dtype, jnp.floating) else array]
    if isinstance(result, Mapping):
        return [leaf for key in result for leaf in leaves(result[key])]
    if isinstance(result, Sequence):
        return [leaf for part in result for leaf in leaves(part)]
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        fields = (getattr(result, field.name) for field in dataclasses.fields(result))
        return [leaf for part in fields if not callable(part) for leaf in leaves(part)]
    return []
