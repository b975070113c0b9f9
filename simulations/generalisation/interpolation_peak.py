"""Measures of the peak of a risk at interpolation, read off curves against the number of parameters."""

import numpy as np

from simulations.records.record import Record, Records, Select
from theory.double_descent import tangent_parameters

NEAR = 0.15
"""Numbers of parameters that are still at the peak (share of it)."""


def in_the_middle(select: Select, records: Records) -> Records:
    """Return the curves with a width of as many parameters as samples, and others on both sides of it."""

    def spans(record: Record) -> bool:
        counted, n = record["parameters"], record["samples"]
        return bool(counted[0] <= 0.7 * n and n in counted and counted[-1] >= 2 * n)

    return select(records).where(spans)


def excess_over_exact(name: str, record: Record) -> float:
    """Return the mean over widths of the mean excess risk over its exact value."""
    return float(np.mean(record["excess"].mean(axis=1) / record[name]))


def rank_over_count(record: Record, other: bool = False) -> float:
    """Return the rank of the tangent kernel over the parameters that count, or over those of the other activation."""
    homogeneous = (record["activation"] == "relu") != other
    return record["rank"] / tangent_parameters(record["particles"], record["dimension"], homogeneous)


def medians(record: Record, name: str = "risk") -> np.ndarray:
    """Return the median over draws at every width, [k]; at as many parameters as samples the mean is infinite."""
    return np.median(record[name], axis=1)


def place(record: Record, parameters: float) -> int:
    """Return the width whose number of parameters is nearest to this."""
    return int(np.argmin(np.abs(record["parameters"] - parameters)))


def peaks(share: float, record: Record) -> np.ndarray:
    """Return in which draws the risk at share · n parameters exceeds all that are more than `NEAR` away from there."""
    risk, count = record["risk"], record["parameters"]
    at = place(record, share * record["samples"])
    return risk[at] > np.max(risk[np.abs(count / count[at] - 1) > NEAR], axis=0)


def miscounted_peaks(record: Record) -> np.ndarray:
    """Return the `peaks` where m (d + 1) = n for relu, or m d = n for tanh: the other activation's place."""
    d = record["dimension"]
    return peaks(d / (d + 1) if record["activation"] == "relu" else (d + 1) / d, record)


def rises(share: float, record: Record) -> np.ndarray:
    """Return whether the risk at share · n parameters exceeds those at half and at twice as many."""
    risk, count = record["risk"], share * record["samples"]
    return risk[place(record, count)] > np.maximum(risk[place(record, count / 2)], risk[place(record, 2 * count)])


def log_second(which: int, record: Record) -> float:
    """Return log(risk at a width, counted from the widest / least risk below the threshold)."""
    risk = medians(record)
    return float(np.log(risk[which] / np.min(risk[record["parameters"] < record["samples"]])))


def log_risen(name: str, record: Record) -> float:
    """Return log(risk at as many parameters as samples / at a quarter as many), the median over draws."""
    risk, n = record[name], record["samples"]
    return float(np.median(np.log(risk[place(record, n)] / risk[place(record, n / 4)])))


def residual_over_rounding(inside: bool, record: Record) -> float:
    """Return the largest |Φa − y| over its rounding, of widths from the threshold on, or of those below it."""
    wide = record["parameters"] >= record["samples"]
    return float(np.max((record["train_residual"] / record["rounding"])[wide if inside else ~wide]))


def off_over_rounding(name: str, record: Record) -> float:
    """Return the largest difference of test predictions from the closed form, over the bound on rounding."""
    off = np.max(np.abs(record["predictions"] - record[name]), axis=1)
    return float(np.max(off / record["exact_rounding"]))
