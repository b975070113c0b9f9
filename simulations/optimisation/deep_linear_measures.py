"""Measures of deep linear networks: balance and rounding of their factors, distances from the rule, and races."""

from itertools import pairwise

import numpy as np

from simulations.records.record import Record

SLOW = 2
"""Which of them is 1/4: the largest that is safe wherever the start points."""


def balances(factors: list[np.ndarray]) -> list[np.ndarray]:
    """Return W_{j+1}ᵀ W_{j+1} − W_j W_jᵀ for all j, which gradient flow keeps."""
    return [above.T @ above - below @ below.T for below, above in pairwise(factors)]


def largest_distance(before: list[np.ndarray], after: list[np.ndarray]) -> float:
    """Return the largest distance of two matrices; 0 where there are none."""
    return max([0.0, *(float(np.linalg.norm(b - a)) for a, b in zip(before, after, strict=True))])


def rounding(x: np.ndarray, y: np.ndarray, matrix: np.ndarray, steps: float, hidden: int) -> float:
    """Return how far apart rounding may drive two computations of one descent from W = W_2 W_1: a step's, times growth.

    The Hessian of L(W_2 W_1) is a positive part and one of norm |G| ≤ (2Lν)^{1/2}, ν the largest eigenvalue of xᵀx/n;
    and L falls.
    """
    (n, inputs), outputs = x.shape, y.shape[1]
    risk, curvature = np.mean(np.sum((x @ matrix.T - y) ** 2, axis=1)) / 2, np.linalg.norm(x, 2) ** 2 / n
    operations, size = n + hidden + inputs + outputs + 8, np.linalg.norm(matrix) + np.abs(y).max() * np.linalg.norm(x)
    return float(steps * operations * np.finfo(float).eps * size * np.exp(np.sqrt(2 * risk * curvature)))


def crossing(times: np.ndarray, residual: np.ndarray, tolerance: float) -> float:
    """Return when the residual falls to the tolerance for good, on a line in log-log axes; infinity if it does not."""
    over = np.flatnonzero(~(residual <= tolerance))
    last = over[-1] if len(over) else 0
    if last + 1 >= len(residual):
        return float("inf")
    if last == 0:
        return float(times[1])
    part = np.log(residual[last] / tolerance) / np.log(residual[last] / max(residual[last + 1], 1e-300))
    return float(times[last] * (times[last + 1] / times[last]) ** part)


def distance(record: Record, rule: str = "rule") -> float:
    """|W − W of the rule|."""
    return float(np.linalg.norm(record["end"] - record[f"exact_{rule}"]))


def second_order(record: Record) -> float:
    """Return the size of what theory has at order η² beyond the rule after one step."""
    return float(np.linalg.norm(record["exact_second_order"])) / record["steps"] ** 2


def share_of_second_order(record: Record, rule: str = "rule") -> float:
    """The term of order η² in units of |W − W of the rule| after one step."""
    return second_order(record) / distance(record, rule)


def unbalance(record: Record, name: str = "unbalance") -> float:
    """Change of W_{j+1}ᵀ W_{j+1} − W_j W_jᵀ, the largest of all layers."""
    return float(record[name])


def difference(record: Record, name: str = "units") -> float:
    """|W of two factors − W of as many neurons| in units of what rounding may do."""
    return float(np.linalg.norm(record["end"] - record[name]) / record["rounding"])


def fair(record: Record) -> bool:
    """Return True if the target is large enough to matter, and both models learn both targets at their `SLOW` step."""
    return record["target"] >= 3 and bool(np.all(np.isfinite([record[name][SLOW] for name in ("shallow", "deep")])))


def arrived(record: Record) -> bool:
    """Return True if both models, each at its best step, learn the targets."""
    return bool(np.all(np.isfinite([np.min(record[name]) for name in ("shallow", "deep")])))


def sooner(record: Record, shallow: int = SLOW) -> float:
    """Iterations until the small target is learned, one factor over two, each at a quarter of its monotone step."""
    return float(record["shallow_second"][shallow] / record["deep_second"][SLOW])


def log_gain(record: Record) -> float:
    """log(iterations of the shallow model / of the deep one), each at the best of all steps."""
    return float(np.log(np.min(record["shallow"]) / np.min(record["deep"])))
