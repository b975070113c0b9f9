"""The time that a size takes by what its study says, and the time that is left of a sweep while it runs."""

import math
import re
from typing import TYPE_CHECKING

from simulations.costs.known import all_operations
from simulations.costs.speed import slowness
from simulations.study.given import refused
from simulations.study.study import SIZES

if TYPE_CHECKING:
    from simulations.sweeps.sweep import Plan

START = 5.0
"""Seconds in which the command starts, checks the claims and draws the figure."""


def expected(plan: "Plan") -> float | None:
    """Seconds of computing that a size takes by what its study says, for the seeds of the plan; None for a grid of
    one's own, and for a study that says nothing.

    Of a size that was never timed: what the largest one that was takes, times the ratio of operations, within what
    "minutes", "hours" or "days" mean.

    Raises `ValueError` for what is no plan.
    """
    if not hasattr(plan, "study"):
        raise ValueError(refused("plan", plan, "Plan"))
    if plan.size is None:
        return None
    study = plan.study
    said = declared(study.cost.get(plan.size, ""))
    if said is not None:
        return slowness() * _computing(said) * len(plan) / max(1, len(study.grid(plan.size, None, 0)))
    timed = [(size, declared(study.cost.get(size, ""))) for size in SIZES]
    timed = [(size, seconds) for size, seconds in timed if seconds is not None]
    if not timed:
        return None
    size, seconds = timed[-1]
    whole = study.grid(plan.size, None, 0)
    low, high = _meant(study.cost.get(plan.size, ""))
    guess = _computing(seconds) * all_operations(whole) / all_operations(study.grid(size, None, 0))
    return slowness() * min(max(low, guess), high) * len(plan) / max(1, len(whole))


def _meant(cost: str) -> tuple[float, float]:
    """(least, most) seconds of a cost that is a word and no number."""
    for word, unit, most in (("seconds", 1, 60), ("minutes", 60, 60), ("hours", 3600, 24), ("days", 86400, 10)):
        if cost.startswith(word):
            return 2.0 * unit, float(most * unit)
    return 0.0, math.inf


def _computing(seconds: float) -> float:
    """Of so many seconds of the command those in which runs are computed."""
    return max(seconds - START, seconds / 2)


def remaining(whole: float | None, done: float, seconds: float) -> float | None:
    """Seconds that are left when a share `done` has taken `seconds`, of a whole that was expected to take `whole`.

    What was expected counts as much as is not yet done, what was seen as much as is: a geometric mean of both, for the
    first runs compile programs for all the others. Where nothing was expected, the whole takes at least what it has
    taken, as if all of it were compiling, and the mean of both ends stands for it. None before anything is known.

    >>> remaining(60.0, 0.0, 0.0), round(remaining(60.0, 0.5, 30.0), 6), remaining(60.0, 1.0, 90.0)
    (60.0, 30.0, 0.0)
    """
    if done <= 0:
        return whole
    seconds = max(seconds, 1e-9)
    seen = seconds / done
    return (1 - done) * (whole or math.sqrt(seconds * seen)) ** (1 - done) * seen**done


def declared(cost: str) -> float | None:
    """Seconds of a cost in words; None for words without a number.

    >>> declared("some 6 min"), declared("an hour (not timed)"), declared("hours (minutes on a GPU)")
    (360.0, 3600.0, None)
    """
    found = re.search(r"\b(\d+(?:\.\d+)?|an?) ?(s|seconds?|min|minutes?|h|hours?|d|days?)\b", cost)
    if found is None:
        return None
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[found[2][0]]
    return unit * (1.0 if found[1].startswith("a") else float(found[1]))
