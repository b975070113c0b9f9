"""Checks: a statistic of the records with its interval; the relation of the prediction decides.

| relation | a check says that the claim holds where |
|---|---|
| `=`, `slope` | the interval, of two sides, holds the predicted value |
| `<=`, `>=` | the whole interval, of one side, lies on that side: the inequality is shown |

Seeds are the unit of replication: several runs of one seed share its data or its start, and count as their mean.
Every interval is Student's at the level `LEVEL`, unless another is given: the rate at which a claim that holds is
turned down by chance. `Verdict.error` is its half-width. Slopes are fitted by `simulations.verdicts.power_law`. How
often each kind of interval covers are tables of `simulations.verdicts.intervals`: Student's for the mean of the seeds'
slopes holds this level at five seeds and more, which no percentile bootstrap can; it decides. The bootstrap's is named
in the statistic. For means of squares it does so where a seed averages many of them.

A check says True or False of what it is given, and None of what can't decide: no run, too few seeds for an interval or
outcomes for a test, a value that is no number (`simulations.verdicts.measured`). Whether the seeds are those it was
designed for, it does not know: `simulations.verdicts.ledger` calls what does not hold undecided where they are fewer.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meanfield.arguments import one_of
from simulations.records.record import Records, Select, seed_means
from simulations.verdicts.intervals import share_ends, student_half_width
from simulations.verdicts.measured import Untested, chosen, means, outcomes, seed_table, tested
from simulations.verdicts.measured import Value as Value
from simulations.verdicts.power_law import fit, seed_slopes
from simulations.verdicts.verdict import Verdict as Verdict
from simulations.verdicts.verdict import undecided
from simulations.verdicts.verdict import untested as untested

LEVEL = 1e-3
"""False alarms of one check."""


EQUALITIES = ("=", "slope")
"""Relations whose interval has two sides."""


class Refuted(Exception):
    """Why a claim does not hold, where there is nothing to estimate."""


@dataclass(frozen=True)
class Estimate:
    """The value of a statistic, the half-width of its interval, and what it is in words."""

    value: float
    error: float
    words: str
    needs: str = ""
    """What is missing for any outcome to decide."""
    free: int = 0
    """Degrees of freedom of Student's interval; 0 where the error is no such interval."""


def check(*relations: str, proved: bool = False) -> Callable[[Callable[..., Estimate]], Callable[..., Verdict]]:
    """Return the decorator that makes a check of a statistic, for predictions with these relations.

    The statistic takes records and settings, and where it asks for them `sides` and `level` of its interval, and
    `predicted`. It returns an `Estimate`; it raises `Untested` where the records can't decide, and `Refuted` where no
    number is needed to turn the claim down. An equality whose error is above `widest` decides nothing. A prediction
    that is known to an `accuracy`, as what was read off a figure, is compared to within that. Of an extreme of
    all runs, against a bound that is `proved` for each, one run beyond it is enough: such claims are bounds.
    """

    def decorate(statistic: Callable[..., Estimate]) -> Callable[..., Verdict]:
        known = inspect.signature(statistic).parameters

        @tested
        def judged(
            records: Records,
            *,
            predicted: float,
            relation: str = relations[0],
            attained: bool = False,
            widest: float | None = None,
            accuracy: float = 0.0,
            level: float = LEVEL,
            **settings,
        ) -> Verdict:
            one_of("relation", relation, relations)
            sides = 2 if relation in EQUALITIES else 1
            given = {"sides": sides, "level": level, "predicted": predicted}
            settings |= {name: value for name, value in given.items() if name in known}
            try:
                found = statistic(records, **settings)
            except Refuted as why:
                return Verdict(False, float("nan"), float("nan"), predicted, str(why))
            passed = _decided(found, relation, predicted, attained, proved, accuracy)
            p, seen = _chances(found, predicted, level) if sides == 2 and not accuracy else (None, None)
            verdict = Verdict(passed, found.value, found.error, predicted, found.words, proved, p, seen)
            wide = sides == 2 and widest is not None and found.error > widest
            needs = found.needs or (f"± {found.error:.2g} is wider than {widest:.2g}" if wide else "")
            return undecided(verdict, needs) if needs else verdict

        own = inspect.signature(judged).parameters.values()
        also = [one for one in own if one.kind is one.KEYWORD_ONLY]
        given = [one for one in known.values() if one.name not in ("sides", "level", "predicted")]
        made = functools.wraps(statistic)(judged)
        made.proved = proved  # type: ignore[attr-defined]
        made.__signature__ = inspect.Signature([*given, *also], return_annotation=Verdict)  # type: ignore[attr-defined]
        return made

    return decorate


