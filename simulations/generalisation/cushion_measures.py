"""Measures of the study of noise stability, each a function of one record."""

import numpy as np

from simulations.generalisation.digits import PIXELS
from simulations.records.record import Record

LARGE = 3
"""Which of the sizes of noise crosses kinks."""


def noise_times_cushion(record: Record, norm: str = "frobenius") -> float:
    """Return relative noise behind the first layer times μ₁²; with "spectral" times what it is with ‖W‖ for ‖W‖_F."""
    product = record["gain"] * record["input"] ** 2
    return float(np.mean(product * record["rank_input"] if norm == "spectral" else product))


def response_over_exact(record: Record, on: str = "active") -> float:
    """Return relative noise of the output over that of the hidden units, over 1/(m μ₁₂²), for the least noise; with
    "all" the units that are off at a sample are counted as well.
    """
    exact = record["attenuation"]
    if on == "all":
        exact = record["contraction"] ** 2 / (record["particles"] * record["output"] ** 2)
    return float(np.mean(record["response"][:, 0] / exact))


def large_over_exact(record: Record, known: int = LARGE) -> float:
    """Return the same for noise that crosses kinks, over its exact mean, or over that for noise of another size."""
    return float(np.mean(record["response"][:, LARGE] / record["exact_response"][:, known]))


def times_dimension(record: Record, *, of: str, inputs: bool = False) -> float:
    """Return the mean square of a cushion before training times m, or times d for a layer of so many inputs."""
    return float(record[of]) * _width(record, inputs)


def times_dimension_after(record: Record, *, of: str, inputs: bool = False) -> float:
    """Return the same of one network after training on true labels, mean over samples."""
    return float(np.mean(record[of][0] ** 2)) * _width(record, inputs)


def _width(record: Record, inputs: bool) -> int:
    return PIXELS if inputs else record["particles"]


def log_attenuation(record: Record, start: str = "") -> float:
    """Return log 1/(m μ₁₂²) after training on true labels, mean over samples."""
    return float(np.mean(np.log(record[f"{start}attenuation"][0])))


def log_ratio(record: Record, *, of: str, sign: float = 1.0, other: bool = False) -> float:
    """Return log(mean over samples of a quantity after random labels / after true ones, or `other` random ones)."""
    first = record[f"other_{of}"] if other else record[of][0]
    return float(sign * np.log(np.mean(record[of][-1]) / np.mean(first)))


def log_counted(record: Record, name: str = "compression") -> float:
    """Return log(bound / √(parameters/n)) for true labels."""
    return float(np.log(record[f"bound_{name}"][0] / record["count_bound"]))


def more_errors(record: Record, other: bool = False) -> float:
    """Return the test error after random labels less that after true ones, or `other` random ones."""
    return float(record["test_error"][-1] - (record["other_test_error"] if other else record["test_error"][0]))
