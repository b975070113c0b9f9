"""Measures of the study of random labels, each a function of one record."""

import numpy as np

from simulations.generalisation._labels import LEVEL
from simulations.generalisation.digits import PIXELS
from simulations.records.record import Record, Records, Select
from simulations.verdicts import checks
from simulations.verdicts.measured import chosen, seed_table, tested
from theory.memorisation import memorisation_bound

FITTED = 0.9
"""Share of the samples with a true label that are right when the network is looked at early."""

# --- Labels in the eigenvectors of the kernel


def complexity_over_exact(record: Record) -> float:
    """Mean of yᵀK⁻¹y over its exact mean, over draws and levels with random labels."""
    return float(np.mean((record["complexity"] ** 2 / record["exact_complexity"] ** 2)[:, 1:]))


def complexity_over_line(record: Record) -> float:
    """Return the mean of yᵀK⁻¹y over its value if it grew evenly with the share of random labels, which is wrong."""
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
    """‖y − u_k‖/√n of the networks, or of the prediction for each, [levels, replicas, T]."""
    return np.sqrt(np.mean((record["labels"][:, :, None] - record[of]) ** 2, axis=3))


def loss_error(level: int, predicted: int | None = None):
    """sup_k |‖y − u_k‖ − predicted|/‖y‖ at a level of random labels, mean over networks; predicted for that level, or
    for another.
    """

    def value(record: Record) -> float:
        limit = residual_norm(record, "limit_f")[level if predicted is None else predicted]
        return float(np.mean(np.max(np.abs(residual_norm(record)[level] - limit), axis=1)))

    return value


def memorised_after(record: Record, of: str = "f") -> np.ndarray:
    """Steps until the mean squared residual is at `LEVEL`, [levels, replicas].

    Between two looks, and beyond the last, the loss is taken to fall by the same factor at every step.
    """
    logs, steps = 2 * np.log(np.maximum(residual_norm(record, of), 1e-12)), record["steps"]
    below = logs <= np.log(LEVEL)
    after = np.where(below.any(axis=2), np.maximum(below.argmax(axis=2), 1), len(steps) - 1)
    high, low = (np.take_along_axis(logs, at[..., None], axis=2)[..., 0] for at in (after - 1, after))
    part = (high - np.log(LEVEL)) / np.maximum(high - low, 1e-6)
    return steps[after - 1] + part * (steps[after] - steps[after - 1])


def time_over_predicted(record: Record, level: int = -1) -> float:
    """Steps to memorise the labels of a level over those predicted for random labels: means over networks."""
    return float(np.mean(memorised_after(record)[level]) / np.mean(memorised_after(record, "limit_f")[-1]))


def log_slowdown(record: Record) -> float:
    """log(steps to memorise random labels / true labels), mean over networks from the same starts."""
    times = memorised_after(record)
    return float(np.mean(np.log(times[-1] / times[0])))


def wrong(record: Record) -> np.ndarray:
    """Samples whose label is not the true one, [levels, replicas, n]."""
    return record["labels"] != record["truth"]


def middle(record: Record) -> int:
    """The level nearest to half of the labels random."""
    return (len(record["labels"]) - 1) // 2


def right(record: Record, level: int, chosen: np.ndarray, of: str = "f") -> np.ndarray:
    """Share of the chosen samples [replicas, n] that are put where their label says, [replicas, T]."""
    fits = record[of][level] * record["labels"][level][:, None] > 0
    return np.sum(fits & chosen[:, None], axis=2) / np.sum(chosen, axis=1)[:, None]


def early(record: Record, level: int) -> np.ndarray:
    """The first look at which `FITTED` of the samples with a true label are right, [replicas]."""
    return np.argmax(right(record, level, ~wrong(record)[level]) >= FITTED, axis=1)


def wrong_fitted(record: Record, level: int | None = None) -> float:
    """Share of the wrong labels that the network says when it says `FITTED` of the true ones."""
    level = middle(record) if level is None else level
    false = right(record, level, wrong(record)[level])
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
    means = [np.sum(of * chosen, axis=1) / np.sum(chosen, axis=1) for chosen in (false, ~false)]
    return float(np.mean(np.log(means[0] / means[1])))


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
    """Return the share of the draws of labels that were memorised, less the bound for two units, which is wrong."""
    inputs = record["components"] or PIXELS
    return float(np.mean(record["memorised"]) - memorisation_bound(record["samples"], inputs, 2))


# --- A check


@tested
def limit(
    records: Records, *, select: Select, x: str, value: checks.Value, predicted: float, what: str
) -> checks.Verdict:
    """The limit of a value as x → ∞ equals `predicted`; what the value has left over falls as x^−½ or x^−1, or between.

    Fluctuations of a width-m kernel are of order m^−½, but a norm feels those across it in the next order, m^−1 alone;
    which of them leads at a given m depends on the labels. Each seed's values at the two largest x are extrapolated
    either way; what lies between the two means, and within their intervals, is not told apart from the limit.
    """
    points, table = seed_table(chosen(records, select), x, value)
    ends = []
    for order in (0.5, 1.0):
        before, after = points[-2:] ** order
        samples = (after * table[:, -1] - before * table[:, -2]) / (after - before)
        ends.append((float(np.mean(samples)), checks.half_width(samples)))
    low, high = min(mean - width for mean, width in ends), max(mean + width for mean, width in ends)
    measured, error = (low + high) / 2, (high - low) / 2
    where = f"{what}, extrapolated in {x} from {points[-2]:g} and {points[-1]:g} in either order, {len(table)} seeds"
    return checks.Verdict(abs(measured - predicted) <= error, measured, error, predicted, where)