def _chances(found: Estimate, predicted: float, level: float) -> tuple[float | None, float | None]:
    """Return the p-value of a prediction that is exact, and the deviation that is found with a probability of 90 %.

    With k degrees of freedom an interval at the level a reaches t = t_k(1 − a/2) standard errors; the deviation, in
    standard errors, is the non-centrality for which Student's t exceeds t in nine of ten.
    """
    from scipy.special import nctdtrinc, stdtr, stdtrit

    if not found.free or not found.error:
        return None, None
    reach = float(stdtrit(found.free, 1 - level / 2))
    p = 2 * float(stdtr(found.free, -abs(found.value - predicted) / found.error * reach))
    return p, found.error / reach * float(nctdtrinc(found.free, 0.1, reach))


def _decided(
    found: Estimate, relation: str, predicted: float, attained: bool, proved: bool, accuracy: float = 0.0
) -> bool:
    """Return True if the interval is where the relation wants it, to within the accuracy of the prediction.

    An inequality that is `attained`, so that it holds with equality for some, can't be shown with room to spare: then
    the interval only has to reach that side.
    """
    if relation in EQUALITIES:
        return bool(abs(found.value - predicted) <= found.error + accuracy)
    beyond = accuracy + (found.value - predicted if relation == ">=" else predicted - found.value)
    if proved:
        return bool(beyond >= 0)
    return bool(beyond + found.error >= 0) if attained else bool(beyond - found.error > 0)


@check("=", "<=", ">=")
def mean(
    records: Records, *, select: Select, value: Value, left: Value | None = None, what: str, sides: int, level: float
) -> Estimate:
    """Compare the mean of a value over seeds.

    Where something may be `left` out, such as what training still changes or what its steps do, its mean adds to the
    error: it has one sign in all seeds, and no number of them would show it.
    """
    found, values = means(chosen(records, select), value)
    samples = seed_means(found, values)
    if len(samples) < 3:
        raise Untested(f"needs 3 seeds, has {len(samples)}")
    words = f"{what}, mean of {len(samples)} seeds" + (f", {len(found)} runs" if len(found) > len(samples) else "")
    if left is None:
        return student(samples, words, sides, level)
    rest = float(np.mean(means(found, left)[1]))
    error = half_width(samples, sides, level) + rest
    return Estimate(float(np.mean(samples)), error, f"{words}; {rest:.2g} may be left")


@check("=", "<=", ">=")
def single(records: Records, *, select: Select, value: Value, what: str) -> Estimate:
    """Compare the value of the only run, in which nothing is random; of several runs or values nothing follows.

    The error is that of the arithmetic alone, and not counted.
    """
    found = outcomes(chosen(records, select), value)
    if len(found) != 1 or len(found[0][1]) != 1:
        raise Untested(f"needs one number of one run, has {sum(len(part) for _, part in found)} of {len(found)}")
    return Estimate(float(found[0][1][0]), 0.0, f"{what}, of one run")


@check("<=", proved=True)
def largest(records: Records, *, select: Select, value: Value, what: str) -> Estimate:
    """Compare the largest value of all runs with a bound that is proved for every run.

    The error is that of the arithmetic alone, and not counted.
    """
    found = outcomes(chosen(records, select), value)
    extreme = float(max(np.max(part) for _, part in found))
    return Estimate(extreme, 0.0, f"{what}, largest of {len(found)} runs")


@check(">=", proved=True)
def least(records: Records, *, select: Select, value: Value, what: str) -> Estimate:
    """Compare the least value of all runs with a bound that is proved for every run."""
    found = outcomes(chosen(records, select), value)
    extreme = float(min(np.min(part) for _, part in found))
    return Estimate(extreme, 0.0, f"{what}, least of {len(found)} runs")


@check(">=", "=")
def share(
    records: Records, *, select: Select, value: Value, predicted: float, what: str, sides: int, level: float
) -> Estimate:
    """Compare the probability of success, by the exact interval of Clopper and Pearson.

    `value` gives the outcomes of a run, true or false, all independent; the error reaches down to the interval's lower
    end, or, of an equality, to the end that is further. Of so few outcomes that even successes alone would not do,
    nothing follows.
    """
    found = np.concatenate([part for _, part in outcomes(chosen(records, select), value)])
    count, wins = len(found), int(np.sum(found != 0))
    if sides == 2:
        low, high = share_ends(wins, count, 1 - level / 2)
        return Estimate(wins / count, max(wins / count - low, high - wins / count), f"{what}, {wins} of {count}")
    low, _ = share_ends(wins, count, 1 - level)
    few = level ** (1 / count) <= predicted < 1
    needs = f"needs {int(np.log(level) / np.log(predicted)) + 1} outcomes" if few else ""
    return Estimate(wins / count, wins / count - low, f"{what}, {wins} of {count}", needs=needs)


@check("slope", "=", "<=", ">=")
def slope(
    records: Records, *, select: Select, x: str, value: Value, last: int = 0, sides: int, level: float
) -> Estimate:
    """Compare the exponent p of value ∝ x^p, fitted by least squares in logarithms seed by seed.

    `last` keeps that many of the largest x.
    """
    points, table = _positive(records, select, x, value, last)
    if sides == 1:  # of which no bootstrap is told
        return student(seed_slopes(np.log(points), np.log(table)), _fitted(points, table, x), sides, level)
    law = fit(points, table, 1 - level)
    bootstrap = f"; bootstrap {law.interval[0]:.4g} … {law.interval[1]:.4g}"
    return Estimate(law.slope, law.width, _fitted(points, table, x) + bootstrap, free=len(table) - 1)


