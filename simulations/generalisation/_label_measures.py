"""What the study of random labels measures on a record, each a function of one record."""

import numpy as np

from simulations._records import Record
from simulations.generalisation._digits import PIXELS
from simulations.generalisation._labels import LEVEL
from theory.memorisation import memorisation_bound

FITTED = 0.9
"""Share of the samples with a true label that are right when the network is looked at early."""

# --- Labels in the eigenvectors of the kernel


def complexity_over_exact(record: Record) -> float:
    """Mean of yᵀK⁻¹y over its exact mean, over draws and levels with random labels."""
    return float(np.mean((record["complexity"] ** 2 / record["exact_complexity"] ** 2)[:, 1:]))


def complexity_over_line(record: Record) -> float:
    """The same over what would be if it grew evenly with the share of random labels, wrongly."""
    exact, share = record["exact_complexity"] ** 2, record["shares"]
    line = exact[0] + share * (exact[-1] - exact[0])
    return float(np.mean((record["complexity"] ** 2 / line)[:, 1:-1]))


def least_increment(name: str):
    """The least growth of a quantity from one level to the next, means over draws."""
    return lambda record: float(np.min(np.diff(np.mean(record[name], axis=0))))


def error_at(level: int):
    """Test error of kernel descent to the end at a level, mean over draws."""
    return lambda record: float(np.mean(record["error"][:, level]))


def power_over_even(level: int):
    """Power of the labels along the few largest eigenvectors, over that of random labels."""
    return lambda record: float(np.mean(record["power"][:, level]) / record["exact_power"][-1])


# --- Training


def residual_norm(record: Record, of: str = "f") -> np.ndarray:
    """‖y − u_k‖/√n of the networks [levels, replicas, T], or of a prediction for them [levels, 1, T]."""
    f = record[of] if record[of].ndim == 4 else record[of][:, None]
    return np.sqrt(np.mean((record["labels"][:, None, None] - f) ** 2, axis=3))


def loss_error(level: int, of: str = "limit_f"):
    """sup_k |‖y − u_k‖ − predicted|/‖y‖ at a level of random labels, mean over networks."""

    def value(record: Record) -> float:
        off = np.abs(residual_norm(record) - residual_norm(record, of))
        return float(np.mean(np.max(off[level], axis=1)))

    return value


def memorised_after(record: Record, of: str = "f") -> np.ndarray:
    """Steps until the mean squared residual is at `LEVEL`, [levels, replicas]; infinite if it never is.

    Between two looks the loss is taken to fall by the same factor at every step.
    """
    logs, steps = 2 * np.log(np.maximum(residual_norm(record, of), 1e-12)), record["steps"]
    below = logs <= np.log(LEVEL)
    after = np.maximum(below.argmax(axis=2), 1)[..., None]
    high, low = (np.take_along_axis(logs, at, axis=2)[..., 0] for at in (after - 1, after))
    after = after[..., 0]
    part = (high - np.log(LEVEL)) / np.maximum(high - low, 1e-12)
    return np.where(below.any(axis=2), steps[after - 1] + part * (steps[after] - steps[after - 1]), np.inf)


def time_over_predicted(record: Record, level: int = -1, predicted: int = -1) -> float:
    """Steps to memorise the labels of a level, mean over networks, over those predicted for that level or another."""
    return float(np.mean(memorised_after(record)[level]) / memorised_after(record, "limit_f")[predicted, 0])


def log_slowdown(record: Record) -> float:
    """log(steps to memorise random labels / true labels), mean over networks from the same starts."""
    times = memorised_after(record)
    return float(np.mean(np.log(times[-1] / times[0])))


def wrong(record: Record) -> np.ndarray:
    """Samples whose label at each level is not the true one, [levels, n]."""
    return record["labels"] != record["truth"]


def middle(record: Record) -> int:
    """The level nearest to half of the labels random."""
    return (len(record["labels"]) - 1) // 2


def right(record: Record, level: int, of: str = "f") -> tuple[np.ndarray, np.ndarray]:
    """Shares of the samples with a true label, and of those with a wrong one, that are put where their label says:
    each [replicas, T] for networks, [1, T] for the prediction.
    """
    f = record[of] if record[of].ndim == 4 else record[of][:, None]
    fits = f[level] * record["labels"][level] > 0
    false = wrong(record)[level]
    return np.mean(fits[..., ~false], axis=2), np.mean(fits[..., false], axis=2)


def early(record: Record, level: int) -> np.ndarray:
    """The first look at which `FITTED` of the samples with a true label are right, [replicas]."""
    return np.argmax(right(record, level)[0] >= FITTED, axis=1)


def wrong_fitted(record: Record, level: int | None = None) -> float:
    """Share of the wrong labels that the network says when it says `FITTED` of the true ones."""
    level = middle(record) if level is None else level
    _, false = right(record, level)
    return float(np.mean(np.take_along_axis(false, early(record, level)[:, None], axis=1)))


def forgotten(record: Record, level: int | None = None) -> float:
    """Test error at the end less that when `FITTED` of the true labels are learnt."""
    level = middle(record) if level is None else level
    error = record["error"][level]
    return float(np.mean(error[:, -1] - np.take_along_axis(error, early(record, level)[:, None], axis=1)[:, 0]))


def more_critical(record: Record, sign: float = 1.0) -> float:
    """Critical share of test samples after random labels less that after true ones."""
    return sign * float(np.mean(record["critical"][-1] - record["critical"][0]))


def log_sensitivity(record: Record, level: int | None = None) -> float:
    """log(mean sensitivity of the loss to samples with a wrong label / to those with a true one)."""
    level = middle(record) if level is None else level
    false, of = wrong(record)[level], record["sensitivity"][level]
    return float(np.mean(np.log(np.mean(of[:, false], axis=1) / np.mean(of[:, ~false], axis=1))))


def gini(values: np.ndarray) -> float:
    """Gini coefficient of non-negative numbers: 0 if all are the same, near 1 if one has all."""
    values = np.sort(values)
    n = len(values)
    return float(np.sum((2 * np.arange(1, n + 1) - n - 1) * values) / (n * np.sum(values)))


# --- Capacity


def per_sample(record: Record) -> float:
    """Parameters over samples."""
    inputs = record["components"] or PIXELS
    return record["particles"] * (inputs + 1) / record["samples"]


def share_over_bound(record: Record) -> float:
    """Share of the draws of labels that were memorised, less the bound on its expectation."""
    return float(np.mean(record["memorised"]) - record["bound"])


def share_over_few(record: Record) -> float:
    """The same less the bound for two units, wrongly."""
    inputs = record["components"] or PIXELS
    return float(np.mean(record["memorised"]) - memorisation_bound(record["samples"], inputs, 2))
