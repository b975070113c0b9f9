"""Measures of escapes from a saddle: slopes and constants of exit times, and what rounding does to a symmetry."""

import numpy as np

from simulations.records.record import Record
from theory import saddle_escape

NEAR = 1e-3 * (1 + 1e-9)
"""Sizes from here on are in the linear regime."""

LOOKS = 4
"""Steps from one observation of a mirrored network to the next (count)."""


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


def lateness(record: Record) -> float:
    """λ (T − prediction) at the largest size within the linear regime."""
    k = int(np.argmax(record["sizes"] <= NEAR))
    return float((record["exit_times"][k] - record["exact_exit_times"][k]) * record["exact_rate"])


def unnormalised_lateness(record: Record) -> float:
    """Return the `lateness` if what a start has in the unstable direction were √2 times as much."""
    return lateness(record) + np.log(2) / 2


def noise_lateness(record: Record, missing: str | None = None) -> float:
    """λ (T − its mean as predicted) with noise, mean over replicas and temperatures."""
    late = (record["exit_times"] - record["exact_exit_times"][:, None]) * record["exact_rate"]
    return float(np.mean(late) - (0.0 if missing is None else record[missing]))


def noise_slope(record: Record, power: float = 0.5) -> float:
    """dT/dlog(1/τ^power), times the rate, of the mean over replicas."""
    logs = -2 * power * np.log(record["sizes"])
    spread = logs - logs.mean()
    return float(spread @ record["exit_times"].mean(axis=1) / (spread @ spread) * record["exact_rate"])


def noise_spread(record: Record) -> float:
    """Variance of T over its prediction, mean over temperatures."""
    return float(np.mean(np.var(record["exit_times"], axis=1, ddof=1)) / record["exact_spread"] ** 2)


def spread_of_one(record: Record) -> float:
    """Return the variance of T over its prediction for a single neuron, mean over temperatures."""
    of_many, of_one = (saddle_escape.log_chi(count)[1] for count in (record["particles"], 1))
    return noise_spread(record) * of_many / of_one


def rounding_bound(record: Record) -> np.ndarray:
    """How far rounding may tilt a symmetric start, [T]: errors of every step, carried on as a small tilt is."""
    small = record["tilt"][-3]
    growth = small / small[0]
    added = LOOKS * _operations(record) * np.finfo(float).eps * np.maximum(1.0, record["size"][-1]) ** 3
    return growth * np.cumsum(added / np.minimum.accumulate(growth[::-1])[::-1])


def over_rounding(record: Record, level: int = -1) -> np.ndarray:
    """Tilt of a symmetric start over what rounding explains, at every look while a small tilt is small."""
    linear = np.maximum.accumulate(record["tilt"][-3]) < 1e-2
    return (record["tilt"][level] / rounding_bound(record))[linear]


def least_symmetric(record: Record, level: int = -1) -> np.ndarray:
    """Risk of a start over the least that symmetry allows, at every look as long as symmetry lasts.

    The risk of even targets changes with the square of the tilt, which may then be as large as rounding.
    """
    lasts = (record["tilt"][level] < 1e-8) if level == -1 else np.ones(record["tilt"][level].shape, bool)
    rounding = 1 + _operations(record) * np.finfo(float).eps * record["exact_risk"] / record["exact_symmetric_risk"]
    return record["risk"][level][lasts] / record["exact_symmetric_risk"] * rounding


def _operations(record: Record) -> int:
    """Of one evaluation of the risk and its gradient, one after the other, at most."""
    return record["samples"] + record["particles"] + 6 * record["dimension"] + 60


def largest_size(record: Record, level: int = -2) -> float:
    """Size of the parameters at the end."""
    return float(record["size"][level][-1])
