"""Ranges as values: `1e2:1e6:9log` is nine numbers from 100 to a million, evenly spaced on a logarithmic scale.

They are computed in decimals and rounded once, so that each is the number that its decimals mean: 0.1:0.5:5 holds 0.3.
"""

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

import numpy as np

RANGE = re.compile(r"^(?P<low>[^:]+):(?P<high>[^:]+):(?P<count>\d+)(?P<log>log)?$")

MOST = 100_000
"""Values of one parameter: more is a slip of the finger."""

DIGITS = 60
"""Decimals that are computed with: three times what a number of double precision has."""


def expanded(name: str, kind: Any, values: Any) -> list:
    """Every value of a parameter, ranges written out; a single value is a list of one.

    `low:high:COUNT` is COUNT numbers evenly spaced from low to high, both included; with `log` behind the count they
    are evenly spaced in logarithms. For whole numbers the values are rounded, and each is taken once. Texts are left
    as they are for parameters that are words.

    Raises `ValueError` for a range that is none, and for an empty list.

    >>> expanded("particles", int, "100:10000:3log"), expanded("alpha", float, ["0:1:3", "7"])
    ([100, 1000, 10000], [0.0, 0.5, 1.0, '7'])
    """
    made: list = []
    for value in _listed(name, values):
        is_range = kind in (int, float) and isinstance(value, str) and ":" in value
        made += _range(name, kind, str(value)) if is_range else [value]
    if not made:
        raise ValueError(f"{name}=[]: expected at least one value.")
    return made


def _listed(name: str, values: Any) -> list:
    """The values one by one; those of a set in order, so that every process has the same."""
    if isinstance(values, str | bytes) or not (isinstance(values, Iterable) or hasattr(values, "__array__")):
        return [values]
    if isinstance(values, Mapping):
        raise ValueError(f"{name}={in_short(values)}: expected one value, a list of values or a range.")
    if hasattr(values, "__array__") or hasattr(values, "toarray"):
        masked = np.ma.is_masked(values)
        array = np.asarray(values)
        if masked or array.ndim > 1 or (array.ndim == 0 and array.dtype == object):
            raise ValueError(f"{name}={in_short(values)}: expected one value, a list of values or a range.")
        return list(array) if array.ndim else [values]
    if isinstance(values, set | frozenset):
        values = sorted(values, key=lambda value: (str(type(value)), value))
    found = list(itertools.islice(values, MOST + 1))
    if len(found) > MOST:
        raise ValueError(f"{name}={in_short(values)}: expected at most {MOST} values.")
    return found


def plain_number(value: Any) -> Any:
    """A number of NumPy, of JAX or in an array of no axes as one of Python, anything else as it is.

    Raises `TypeError` for an array that holds several, and for what is no number.
    """
    if isinstance(value, bytes | bytearray | memoryview):  # which Python would read as numbers
        raise TypeError
    if isinstance(value, str | type) or not hasattr(value, "__array__"):
        return value
    array = np.asarray(value)
    short = array.dtype.kind in "fV" and array.dtype.itemsize < 8  # V: the short floats that NumPy itself has not
    if array.ndim or np.ma.is_masked(value) or not (short or array.dtype.kind in "biufU"):
        raise TypeError
    return float(str(array[()])) if short else array.item()


def in_short(value: Any) -> str:
    """A value on one line, and not endless."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"


def _range(name: str, kind: type, text: str) -> list:
    found = RANGE.match(text.strip())
    expected = "expected low:high:COUNT or low:high:COUNTlog, such as 1e2:1e6:9log"
    if found is None:
        raise ValueError(f"{name}={text!r}: {expected}.")
    try:
        low, high, count = Decimal(found["low"].strip()), Decimal(found["high"].strip()), int(found["count"])
    except (ValueError, InvalidOperation):
        raise ValueError(f"{name}={text!r}: {expected}.") from None
    if not (math.isfinite(float(low)) and math.isfinite(float(high)) and low < high and 2 <= count <= MOST):
        raise ValueError(f"{name}={text!r}: expected finite low < high, and 2 to {MOST} values.")
    if found["log"] and float(low) <= 0:
        raise ValueError(f"{name}={text!r}: expected low > 0 for logarithms.")
    with localcontext(prec=DIGITS):
        if found["log"]:
            inner = [low * (high / low) ** (Decimal(i) / (count - 1)) for i in range(1, count - 1)]
        else:
            inner = [low + (high - low) * i / (count - 1) for i in range(1, count - 1)]
        points = [low, *inner, high]
    if kind is int:
        return list(dict.fromkeys(round(value) for value in points))
    return [float(value) + 0.0 for value in points]


def plain_type(kind: Any) -> Any:
    """The type that an annotation means, which may be its name."""
    return {"int": int, "float": float, "str": str, "bool": bool}.get(kind, kind)


def coerce(name: str, kind: Any, value: Any) -> Any:
    """`value` as the field's type: text from a command line is read, whole floats become ints, ints floats.

    What comes out is checked: numbers are finite, whole ones have at most 64 bits. A number of lower precision than
    double, such as those of JAX, is the decimal that it is printed as: 0.1, not 0.10000000149011612.
    """
    kind = plain_type(kind)
    words = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a word"}
    if kind not in words:
        raise ValueError(f"{name} is declared as {kind}: expected int, float, bool or str.")
    try:
        plain = plain_number(value)
        if kind is bool:
            return {"true": True, "false": False}[str(plain).lower()]
        if kind is str and isinstance(plain, str):
            return str(plain)
        if kind is int and not isinstance(plain, bool):
            return _whole(plain)
        if kind is float and not isinstance(plain, bool) and math.isfinite(number := float(plain)):
            return number + 0.0  # −0.0 and 0.0 are one number, and one run
    except (TypeError, ValueError, KeyError, OverflowError):
        pass
    raise ValueError(f"{name}={in_short(value)}: expected {words[kind]}.")


def _whole(value: Any) -> int:
    """An integer, every digit of it; or a float, or its text, that is one, such as 1e5."""
    if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
        whole = int(value)
    elif isinstance(value, int):
        whole = value
    else:
        whole = int(float(value))
        if float(value) != whole:
            raise ValueError
    if abs(whole) >= 1 << 63:
        raise OverflowError
    return whole
