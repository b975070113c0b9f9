"""How far trained 2-homogeneous particles are from what their flow loses, keeps and descends; each of one record."""

from functools import partial

import numpy as np
from scipy.integrate import simpson

from simulations.records.record import Record


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def distance(record: Record, to: str) -> float:
    """Root mean square of f − f_reference at the end, over samples and networks."""
    return rms(record["predictions"] - record[f"{to}_predictions"])


to_sphere, to_half_growth, to_balanced = (partial(distance, to=name) for name in ("sphere", "half_growth", "balanced"))


def defects(record: Record, particles: float = 1.0) -> np.ndarray:
    """F(T) − F(0) + ∫ (1/m) Σ |θ'|² dt of every network, the integral by a rule of the integrator's own order."""
    rate, h = particles * record["dissipation"], record["time"] / record["steps"]
    euler = record["experiment"] == "descent"
    integral = h * np.sum(rate[:, :-1], axis=1) if euler else simpson(rate, dx=h, axis=1)
    return record["energy"][:, -1] - record["energy"][:, 0] + integral


def energy_defect(record: Record) -> float:
    """Root mean square of the defect in the balance of energy."""
    return rms(defects(record))


def energy_defect_of_sum(record: Record) -> float:
    """Return the `energy_defect` with Σ for (1/m) Σ."""
    return rms(defects(record, record["particles"]))


def beyond_leading(record: Record, constant: float = 0.25) -> float:
    """Return the defect of Euler's method less its leading term, (h/4)(g(0) − g(T)) with g = (1/m) Σ |θ'|²."""
    rate = record["dissipation"]
    return rms(defects(record) - constant * record["time"] / record["steps"] * (rate[:, 0] - rate[:, -1]))


def balance_defect(record: Record, decay: float = 2.0) -> float:
    """Root mean square of b(T) − e^{−2λT} b(0), b = a² − |w|²."""
    kept = np.exp(-decay * record["decay"] * record["time"])
    return rms(record["balance_end"] - kept * record["balance_start"])


def euler_identity(record: Record, added: float = 1.0) -> float:
    """Largest error of the exact law of b under Euler's steps, over its bound for rounding."""
    exact = record["balance_kept"] * record["balance_start"] + added * record["balance_added"]
    return float(np.max(np.abs(record["balance_end"] - exact) / record["balance_rounding"]))
