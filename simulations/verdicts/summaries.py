"""Summaries: what the checks of a study saw of its runs, from which every verdict follows again in a moment.

A summary holds the parameters of all runs, and for every claim, its control, and every sanity check what the functions
among the settings answered: which runs were selected, and of each run's outcomes as much as the statistic needs, the
mean, the largest, the least, how many were successes, or all. How much that is, and in how many digits, is found by
trial: the check itself judges what was kept, and has to come to the same verdict. All other settings (what is predicted,
the relation, x, the level) are those of the claims of today.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from simulations.records.record import Record, Records
from simulations.study.given import instance
from simulations.study.ranges import in_short
from simulations.study.study import Claim, Study
from simulations.verdicts.checks import LEVEL
from simulations.verdicts.ledger import Entry, verify
from simulations.verdicts.measured import identity
from simulations.verdicts.replay import REDUCTIONS, Answers, Witness, in_words, indices, ranges
from simulations.verdicts.verdict import Verdict

DIGITS = (9, 12, 15, 17)
"""Digits of an outcome: the fewest with which the verdict is the same; 17 tell a number from all others."""

SAME = 1e-9
"""Numbers of a verdict that differ by no larger share are the same."""

PARTS = ("claims", "sanity")


def summary(study: Study, records: Records) -> dict[str, Any]:
    """Return what every check and control of a study sees of these records, in values that JSON can hold.

    Raises `ValueError` for a claim whose check reads records by anything but functions among its settings, as all of
    `simulations.checks` do with `select` and `value`.

    >>> from simulations import find, judge, run, verify
    >>> records = run("noise_stability", "smoke", seeds=3)
    >>> kept = summary(find("noise_stability"), records)
    >>> [str(entry) for entry in judge(find("noise_stability"), kept) if entry.passed][:1]
    ['x']
    """
    instance("study", study, Study)
    instance("records", records, Records)
    runs = _tabulated(records)
    made = {
        "study": study.name,
        "versions": next((dict(record.provenance.get("versions", {})) for record in records), {}),
        "revisions": sorted({_revision(record) for record in records}),
        "runs": runs,
    }
    tiny = _records(runs)
    for part in PARTS:
        made[part] = {claim.name: _seen(claim, records, tiny) for claim in getattr(study, part)}
    return made


def judge(study: Study, summary: Mapping[str, Any], *, level: float = LEVEL, sanity: bool = False) -> list[Entry]:
    """Return the entries that `verify` makes of the records behind a summary, from the summary alone.

    The verdicts are those of the very same checks, with the settings of today. Raises `ValueError`, with all
    differences, where a claim is missing, or is checked by another function, or on other runs or outcomes.
    """
    instance("study", study, Study)
    if not isinstance(summary, Mapping) or not {"study", "runs", *PARTS} <= set(summary):
        raise ValueError(f"summary={in_short(summary)}: expected what simulations.summary made.")
    differences = [*_differences(study, summary)]
    if differences:
        raise ValueError(f"summary: {'; '.join(differences)}; expected one that was made of the study as it is.")
    tiny = _records(summary["runs"])
    told = {part: [_again(claim, summary[part][claim.name], tiny) for claim in getattr(study, part)] for part in PARTS}
    entries = verify(dataclasses.replace(study, **told), Records(tiny), level=level, sanity=sanity)
    claims = study.sanity if sanity else study.claims
    return [dataclasses.replace(entry, claim=claim) for entry, claim in zip(entries, claims, strict=True)]


def _tabulated(records: Iterable[Record]) -> dict[str, Any]:
    """Return the parameters of all runs: those that all have, and every other setting with its seeds."""
    seeds: dict[tuple, dict[Any, str]] = {}
    for record in records:
        setting = tuple(item for item in identity(record) if item[0] != "seed")
        runs, seed = seeds.setdefault(setting, {}), record.parameters.get("seed")
        runs[seed] = "done" if runs.get(seed) == "done" else record.status
    common = set.intersection(*map(set, seeds)) if seeds else set()
    settings = [
        [dict(item for item in setting if item not in common), "" if None in some else ranges(some)]
        for setting, some in seeds.items()
    ]
    ended = [some[seed] for some in seeds.values() for seed in (some if None in some else sorted(some))]
    early = {str(run): status for run, status in enumerate(ended) if status != "done"}
    return {"common": dict(sorted(common)), "settings": settings, "ended": early}


def _records(runs: Mapping[str, Any]) -> list[Record]:
    """Return records with the parameters of the runs that were tabulated, and without values."""
    made: list[Record] = []
    for setting, seeds in runs["settings"]:
        for seed in indices(seeds) or [None]:
            parameters = {**runs["common"], **setting, **({} if seed is None else {"seed": seed})}
            made.append(Record(parameters, {}, {"status": runs["ended"].get(str(len(made)), "done")}))
    return made


def _seen(claim: Claim, records: Records, tiny: list[Record]) -> dict[str, Any]:
    """Return what the check and the control of a claim saw; of the control what differs."""
    check, control = (_told(claim, check, records, tiny) for check in (claim.check, claim.control))
    told = {name: said for name, said in control["asked"].items() if check["asked"].get(name) != said}
    return {"check": check, "control": {**control, "asked": told}}


def _told(claim: Claim, check: Callable, records: Records, tiny: list[Record]) -> dict[str, Any]:
    """Return what the functions among the settings of a check answer, as briefly as leaves its verdict the same."""
    runs = {identity(record): run for run, record in enumerate(tiny)}
    asked = {name: Witness(question, runs) for name, question in _questions(check).items()}
    verdict = functools.partial(check, **asked)(records)
    made: dict[str, Any] = {"statistic": in_words(_statistic(check))}
    for kept in REDUCTIONS if any(one.several for one in asked.values()) else ("all",):
        tried = [{**made, "asked": {name: one.told(kept, digits) for name, one in asked.items()}} for digits in DIGITS]
        if _comes_to(verdict, check, tried[-1], tiny):
            return next(told for told in tried if _comes_to(verdict, check, told, tiny))
    if verdict.passed is None and math.isnan(verdict.measured):
        bare = {name: {"is": in_words(question)} for name, question in _questions(check).items()}
        return {**made, "asked": bare, "untested": verdict.statistic}
    raise ValueError(
        f"claim {claim.name!r:.60}: its check reads more of the records than functions among its settings tell; "
        "expected one whose `select` and `value` are all that reads records, as those of simulations.checks."
    )


def _comes_to(verdict: Verdict, check: Callable, told: dict[str, Any], tiny: list[Record]) -> bool:
    """Return True if what was told gives the same verdict; a check that asks for more than that gives none."""
    try:
        found = _replayed(check, told, tiny)(Records(tiny))
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


def _statistic(check: Callable) -> Callable:
    return check.func if isinstance(check, functools.partial) else check


def _questions(check: Callable) -> dict[str, Callable]:
    """Return the functions among the settings of a check."""
    settings = check.keywords if isinstance(check, functools.partial) else {}
    return {name: setting for name, setting in settings.items() if callable(setting)}


def _replayed(check: Callable, told: Mapping[str, Any], tiny: list[Record]) -> Callable:
    """Return the check with the answers of a summary in the place of the functions among its settings."""
    if "untested" in told:
        return functools.partial(_untested, why=told["untested"], expected=check.keywords["predicted"])
    asked = {name: Answers(told["asked"][name], tiny) for name in _questions(check)}
    return functools.partial(check, **asked)


def _untested(records: Records, *, why: str, expected: float, level: float = LEVEL) -> Verdict:
    return Verdict(None, math.nan, math.nan, expected, why)


def _again(claim: Claim, seen: Mapping[str, Any], tiny: list[Record]) -> Claim:
    """Return the claim, whose check and control answer from a summary."""
    check, control = _whole(seen)
    return dataclasses.replace(
        claim, check=_replayed(claim.check, check, tiny), control=_replayed(claim.control, control, tiny)
    )


def _whole(seen: Mapping[str, Any]) -> tuple[Mapping, Mapping]:
    """Return what the check saw, and what the control did."""
    check, control = seen["check"], seen["control"]
    return check, {**control, "asked": {**check["asked"], **control["asked"]}}


def _differences(study: Study, summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is checked otherwise in the study than in the summary."""
    if summary["study"] != study.name:
        yield f"is of the study {summary['study']!r}, not of {study.name!r}"
    for part in PARTS:
        claims = {claim.name: claim for claim in getattr(study, part)}
        yield from (f"{name!r} is a claim of the study and not in it" for name in claims if name not in summary[part])
        yield from (f"{name!r} is in it and no claim of the study" for name in summary[part] if name not in claims)
        for name in claims.keys() & summary[part].keys():
            pairs = zip((claims[name].check, claims[name].control), _whole(summary[part][name]), strict=True)
            for which, (check, told) in zip(("check", "control"), pairs, strict=True):
                now = {"statistic": in_words(_statistic(check))}
                now |= {setting: in_words(question) for setting, question in _questions(check).items()}
                was = {"statistic": told["statistic"], **{key: said["is"] for key, said in told["asked"].items()}}
                for setting in now:
                    if now[setting] != was.get(setting):
                        yield (
                            f"the {which} of {name!r} has the {setting} {now[setting]}, and was made with "
                            f"{was.get(setting)}"
                        )


def _revision(record: Record) -> str:
    found = record.provenance
    return f"{found.get('revision')}{' with changes' if found.get('dirty') else ''}"
