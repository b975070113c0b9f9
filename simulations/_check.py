"""Checks: from records to a verdict, with tolerances that come from error bars.

Seeds are the unit of replication. Every interval is two-sided Student at the level `LEVEL`, the rate at which a claim that
holds is turned down by chance; `Verdict.error` is the half-width of that interval.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from simulations._records import Record, Records, by_seed

LEVEL = 1e-3
"""False alarms of one check."""

Value = str | Callable[[Record], float]


@dataclass(frozen=True)
class Verdict:
    """What a check found. `passed` is None when the records do not suffice, and `statistic` then says what is missing."""

    passed: bool | None
    measured: float
    error: float
    expected: float
    statistic: str


def untested(expected: float, why: str) -> Verdict:
    """The verdict on records that can't decide."""
    return Verdict(None, float("nan"), float("nan"), expected, f"not tested: {why}")


def slope(
    records: Records, *, select: Mapping, x: str, value: Value, predicted: float, drift: bool = False, last: int = 0
) -> Verdict:
    """The exponent p of value ∝ x^p, fitted by least squares in logarithms seed by seed, equals `predicted`.

    `last` keeps that many of the largest x. With `drift` the exponent is asymptotic: the difference between the slopes of
    the upper half and of all points, which bounds what the missing decades would still change, adds to the error.
    """
    points, table = by_seed(records.done.where(**select), x, value)
    points, table = points[-last:], table[:, -last:]
    if len(table) < 3 or len(points) < 3:
        return untested(predicted, f"needs 3 seeds and 3 values of {x}, has {len(table)} and {len(points)}")
    if not np.all(table > 0):
        return Verdict(False, float("nan"), float("nan"), predicted, "a value is not positive")
    logs, lines = np.log(points), np.log(table)
    slopes = _slopes(logs, lines)
    error = half_width(slopes)
    if drift:
        upper = _slopes(logs[len(logs) // 2 :], lines[:, len(logs) // 2 :]) if len(logs) > 3 else slopes
        error += abs(float(np.mean(upper - slopes)))
    measured = float(np.mean(slopes))
    return Verdict(
        abs(measured - predicted) <= error,
        measured,
        error,
        predicted,
        f"slope in {x} over {points[0]:g} … {points[-1]:g}, {len(slopes)} seeds",
    )


def equals(records: Records, *, select: Mapping, value: Value, predicted: float, what: str = "mean") -> Verdict:
    """The mean of a value over seeds equals `predicted`."""
    samples = _samples(records, select, value)
    if len(samples) < 3:
        return untested(predicted, f"needs 3 seeds, has {len(samples)}")
    measured, error = float(np.mean(samples)), half_width(samples)
    return Verdict(abs(measured - predicted) <= error, measured, error, predicted, f"{what}, {len(samples)} runs")


def below(records: Records, *, select: Mapping, value: Value, predicted: float, what: str = "mean") -> Verdict:
    """The mean of a value over seeds is below `predicted` by more than its error."""
    samples = _samples(records, select, value)
    if len(samples) < 3:
        return untested(predicted, f"needs 3 seeds, has {len(samples)}")
    measured, error = float(np.mean(samples)), half_width(samples)
    return Verdict(measured + error < predicted, measured, error, predicted, f"{what}, {len(samples)} runs")


def bounded(records: Records, *, select: Mapping, value: Value, predicted: float, what: str = "largest") -> Verdict:
    """No run exceeds `predicted`, which is proved: the error is rounding alone."""
    samples = _samples(records, select, value)
    if len(samples) < 1:
        return untested(predicted, "needs a run")
    measured = float(np.max(samples))
    return Verdict(measured <= predicted, measured, 0.0, predicted, f"{what} of {len(samples)} runs")


def half_width(samples: np.ndarray) -> float:
    """Half-width of the Student interval for the mean of independent samples at `LEVEL`."""
    from scipy.stats import t

    count = len(samples)
    return float(t.ppf(1 - LEVEL / 2, count - 1) * np.std(samples, ddof=1) / np.sqrt(count))


def _samples(records: Records, select: Mapping, value: Value) -> np.ndarray:
    chosen = records.done.where(**select)
    measure = value if callable(value) else lambda record: float(np.asarray(record.values[value]).ravel()[-1])
    return np.asarray([measure(record) for record in chosen])


def _slopes(logs: np.ndarray, lines: np.ndarray) -> np.ndarray:
    centred = logs - logs.mean()
    return (lines - lines.mean(axis=1, keepdims=True)) @ centred / np.sum(centred**2)
