"""What the global-convergence study measures on a record, and an exact comparison of two shares."""

import numpy as np

from simulations._check import LEVEL, Value, Verdict, untested
from simulations._records import Record, Records, Select
from simulations.optimisation._students import least

CLOSE = 1e-3
"""Success: the objective is within this share of its least value, or of that of f = 0 where that is zero."""

PROVED = 1e-2
"""Certified success: the certificate leaves no more than this share of F*. It falls as the root of the excess does."""

ROUNDING = 1e-13
"""Rounding of F, its minimum and its bounds, in units of F(0): some hundred terms, each to 1e-16, and what cancels."""


def excess(record: Record, least_value: str = "minimum") -> np.ndarray:
    """(F − F*)/F* of every replica, F as the certificate bounds it from above."""
    return (record["final"] - record[least_value]) / record[least_value]


def certified(record: Record) -> np.ndarray:
    """Which replicas are proved to be near the global minimum, by their own certificate."""
    return record["certified"] & (record["gap"] < PROVED * record["minimum"])


def at_positive_minimum(record: Record) -> np.ndarray:
    """Which replicas are close to the least value of networks with output weights of one sign."""
    return excess(record, "positive_minimum") < CLOSE


def at_minimum(record: Record) -> np.ndarray:
    """Which replicas are close to the least value of all networks."""
    return excess(record) < CLOSE


def fitted(record: Record) -> np.ndarray:
    """Which replicas have all but lost the loss that f = 0 has."""
    return record["energy"][:, -1] < CLOSE * record["nothing"]


def excess_over_gap(record: Record, gap: str = "gap") -> float:
    """Largest (F − F*)/gap: a gap that is certified is never exceeded."""
    rounding = ROUNDING * record["nothing"]
    return float(np.max((record["final"] - record["minimum"]) / (record[gap] + rounding)))


def excess_over_own_gap(record: Record) -> float:
    return excess_over_gap(record, "own_gap")


def above_floor(record: Record) -> float:
    """Least (F − F_low)/F(0), F_low what theory proves that no network of this kind goes below."""
    floor = record["positive_lower"] if record["layers"] == "positive" else record["lower"]
    return float(np.min((record["final"] - floor) / record["nothing"])) + ROUNDING


def above_dearer_floor(record: Record) -> float:
    """The same for the first replica, with the penalty 2λ‖ν‖ that (λ/2)(a² + |w|²) does not amount to."""
    floor = least(record["x"][0], record["y"][0], 2 * record["strength"]).lower
    return float((record["final"][0] - floor) / record["nothing"][0]) + ROUNDING


def log_feature_ratio(record: Record) -> float:
    """Mean of log(F / least F of fixed random features of the same number), students without a penalty."""
    return float(np.mean(np.log(record["energy"][:, -1] / record["feature_minimum"])))


def tally(records: Records, value: Value) -> tuple[int, int]:
    """(successes, outcomes) of independent runs."""
    outcomes = np.concatenate([np.zeros(0), *[np.ravel(value(record)) for record in records]])
    return int(np.sum(outcomes != 0)), len(outcomes)


def share_interval(wins: int, count: int) -> tuple[float, float]:
    """Clopper and Pearson's ends for a probability, each missed with probability `LEVEL`."""
    from scipy.special import betaincinv

    low = float(betaincinv(wins, count - wins + 1, LEVEL)) if wins else 0.0
    high = float(betaincinv(wins + 1, count - wins, 1 - LEVEL)) if wins < count else 1.0
    return low, high


def more_often(
    records: Records, *, select: Select, fewer: Select, value: Value, predicted: float, what: str
) -> Verdict:
    """The probability of success is larger in `select` than in `fewer`, by Fisher's exact one-sided test at `LEVEL`.

    `predicted` is the difference that must be exceeded, 0. The error reaches down to the lower end of the difference,
    from the ends of both shares by square-and-add.
    """
    from scipy.stats import hypergeom

    (wins, count), (others, total) = (tally(chosen(records.done), value) for chosen in (select, fewer))
    if count < 1 or total < 1:
        return untested(predicted, "needs runs of both kinds")
    # Given how many succeeded in all, so many or more of them are in `select` by chance with this probability.
    chance = float(hypergeom.sf(wins - 1, count + total, wins + others, count))
    one, other = wins / count, others / total
    error = np.hypot(one - share_interval(wins, count)[0], share_interval(others, total)[1] - other)
    where = f"{what}, {wins} of {count} against {others} of {total}, p = {chance:.1e}"
    return Verdict(chance < LEVEL, one - other, float(error), predicted, where)
