"""How far networks of finite width are from infinitely wide ones, and what depth is worth: measures of a record."""

import numpy as np

from simulations.records.record import Record
from theory.deep_fluctuation import relu_kurtosis
from theory.deep_kernels import cosine_deficits, deficit_bounds

COMPARED = 3
"""The layer (or the last one, if there are fewer) whose kernel is compared with the first order in 1/N (count)."""

FAR = 300
"""Layers after which the cosine's fall is compared with its bounds (count)."""


def compared(record: Record) -> int:
    """Return the layer that is compared with the first order in 1/N."""
    return min(COMPARED, record["depth"])


def mean_output(record: Record, absolute: bool = False) -> float:
    """Mean of f over its limiting standard deviation, or of |f|."""
    f = record["outputs"] / np.sqrt(np.diag(record["limit_conjugate"][-1]))
    return float(np.mean(np.abs(f) if absolute else f))


def covariance(record: Record, unscaled: bool = False) -> float:
    """Covariance of the outputs at two inputs over E K_N to first order in 1/N, least squares over pairs.

    `unscaled` leaves the variance of one layer's weights out of the prediction, for networks without biases.
    """
    at, off = compared(record) - 1, ~np.eye(record["samples"], dtype=bool)
    exact = record["limit_conjugate"][at] + record["limit_shift"] / record["width"]
    if unscaled:
        exact = exact / record["weight_scale"] ** 2
    return float(np.sum((record["conjugate"][at] * exact)[off]) / np.sum(exact[off] ** 2))


def kurtosis(record: Record, one_layer: bool = False) -> float:
    """Excess kurtosis of ReLU networks at the layer compared, over its exact value (or that of one layer)."""
    layer = compared(record)
    return float(record["kurtosis"][layer - 1] / relu_kurtosis(1 if one_layer else layer, record["width"]))


def kurtosis_constant(record: Record, relu: bool = False) -> float:
    """N × excess kurtosis over its limit 3 V/K², or over the 15 L of ReLU."""
    layer = compared(record)
    squares = np.diag(record["limit_conjugate"][layer - 1]) ** 2
    exact = 15.0 * layer if relu else 3 * np.mean(np.diag(record["limit_variance"][1]) / squares)
    return float(record["width"] * record["kurtosis"][layer - 1] / exact)


def distance(record: Record) -> float:
    """E ‖K_N − K‖²_F at the layer compared."""
    return float(record["distance"][compared(record) - 1])


def from_another_layer(record: Record) -> float:
    """Return E ‖K_N − K‖²_F at the layer compared, with the first layer's limit for K: wrong, for a control."""
    layer = compared(record) - 1
    apart = np.sum((record["limit_conjugate"][0] - record["limit_conjugate"][layer]) ** 2)
    return float(record["distance"][layer] + apart)


def distance_constant(record: Record, added: bool = False) -> float:
    """N E ‖K_N − K‖²_F over C, or over L times the constant of one layer, as if later layers handed on all."""
    constant = record["constant"][0] * compared(record) if added else record["constant"][1]
    return float(record["width"] * distance(record) / constant)


def tangent_distance(record: Record, name: str = "tangent_distance") -> float:
    """E ‖Θ_N − Θ‖²_F over ‖Θ‖²_F."""
    return float(record[name] / np.sum(record["limit_tangent"][-1] ** 2))


def tangent_mean(record: Record, of: str = "limit_tangent") -> float:
    """Mean of Θ_N(x, x) over its limit."""
    return float(np.mean(np.diag(record["tangent"]) / np.diag(record[of][-1])))


def pairs(record: Record) -> np.ndarray:
    """Angles of all pairs of inputs."""
    cosines = (record["x"] @ record["x"].T)[np.triu_indices(record["samples"], 1)]
    return np.arccos(np.clip(cosines, -1, 1))


def deficit(record: Record, layers: int | None = None) -> float:
    """1 − cosine behind the last layer over what the correlation map gives (behind another number of layers: wrong)."""
    depth = int(record["depth"] if layers is None else layers)
    exact = [cosine_deficits(angle, depth)[depth] for angle in pairs(record)]
    return float(np.mean(record["deficit"][-1][np.triu_indices(record["samples"], 1)] / exact))


def fall(record: Record, factor: float = 1.0) -> float:
    """Where 1 − c_L is between its bounds at L = 300: −1 at the lower, 1 at the upper; the farthest of all pairs.

    Both bounds are (9π²/2)/L² but for log L/L; times `factor` they have another constant.
    """
    places = []
    for angle in pairs(record):
        low, high = (factor * bound for bound in deficit_bounds(angle, FAR))
        places.append(abs(2 * (cosine_deficits(angle, FAR)[-1] - low) / (high - low) - 1))
    return float(max(places))


def accuracy(record: Record, kernel: str, depth: int) -> float:
    """Test accuracy with a kernel at that depth (share)."""
    return float(record[f"accuracy_{kernel}"][list(record["depths"]).index(depth)])


def over_four(record: Record, guess: bool = False) -> float:
    """Test accuracy of the tangent kernel of one layer (or of guessing one of ten) less that of four layers."""
    first = 0.1 if guess else accuracy(record, "tangent", 1)
    return first - accuracy(record, "tangent", 4)


def log_errors(record: Record, guess: bool = False) -> float:
    """log of the share of test errors of the deepest tangent kernel over that of one layer (or of guessing one of ten).

    Half an error is added to both counts.
    """
    first = 0.1 if guess else accuracy(record, "tangent", 1)
    half = 0.5 / record["tested"]
    return float(np.log((1 - record["accuracy_tangent"][-1] + half) / (1 - first + half)))
