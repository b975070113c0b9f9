"""Ranges as values: `1e2:1e6:9log` is nine numbers from 100 to a million, evenly spaced on a logarithmic scale."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

RANGE = re.compile(r"^(?P<low>[^:]+):(?P<high>[^:]+):(?P<count>\d+)(?P<log>log)?$")

MOST = 100_000
"""Values of one range: more is a slip of the finger."""


def expanded(name: str, kind: Any, values: Any) -> list:
    """Every value of a parameter, ranges written out; a single value is a list of one.

    `low:high:COUNT` is COUNT numbers evenly spaced from low to high, both included; with `log` behind the count they
    are evenly spaced in logarithms. For whole numbers the values are rounded, and each is taken once. Texts are left
    as they are for parameters that are words.

    Raises `ValueError` for a range that is none, and for an empty list.

    >>> expanded("particles", int, "100:10000:3log"), expanded("alpha", float, ["0:1:3", "7"])
    ([100, 1000, 10000], [0.0, 0.5, 1.0, '7'])
    """
    several = isinstance(values, Iterable) and not isinstance(values, str | bytes)
    made: list = []
    for value in values if several else [values]:
        is_range = kind in (int, float) and isinstance(value, str) and ":" in value
        made += _range(name, kind, str(value)) if is_range else [value]
    if not made:
        raise ValueError(f"{name}=[]: expected at least one value.")
    return made


def _range(name: str, kind: type, text: str) -> list:
    found = RANGE.match(text.strip())
    expected = "expected low:high:COUNT or low:high:COUNTlog, such as 1e2:1e6:9log"
    if found is None:
        raise ValueError(f"{name}={text!r}: {expected}.")
    try:
        low, high, count = float(found["low"]), float(found["high"]), int(found["count"])
    except ValueError:
        raise ValueError(f"{name}={text!r}: {expected}.") from None
    if not (np.isfinite(low) and np.isfinite(high) and low < high and 2 <= count <= MOST):
        raise ValueError(f"{name}={text!r}: expected finite low < high, and 2 to {MOST} values.")
    if found["log"] and low <= 0:
        raise ValueError(f"{name}={text!r}: expected low > 0 for logarithms.")
    points = np.geomspace(low, high, count) if found["log"] else np.linspace(low, high, count)
    if kind is int:
        return list(dict.fromkeys(int(value) for value in np.rint(points)))
    return [float(value) for value in points]
