"""Measures of the tangent-kernel study, each a function of one record, and its own checks."""

from functools import partial

import numpy as np

from simulations.records.record import Record, Records, Select
from simulations.regimes._accuracy import FEATURES, NETWORKS
from simulations.regimes._tangent import LAYERS, LEARNT, MOST
from simulations.verdicts import checks
from simulations.verdicts.measured import chosen, seed_table, tested

# --- Kernels at the start


def distance(record: Record, layers: str = "both") -> float:
    """Mean of ‖K_m − K‖²_F over the replicas of a run."""
    return float(np.mean(record[f"distance_{layers}"]))


def over_constant(record: Record, layers: str = "both", constant: str = "") -> float:
    """m ‖K_m − K‖²_F over the constant C of independent units, of the same layers or of others."""
    return record["particles"] * distance(record, layers) / float(record[f"constant_{constant or layers}"])


def half_over_constant(record: Record) -> float:
    """Return m ‖K_m − K‖²_F over 2C, the constant of pairs."""
    return over_constant(record) / 2


def one_layer(record: Record, constant: str = "") -> float:
    """The mean of the ratio for the output layer and of that for the input layer."""
    return float(np.mean([over_constant(record, layers, constant) for layers in LAYERS[1:]]))


def wrong_limit(record: Record) -> float:
    """Mean of ‖K_m − K‖²_F with the output layer's kernel for K."""
    return distance(record, "wrong")


# --- Directions


def _sup(record: Record, exact: np.ndarray) -> float:
    """sup_k ‖(y − u_k) − exact_k‖ / ‖y‖, root mean square over the networks of a run."""
    gaps = np.max(np.sum((record["residuals"] - exact) ** 2, axis=2), axis=1)
    return float(np.sqrt(np.mean(gaps) / np.sum(record["y"] ** 2)))


def residual_error(record: Record) -> float:
    """Distance of the residuals to their prediction, over the steps and all eigenvectors, relative to the targets."""
    return _sup(record, record["limit_residuals"])


def slow_error(record: Record) -> float:
    """Return the `residual_error` with a kernel n times smaller, which is wrong."""
    start, decay = _decay(record)
    return _sup(record, start * decay ** (1 / record["samples"]))


def dealt_error(record: Record) -> float:
    """Return the `residual_error` with the eigenvalues dealt wrongly: along v_i the decay of v_{n−1−i}."""
    start, decay = _decay(record)
    return _sup(record, start * decay[:, ::-1])


def _decay(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Predicted residuals at the start [n], and what is left of each after every number of steps [T, n]."""
    q = record["share"] * record["eigenvalues"] / record["eigenvalues"][0]
    return record["limit_residuals"][0], np.abs(1 - q) ** record["steps"][:, None]


def _in_time(record: Record) -> np.ndarray:
    """The directions that theory says are learnt well within the run, the largest eigenvalues first."""
    return np.flatnonzero(record["limit_learnt"] * LEARNT <= record["steps"][-1])[:MOST]


def learning(records: Records) -> Records:
    """Runs on even labels with enough directions to fit a power to."""
    return records.where(lambda record: "residuals" in record and len(_in_time(record)) >= 5, labels="even")


def learnt(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """(predicted [I], measured [R, I]) steps until the residual along v_i has fallen to 1/e.

    For the directions that should be learnt well within the run. Between two looks, and beyond the last, a residual is
    taken to fall by the same factor at every step.
    """
    steps, predicted, in_time = record["steps"], record["limit_learnt"], _in_time(record)
    residuals = record["residuals"][:, :, in_time]
    logs = np.log(np.maximum(np.abs(residuals / residuals[:, :1]), 1e-12))
    below = logs <= -1
    after = np.where(below.any(axis=1), below.argmax(axis=1), len(steps) - 1)
    before = np.where(below.any(axis=1), after - 1, 0)
    high, low = (np.take_along_axis(logs, at[:, None], axis=1)[:, 0] for at in (before, after))
    part = (-1 - high) / np.minimum(low - high, -1e-6)
    return predicted[in_time], steps[before] + part * (steps[after] - steps[before])


def _logs(record: Record, dealt: bool) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of what `learnt` returns; `dealt` gives the predictions to the directions in reverse, wrongly."""
    predicted, measured = learnt(record)
    return np.log(predicted[::-1] if dealt else predicted), np.log(measured)


def exponent(record: Record, dealt: bool = False) -> float:
    """The power p of learning time ∝ rate^p over the directions, by least squares in logarithms, mean over networks."""
    predicted, measured = _logs(record, dealt)
    return float(-np.mean(np.polyfit(predicted, measured.T, 1)[0]))


def prefactor(record: Record, rate: float = 1.0) -> float:
    """Predicted over measured learning time, which is measured rate over predicted: the mean over directions and
    networks. Rates are linear in the kernel to first order, so that their mean is less biased than that of times.
    """
    predicted, measured = learnt(record)
    return float(np.mean(predicted / measured) / rate)


def scatter(record: Record, dealt: bool = False) -> float:
    """Root mean square over directions and networks of log(learning time / predicted)."""
    predicted, measured = _logs(record, dealt)
    return float(np.sqrt(np.mean((measured - predicted) ** 2)))


def undivided_prefactor(record: Record) -> float:
    """Return the `prefactor` with predicted rates that lack their 1/n."""
    return prefactor(record, record["samples"])


dealt_exponent = partial(exponent, dealt=True)
dealt_scatter = partial(scatter, dealt=True)

# --- Accuracy

NONLINEAR = (f"features_{max(FEATURES)}", "arc_cosine", "tangent", "gaussian")


def score(record: Record, method: str) -> float:
    """Test accuracy (share), of networks at the end of training."""
    return float(np.ravel(record[f"accuracy_{method}"])[-1])


def difference(first: str, second: str):
    """Test accuracy of one method less that of another, on the same split."""
    return lambda record: score(record, first) - score(record, second)


def above_linear(record: Record) -> float:
    """The worst of the kernels and of the most random features, less linear regression."""
    return min(score(record, method) for method in NONLINEAR) - score(record, "linear")


def over_networks(method: str):
    """Test accuracy of a method less that of the better network."""
    return lambda record: score(record, method) - max(score(record, name) for name in NETWORKS)


# --- Checks


@tested
def limit(
    records: Records, *, select: Select, x: str, value: checks.Value, predicted: float, what: str
) -> checks.Verdict:
    """The limit in x of a value's mean over seeds equals `predicted`, judged at the largest x.

    What the last step in x changed, which bounds what the missing ones would still change, adds to the error.
    """
    at, table = seed_table(chosen(records, select), x, value)
    means = table.mean(axis=0)
    error = checks.half_width(table[:, -1]) + abs(float(means[-1] - means[-2]))
    measured, where = float(means[-1]), f"{what} at {x} = {at[-1]:g}, {len(table)} seeds"
    return checks.Verdict(abs(measured - predicted) <= error, measured, error, predicted, where)
