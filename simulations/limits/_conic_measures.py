"""Measures of the conic study, each a function of one record with all its replicas."""

from functools import partial

import numpy as np
from scipy.integrate import simpson

from simulations.records.record import Record


def _rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def distance(record: Record, to: str) -> float:
    """Root mean square of f − f_reference at the end, over samples and replicas."""
    return _rms(record["predictions"] - record[f"{to}_predictions"])


def _defects(record: Record, particles: float = 1.0) -> np.ndarray:
    """F(T) − F(0) + ∫ (1/m) Σ |θ'|² dt of every replica, the integral by a rule of the integrator's own order."""
    rate = particles * record["dissipation"]
    h = record["time"] / record["steps"]
    integral = h * np.sum(rate[:, :-1], axis=1) if record["flow"] == "euler" else simpson(rate, dx=h, axis=1)
    return record["energy"][:, -1] - record["energy"][:, 0] + integral


def energy_defect(record: Record) -> float:
    """Root mean square of the defect in the balance of energy."""
    return _rms(_defects(record))


def energy_defect_of_sum(record: Record) -> float:
    """Return the `energy_defect` with Σ for (1/m) Σ."""
    return _rms(_defects(record, record["particles"]))


def beyond_leading(record: Record, constant: float = 0.25) -> float:
    """Return the defect of Euler's method less its leading term, (h/4)(g(0) − g(T)) with g = (1/m) Σ |θ'|²."""
    rate = record["dissipation"]
    return _rms(_defects(record) - constant * record["time"] / record["steps"] * (rate[:, 0] - rate[:, -1]))


def balance_defect(record: Record, decay: float = 2.0) -> float:
    """Root mean square of b(T) − e^{−2λT} b(0), b = a² − |w|²."""
    kept = np.exp(-decay * record["decay"] * record["time"])
    return _rms(record["balance_end"] - kept * record["balance_start"])


def euler_identity(record: Record, added: float = 1.0) -> float:
    """Largest error of the exact law of b under Euler's steps, over its bound for rounding."""
    exact = record["balance_kept"] * record["balance_start"] + added * record["balance_added"]
    return float(np.max(np.abs(record["balance_end"] - exact) / record["balance_rounding"]))


def gradient_error(record: Record, factor: float = 1.0) -> float:
    """Largest difference of `factor` ∇_{θ_j} F and ∇F'[μ](θ_j), over its bound for rounding."""
    error = np.abs(factor * record["gradient"] - record["variation"])
    return float(np.max(error / record["gradient_rounding"]))


def velocity_error(record: Record, alpha: float = 0.0) -> float:
    """Largest error of v_j = −∇F'[μ](θ_j), with the risk's part times α^`alpha`, over its bound for rounding."""
    exact = record["alpha"] ** alpha * (record["variation"] - record["penalty"]) + record["penalty"]
    return float(np.max(np.abs(record["velocity"] + exact) / record["gradient_rounding"]))


def direction_error(record: Record, factor: float = 1.0) -> float:
    """Largest error of d F(μ + ε(ν − μ))/dε = ∫ F' d(ν − μ), over its bound for rounding."""
    error = np.abs(factor * record["along"] - record["along_variation"])
    return float(np.max(error / record["along_rounding"]))


def scaled_gradient_error(record: Record) -> float:
    """Return the `gradient_error` with the factor m, which the gradient in a record is without."""
    return gradient_error(record, record["particles"])


to_sphere, to_half_growth, to_balanced = (partial(distance, to=name) for name in ("sphere", "half_growth", "balanced"))
