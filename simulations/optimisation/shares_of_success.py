"""Success of students: which are at a global minimum, how many of them, and a comparison of two shares."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from simulations.records.record import Record, Records, Select
from simulations.verdicts.checks import Estimate, check
from simulations.verdicts.intervals import share_ends
from simulations.verdicts.measured import Untested, chosen, outcomes

Outcomes = Callable[[Record], ArrayLike]
"""True or false of a record, or of several outcomes in it."""

CLOSE = 1e-3
"""Success: the objective is within this share of its least value, or of that of f = 0 where that is zero."""

PROVED = 1e-2
"""Certified success: the certificate leaves no more than this share of F*. It falls as the root of the excess does."""

ROUNDING = 1e-13
"""Rounding of F, its minimum and its bounds, in units of F(0): some hundred terms, each to 1e-16, and what cancels."""


def excess(record: Record, least_value: str = "minimum") -> float:
    """Return (F − F*)/F*, F as the certificate bounds it from above."""
    return float((record["final"] - record[least_value]) / record[least_value])


def certified(record: Record) -> bool:
    """Return True where a certificate proves that the network is near the global minimum."""
    return bool(record["certified"] and record["gap"] < PROVED * record["minimum"])


def at_positive_minimum(record: Record) -> bool:
    """Return True close to the least value of networks with output weights of one sign."""
    return excess(record, "positive_minimum") < CLOSE


def at_minimum(record: Record) -> bool:
    """Return True close to the least value of all networks."""
    return excess(record) < CLOSE


def fitted(record: Record) -> bool:
    """Return True where all but nothing is left of the loss that f = 0 has."""
    return bool(record["energy"][-1] < CLOSE * record["nothing"])


def excess_over_gap(record: Record, gap: str = "gap") -> float:
    """Return (F − F*)/gap: a gap that is certified is never exceeded."""
    rounding = ROUNDING * record["nothing"]
    return float((record["final"] - record["minimum"]) / (record[gap] + rounding))


def excess_over_own_gap(record: Record) -> float:
    """Return (F − F*)/gap with the slope at the network's own neurons, which certifies nothing."""
    return excess_over_gap(record, "own_gap")


def from_optimum(least_value: str, record: Record) -> float:
    """Return the deviation of the engine's F of the convex optimum from a least value, in units of rounding.

    F is half a mean of squares over n samples, each of a sum over neurons, and the mean of their penalties: the errors
    of some n + m terms, which are as often up as down, add up as their root.
    """
    terms = record["samples"] + record["particles"]
    return _in_ulps(record["energy_of_optimum"], record[least_value]) / float(np.sqrt(terms))


def from_ridge(least_value: str, record: Record) -> float:
    """Return the deviation of F at the end from a least value, in units of the rounding of a ridge regression.

    Errors of ε‖K‖ in each of n eigenvalues of a kernel K, of which (K + nλ)⁻¹ makes ε‖K‖/nλ of the residual, add up
    as their root; and ‖K‖ is at most n|w|² for inputs of length one.
    """
    condition = np.sqrt(record["samples"]) * (1 + record["length"] ** 2 / record["strength"])
    return _in_ulps(record["energy"][-1], record[least_value]) / float(condition)


def _in_ulps(value: float, exact: float) -> float:
    return float(abs(value - exact) / (np.finfo(float).eps * exact))


def over_floor(record: Record) -> float:
    """Return F/F_low, F_low what theory proves that no network of this kind goes below; rounding is allowed."""
    floor = record["positive_lower"] if record["layers"] == "positive" else record["lower"]
    return float((record["final"] + ROUNDING * record["nothing"]) / floor)


def over_dearer_floor(record: Record) -> float:
    """Return F/F_low, F_low with the penalty 2λ‖ν‖, which is not (λ/2)∫ a² + |w|² dμ."""
    return float((record["final"] + ROUNDING * record["nothing"]) / record["dearer_lower"])


def over_cost(record: Record, of: str = "cost") -> float:
    """Return what the weights of the trained network cost over λ‖ν‖ of a convex optimum."""
    return float(record["penalty"] / record[of])


def where_some_arrive(select: Select) -> Select:
    """Restrict `select` to nothing unless some run is at its minimum: far above it, no floor is tested."""
    return lambda records: _if_any(select(records), at_minimum)


def where_some_are_trapped(select: Select) -> Select:
    """Restrict `select` to nothing unless some run is far from its minimum and its own neurons do not tell.

    That is the case for a bound.
    """
    return lambda records: _if_any(select(records), trapped)


def trapped(record: Record) -> bool:
    """Return True away from the minimum where the slope at the network's own neurons is that of one."""
    return bool(not at_minimum(record) and record["own_gap"] < CLOSE * record["minimum"])


def _if_any(records: Records, value: Outcomes) -> Records:
    return records if any(np.any(value(record)) for record in records) else Records([])


def log_feature_ratio(record: Record) -> float:
    """Return log(F / least F of fixed random features of the same number), students without a penalty."""
    return float(np.log(record["energy"][-1] / record["feature_minimum"]))


def tally(records: Records, value: Outcomes) -> tuple[int, int]:
    """Return how many outcomes of independent runs are successes, and how many there are."""
    found = np.concatenate([np.zeros(0), *[np.ravel(value(record)) for record in records]])
    return int(np.sum(found != 0)), len(found)


@check(">=")
def more_often(
    records: Records, *, select: Select, fewer: Select, value: Outcomes, what: str, level: float
) -> Estimate:
    """Compare how much larger the probability of success is in `select` than in `fewer`.

    The error reaches down to the lower end of the difference, from the ends of both shares by square-and-add. Of so
    few outcomes that even successes on one side alone would not do, nothing follows.
    """
    more, less = chosen(records, select), chosen(records, fewer)
    if any(record.parameters == other.parameters for record in more for other in less):
        raise Untested("needs runs of both kinds")
    won, lost = (np.concatenate([seen for _, seen in outcomes(part, value)]) != 0 for part in (more, less))
    (wins, count), (others, total) = (int(np.sum(won)), len(won)), (int(np.sum(lost)), len(lost))
    one, other = wins / count, others / total
    error = _reach(wins, count, others, total, level)
    words = f"{what}, {wins} of {count} against {others} of {total}"
    needs = "needs more outcomes" if _reach(count, count, 0, total, level) >= 1 else ""
    return Estimate(one - other, error, words, needs=needs)


def _reach(wins: int, count: int, others: int, total: int, level: float) -> float:
    """Return how far the lower end of a difference of two shares is below it."""
    low, high = share_ends(wins, count, 1 - level)[0], share_ends(others, total, 1 - level)[1]
    return float(np.hypot(wins / count - low, high - others / total))
