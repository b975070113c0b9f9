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


def relative(record: Record, norm: str, factor: float = 1.0) -> float:
    """Return the margin at the end, over its norm and the largest that there is, times `factor`."""
    return float(factor * in_time(record, norm)[-1])


def excess(record: Record, norm: str) -> float:
    """Return (margin − γ ‖f‖) / log n at the end, γ the largest margin: at least −1 for a maximiser of the soft-min.

    Of norm r, the function of the largest margin has a soft-min, −log (1/n) Σ exp(−y_i f_i), of at least γr, and no
    margin is below a soft-min by more than log n.
    """
    theta, over = record["end"], "variation_upper" if norm in ("variation", "total") else "kernel_margin"
    size = {
        "variation": np.mean(np.sum(theta**2, axis=1)) / 2,
        "total": np.mean(np.abs(theta[:, 0]) * np.linalg.norm(theta[:, 1:], axis=1)),
        "output": np.sqrt(np.mean(theta[:, 0] ** 2)),
        "moved": np.sqrt(np.mean(np.sum((theta - record["start"]) ** 2, axis=1))),
    }[norm]
    missing = record["margin"][-1] - record["alpha"] * size * record[over]
    return float(missing / np.log(record["samples"]))


in_variation, in_output = (partial(relative, norm=norm) for norm in ("variation", "output"))
variation_excess, total_excess, output_excess, tangent_excess = (
    partial(excess, norm=norm) for norm in ("variation", "total", "output", "moved")
)
in_half_variation = partial(relative, norm="variation", factor=2.0)
in_mean_output = partial(relative, norm="mean_output")
