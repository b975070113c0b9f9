"""Ratios of what births and deaths have done to what theory says of them."""

import numpy as np

from simulations.records.record import Record


def over_exact(change: str, record: Record, *, exact: str = "exact") -> float:
    """Return ⟨measured, predicted⟩/|predicted|² of the mean change of that name, a number or an array."""
    measured, predicted = np.ravel(record[change]), np.ravel(record[f"{exact}_{change}"])
    return float(measured @ predicted / (predicted @ predicted))


def masses_over_exact(record: Record, *, share: float = 1.0) -> float:
    """Return ⟨p̄_m − p₀, p − p₀⟩/|p − p₀|², p₀ the masses at the start, p those of the equation after so large a share
    of the steps.
    """
    path = record["exact_masses"]
    exact = path[round(share * (len(path) - 1))] - path[0]
    return float((record["masses"].mean(axis=0) - path[0]) @ exact / (exact @ exact))


def noise_over_exact(name: str, record: Record) -> float:
    """Return m E|p_m − p|² over its constant."""
    off = record["masses"] - record["exact_masses"][-1]
    return float(record["particles"] * np.mean(np.sum(off**2, axis=1)) / record[name])
