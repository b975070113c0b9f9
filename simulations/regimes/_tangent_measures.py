"""What the tangent-kernel study measures on a record, each a function of one record, and the one check of its own."""

import numpy as np

from simulations import _check
from simulations._records import Record, Records, Select
from simulations.regimes._accuracy import FEATURES, NETWORKS
from simulations.regimes._tangent import LAYERS, LEARNT, MOST

# --- Kernels at the start


def distance(record: Record, layers: str = "both") -> float:
    """Mean of ‖K_m − K‖²_F over the replicas of a run."""
    return float(np.mean(record[f"distance_{layers}"]))


def over_constant(record: Record, layers: str = "both", constant: str = "") -> float:
    """m ‖K_m − K‖²_F over the constant C of independent units, of the same layers or of others."""
    return record["particles"] * distance(record, layers) / float(record[f"constant_{constant or layers}"])


def half_over_constant(record: Record) -> float:
    """The same over 2C, the constant of pairs."""
    return over_constant(record) / 2


def one_layer(record: Record, constant: str = "") -> float:
    """The mean of the ratio for the output layer and of that for the input layer."""
    return float(np.mean([over_constant(record, layers, constant) for layers in LAYERS[1:]]))


def wrong_limit(record: Record) -> float:
    """Mean of ‖K_m − K‖²_F with the output layer's kernel for K."""
    return distance(record, "wrong")


# --- Directions


def residual_error(record: Record, rate: float = 1.0) -> float:
    """sup_k ‖(y − u_k) − prediction‖ / ‖y‖ over all eigenvectors; `rate` multiplies the kernel, wrongly."""
    exact = record["limit_residuals"]
    if rate != 1:
        # (1 − q)^k of the kernel times the rate: the logarithm of the decay, times it.
        exact = exact[:1] * np.abs(exact / exact[:1]) ** rate
    gaps = np.sum((record["residuals"] - exact) ** 2, axis=1)
    return float(np.sqrt(np.max(gaps) / np.sum(record["y"] ** 2)))


def slow_error(record: Record) -> float:
    """The same for a kernel n times smaller."""
    return residual_error(record, 1 / record["samples"])


def shuffled_error(record: Record) -> float:
    """The same with the eigenvalues dealt to other eigenvectors: along v_i the decay of v_{n−1−i}."""
    start, exact = record["limit_residuals"][0], record["limit_residuals"]
    dealt = start * (exact / start)[:, ::-1]
    return float(np.sqrt(np.max(np.sum((record["residuals"] - dealt) ** 2, axis=1)) / np.sum(record["y"] ** 2)))


def learnt(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """(predicted, measured) steps until the residual along v_i has fallen to 1/e, for the directions learnt by then.

    Between two looks, and beyond the last, a residual is taken to fall by the same factor at every step.
    """
    steps, falls = record["steps"], np.abs(record["residuals"] / record["residuals"][0])
    in_time = np.flatnonzero(record["limit_learnt"] * LEARNT <= steps[-1])[:MOST]
    measured = []
    for fall in falls[:, in_time].T:
        logs = np.log(np.maximum(fall, 1e-12))
        below = np.flatnonzero(logs <= -1)
        after = int(below[0]) if len(below) else len(steps) - 1
        before = after - 1 if len(below) else 0
        part = (-1 - logs[before]) / min(logs[after] - logs[before], -1e-6)
        measured.append(steps[before] + part * (steps[after] - steps[before]))
    return record["limit_learnt"][in_time], np.array(measured)


def _logs(record: Record, shuffled: bool) -> tuple[np.ndarray, np.ndarray]:
    predicted, measured = learnt(record)
    if shuffled:
        order = np.random.default_rng([record["seed"], 5]).permutation(len(predicted))
        predicted = predicted[order]
    return np.log(predicted), np.log(measured)


def exponent(record: Record, shuffled: bool = False) -> float:
    """The power p of learning time ∝ rate^p over the directions, by least squares in logarithms."""
    predicted, measured = _logs(record, shuffled)
    return float(-np.polyfit(predicted, measured, 1)[0])


def prefactor(record: Record, rate: float = 1.0) -> float:
    """Learning time times rate, the geometric mean over the directions."""
    predicted, measured = _logs(record, shuffled=False)
    return float(rate * np.exp(np.mean(measured - predicted)))


def scatter(record: Record, shuffled: bool = False) -> float:
    """Root mean square over the directions of log(learning time / predicted)."""
    predicted, measured = _logs(record, shuffled)
    return float(np.sqrt(np.mean((measured - predicted) ** 2)))


def shuffled_exponent(record: Record) -> float:
    return exponent(record, shuffled=True)


def shuffled_scatter(record: Record) -> float:
    return scatter(record, shuffled=True)


def undivided_prefactor(record: Record) -> float:
    """The same with a rate without its 1/n."""
    return prefactor(record, record["samples"])


# --- Accuracy

NONLINEAR = (*(f"features_{count}" for count in FEATURES), "arc_cosine", "tangent", "gaussian")


def score(record: Record, method: str) -> float:
    """Test accuracy (share), of networks at the end of training."""
    return float(np.ravel(record[f"accuracy_{method}"])[-1])


def difference(first: str, second: str):
    """Test accuracy of one method less that of another, on the same split."""
    return lambda record: score(record, first) - score(record, second)


def above_linear(record: Record) -> float:
    """The worst of the kernels and random features, less linear regression."""
    return min(score(record, method) for method in NONLINEAR) - score(record, "linear")


def over_networks(method: str):
    """Test accuracy of a method less that of the better network."""
    return lambda record: score(record, method) - max(score(record, name) for name in NETWORKS)


def not_below(records: Records, *, select: Select, value: _check.Value, predicted: float, what: str) -> _check.Verdict:
    """The mean of a value over seeds is not below `predicted` by more than its error."""
    return _check._mean(
        records, select, value, predicted, what, lambda measured, error: measured + error >= predicted, 1
    )
