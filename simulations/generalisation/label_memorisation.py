"""Measures of the study of random labels, each a function of one record."""

import numpy as np

from simulations import Record, Records, checks
from simulations.generalisation.digits import PIXELS
from simulations.records.record import Select
from simulations.verdicts.measured import Value, chosen, seed_table
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


def all_loss_errors(record: Record, other: bool = False) -> float:
    """Return the mean of `loss_error` over the levels, each beside what is predicted for it or for the next."""
    levels = len(record["labels"])
    return float(np.mean([loss_error(k, (k + 1) % levels if other else k)(record) for k in range(levels)]))


def travelled_over_predicted(record: Record, other: bool = False) -> float:
    """Return the mean over levels of m Σ_j p_j |θ_j − θ_j⁰|² at the end over what is predicted for the level, or for
    the opposite one.
    """
    found, known = record["travelled"], record["limit_travelled"]
    return float(np.mean(found / (known[::-1] if other else known)))


def memorised_after(record: Record, of: str = "f", loss: float = LEVEL) -> np.ndarray:
    """Return the steps until the mean squared residual is at `loss`, [levels].

    Between two looks, and beyond the last, the loss is taken to fall by the same factor at every step.
    """
    logs, steps = 2 * np.log(np.maximum(residual_norm(record, of), 1e-12)), record["steps"]
    below = logs <= np.log(loss)
    after = np.where(below.any(axis=1), np.maximum(below.argmax(axis=1), 1), len(steps) - 1)
    high, low = (np.take_along_axis(logs, at[:, None], axis=1)[:, 0] for at in (after - 1, after))
    part = (high - np.log(loss)) / np.maximum(high - low, 1e-6)
    return steps[after - 1] + part * (steps[after] - steps[after - 1])


def log_slowdown(record: Record, of: str = "f", loss: float = LEVEL) -> float:
    """Return log(steps to memorise random labels / true labels), from one start, or as predicted."""
    times = memorised_after(record, of, loss)
    return float(np.log(times[-1] / times[0]))


def slowdown_over_predicted(record: Record, loss: float = LEVEL) -> float:
    """Return the log of the slowdown by random labels over that predicted, or over that predicted up to a `loss`."""
    return log_slowdown(record) / log_slowdown(record, "limit_f", loss)


def cost_over_predicted(record: Record, level: int = -1) -> float:
    """Return the test error after random labels less that after true ones, over that predicted for a level."""
    error, limit = record["error"][:, -1], record["limit_error"][:, -1]
    return float((error[-1] - error[0]) / (limit[level] - limit[0]))


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


def wrong_fitted(record: Record, of: str = "f", level: int | None = None) -> float:
    """Return the mean of y u over samples with a wrong label at the step at which that over the others is a half."""
    level = middle(record) if level is None else level
    false, fitted = wrong(record)[level], record[of][level] * record["labels"][level]
    true, other = fitted[:, ~false].mean(axis=1), fitted[:, false].mean(axis=1)
    after = int(np.argmax(true >= 0.5))
    if after == 0:
        raise ValueError("true labels are never fitted by half.")
    share = (0.5 - true[after - 1]) / (true[after] - true[after - 1])
    return float((1 - share) * other[after - 1] + share * other[after])


def wrong_less_predicted(record: Record, level: int | None = None) -> float:
    """Return how far wrong labels are fitted then, less what is predicted for this level or for another."""
    return wrong_fitted(record) - wrong_fitted(record, "limit_f", level)


def forgotten(record: Record, level: int | None = None) -> float:
    """Return the test error at the end less that when `FITTED` of the true labels are learnt."""
    level = middle(record) if level is None else level
    error = record["error"][level]
    return float(error[-1] - error[early(record, level)])


def more_critical(record: Record) -> float:
    """Return the critical share of test samples after random labels less that after true ones."""
    return float(np.mean(record["critical"][-1]) - np.mean(record["critical"][0]))


def more_critical_half(record: Record) -> float:
    """Return the critical share of every other test sample after random labels less that of the rest."""
    random = record["critical"][-1]
    return float(np.mean(random[::2]) - np.mean(random[1::2]))


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


@checks.check("=")
def limit_either(records: Records, *, select: Select, x: str, value: Value, what: str, level: float) -> checks.Estimate:
    """Compare the limit of a value as x → ∞; what it has left over falls as x^−½ or x^−1, or between.

    Fluctuations of a width-m kernel are of order m^−½, but their mean effect is of the next order, m^−1, once they are
    small beside the least eigenvalue that counts; which of them leads at a given m depends on the labels. Each seed's
    values at the two largest x are extrapolated either way; the interval holds both means with theirs.
    """
    points, table = seed_table(chosen(records, select), x, value)
    ends = []
    for order in (0.5, 1.0):
        samples = checks.extrapolated(points, table, order)
        ends.append((float(np.mean(samples)), checks.half_width(samples, 2, level)))
    low, high = min(mean - width for mean, width in ends), max(mean + width for mean, width in ends)
    words = f"{what}, extrapolated in {x} from {points[-2]:g} and {points[-1]:g} in either order, {len(table)} seeds"
    return checks.Estimate((low + high) / 2, (high - low) / 2, words)
