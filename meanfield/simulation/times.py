"""When a simulation is observed: the times asked for, and the steps or numbers at which they are reached."""

import numbers
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from meanfield.flows.flow import Flow


class Grid(NamedTuple):
    """Increasing times in float64, and whether they are the user's own or were chosen for a final time."""

    times: np.ndarray
    own: bool


def time_grid(times) -> Grid:
    """Return the list of times, or 0 and 32 log-spaced times up to the final one.

    Raises `ValueError` for what is no finite number of at least 0, and for lists that do not increase.
    """
    grid = _numbers(times)
    if grid.ndim == 0:
        least = 1000 * float(np.finfo(float).tiny)
        if not np.isfinite(grid) or grid < least:
            raise ValueError(f"times={grid.item()!r}: expected a finite final time above 0 (from {least:.3g} on).")
        return Grid(np.concatenate([[0.0], np.geomspace(grid / 1000, grid, 32)]), own=False)
    if grid.ndim != 1 or grid.size == 0:
        raise ValueError(f"times has shape {grid.shape}: expected one final time or a list of times.")
    if not np.all(np.isfinite(grid)) or grid[0] < 0 or np.any(np.diff(grid) <= 0):
        shown = ", ".join(f"{time:.6g}" for time in grid[:8]) + (", …" if grid.size > 8 else "")
        raise ValueError(f"times=[{shown}]: expected increasing finite times from 0 on.")
    return Grid(grid, own=True)


def observed_at(flow: Flow, grid: Grid, dtype) -> tuple[np.ndarray | None, np.ndarray]:
    """Return (step numbers, their times), one for each time of the grid; no step numbers for flows that choose theirs.

    `dtype` is the type in which such a flow keeps its time: raises `ValueError` for times that are not apart in it, and
    for what `flow.clock` raises it for.
    """
    known = flow.clock(grid.times)
    if known is None:
        _apart(grid.times, np.dtype(dtype))
        return None, grid.times
    return known


def fresh(stops: np.ndarray | None, grid: Grid, shape: tuple[int, ...]) -> np.ndarray:
    """Return, along the last axis, which observations count: of a grid that was chosen here, those on a new step."""
    counts = np.ones(shape, bool)
    if stops is not None and not grid.own:
        counts[..., 1:] = np.diff(stops, axis=-1) > 0
    return counts


def _numbers(times: Any) -> np.ndarray:
    """`times` as an array of float64, whatever holds them; masked entries, text and truth values are no times."""
    text = " ".join(repr(times).split())
    refusal = ValueError(
        f"times={text if len(text) <= 60 else text[:59] + '…'}: expected one final time or an increasing list of times."
    )
    if np.ma.is_masked(times):
        raise refusal
    try:
        array = np.asarray(times)
    except Exception:  # what is not an array's may raise anything when it is asked to become one
        raise refusal from None
    real = array.dtype.kind in "iuf" or jnp.issubdtype(array.dtype, jnp.floating)
    if array.dtype.kind == "O":
        real = all(isinstance(entry, numbers.Real) and not isinstance(entry, bool) for entry in array.flat)
    if not real:
        raise refusal
    with np.errstate(over="ignore"):  # a long double beyond float64 becomes infinite, and is then refused as such
        try:
            return array.astype(np.float64)
        except OverflowError:
            raise refusal from None


def _apart(times: np.ndarray, dtype: np.dtype) -> None:
    """Refuse times that are not finite, above 0 and different, as they were, in the type of a flow's clock."""
    limits = jnp.finfo(dtype)
    if times[-1] > float(limits.max):
        raise ValueError(f"times ends at {times[-1]:.6g}: expected at most {float(limits.max):.6g} in {dtype}.")
    small = times[(times > 0) & (times < float(limits.tiny))]
    if small.size:
        raise ValueError(
            f"times holds {small[0]:.6g}, which is 0 in {dtype}: expected 0, or times from {float(limits.tiny):.6g} on."
        )
    ticks = times.astype(dtype)
    same = np.flatnonzero(ticks[1:] == ticks[:-1])
    if same.size:
        i, tick = same[0], ticks[same[0]]
        before, after = (float(np.nextafter(tick, dtype.type(end))) for end in (-np.inf, np.inf))
        raise ValueError(
            f"times holds {times[i]:.17g} and {times[i + 1]:.17g}, which are one number in {dtype}: expected times "
            f"apart, the nearest being {before:.17g}, {float(tick):.17g} and {after:.17g}, or float64 particles under "
            f"jax.enable_x64(True)."
        )
