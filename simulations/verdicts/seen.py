"""The sight of a check: what the functions among its settings answer, as briefly as that decides the verdict."""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from simulations.records.record import Record, Records
from simulations.study.study import Claim
from simulations.verdicts.checks import LEVEL
from simulations.verdicts.measured import identity
from simulations.verdicts.replay import REDUCTIONS, Answers, Witness, in_words
from simulations.verdicts.settings import NO_RUNS, records_of, tabulated
from simulations.verdicts.verdict import Verdict

DIGITS = (9, 12, 15, 17)
"""Digits of an outcome: the fewest with which the verdict is the same; 17 tell a number from all others."""

SAME = 1e-9
"""Numbers of a verdict that differ by no larger share are the same."""

SHARED = ("statistic", "made")
"""What is told of a check and holds for its control, too, unless that says otherwise."""


def seen(claim: Claim, records: Records, tiny: list[Record]) -> dict[str, Any]:
    """Return what the check and the control of a claim saw; of the control what differs."""
    check, control = (_told(claim, check, records, tiny) for check in (claim.check, claim.control))
    differs = {name: said for name, said in control["asked"].items() if check["asked"].get(name) != said}
    brief = {name: said for name, said in control.items() if name not in SHARED or check.get(name) != said}
    return {"check": check, "control": {**brief, "asked": differs}}


def whole(seen: Mapping[str, Any]) -> tuple[Mapping, Mapping]:
    """Return what the check saw, and what the control did."""
    check, control = seen["check"], seen["control"]
    shared = {name: said for name, said in check.items() if name in SHARED}
    return check, {**shared, **control, "asked": {**check["asked"], **control["asked"]}}


def _told(claim: Claim, check: Callable, records: Records, tiny: list[Record]) -> dict[str, Any]:
    """Return what the functions among the settings of a check answer, as briefly as leaves its verdict the same."""
    asked = {name: Witness(question) for name, question in questions(check).items()}
    verdict = functools.partial(check, **asked)(records)
    told: dict[str, Any] = {"statistic": name_of(check)}
    known = {identity(record) for record in tiny}
    made = {run: record for one in asked.values() for run, record in one.records.items() if run not in known}
    if made:  # by a selection that gives other records than those of runs
        told["made"] = tabulated(made.values())
    runs = {identity(record): run for run, record in enumerate([*tiny, *records_of(told.get("made", NO_RUNS))])}
    for kept in REDUCTIONS if any(one.several for one in asked.values()) else ("all",):
        tried = [
            {**told, "asked": {name: one.told(runs, kept, digits) for name, one in asked.items()}} for digits in DIGITS
        ]
        if _comes_to(verdict, check, tried[-1], tiny):
            return next(one for one in tried if _comes_to(verdict, check, one, tiny))
    if verdict.passed is None and math.isnan(verdict.measured) and isinstance(check, functools.partial):
        bare = {name: {"is": in_words(question)} for name, question in questions(check).items()}
        return {"statistic": name_of(check), "asked": bare, "untested": verdict.statistic}
    raise ValueError(
        f"claim {claim.name!r:.60}: its check reads more of the records than functions among its settings tell; "
        "expected one whose `select` and `value` are all that reads records, as those of simulations.checks."
    )


def _comes_to(verdict: Verdict, check: Callable, told: dict[str, Any], tiny: list[Record]) -> bool:
    """Return True if what was told gives the same verdict; a check that asks for more than that gives none."""
    try:
        found = replayed(check, told, tiny)(Records(tiny))
    except (LookupError, TypeError, ValueError, AttributeError):
        return False
    pairs = zip(dataclasses.astuple(found), dataclasses.astuple(verdict), strict=True)
    return all(_same(one, other) for one, other in pairs)


def _same(one: Any, other: Any) -> bool:
    """Return True for numbers that are the same to rounding and as the page shows them, and for equal words."""
    if isinstance(one, float) and isinstance(other, float):
        shown = all(f"{one:.{digits}g}" == f"{other:.{digits}g}" for digits in (2, 4))
        return shown and (math.isclose(one, other, rel_tol=SAME) or math.isnan(one))
    return one == other


def name_of(check: Callable) -> str:
    """Return the name of the statistic of a check."""
    function = inspect.unwrap(check.func if isinstance(check, functools.partial) else check)
    return f"{function.__module__}.{in_words(function)}"


def questions(check: Callable) -> dict[str, Callable]:
    """Return the functions among the settings of a check."""
    return {name: setting for name, setting in settings_of(check).items() if callable(setting)}


def settings_of(check: Callable) -> dict[str, Any]:
    """Return the settings of a check, which is made by `functools.partial`."""
    return check.keywords if isinstance(check, functools.partial) else {}


def replayed(check: Callable, told: Mapping[str, Any], tiny: list[Record]) -> Callable:
    """Return the check with the answers of a summary in the place of the functions among its settings."""
    if "untested" in told:
        return functools.partial(_untested, why=told["untested"], expected=settings_of(check)["predicted"])
    made = records_of(told.get("made", NO_RUNS))
    said = {name: told["asked"][name] for name in questions(check)}
    asked = {name: Answers(one, tiny, made) for name, one in said.items() if "itself" not in one}
    return functools.partial(check, **asked)


def _untested(records: Records, *, why: str, expected: float, level: float = LEVEL) -> Verdict:
    return Verdict(None, math.nan, math.nan, expected, why)
