"""Checks: from records to a verdict, with tolerances that come from error bars.

Seeds are the unit of replication: several runs of one seed share its data or its start, and count as their mean.
Every interval is Student at the level `LEVEL`, the rate at which a claim that holds is turned down by chance;
`Verdict.error` is the half-width of that interval. Slopes are fitted by `simulations.verdicts.power_law`. How often
each kind of interval covers is a table of `simulations.verdicts.intervals`: Student's for the mean of the seeds' slopes
holds this level at five seeds and more, which no percentile bootstrap can; it decides. The bootstrap's is named in the
statistic.

A check says True or False of what it is given, and None of what can't decide: no run, too few seeds for an interval or
outcomes for a test, a value that is no number (`simulations.verdicts.measured`). Whether the seeds are those it was
designed for, it does not know: `simulations.verdicts.ledger` calls what does not hold undecided where they are fewer.
"""

import numpy as np

from simulations.records.record import Records, Select, seed_means
from simulations.verdicts.intervals import student_half_width
from simulations.verdicts.measured import Untested, chosen, means, outcomes, seed_table, tested
from simulations.verdicts.measured import Value as Value
from simulations.verdicts.power_law import fit, seed_slopes
from simulations.verdicts.verdict import Verdict as Verdict
from simulations.verdicts.verdict import undecided
from simulations.verdicts.verdict import untested as untested

LEVEL = 1e-3
"""False alarms of one check."""


@tested
def slope(
    records: Records,
    *,
    select: Select,
    x: str,
    value: Value,
    predicted: float,
    drift: bool = False,
    pooled: bool = False,
    last: int = 0,
) -> Verdict:
    """The exponent p of value ∝ x^p, fitted by least squares in logarithms seed by seed, equals `predicted`.

    `last` keeps that many of the largest x. With `drift` the exponent is the asymptotic one: it is fitted to the upper
    half of the points, and what larger x would still change adds to the error: of a correction that falls as 1/x, a
    known multiple of what leaving the lower half out has changed (where x grows threefold, at most as much). With
    `pooled` one line goes through the medians over seeds at every x, and the error is the regression's own interval:
    for times, of which some are disturbed, and which memories of several levels scatter about the line. A seed counts
    by its shape alone, its mean logarithm taken off: a machine may be slower for a whole seed.
    """
    points, table = seed_table(chosen(records, select), x, value)
    points, table = points[-last:], table[:, -last:]
    if (why := _no_power_law(points, table, x, predicted)) is not None:
        return why
    law = fit(points, table, 1 - LEVEL)
    logs, lines = np.log(points), np.log(table)
    measured, error, bias = law.slope, law.width, 0.0
    if pooled:
        lines = np.median(lines - lines.mean(axis=1, keepdims=True), axis=0, keepdims=True)
        measured, error = float(seed_slopes(logs, lines)[0]), _regression_width(logs, lines[0])
    if drift:
        upper = (len(logs) - 1) // 2
        slopes = seed_slopes(logs[upper:], lines[:, upper:])
        bias = abs(float(np.mean(slopes)) - measured) * _left(points, upper)
        measured = float(np.mean(slopes))
        error = bias + (error if pooled else half_width(slopes))
    where = f"slope in {x} over {points[0]:g} … {points[-1]:g}, {len(table)} seeds"
    if not (drift or pooled):  # the interval of another fit is no interval of this one
        where += f"; bootstrap {law.interval[0]:.4g} … {law.interval[1]:.4g}"
    return Verdict(abs(measured - predicted) <= error, measured, error, predicted, where)


def _left(points: np.ndarray, upper: int) -> float:
    """Return what is left of a correction ∝ 1/x in the slope through `points[upper:]`, in units of its change.

    The change is from the slope through all points to this one; the result is at least 1.
    """
    whole, part = (float(seed_slopes(np.log(points[k:]), 1 / points[None, k:])[0]) for k in (0, upper))
    return max(1.0, part / (whole - part)) if whole != part else 1.0


@tested
def slope_above(records: Records, *, select: Select, x: str, value: Value, predicted: float) -> Verdict:
    """The exponent p of value ∝ x^p, fitted seed by seed as in `slope`, is above `predicted` by more than its error."""
    points, table = seed_table(chosen(records, select), x, value)
    if (why := _no_power_law(points, table, x, predicted)) is not None:
        return why
    slopes = seed_slopes(np.log(points), np.log(table))
    measured, error = float(np.mean(slopes)), half_width(slopes, 1)
    where = f"slope in {x} over {points[0]:g} … {points[-1]:g}, {len(table)} seeds"
    return Verdict(measured - error > predicted, measured, error, predicted, where)


def _no_power_law(points: np.ndarray, table: np.ndarray, x: str, predicted: float) -> Verdict | None:
    """The verdict on values of which one has no logarithm, or None; raises `Untested` where x has none."""
    if not np.all(points > 0):
        raise Untested(f"{x} = {points.min():g} has no logarithm")
    if not np.all(table > 0):
        return Verdict(False, float("nan"), float("nan"), predicted, "a value is not positive")
    return None


