"""Summaries: what the checks of a study saw of its runs, from which every verdict follows again in a moment.

A summary holds the parameters of all runs, and for every claim, its control, and every sanity check what the functions
among the settings answered: which runs were selected, and of each run's outcomes as much as the statistic needs, the
mean, the largest, the least, how many were successes, or all. How much that is, and in how many digits, is found by
trial: the check itself judges what was kept, and has to come to the same verdict (`simulations.verdicts.seen`). All
other settings (what is predicted, the relation, x, the level) are those of the claims of today.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from simulations.records.record import Record, Records
from simulations.study.given import instance
from simulations.study.ranges import in_short
from simulations.study.study import Claim, Study
from simulations.verdicts.checks import LEVEL
from simulations.verdicts.ledger import Entry, few_seeds, judged
from simulations.verdicts.replay import in_words
from simulations.verdicts.seen import name_of, questions, replayed, seen, whole
from simulations.verdicts.settings import records_of, tabulated

PARTS = ("claims", "sanity")


def summary(study: Study, records: Records) -> dict[str, Any]:
    """Return what every check and control of a study sees of these records, in values that JSON can hold.

    Raises `ValueError` for a claim whose check reads records by anything but functions among its settings, as all of
    `simulations.checks` do with `select` and `value`.

    >>> from simulations import find, judge, run
    >>> records = run("noise_stability", "smoke", seeds=3)
    >>> kept = summary(find("noise_stability"), records)
    >>> [str(entry) for entry in judge(find("noise_stability"), kept) if entry.passed][:1]
    ['noise_stability: contraction']
    """
    instance("study", study, Study)
    instance("records", records, Records)
    runs = tabulated(records)
    made = {
        "study": study.name,
        "versions": next((dict(record.provenance.get("versions", {})) for record in records), {}),
        "revisions": sorted({_revision(record) for record in records}),
        "short": few_seeds(study, records),
        "runs": runs,
    }
    tiny = records_of(runs)
    for part in PARTS:
        made[part] = {claim.name: seen(claim, records, tiny) for claim in getattr(study, part)}
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
    tiny = records_of(summary["runs"])
    part, claims = ("sanity", study.sanity) if sanity else ("claims", study.claims)
    again = [_again(claim, summary[part][claim.name], tiny) for claim in claims]
    entries = judged(study.name, again, Records(tiny), summary["short"], level)
    return [dataclasses.replace(entry, claim=claim) for entry, claim in zip(entries, claims, strict=True)]


def _again(claim: Claim, seen: Mapping[str, Any], tiny: list[Record]) -> Claim:
    """Return the claim, whose check and control answer from a summary."""
    check, control = whole(seen)
    return dataclasses.replace(
        claim, check=replayed(claim.check, check, tiny), control=replayed(claim.control, control, tiny)
    )


def _differences(study: Study, summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is checked otherwise in the study than in the summary."""
    if summary["study"] != study.name:
        yield f"is of the study {summary['study']!r}, not of {study.name!r}"
    for part in PARTS:
        claims, there = {claim.name: claim for claim in getattr(study, part)}, summary[part]
        yield from (f"{name!r} is in the study and not in it" for name in claims if name not in there)
        yield from (f"{name!r} is in it and not in the study" for name in there if name not in claims)
        for name in (name for name in claims if name in there):
            now = [_asked(check) for check in (claims[name].check, claims[name].control)]
            was = [
                {"statistic": told["statistic"], **{setting: said["is"] for setting, said in told["asked"].items()}}
                for told in whole(there[name])
            ]
            for which, new, old in zip(("check", "control"), now, was, strict=True):
                for setting in (setting for setting in new if new[setting] != old.get(setting)):
                    yield f"the {which} of {name!r} has the {setting} {new[setting]}, and had {old.get(setting)}"


def _asked(check: Callable) -> dict[str, str]:
    """Return the names of the statistic of a check, and of the functions among its settings."""
    return {"statistic": name_of(check), **{name: in_words(asked) for name, asked in questions(check).items()}}


def _revision(record: Record) -> str:
    found = record.provenance
    return f"{found.get('revision')}{' with changes' if found.get('dirty') else ''}"
