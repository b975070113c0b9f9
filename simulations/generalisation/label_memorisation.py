"""Measures of the study of random labels, each a function of one record."""

import numpy as np

from simulations.generalisation.digits import PIXELS
from simulations.records.record import Record, Records, Select
from simulations.verdicts import checks
from simulations.verdicts.measured import chosen, seed_table, tested
from theory.memorisation import memorisation_bound

LEVEL = 0.1
"""Mean squared residual at which labels count as memorised (output units²)."""

FITTED = 0.9
"""Share of the samples with a true label that are right when the network is looked at early."""

# --- Labels in the eigenvectors of the kernel


def complexity_over_exact(record: Record) -> float:
    """Return the mean of yᵀK⁻¹y over its exact mean, over draws and levels with random labels."""
    return float(np.mean((record["complexity"] ** 2 / record["exact_complexity"] ** 2)[:, 1:]))


def complexity_over_line(record: Record) -> float:
    """Return the mean of yᵀK⁻¹y over its value if it grew evenly with the share of random labels, which is wrong."""
    exact, share = record["exact_complexity"] ** 2, record["shares"]
    line = exact[0] + share * (exact[-1] - exact[0])
    return float(np.mean((record["complexity"] ** 2 / line)[:, 1:-1]))


def least_increment(name: str):
    """Return the measure of the least growth of a quantity from one level to the next, means over draws."""
    return lambda record: float(np.min(np.diff(np.mean(record[name], axis=0))))


def error_at(level: int):
    """Return the measure of the test error of kernel descent to the end at a level, mean over draws."""
    return lambda record: float(np.mean(record["error"][:, level]))


def power_over_even(level: int):
    """Return the measure of the power of the labels along the few largest eigenvectors, over that of random labels."""
    return lambda record: float(np.mean(record["power"][:, level]) / record["exact_power"][-1])


# --- Training


def residual_norm(record: Record, of: str = "f") -> np.ndarray:
    """Return ‖y − u_k‖/√n of the networks, or of the prediction for each, [levels, T]."""
    return np.sqrt(np.mean((record["labels"][:, None] - record[of]) ** 2, axis=2))


def loss_error(level: int, predicted: int | None = None):
    """Return the measure sup_k |‖y − u_k‖ − predicted|/‖y‖ at a level; predicted for that level, or for another."""

    def value(record: Record) -> float:
        limit = residual_norm(record, "limit_f")[level if predicted is None else predicted]
        return float(np.max(np.abs(residual_norm(record)[level] - limit)))

    return value


def memorised_after(record: Record, of: str = "f") -> np.ndarray:
    """Return the steps until the mean squared residual is at `LEVEL`, [levels].

    Between two looks, and beyond the last, the loss is taken to fall by the same factor at every step.
    """
    logs, steps = 2 * np.log(np.maximum(residual_norm(record, of), 1e-12)), record["steps"]
    below = logs <= np.log(LEVEL)
    after = np.where(below.any(axis=1), np.maximum(below.argmax(axis=1), 1), len(steps) - 1)
    high, low = (np.take_along_axis(logs, at[:, None], axis=1)[:, 0] for at in (after - 1, after))
    part = (high - np.log(LEVEL)) / np.maximum(high - low, 1e-6)
    return steps[after - 1] + part * (steps[after] - steps[after - 1])


def time_over_predicted(record: Record, level: int = -1) -> float:
    """Return the steps to memorise the labels of a level over those predicted for random labels."""
    return float(memorised_after(record)[level] / memorised_after(record, "limit_f")[-1])


def log_slowdown(record: Record) -> float:
    """Return log(steps to memorise random labels / true labels), from one start."""
    times = memorised_after(record)
    return float(np.log(times[-1] / times[0]))


def wrong(record: Record) -> np.ndarray:
    """Return which samples have a label that is not the true one, [levels, n]."""
    return record["labels"] != record["truth"]


def middle(record: Record) -> int:
    """Return the level nearest to half of the labels random."""
    return (len(record["labels"]) - 1) // 2


def right(record: Record, level: int, chosen: np.ndarray, of: str = "f") -> np.ndarray:
    """Return the share of the chosen samples [n] that are put where their label says, [T]."""
    fits = record[of][level] * record["labels"][level] > 0
    return np.sum(fits & chosen, axis=1) / np.sum(chosen)


def early(record: Record, level: int) -> int:
    """Return the first look at which `FITTED` of the samples with a true label are right."""
    return int(np.argmax(right(record, level, ~wrong(record)[level]) >= FITTED))


def wrong_fitted(record: Record, level: int | None = None) -> float:
    """Return the share of the wrong labels that the network says when it says `FITTED` of the true ones."""
    level = middle(record) if level is None else level
    return float(right(record, level, wrong(record)[level])[early(record, level)])


def forgotten(record: Record, level: int | None = None) -> float:
    """Return the test error at the end less that when `FITTED` of the true labels are learnt."""
    level = middle(record) if level is None else level
    error = record["error"][level]
    return float(error[-1] - error[early(record, level)])


def more_critical(record: Record, sign: float = 1.0) -> float:
    """Return the critical share of test samples after random labels less that after true ones."""
    return sign * float(record["critical"][-1] - record["critical"][0])


def log_sensitivity(record: Record, level: int | None = None) -> float:
    """Return log(mean sensitivity of the loss to samples with a wrong label / to those with a true one)."""
    level = middle(record) if level is None else level
    false, of = wrong(record)[level], record["sensitivity"][level]
    return float(np.log(np.mean(of[false]) / np.mean(of[~false])))


def gini(values: np.ndarray) -> float:
    """Return the Gini coefficient of non-negative numbers: 0 if all are the same, near 1 if one has all."""
    values = np.sort(values)
    n = len(values)
    return float(np.sum((2 * np.arange(1, n + 1) - n - 1) * values) / (n * np.sum(values)))


# --- Capacity


def per_sample(record: Record) -> float:
    """Return parameters over samples."""
    inputs = record["components"] or PIXELS
    return record["particles"] * (inputs + 1) / record["samples"]


def share_over_bound(record: Record) -> float:
    """Return 1 for labels that were memorised, 0 for others, less the bound on its expectation."""
    return float(record["memorised"] - record["bound"])


def share_over_few(record: Record) -> float:
    """Return 1 for labels that were memorised, 0 for others, less the bound for two units, which is wrong."""
    inputs = record["components"] or PIXELS
    return float(record["memorised"] - memorisation_bound(record["samples"], inputs, 2))


# --- A check


@tested
def limit(
    records: Records, *, select: Select, x: str, value: checks.Value, predicted: float, what: str
) -> checks.Verdict:
    """Check that a value → `predicted` as x → ∞; what it has left over falls as x^−½ or x^−1, or between.

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
