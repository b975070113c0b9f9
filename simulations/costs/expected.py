"""The time that a size takes by what was measured, and the time that is left of a sweep while it runs."""

import math
from typing import TYPE_CHECKING

from simulations.costs.known import all_operations
from simulations.costs.measured import measured
from simulations.costs.speed import slowness
from simulations.study.given import refused
from simulations.study.machine import in_time
from simulations.study.study import SIZES, Study

if TYPE_CHECKING:
    from simulations.sweeps.sweep import Plan

START = 5.0
"""Seconds in which the command starts, checks the claims and draws the figure."""


def expected(plan: "Plan") -> float | None:
    """Return the seconds of computing that a size takes here, for the seeds of the plan, by what was measured.

    It is None for a grid of one's own, and for a study of which no size was measured. Of a size that was not, it is
    what the largest one that was takes, times the ratio of operations.

    Raises `ValueError` for what is no plan.
    """
    if not hasattr(plan, "study"):
        raise ValueError(refused("plan", plan, "Plan"))
    if plan.size is None:
        return None
    seconds = usual(plan.study, plan.size)
    if seconds is None:
        return None
    return slowness() * seconds * len(plan) / max(1, len(plan.study.grid(plan.size, None, 0)))


def usual(study: Study, size: str) -> float | None:
    """Return the seconds of computing of a size on the machine of the measurements; None where none was measured."""
    known = measured(study)
    if size in known:
        return known[size]
    largest = next((one for one in reversed(SIZES) if one in known), None)
    if largest is None:
        return None
    there = all_operations(study.grid(largest, None, 0))
    return known[largest] * all_operations(study.grid(size, None, 0)) / there if there else None


def told(study: Study, size: str) -> str | None:
    """Return in words how long the command takes for a size, where it was measured."""
    seconds = measured(study).get(size)
    return None if seconds is None else in_time(START + seconds)


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
