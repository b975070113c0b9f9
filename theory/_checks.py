"""Bad input, refused at the door: every message names the argument, its value, and what is allowed."""

import difflib
import inspect
import numbers
from collections.abc import Callable, Collection, Sequence
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_NUMBERS = (int, float, str, np.ndarray, tuple, list, Sequence, object)
"""Classes that say too little in an annotation: the functions look at numbers, words and arrays themselves."""


def array(
    name: str,
    value: ArrayLike,
    shapes: Sequence[str] = (),
    *,
    infinite: bool = False,
    minimum: float | None = None,
) -> Array:
    """Return `value` as float64, if it is real, finite, not empty, and has as many axes as one of `shapes`.

    A shape is written as in a docstring, `"[n, d]"`; no shape allows any. `infinite` lets infinities pass. What is
    checked are the numbers as they are computed with, in float64.
    """
    allowed = f"an array of shape {' or '.join(shapes)}" if shapes else "an array of numbers"
    raw = _raw(name, value, allowed)
    if not _is_real(raw):
        raise ValueError(f"{name} must hold real numbers, got {shown(value)} of dtype {raw.dtype}")
    if shapes and raw.ndim not in {0 if shape == "[]" else shape.count(",") + 1 for shape in shapes}:
        raise ValueError(f"{name} must be {allowed}, got shape {raw.shape}")
    if raw.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {raw.shape}")
    out = _float64(name, value, raw)
    bad = np.isnan(out) if infinite else ~np.isfinite(out)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name} must be {'free of NaN' if infinite else 'finite'}, got {out[where]} at index {where}")
    if minimum is not None and out.min() < minimum:
        raise ValueError(f"{name} must be at least {minimum:g}, got {out.min():g}")
    return out


def whole(name: str, value: ArrayLike, shapes: Sequence[str] = (), *, minimum: int = 0, maximum: int = 2**53) -> Array:
    """Return `value` as `array` does, if its entries are whole numbers from `minimum` to `maximum`."""
    out = array(name, value, shapes, minimum=minimum)
    if np.any(out != np.floor(out)):
        raise ValueError(f"{name} must be whole numbers, got {shown(value)}")
    if out.max() > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {out.max():.16g}")
    return out


def same(name: str, got: int | tuple[int, ...], other: str, want: int | tuple[int, ...]) -> None:
    """Refuse two arguments whose shapes, or numbers of rows or columns, disagree."""
    if got != want:
        raise ValueError(f"{name} must agree with {other}, got {got} where {other} has {want}")


def number(name: str, value: float, *, minimum: float = 0.0, exclusive: bool = False, infinite: bool = False) -> float:
    """Return `value` as a float, if it is one real number, at least (or, `exclusive`, above) `minimum`."""
    allowed = f"a {'' if infinite else 'finite '}number"
    if minimum > -np.inf:
        allowed += f" {'>' if exclusive else '>='} {minimum:g}"
    raw = _raw(name, value, allowed)
    if raw.ndim != 0 or raw.dtype.kind == "b" or isinstance(raw[()], bool) or not _is_real(raw):
        raise ValueError(f"{name} must be {allowed}, got {shown(value)}")
    out = float(_float64(name, value, raw))
    # NaN fails every comparison, so the test is on what is allowed.
    if not ((out > minimum if exclusive else out >= minimum) and (infinite or np.isfinite(out))):
        raise ValueError(f"{name} must be {allowed}, got {out:g}")
    return out


def integer(name: str, value: int, *, minimum: int = 1, maximum: int = 2**53) -> int:
    """Return `value` as an int, if it is a whole number from `minimum` to `maximum`, by default what float64 holds."""
    raw = _raw(name, value, f"an integer >= {minimum}")
    entry = raw.item() if raw.ndim == 0 else None
    if not isinstance(entry, int) or isinstance(entry, bool) or entry < minimum:
        raise ValueError(f"{name} must be an integer >= {minimum}, got {shown(value)}")
    if entry > maximum:
        raise ValueError(f"{name} must be an integer <= {maximum}, got {shown(value)}")
    return entry


