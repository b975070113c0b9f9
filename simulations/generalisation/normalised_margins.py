"""Margins of trained classifiers over their norms, and over the largest margin that there is in the norm."""

from functools import partial

import numpy as np

from simulations.records.record import Record


def in_time(record: Record, norm: str) -> np.ndarray:
    """Return the margin over time, over its norm and the largest that there is: at most 1."""
    if norm == "variation":
        return record["in_variation"] / record["variation_upper"]
    if norm == "output":
        return record["in_output"] / record["kernel_margin"]
    with np.errstate(divide="ignore", invalid="ignore"):  # at the start these may be 0
        return record["margin"] / (record[norm] * record["kernel_margin"])


def relative(record: Record, norm: str) -> float:
    """Return the margin at the end, over its norm and the largest that there is."""
    return float(in_time(record, norm)[-1])


def in_own_norm(record: Record) -> float:
    """Return the margin over the largest one in the norm that the training keeps small."""
    return relative(record, "output" if record["experiment"] == "output_layer" else "variation")


def in_mean_output(record: Record) -> float:
    """Return `in_own_norm` with the mean absolute output weight for the norm."""
    largest = record["kernel_margin" if record["experiment"] == "output_layer" else "variation_upper"]
    return float(record["margin"][-1] / (record["mean_output"][-1] * largest))


def norms(record: Record, norm: str) -> np.ndarray:
    """Return α times the norm over time; of "variation" and "output" it is what the engine divided margins by."""
    if norm == "moved":
        return record["moved"]
    with np.errstate(divide="ignore", invalid="ignore"):  # at the start these may be 0
        return record["margin"] / record[f"in_{norm}"]


def growth(record: Record, norm: str, largest: str) -> float:
    """Return how much the margin grows a unit of its norm, at the end, over a largest margin."""
    margin, size = record["margin"], norms(record, norm)
    return float((margin[-1] - margin[-2]) / (size[-1] - size[-2]) / record[largest])


def exact_shortfall(record: Record, norm: str) -> float:
    """Return γ ‖f‖ − margin at the end, γ the largest margin, over that of the exact flow."""
    return -excess(record, norm) * float(np.log(record["samples"])) / _of_flow(record, "flow")


def _of_flow(record: Record, name: str) -> float:
    """Return γ ‖f‖ − margin of a linear model that theory moves."""
    margin, norm = record[name]
    return float(record["kernel_margin"] * norm - margin)


def unresolved(record: Record) -> float:
    """Return the share of the shortfall by which the flow differs from descent with the steps that are taken."""
    return abs(_of_flow(record, "descent") / _of_flow(record, "flow") - 1)


def excess(record: Record, norm: str) -> float:
    """Return (margin − γ ‖f‖) / log n at the end, γ the largest margin: at least −1 for a maximiser of the soft-min.

    Of norm r, the function of the largest margin has a soft-min, −log (1/n) Σ exp(−y_i f_i), of at least γr, and no
    margin is below a soft-min by more than log n.
    """
    largest = record["variation_upper" if norm in ("variation", "total") else "kernel_margin"]
    if norm == "total":
        theta = record["end"]
        size = record["alpha"] * np.mean(np.abs(theta[:, 0]) * np.linalg.norm(theta[:, 1:], axis=1))
    else:
        size = norms(record, norm)[-1]
    return float((record["margin"][-1] - size * largest) / np.log(record["samples"]))


def shortfall(record: Record, norm: str) -> float:
    """Return (γ ‖f‖ − margin) / log n at the end: at most 1 for a maximiser of the soft-min."""
    return -excess(record, norm)


def flow_shortfall(record: Record) -> float:
    """Return the `shortfall` of the exact flow of a linear model."""
    return _of_flow(record, "flow") / float(np.log(record["samples"]))


in_variation = partial(relative, norm="variation")
variation_excess = partial(excess, norm="variation")
variation_shortfall, total_shortfall, output_shortfall, tangent_shortfall = (
    partial(shortfall, norm=norm) for norm in ("variation", "total", "output", "moved")
)
