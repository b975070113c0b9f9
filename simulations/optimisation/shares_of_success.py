"""Success of students: which are at a global minimum, how many of them, and an exact comparison of two shares."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from simulations.records.record import Record, Records, Select
from simulations.verdicts.checks import LEVEL, Verdict
from simulations.verdicts.intervals import share_ends
from simulations.verdicts.measured import Untested, chosen, outcomes, tested
from simulations.verdicts.verdict import undecided

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


def above_floor(record: Record) -> float:
    """Return (F − F_low)/F(0), F_low what theory proves that no network of this kind goes below."""
    floor = record["positive_lower"] if record["layers"] == "positive" else record["lower"]
    return float((record["final"] - floor) / record["nothing"]) + ROUNDING


def above_dearer_floor(record: Record) -> float:
    """Return (F − F_low)/F(0), F_low with the penalty 2λ‖ν‖, which is not (λ/2)∫ a² + |w|² dμ."""
    return float((record["final"] - record["dearer_lower"]) / record["nothing"]) + ROUNDING


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


@tested
def more_often(
    records: Records, *, select: Select, fewer: Select, value: Outcomes, predicted: float, what: str
) -> Verdict:
    """The probability of success is larger in `select` than in `fewer`, by Fisher's exact one-sided test at `LEVEL`.

    `predicted` is the difference that must be exceeded, 0. The error reaches down to the lower end of the difference,
    from the ends of both shares by square-and-add. Of so few outcomes that even successes on one side alone would not
    do, nothing follows.
    """
    from scipy.special import comb
    from scipy.stats import hypergeom

    more, less = chosen(records, select), chosen(records, fewer)
    if any(record.parameters == other.parameters for record in more for other in less):
        raise Untested("needs runs of both kinds")
    won, lost = (np.concatenate([seen for _, seen in outcomes(part, value)]) != 0 for part in (more, less))
    (wins, count), (others, total) = (int(np.sum(won)), len(won)), (int(np.sum(lost)), len(lost))
    # Given how many succeeded in all, so many or more of them are in `select` by chance with this probability.
    chance = float(hypergeom.sf(wins - 1, count + total, wins + others, count))
    one, other = wins / count, others / total
    error = np.hypot(one - share_ends(wins, count, 1 - LEVEL)[0], share_ends(others, total, 1 - LEVEL)[1] - other)
    where = f"{what}, {wins} of {count} against {others} of {total}, p = {chance:.1e}"
    verdict = Verdict(chance < LEVEL, one - other, float(error), predicted, where)
    return undecided(verdict, "needs more outcomes") if 1 / comb(count + total, count) >= LEVEL else verdict