@check("slope", "=", "<=", ">=")
def asymptotic_slope(
    records: Records, *, select: Select, x: str, value: Value, last: int = 0, sides: int, level: float
) -> Estimate:
    """Compare the exponent of value ∝ x^p as x → ∞, where a correction that falls as 1/x bends the line.

    It is fitted to the upper half of the points, seed by seed, and what larger x would still change adds to the error:
    a known multiple of what leaving the lower half out has changed (where x grows threefold, at most as much). `last`
    keeps that many of the largest x.
    """
    points, table = _positive(records, select, x, value, last)
    logs, lines = np.log(points), np.log(table)
    upper = (len(logs) - 1) // 2
    slopes = seed_slopes(logs[upper:], lines[:, upper:])
    value_there = float(np.mean(slopes))
    bias = abs(value_there - float(np.mean(seed_slopes(logs, lines)))) * _left(points, upper)
    return Estimate(value_there, bias + half_width(slopes, sides, level), _fitted(points, table, x))


@check("slope", "=", "<=", ">=")
def median_slope(records: Records, *, select: Select, x: str, value: Value, sides: int, level: float) -> Estimate:
    """Compare the exponent of one line through the medians over seeds, with the regression's own interval.

    That is for times, of which some are disturbed, and which memories of several levels scatter about the line. A seed
    counts by its shape alone, its mean logarithm taken off: a machine may be slower for a whole seed.
    """
    points, table = _positive(records, select, x, value)
    logs, lines = np.log(points), np.log(table)
    line = np.median(lines - lines.mean(axis=1, keepdims=True), axis=0)
    measured = float(seed_slopes(logs, line[None])[0])
    return Estimate(measured, _regression_width(logs, line, sides, level), _fitted(points, table, x))


@check("=", "slope", "<=", ">=")
def limit(
    records: Records, *, select: Select, x: str, value: Value, order: float, what: str, sides: int, level: float
) -> Estimate:
    """Compare the limit of a value as x → ∞, where what it has left over falls as x^−order.

    Each seed's values at the two largest x are extrapolated to v with v + c x^−order through both, so that what is
    still missing at the largest x does not count as a deviation.
    """
    points, table = seed_table(chosen(records, select), x, value)
    words = f"{what}, extrapolated in {x} from {points[-2]:g} and {points[-1]:g}, {len(table)} seeds"
    return student(extrapolated(points, table, order), words, sides, level)


def extrapolated(points: np.ndarray, table: np.ndarray, order: float) -> np.ndarray:
    """Return v of v + c x^−order through the last two values of each line of a table."""
    before, after = points[-2:] ** order
    return (after * table[:, -1] - before * table[:, -2]) / (after - before)


def student(samples: np.ndarray, words: str, sides: int, level: float) -> Estimate:
    """Return the mean of independent samples with Student's interval."""
    return Estimate(float(np.mean(samples)), half_width(samples, sides, level), words, free=len(samples) - 1)


def half_width(samples: np.ndarray, sides: int = 2, level: float = LEVEL) -> float:
    """Return the half-width of Student's interval for the mean of independent samples."""
    return student_half_width(samples, 1 - level, sides)


def _positive(records: Records, select: Select, x: str, value: Value, last: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The values of x, and a line of the measured values for every seed; all of them have logarithms."""
    points, table = seed_table(chosen(records, select), x, value)
    points, table = points[-last:], table[:, -last:]
    if not np.all(points > 0):
        raise Untested(f"{x} = {points.min():g} has no logarithm")
    if not np.all(table > 0):
        raise Refuted("a value is not positive")
    return points, table


def _fitted(points: np.ndarray, table: np.ndarray, x: str) -> str:
    return f"slope in {x} over {points[0]:g} … {points[-1]:g}, {len(table)} seeds"


def _left(points: np.ndarray, upper: int) -> float:
    """Return what is left of a correction ∝ 1/x in the slope through `points[upper:]`, in units of its change.

    The change is from the slope through all points to this one; the result is at least 1.
    """
    whole, part = (float(seed_slopes(np.log(points[k:]), 1 / points[None, k:])[0]) for k in (0, upper))
    return max(1.0, part / (whole - part)) if whole != part else 1.0


def _regression_width(logs: np.ndarray, line: np.ndarray, sides: int, level: float) -> float:
    """Half-width of Student's interval for the slope of one line."""
    from scipy.special import stdtrit

    spread, free = logs - logs.mean(), len(logs) - 2
    residuals = line - line.mean() - float(seed_slopes(logs, line[None])[0]) * spread
    return float(stdtrit(free, 1 - level / sides) * np.sqrt(np.sum(residuals**2) / free / np.sum(spread**2)))
