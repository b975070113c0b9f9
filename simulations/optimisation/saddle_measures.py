"""Measures of escapes from a saddle: slopes and constants of exit times, and what rounding does to a symmetry."""

import numpy as np
from scipy.interpolate import CubicSpline

from simulations.records.record import Record
from theory import saddle_escape

NEAR = 1e-3 * (1 + 1e-9)
"""Sizes from here on are in the linear regime."""

LOOKS = 4
"""Steps from one observation of a mirrored network to the next (count)."""


DEVIATIONS = 6.0
"""How many standard deviations a bound on rounding is."""

WINDOW = 4
"""Observations on each side of an exit through which its spline goes (count)."""


def crossing(times: np.ndarray, fallen: np.ndarray, goal: float) -> float:
    """Return when a growing value first reaches the goal, by a spline of its logarithm; infinity if it does not."""
    above = np.flatnonzero(fallen >= goal)
    if not len(above) or above[0] == 0:
        return float("inf")
    first = int(above[0])
    near = np.arange(max(first - WINDOW, 0), min(first + WINDOW, len(times)))
    near = near[fallen[near] > 0]
    spline = CubicSpline(times[near], np.log(fallen[near]))
    roots = spline.solve(np.log(goal), extrapolate=False)
    inside = roots[(roots >= times[first - 1]) & (roots <= times[first])]
    return float(inside[0]) if len(inside) else float(times[first])


def near(record: Record) -> bool:
    """Return True for starts of several sizes within the linear regime, whose steps follow the growth."""
    return bool(np.sum(record["sizes"] <= NEAR) >= 2) and record["step"] <= 0.1


def local_slope(record: Record) -> float:
    """dT/dlog(1/ε), times the rate: fitted to all sizes within the linear regime."""
    near = record["sizes"] <= max(NEAR, np.sort(record["sizes"])[1])
    logs = -np.log(record["sizes"][near])
    spread = logs - logs.mean()
    return float(spread @ record["exit_times"][near] / (spread @ spread) * record["exact_rate"])


def kinked_slope(record: Record) -> float:
    """Return dT/dlog(1/ε), times the rate, from the two smallest sizes at least a decade apart.

    There rivals of the fastest direction are faint.
    """
    far = np.flatnonzero(record["sizes"] >= 9.9 * record["sizes"][-1])
    gone = np.log(record["sizes"][far[-1]] / record["sizes"][-1])
    return float((record["exit_times"][-1] - record["exit_times"][far[-1]]) / gone * record["exact_rate"])


def smooth_slope(record: Record) -> float:
    """Return the `kinked_slope` in units of |g|/2, as if relu were smooth at its kink with the mean of both slopes."""
    return kinked_slope(record) * float(record["exact_smooth_rate"] / record["exact_rate"]) / 2


def lateness(record: Record, name: str = "exact_exit_times") -> float:
    """λ (T − prediction) at the largest size within the linear regime."""
    k = int(np.argmax(record["sizes"] <= NEAR))
    return float((record["exit_times"][k] - record[name][k]) * record["exact_rate"])


def noise_lateness(record: Record, neurons: int | None = None) -> float:
    """λ (T − its mean as predicted, or as for so many neurons) with noise, mean over replicas and temperatures."""
    late = (record["exit_times"] - record["exact_exit_times"][:, None]) * record["exact_rate"]
    count = record["particles"]
    return float(np.mean(late) + saddle_escape.log_chi(neurons or count)[0] - saddle_escape.log_chi(count)[0])


def noise_slope(record: Record, rate: str = "exact_rate") -> float:
    """dT/dlog(1/√τ), times a rate, of the mean over replicas."""
    logs = -np.log(record["sizes"])
    spread = logs - logs.mean()
    return float(spread @ record["exit_times"].mean(axis=1) / (spread @ spread) * record[rate])


def noise_spread(record: Record, neurons: int | None = None) -> float:
    """Standard deviation of T, of all temperatures, over its prediction, or over that for so many neurons."""
    deviation = np.sqrt(np.mean(np.var(record["exit_times"], axis=1, ddof=1)))
    ratio = [saddle_escape.log_chi(count)[1] for count in (record["particles"], neurons or record["particles"])]
    return float(deviation / record["exact_spread"] * np.sqrt(ratio[0] / ratio[1]))


def rounding_bound(record: Record) -> np.ndarray:
    """How far rounding may tilt a symmetric start, [T]: independent errors of steps, carried on as a small tilt is."""
    small = record["tilt"][-3]
    growth = small / small[0]
    added = np.finfo(float).eps * np.maximum(1.0, record["size"][-1])
    carried = added / np.minimum.accumulate(growth[::-1])[::-1]
    return DEVIATIONS * growth * np.sqrt(LOOKS * np.cumsum(carried**2))


def over_rounding(record: Record, level: int = -1) -> np.ndarray:
    """Tilt of a start over what rounding explains, at every look while a small tilt is small."""
    linear = np.maximum.accumulate(record["tilt"][-3]) < 1e-2
    return (record["tilt"][level] / rounding_bound(record))[linear]


def least_symmetric(record: Record, level: int = -1) -> np.ndarray:
    """Risk of a start over the least that symmetry allows, at every look as long as the symmetric start is symmetric.

    The risk of even targets changes with the square of the tilt, which may then be as large as rounding.
    """
    lasts = record["tilt"][-1] < 1e-8
    rounding = 1 + _operations(record) * np.finfo(float).eps * record["exact_risk"] / record["exact_symmetric_risk"]
    return record["risk"][level][lasts] / record["exact_symmetric_risk"] * rounding


def _operations(record: Record) -> int:
    """Of one evaluation of the risk and its gradient, one after the other, at most."""
    return record["samples"] + record["particles"] + 6 * record["dimension"] + 60


def largest_size(record: Record, level: int = -2) -> float:
    """Size of the parameters at the end."""
    return float(record["size"][level][-1])
