"""The data of a check: the runs of its selection, each once, and what was measured on them, all of it numbers.

Nothing passes on nothing. A selection without a run, a run in which an array that is measured is empty, values of
which a measure keeps none, and a value that is no finite number leave a claim untested, whatever the check would have
made of them.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from simulations.records.record import Record, Records, Select, require_function, seed_lines
from simulations.study.given import instance, probability
from simulations.study.ranges import coerce
from simulations.verdicts.verdict import Verdict, untested

Value = Callable[[Record], Any]
"""Outcomes of a run: a number, or an array of them, of which a check takes the mean, the largest, the least or the
share that is true.
"""

LARGE = 1e30
"""A number that no measure overlooks."""


class Untested(Exception):
    """Why the records can't decide; a check that is `tested` turns it into a verdict."""


class _Values(dict):
    """The values of a record, of which one that is empty can't be taken, and the names of those taken that hold NaN."""

    def __init__(self, values: dict[str, Any], filling: float | None = None):
        super().__init__(values)
        self.filling, self.holed = filling, set()

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if np.size(value) == 0:
            raise Untested(f"{name} is empty")
        if np.asarray(value).dtype.kind == "f" and np.any(np.isnan(value)):
            self.holed.add(name)
            return value if self.filling is None else np.where(np.isnan(value), self.filling, value)
        return value


def tested(check: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """The check, whose verdict on records that can't decide is that they can't, with the reason."""

    @functools.wraps(check)
    def judge(records: Records, *, predicted: float, **settings) -> Verdict:
        predicted = coerce("predicted", float, predicted)
        settings = _checked(records, settings)
        # Whatever the user has set for other work; what is no number is found among the outcomes, and told.
        with np.errstate(all="ignore"):
            try:
                verdict = check(records, predicted=predicted, **settings)
            except Untested as reason:
                return untested(predicted, str(reason))
        if verdict.passed and not (np.isfinite(verdict.measured) and np.isfinite(verdict.error)):
            return untested(predicted, f"{verdict.measured:g} ± {verdict.error:g} is no measurement")
        return verdict

    return judge


KINDS = {"x": str, "what": str, "relation": str, "order": float, "attained": bool, "last": int}
"""Settings of checks that are words and numbers."""


def _checked(records: Records, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a check as the types that they are used in; raises `ValueError` for any that is none."""
    instance("records", records, Records)
    for name in ("select", "value", "left"):
        if name in settings and (name != "left" or settings[name] is not None):
            require_function(name, settings[name])
    made = {name: coerce(name, KINDS[name], value) if name in KINDS else value for name, value in settings.items()}
    if made.get("last", 0) < 0:
        raise ValueError(f"last={made['last']}: expected a whole number of at least 0.")
    if "level" in made:
        made["level"] = probability("level", made["level"])
    if made.get("widest") is not None:
        made["widest"] = coerce("widest", float, made["widest"])
        if not made["widest"] > 0:
            raise ValueError(f"widest={made['widest']}: expected a number above 0.")
    if "accuracy" in made:
        made["accuracy"] = coerce("accuracy", float, made["accuracy"])
        if not made["accuracy"] >= 0:
            raise ValueError(f"accuracy={made['accuracy']}: expected a number of at least 0.")
    if not ORDERS[0] <= made.get("order", 1) <= ORDERS[1]:
        raise ValueError(f"order={made['order']}: expected a number from {ORDERS[0]} to {ORDERS[1]}.")
    return made


ORDERS = (1e-3, 64)
"""The least and the largest order of a correction: others are no correction, or none that can be told from rounding."""


def chosen(records: Records, select: Select) -> Records:
    """The runs of a selection that reached their end, each once; raises `Untested` where there is none."""
    once = {identity(record): record for record in records.done}
    found = _asked(select, Records(once.values()))
    if not len(found):
        raise Untested("needs a run")
    return found


def _observed(record: Record, value: Value) -> np.ndarray:
    """The outcomes of a run; raises `Untested` where they depend on what stands in the place of NaN.

    A comparison with NaN is false: a run that holds it would count as a failure or as none, by the way it is asked.
    """
    values = _Values(record.values)
    seen = np.ravel(_asked(value, replace(record, values=values)))
    for filling in (-LARGE, LARGE) if values.holed else ():
        other = np.ravel(_asked(value, replace(record, values=_Values(record.values, filling))))
        if not np.array_equal(seen, other):
            raise Untested(f"{' and '.join(sorted(values.holed))}: NaN decides")
    return seen


def _asked(question: Callable, of: Any) -> Any:
    """Return what a selection or a measure answers; raise `Untested` where it refuses.

    Theory refuses what a run may have left in place of numbers, and there may be no first, last or largest of too few:
    the reason is told with the verdict.
    """
    try:
        return question(of)
    except (ValueError, IndexError, ZeroDivisionError) as reason:
        raise Untested(str(reason)) from None


def identity(record: Record) -> tuple:
    """Return the parameters of a run in a form that finds it among others."""
    return tuple(sorted(record.parameters.items()))


def outcomes(records: Records, value: Value) -> list[tuple[Record, np.ndarray]]:
    """(run, its outcomes) for every run that has any.

    Raises `Untested` where none has, for an outcome that is no finite number, and where a measure refuses a run.
    """
    found = []
    for record in records:
        seen = _observed(record, value)
        if not np.all(np.isfinite(seen)):
            raise Untested(f"a value is {seen[~np.isfinite(seen)][0]}")
        if len(seen):
            found.append((record, seen))
    if not found:
        raise Untested("nothing was observed in any run")
    return found


def means(records: Records, value: Value) -> tuple[Records, np.ndarray]:
    """(runs, mean outcome of each), of those that have outcomes."""
    found = outcomes(records, value)
    return Records(record for record, _ in found), np.array([float(np.mean(seen)) for _, seen in found])


def seed_table(records: Records, x: str, value: Value) -> tuple[np.ndarray, np.ndarray]:
    """(x values, mean outcome [seed, x]): a line for every seed, as `seed_lines` finds them.

    Raises `Untested` for fewer than three seeds or values of x.
    """
    found, values = means(records, value)
    known = {id(record): one for record, one in zip(found, values, strict=True)}
    points, table = seed_lines(found, x, lambda record: known[id(record)])
    if len(table) < 3 or len(points) < 3:
        raise Untested(f"needs 3 seeds and 3 values of {x}, has {len(table)} and {len(points)}")
    return points, table