@tested
def equals(records: Records, *, select: Select, value: Value, predicted: float, what: str) -> Verdict:
    """The mean of a value over seeds equals `predicted`."""
    return _mean(records, select, value, predicted, what, lambda measured, error: abs(measured - predicted) <= error)


@tested
def limit(
    records: Records, *, select: Select, x: str, value: Value, order: float, predicted: float, what: str
) -> Verdict:
    """The limit of a value as x → ∞ equals `predicted`; what the value has left over falls as x^−order.

    Each seed's values at the two largest x are extrapolated to v with v + c x^−order through both, so that what is
    still missing at the largest x does not count as a deviation.
    """
    points, table = seed_table(chosen(records, select), x, value)
    before, after = points[-2:] ** order
    samples = (after * table[:, -1] - before * table[:, -2]) / (after - before)
    measured, error = float(np.mean(samples)), half_width(samples)
    where = f"{what}, extrapolated in {x} from {points[-2]:g} and {points[-1]:g}, {len(table)} seeds"
    return Verdict(abs(measured - predicted) <= error, measured, error, predicted, where)


@tested
def below(records: Records, *, select: Select, value: Value, predicted: float, what: str) -> Verdict:
    """The mean of a value over seeds is below `predicted`, by more than its error."""
    return _mean(records, select, value, predicted, what, lambda measured, error: measured + error < predicted, 1)


@tested
def above(records: Records, *, select: Select, value: Value, predicted: float, what: str) -> Verdict:
    """The mean of a value over seeds is above `predicted`, by more than its error."""
    return _mean(records, select, value, predicted, what, lambda measured, error: measured - error > predicted, 1)


@tested
def not_below(records: Records, *, select: Select, value: Value, predicted: float, what: str) -> Verdict:
    """The mean of a value over seeds is not below `predicted` by more than its error."""
    return _mean(records, select, value, predicted, what, lambda measured, error: measured + error >= predicted, 1)


@tested
def bounded(records: Records, *, select: Select, value: Value, predicted: float, what: str) -> Verdict:
    """No run exceeds `predicted`, a bound that is proved: the error is that of the arithmetic alone, and not
    counted.
    """
    found = outcomes(chosen(records, select), value)
    measured = float(max(np.max(seen) for _, seen in found))
    where = f"{what}, largest of {len(found)} runs"
    return Verdict(measured <= predicted, measured, 0.0, predicted, where, proved=True)


@tested
def at_least(records: Records, *, select: Select, value: Value, predicted: float, what: str) -> Verdict:
    """No run falls below `predicted`, a bound that is proved: `bounded` from the other side."""
    found = outcomes(chosen(records, select), value)
    measured = float(min(np.min(seen) for _, seen in found))
    where = f"{what}, least of {len(found)} runs"
    return Verdict(measured >= predicted, measured, 0.0, predicted, where, proved=True)


@tested
def share_above(records: Records, *, select: Select, value: Value, predicted: float, what: str) -> Verdict:
    """The probability of success is above `predicted`, by the exact one-sided interval of Clopper and Pearson.

    `value` gives the outcomes of a run, true or false, all independent; the error reaches down to the interval's lower
    end. Of so few outcomes that even successes alone would not do, nothing follows.
    """
    from scipy.special import betaincinv

    found = np.concatenate([seen for _, seen in outcomes(chosen(records, select), value)])
    count, wins = len(found), int(np.sum(found != 0))
    low = float(betaincinv(wins, count - wins + 1, LEVEL)) if wins else 0.0
    measured = wins / count
    verdict = Verdict(low > predicted, measured, measured - low, predicted, f"{what}, {wins} of {count}")
    if LEVEL ** (1 / count) <= predicted < 1:
        return undecided(verdict, f"needs {int(np.log(LEVEL) / np.log(predicted)) + 1} outcomes")
    return verdict


def half_width(samples: np.ndarray, sides: int = 2) -> float:
    """Half-width of the Student interval for the mean of independent samples at `LEVEL`, or of its one-sided kin."""
    return student_half_width(samples, 1 - LEVEL, sides)


def _mean(
    records: Records, select: Select, value: Value, predicted: float, what: str, passes, sides: int = 2
) -> Verdict:
    found, values = means(chosen(records, select), value)
    samples = seed_means(found, values)
    if len(samples) < 3:
        raise Untested(f"needs 3 seeds, has {len(samples)}")
    measured, error = float(np.mean(samples)), half_width(samples, sides)
    where = f"{what}, mean of {len(samples)} seeds" + (f", {len(found)} runs" if len(found) > len(samples) else "")
    return Verdict(bool(passes(measured, error)), measured, error, predicted, where)


def _regression_width(logs: np.ndarray, line: np.ndarray) -> float:
    """Half-width of the Student interval at `LEVEL` for the slope of one line."""
    from scipy.special import stdtrit

    spread, free = logs - logs.mean(), len(logs) - 2
    residuals = line - line.mean() - float(seed_slopes(logs, line[None])[0]) * spread
    return float(stdtrit(free, 1 - LEVEL / 2) * np.sqrt(np.sum(residuals**2) / free / np.sum(spread**2)))