def classes(function: Callable) -> dict[str, tuple[type, ...]]:
    """The classes that annotations of a function's arguments ask for, where these are no numbers, words or arrays."""
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        asked = parameter.annotation
        parts = get_args(asked) if isinstance(asked, UnionType) else (get_origin(asked) or asked,)
        if asked is not parameter.empty and all(isinstance(part, type) and part not in _NUMBERS for part in parts):
            found[name] = tuple(parts)
    return found


def instance(name: str, value: object, kinds: tuple[type, ...]) -> None:
    """Refuse a value that is of none of the classes."""
    if not isinstance(value, (*kinds, np.bool_) if bool in kinds else kinds):
        words = {bool: "True or False", Callable: "a function", NoneType: "None"}
        allowed = " or ".join(words.get(kind, f"a {kind.__name__}") for kind in kinds)
        raise ValueError(f"{name} must be {allowed}, got {shown(value)}")


def choice(name: str, value: str, allowed: Collection[str]) -> str:
    """Return `value`, if it is one of the `allowed` words; otherwise suggest the nearest."""
    if isinstance(value, str) and value in allowed:
        return value
    near = difflib.get_close_matches(str(value), allowed, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {shown(value)}{hint}")


def in_range(names: str, value: Array) -> Array:
    """Return `value`, unless a finite input has overflowed on the way."""
    if not np.isfinite(value).all():
        raise ValueError(f"{names} must be small enough for float64, got a result that overflows")
    return value


def shown(value: object, length: int = 60) -> str:
    """A short form of a value, for a message of one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= length else text[: length - 3] + "..."


def _raw(name: str, value: object, allowed: str) -> NDArray:
    """`value` as NumPy has it, if that loses no mask and no unit."""
    if _masked(value):
        raise ValueError(f"{name} must be {allowed}, got masked entries")
    if hasattr(value, "tocsr"):
        raise ValueError(f"{name} must be {allowed}, got a sparse matrix; its toarray() is one")
    if hasattr(value, "magnitude") or (isinstance(value, np.ndarray) and getattr(value, "unit", None) is not None):
        raise ValueError(f"{name} must be {allowed} without a unit, got {shown(value)}")
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        got = "rows of unequal length" if isinstance(value, list | tuple) else shown(value)
        raise ValueError(f"{name} must be {allowed}, got {got}") from error


def _masked(value: object) -> bool:
    if isinstance(value, np.ma.MaskedArray):
        return bool(np.ma.is_masked(value))
    # np.asarray drops masks inside of lists.
    return isinstance(value, list | tuple) and any(
        _masked(part) for part in value if isinstance(part, list | tuple | np.ma.MaskedArray)
    )


def _is_real(raw: NDArray) -> bool:
    if raw.dtype == object:
        return all(isinstance(entry, numbers.Real) for entry in raw.flat)
    return np.can_cast(raw.dtype, np.float64, "same_kind") and raw.dtype.kind not in "mM"


def _float64(name: str, value: object, raw: NDArray) -> Array:
    """`raw` in float64, if it holds all numbers: no integer changes, and none becomes infinite or zero."""
    with np.errstate(all="ignore"):
        if raw.dtype == object:
            out = np.array([_nearest(entry) for entry in raw.flat], np.float64).reshape(raw.shape)
        else:
            out = raw.astype(np.float64)
    wide = raw.dtype == object or (raw.dtype.kind == "f" and raw.dtype.itemsize > 8)
    if wide or raw.dtype.kind in "iu" or isinstance(value, list | tuple):
        doubtful = ~(np.abs(out) < 2.0**53)
        for where in np.argwhere(doubtful | (out == 0) if wide else doubtful):
            entry, got = np.asarray(value, dtype=object)[tuple(where)], out[tuple(where)]
            if isinstance(entry, numbers.Integral):
                kept = np.isfinite(got) and int(got) == int(entry)
            else:
                kept = np.isfinite(got) == (abs(entry) < np.inf) and (got == 0) == (entry == 0)
            if not kept and entry == entry:
                raise ValueError(f"{name} must be within float64 and keep its digits there, got {shown(entry)}")
    return out


def _nearest(entry: Any) -> float:
    try:
        return float(entry)
    except OverflowError:
        return np.inf if entry > 0 else -np.inf
