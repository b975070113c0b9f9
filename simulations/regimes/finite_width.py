"""How far networks of finite width are from infinitely wide ones, and what depth is worth: measures of a record."""

import numpy as np

from simulations.records.record import Record
from theory.deep_fluctuation import relu_kurtosis, relu_tangent_variance
from theory.deep_kernels import cosine_deficits, deep_kernels

COMPARED = 3
"""The layer (or the last one, if there are fewer) whose kernel is compared with the first order in 1/N (count)."""


def compared(record: Record) -> int:
    """Return the layer that is compared with the first order in 1/N."""
    return min(COMPARED, record["depth"])


def mean_output(record: Record, absolute: bool = False) -> float:
    """Mean of f over its limiting standard deviation, or of |f|."""
    f = record["outputs"] / np.sqrt(np.diag(record["limit_conjugate"][-1]))
    return float(np.mean(np.abs(f) if absolute else f))


def outputs(record: Record, bias_scale: float | None = None) -> float:
    """E f f' over the covariance of the limit, least squares over pairs of inputs; at other biases it is another one.

    Of ReLU without biases that covariance is exact at every width for one input, and nearly so for two.
    """
    exact = record["limit_conjugate"][-1]
    if bias_scale is not None:
        scales = {"weight_scale": record["weight_scale"], "bias_scale": bias_scale}
        exact = deep_kernels(record["x"], None, (record["depth"],), record["activation"], **scales).conjugate[0]
    found = record["outputs"].T @ record["outputs"] / len(record["outputs"])
    return float(np.sum(found * exact) / np.sum(exact**2))


def covariance(record: Record, layer: int | None = None) -> float:
    """Conjugate kernel of two inputs over E K_N to first order in 1/N, or over K of another layer (count).

    One factor for all pairs is fitted by least squares.
    """
    at, off = compared(record) - 1, ~np.eye(record["samples"], dtype=bool)
    exact = record["limit_conjugate"][at] + record["limit_shift"] / record["width"]
    if layer is not None:
        exact = record["limit_conjugate"][layer - 1]
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


def distance_constant(record: Record, added: bool = False) -> float:
    """N E ‖K_N − K‖²_F over C, or over L times the constant of one layer, as if later layers handed on all."""
    constant = record["constant"][0] * compared(record) if added else record["constant"][1]
    return float(record["width"] * distance(record) / constant)


def tangent_mean(record: Record, fewer: int = 0) -> float:
    """Mean of Θ_N(x, x) over its limit, or over that of so many layers fewer."""
    return float(np.mean(np.diag(record["tangent"]) / np.diag(record["limit_tangent"][-1 - fewer])))


def tangent_variance(record: Record, layers: int | None = None) -> float:
    """Relative variance of Θ_N(x, x) over its exact value for ReLU without biases, or over that of so many layers."""
    return float(record["tangent_variance"] / relu_tangent_variance(layers or record["depth"], record["width"]))


def pairs(record: Record) -> np.ndarray:
    """Angles of all pairs of inputs."""
    cosines = (record["x"] @ record["x"].T)[np.triu_indices(record["samples"], 1)]
    return np.arccos(np.clip(cosines, -1, 1))


def deficit(record: Record, fewer: int = 0) -> float:
    """1 − cosine behind the last layer over what the correlation map gives there, or so many layers before."""
    exact = [cosine_deficits(angle, record["depth"])[record["depth"] - fewer] for angle in pairs(record)]
    return float(np.mean(record["deficit"][-1][np.triu_indices(record["samples"], 1)] / exact))


def accuracy(record: Record, kernel: str, depth: int) -> float:
    """Test accuracy with a kernel at that depth (share)."""
    return float(record[f"accuracy_{kernel}"][list(record["depths"]).index(depth)])


def log_errors(record: Record, depth: int | None = None) -> float:
    """log of the share of test errors of the deepest tangent kernel, or that of a depth, over that of one layer.

    Half an error is added to both counts.
    """
    half, deepest = 0.5 / record["tested"], int(record["depths"][-1])
    first, last = (1 - accuracy(record, "tangent", at) for at in (1, depth or deepest))
    return float(np.log((last + half) / (first + half)))
