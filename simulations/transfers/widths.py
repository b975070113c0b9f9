"""Widths as a user writes them."""

from typing import Any

from meanfield.arguments import positive_count
from simulations.study.ranges import coerce, expanded

MOST = 1 << 20
"""The largest width: wider networks are for a machine of another kind."""


def widths_of(given: Any) -> tuple[int, ...]:
    """Return the widths in order: numbers, `low:high` for low, 2 low, 4 low, … up to high, or `low:high:COUNTlog`.

    Raises `ValueError` for fewer than three, for widths below 2, and for more than 2^20 neurons.

    >>> widths_of("32:256"), widths_of([100, "1000:4000"])
    ((32, 64, 128, 256), (100, 1000, 2000, 4000))
    """
    found: set[int] = set()
    for one in [given] if isinstance(given, str | int) else list(given):
        low, colon, high = str(one).partition(":")
        if colon and ":" not in high and low.strip().isdecimal() and high.strip().isdecimal():
            width = int(low)
            if not 0 < width <= int(high):
                raise ValueError(f"widths={one!r}: expected low:high with 0 < low ≤ high.")
            while width <= min(int(high), MOST):
                found.add(width)
                width *= 2
        else:
            found |= {width_of("widths", width) for width in expanded("widths", int, one)}
    if len(found) < 3 or min(found) < 2 or max(found) > MOST:
        said = ", ".join(str(width) for width in sorted(found))
        raise ValueError(f"widths={said}: expected three or more from 2 to {MOST}, such as 32:4096.")
    return tuple(sorted(found))


def width_of(name: str, given: Any) -> int:
    """Return a width that is a whole number from 1 to 2^40, or the text of one; raise `ValueError` otherwise."""
    return positive_count(name, coerce(name, int, given), most=1 << 40)
