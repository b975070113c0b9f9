"""The excess of a network over the least objective of all networks, and the gap that a certificate leaves."""

import numpy as np

from simulations.records.record import Record

EARLY = (1.0, 2.0, 4.0)
"""When training is looked at first (mean-field time)."""


def two_signs(record: Record) -> bool:
    """Return True where networks of one sign do worse than others on a run's data, by at least a thousandth."""
    return bool(record["positive_lower"] > record["minimum"] * 1.001)


def excess(record: Record, name: str = "energy") -> np.ndarray:
    """Return F − min F over all measures, at all times."""
    return np.maximum(record[name] - record["minimum"], 1e-16)


def log_excess_ratio(record: Record, *, later: int = 0) -> float:
    """Return log(excess with births and deaths / without), from the same start: mean over early times.

    Without them time goes on for so many doublings more.
    """
    times = np.array(EARLY)
    at, then = (np.searchsorted(record["times"], when - 1e-9) for when in (times[: len(times) - later], times[later:]))
    return float(np.mean(np.log(excess(record)[at] / excess(record, "transport_energy")[then])))


def positive_excess(record: Record) -> float:
    """Return what networks of positive output weights miss."""
    return float(record["positive_minimum"] - record["minimum"])


def log_gap_ratio(record: Record) -> float:
    """Return log(certified gap at the end / excess of the best network of positive output weights)."""
    return float(np.log(record["gap"][-1] / positive_excess(record)))


def above_positive(record: Record) -> np.ndarray:
    """Return the excess at the end over what positive output weights miss at least, nothing where an output weight of
    a clone fell through 0.
    """
    kept = [bool(record["kept_positive"]) or record["reinjected"] > 0]
    return excess(record)[-1:][kept] / float(record["positive_lower"] - record["minimum"])


def excess_over_gap(record: Record) -> float:
    """Return excess over certified gap, the largest of all times."""
    return float(np.max((record["energy"] - record["minimum"]) / record["gap"]))


def excess_over_last_gap(record: Record) -> float:
    """Return the excess at the start over the gap at the end."""
    return float((record["energy"][0] - record["minimum"]) / record["gap"][-1])
