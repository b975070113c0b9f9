"""Power laws: value ∝ x^p over seeds, with an interval for p, how well a line fits, and where it does.

Seeds are the clusters: all points of one seed share data and particles, so seeds are resampled whole. Every seed has
the same x, so the least-squares line through all points has the mean of the seeds' slopes for its slope, and the
cluster bootstrap is that of a mean: both intervals are those of `simulations.verdicts.intervals`.
"""

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from simulations.records.record import Record, Records, Select, require_function, require_name, seed_lines
from simulations.study.given import instance
from simulations.study.ranges import in_short
from simulations.verdicts.intervals import ULPS, bootstrap_half_width, student_half_width

LEVEL = 0.95
"""Level of the intervals if no other is asked for (share)."""


@dataclass(frozen=True)
class PowerLaw:
    """value = prefactor · x^slope, fitted by least squares in logarithms to a table of seeds and x."""

    slope: float
    prefactor: float
    """Value that the fit has at x = 1 (geometric mean over seeds)."""
    interval: tuple[float, float]
    """Symmetric bootstrap-t interval of the slope, seeds resampled whole; infinite where the seeds are too few."""
    width: float
    """Half-width of Student's interval for the mean of the seeds' slopes."""
    level: float
    """Level of all intervals here (share)."""
    r_squared: float
    """1 − Σ(residuals)²/Σ(deviations)² of the logarithms, all seeds and x; 1 for a constant table."""
    curvature: float
    """Mean over seeds of the coefficient of (log x)² in a parabola through each."""
    curvature_p: float
    """Probability of so large a curvature, either sign, if the law were exact (Student)."""
    holds: tuple[float, float] | None
    """Ends of the longest run of consecutive x, three or more, whose curvature is compatible with zero at `level`; of
    equally long ones that at the largest x. None if there is none.
    """
    x: tuple[float, ...]
    seeds: int

    def __call__(self, x: ArrayLike) -> np.ndarray:
        """The fitted value at x; raises `ValueError` for what is not positive, and where no number is so large."""
        points = _real("x", x)
        if not points.size or np.any(points <= 0):
            raise ValueError(f"x={in_short(x)}: expected positive numbers.")
        with np.errstate(over="ignore", under="ignore"):
            found = self.prefactor * points**self.slope
        if not np.all(np.isfinite(found) & (found > 0)):
            raise ValueError(f"x={in_short(x)}: the law leaves the range of numbers there.")
        return found

    def __str__(self) -> str:
        low, high = self.interval
        holds = "nowhere" if self.holds is None else f"over {self.holds[0]:g} … {self.holds[1]:g}"
        return (
            f"{self.prefactor:.3g} x^{self.slope:.4f}, {100 * self.level:g} %: {low:.4f} … {high:.4f}, "
            f"R² = {self.r_squared:.4f}, straight {holds}"
        )


def fit(x: ArrayLike, table: ArrayLike, level: float = LEVEL) -> PowerLaw:
    """The power law through `table` [seeds, points], at `x` [points]; always the same numbers for the same table.

    Raises `ValueError` for fewer than three seeds or points, values that are not positive and finite, x that do not
    increase, and a level that is no share.

    >>> import numpy as np
    >>> x = np.array([10.0, 100.0, 1000.0])
    >>> law = fit(x, np.outer([1.0, 2.0, 4.0], x**-0.5))
    >>> round(law.slope, 6), round(law.prefactor, 6), law.holds
    (-0.5, 2.0, (10.0, 1000.0))
    """
    points, values = _positive("x", x, 1), _positive("table", table, 2)
    if values.shape[1] != len(points) or min(values.shape) < 3:
        raise ValueError(
            f"table has shape {values.shape}: expected three seeds or more, and {len(points)} ≥ 3 columns."
        )
    if np.any(np.diff(points) <= 0):
        raise ValueError(f"x={points.tolist()}: expected values that increase.")
    level = float(_real("level", level, axes=0))
    if not 0 < level < 1:
        raise ValueError(f"level={level!r}: expected a share between 0 and 1.")
    logs, lines = np.log(points), np.log(values)
    slopes, bends = seed_slopes(logs, lines), seed_curvatures(logs, lines)
    slope, centre = float(np.mean(slopes)), float(lines.mean() - np.mean(slopes) * logs.mean())
    total = float(np.sum((lines - lines.mean()) ** 2))
    left = float(np.sum((lines - centre - slope * logs) ** 2))
    half = bootstrap_half_width(slopes, level)
    with np.errstate(over="ignore", under="ignore"):
        prefactor = float(np.exp(centre))
    if not 0 < prefactor < np.inf:
        raise ValueError(f"table: the law is e^{centre:.4g} at x = 1; expected one that is a number there.")
    return PowerLaw(
        slope=slope,
        prefactor=prefactor,
        interval=(slope - half, slope + half),
        width=student_half_width(slopes, level),
        level=float(level),
        r_squared=1 - left / total if total > 0 else 1.0,
        curvature=float(np.mean(bends)),
        curvature_p=_p_value(bends, _rounding(logs, lines)),
        holds=_straight(points, lines, level),
        x=tuple(points.tolist()),
        seeds=len(lines),
    )


