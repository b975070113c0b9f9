"""Bad input, refused at the door: every message names the argument, its value, and what is allowed."""

import difflib
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def array(
    name: str,
    value: ArrayLike,
    shapes: Sequence[str] = (),
    *,
    infinite: bool = False,
    minimum: float | None = None,
) -> Array:
    """Return `value` as float64, if it is real, finite, not empty, and has as many axes as one of `shapes`.

    A shape is written as in a docstring, `"[n, d]"`; no shape allows any. `infinite` lets infinities pass.
    """
    allowed = " or ".join(shapes) if shapes else "any shape"
    try:
        raw = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of shape {allowed}, got rows of unequal length") from error
    if raw.dtype.kind not in "buif":
        raise ValueError(f"{name} must hold real numbers, got {shown(value)} of dtype {raw.dtype}")
    if shapes and raw.ndim not in {0 if shape == "[]" else shape.count(",") + 1 for shape in shapes}:
        raise ValueError(f"{name} must be an array of shape {allowed}, got shape {raw.shape}")
    if raw.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {raw.shape}")
    out = raw.astype(np.float64)
    bad = np.isnan(out) if infinite else ~np.isfinite(out)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        allowed = "free of NaN" if infinite else "finite"
        raise ValueError(f"{name} must be {allowed}, got {out[where]} at index {where}")
    if minimum is not None and out.min() < minimum:
        raise ValueError(f"{name} must be at least {minimum:g}, got {out.min():g}")
    return out


def same(name: str, got: int | tuple[int, ...], other: str, want: int | tuple[int, ...]) -> None:
    """Refuse two arguments whose shapes, or numbers of rows or columns, disagree."""
    if got != want:
        raise ValueError(f"{name} must agree with {other}, got {got} where {other} has {want}")


def number(name: str, value: float, *, minimum: float = 0.0, exclusive: bool = False, infinite: bool = False) -> float:
    """Return `value` as a float, if it is one real number, at least (or, `exclusive`, above) `minimum`."""
    allowed = f"a {'' if infinite else 'finite '}number {'>' if exclusive else '>='} {minimum:g}"
    raw = np.asarray(value)
    if raw.ndim != 0 or raw.dtype.kind not in "uif":
        raise ValueError(f"{name} must be {allowed}, got {shown(value)}")
    out = float(raw)
    # NaN fails every comparison, so the test is on what is allowed.
    if not ((out > minimum if exclusive else out >= minimum) and (infinite or np.isfinite(out))):
        raise ValueError(f"{name} must be {allowed}, got {out:g}")
    return out


def integer(name: str, value: int, *, minimum: int = 1) -> int:
    """Return `value` as an int, if it is a whole number, at least `minimum`."""
    raw = np.asarray(value)
    if raw.ndim != 0 or raw.dtype.kind not in "ui" or int(raw) < minimum:
        raise ValueError(f"{name} must be an integer >= {minimum}, got {shown(value)}")
    return int(raw)


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


def shown(value: object) -> str:
    """A short form of a value, for a message of one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
