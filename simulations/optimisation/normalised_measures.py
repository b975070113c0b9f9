"""Measures of descents of normalised neurons: distances from the one with decay, in units of what rounding explains."""

import numpy as np

from simulations.records.record import Record

GROWN = ("same", "even", "half", "unbuffered", "optax_same")
"""Runs without decay that stand for one with it: their weights are larger, by 1/c."""

Paths = dict[str, dict[str, np.ndarray]]
"""Positions [T + 1, m, 1 + d], functions at new inputs [T + 1, inputs] and risk [T + 1] by the name of the run."""


def until(count: int, values: np.ndarray) -> np.ndarray:
    """Return so many values, infinite from where a run has ended."""
    return np.concatenate([values, np.full((count - len(values), *values.shape[1:]), np.inf)])


def _finite(values: np.ndarray) -> np.ndarray:
    """Return infinity for what is not a number: it is not near anything."""
    return np.where(np.isnan(values), np.inf, values)


def compared(paths: Paths, factors: np.ndarray) -> dict[str, np.ndarray]:
    """Return distances from the run with decay, of parameters and of functions, and what is drawn, [T + 1]."""
    decay, values = paths["decay"], {}
    for name, path in paths.items():
        scaled = path["positions"].copy()
        if name in GROWN:
            scaled[..., 1:] *= factors[:, None, None]
        if name != "decay":
            values[f"{name}_error"] = _finite(np.linalg.norm(decay["positions"] - scaled, axis=(1, 2)))
            values[f"{name}_gap"] = _finite(np.abs(path["predictions"] - decay["predictions"]).max(axis=1))
        if name in ("decay", "same", "plain"):
            values[f"{name}_norm"] = _finite(np.linalg.norm(path["positions"][..., 1:], axis=-1).mean(axis=1))
            values[f"{name}_risk"] = _finite(path["risk"])
    return values


def over_bound(*names: str, bound: str = "error_bound"):
    """Return the distance over what rounding explains, after every step."""

    def value(record: Record) -> np.ndarray:
        if not np.all(np.isfinite(record[bound])):
            raise ValueError(f"{bound} is infinite")
        return np.concatenate([record[name][1:] / record[bound][1:] for name in names])

    return value


def lasted(record: Record) -> float:
    """Return the number of steps after which the function is another one, by more than rounding explains."""
    apart = record["same_gap"] > record["gap_bound"]
    return float(apart.argmax()) if apart.any() else np.inf


def lasts_over(record: Record, name: str = "exact_lasts") -> float:
    """Return `lasted` in units of the predicted number of steps, or of another one."""
    return lasted(record) / float(record[name])