def power_law(
    records: Records,
    *,
    x: str,
    value: str | Callable[[Record], float],
    select: Select | None = None,
    level: float = LEVEL,
) -> PowerLaw:
    """The power law of `value` in the parameter `x` over the runs that reached their end.

    `value` is a function of a record, or the name of a value, whose last entry is taken; `select` keeps some of the
    records, as `runs(particles=100)` does. A line is one setting of all other parameters; several of one seed count as
    their mean. Raises `ValueError` as `fit`.

    >>> import numpy as np
    >>> from simulations import Record, Records
    >>> made = [
    ...     Record({"particles": m, "seed": seed}, {"risk": np.array([3.0, (1 + seed) / m])})
    ...     for m in (10, 20, 40)
    ...     for seed in range(3)
    ... ]
    >>> round(power_law(Records(made), x="particles", value="risk").slope, 6)
    -1.0
    """
    chosen = _chosen(records, select)
    measured = _measured(chosen, value)
    for name, argument in ((x, "x"), ("seed", "records")):
        require_name(argument, name, set.intersection(*(set(one.parameters) for one in chosen)), "parameter")
    there = {one.parameters[x] for one in chosen}
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in there):
        raise ValueError(f"x={x!r}: holds {in_short(sorted(map(str, there)))}; expected a parameter that is a number.")
    points, table = seed_lines(chosen, x, measured)
    if len(table) < 3 or len(points) < 3:
        seeds = len(set(chosen.column("seed")))
        ends = f"{len(there)} value{'s' * (len(there) > 1)} of {x} ({in_short(sorted(there))[1:-1]})"
        apart = f"; those with three or more have {len(points)} in common" if min(seeds, len(there)) > 2 else ""
        raise ValueError(
            f"records={len(chosen)} runs: expected three seeds at the same three values of {x} or more, found "
            f"{seeds} seed{'s' * (seeds > 1)} at {ends}{apart}."
        )
    return fit(points, table, level)


def _chosen(records: Records, select: Select | None) -> Records:
    instance("records", records, Records)
    if select is not None:
        require_function("select", select)
    chosen = records.done if select is None else select(records.done)
    if not isinstance(chosen, Records):
        raise ValueError(f"select={in_short(select)}: gave {in_short(chosen)}; expected a function to Records.")
    if not len(chosen):
        done = f"{len(records.done)} of {len(records)} runs reached their end"
        raise ValueError(f"records: {done}, and none of them is selected; expected three seeds or more.")
    return chosen


def _measured(chosen: Records, value: Any) -> Callable[[Record], float]:
    """The function of a record that a value's name, or the function itself, means."""
    if callable(value):
        require_function("value", value)
        return functools.partial(_number, value)
    for record in chosen:
        require_name("value", value, [*record.values, *record.parameters])
    return functools.partial(_number, operator.itemgetter(value))


def _number(function: Callable, record: Record) -> float:
    """One number of a record: the last entry."""
    entries = np.ravel(function(record))
    if not entries.size or entries.dtype.kind not in "biuf":
        raise ValueError(f"value: gave {in_short(entries)} for a record; expected one number or more.")
    return float(entries[-1])


def seed_slopes(logs: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Least-squares slope of every row of `lines` [seeds, points] in `logs` [points]."""
    centred = logs - logs.mean()
    return (lines - lines.mean(axis=1, keepdims=True)) @ centred / np.sum(centred**2)


def seed_curvatures(logs: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Coefficient of log² x in the least-squares parabola of every row, three points or more."""
    line = np.stack([np.ones_like(logs), logs - logs.mean()], axis=1)
    square = (logs - logs.mean()) ** 2
    square = square - line @ np.linalg.lstsq(line, square, rcond=None)[0]
    return lines @ square / np.sum(square**2)


def _straight(points: np.ndarray, lines: np.ndarray, level: float) -> tuple[float, float] | None:
    logs = np.log(points)
    for length in range(len(points), 2, -1):
        for start in reversed(range(len(points) - length + 1)):
            run = slice(start, start + length)
            bends = seed_curvatures(logs[run], lines[:, run])
            if _p_value(bends, _rounding(logs[run], lines[:, run])) >= 1 - level:
                return float(points[run][0]), float(points[run][-1])
    return None


def _p_value(samples: np.ndarray, rounding: float) -> float:
    """Two-sided Student's p for the mean being zero; a mean that rounding explains has p = 1."""
    from scipy.special import stdtr

    mean, error = abs(float(np.mean(samples))), float(np.std(samples, ddof=1)) / np.sqrt(len(samples))
    if mean <= rounding:
        return 1.0
    return float(2 * stdtr(len(samples) - 1, -mean / error)) if error > 0 else 0.0


def _rounding(logs: np.ndarray, lines: np.ndarray) -> float:
    """Return the most that rounding of the logarithms may add to a curvature."""
    return ULPS * np.finfo(float).eps * float(np.max(np.abs(lines)) + 1) / float(np.ptp(logs)) ** 2


def _positive(name: str, value: ArrayLike, axes: int) -> np.ndarray:
    array = _real(name, value, axes=axes)
    if array.size == 0 or np.any(array <= 0):
        raise ValueError(f"{name} holds values that have no logarithm: expected positive, finite numbers only.")
    return array


def _real(name: str, value: ArrayLike, *, axes: int | None = None) -> np.ndarray:
    """`value` in double precision, and finite then; raises `ValueError` otherwise."""
    form = {0: "one number", 1: "a list of numbers", 2: "a table of numbers", None: "numbers"}[axes]
    try:
        array = value if isinstance(value, np.ndarray) else np.asarray(value)
        if array.dtype.kind not in "iufOV" or np.ma.is_masked(value) or isinstance(value, str | bytes):
            raise TypeError
        with np.errstate(over="ignore"):
            array = np.asarray(array.astype(float))
    except (TypeError, ValueError):
        raise ValueError(f"{name}={in_short(value)}: expected {form}.") from None
    if axes is not None and array.ndim != axes:
        raise ValueError(f"{name} has shape {array.shape}: expected {form}.")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} holds values that have no logarithm: expected positive, finite numbers only.")
    return array
