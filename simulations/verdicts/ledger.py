"""The ledger: every claim of a study with what was predicted, what was measured, and how its control fared.

A check fails, and a control that passes is held against it, at the seeds that it was designed for: there its power was
shown and its false alarms were counted. With fewer, what does not hold is undecided, for an interval that is too wide
looks like a claim that is wrong; and so is what holds if its control passes, too, for such an interval has room for
both. Against a bound that is proved one run is enough.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from simulations.records.record import Records
from simulations.study.experiment import Experiment, runs_of
from simulations.study.given import instance, probability
from simulations.study.ranges import coerce, in_short
from simulations.study.study import SIZES, Claim, Study
from simulations.verdicts.checks import LEVEL
from simulations.verdicts.verdict import Verdict, undecided


@dataclass(frozen=True)
class Entry:
    """One claim with its verdict and that of its control."""

    study: str
    claim: Claim
    verdict: Verdict
    control: Verdict
    level: float = LEVEL
    """At which an equality is tested."""

    def __str__(self) -> str:
        return f"{self.study}: {self.claim.name}"

    @property
    def passed(self) -> bool | None:
        """The claim holds, and its control fails; False when the claim fails, whatever became of its control; None when
        the records can't decide.
        """
        if self.verdict.passed is False:
            return False
        return None if self.verdict.passed is None or self.control.passed is None else not self.control.passed

    @property
    def width(self) -> float | None:
        """Of an equality: its error as a share of the prediction, or, of a prediction of 0, of the control's value."""
        scale = abs(self.verdict.expected) or abs(self.control.measured)
        return _share(self.verdict.error, scale) if self.claim.kind == "equality" else None

    @property
    def slack(self) -> float | None:
        """Of a bound or identity: how many times larger than what was seen it is, or smaller for one from below."""
        ends = self.verdict.measured, self.verdict.expected
        seen, bound = ends if self.claim.relation == "<=" else reversed(ends)
        return _share(bound, seen) if self.claim.kind in ("bound", "identity") else None

    @property
    def strength(self) -> str:
        """The kind of the claim with its width or slack, in words."""
        if self.width is not None:
            return f"equality ± {100 * self.width:.2g} %"
        if self.slack is not None:
            word = "identity, rounding" if self.claim.kind == "identity" else "bound,"
            return f"{word} ×{self.slack:.2g}"
        return self.claim.kind

    def as_json(self) -> dict[str, Any]:
        """The entry with plain numbers; what was not measured is null."""
        return {
            "study": self.study,
            "claim": self.claim.name,
            "statement": self.claim.statement,
            "reference": self.claim.reference,
            "relation": self.claim.relation,
            "kind": self.claim.kind,
            "width": self.width,
            "slack": self.slack,
            "predicted": self.verdict.expected,
            "measured": _number(self.verdict.measured),
            "error": _number(self.verdict.error),
            "statistic": self.verdict.statistic,
            "p": self.verdict.p,
            "found_with_90_percent": self.verdict.seen,
            "passed": self.verdict.passed,
            "control": {
                "wrong": self.claim.wrong,
                "measured": _number(self.control.measured),
                "statistic": self.control.statistic,
                "passed": self.control.passed,
            },
        }


def _share(part: float, whole: float) -> float | None:
    return _number(part / whole) if whole > 0 and part == part else None


def verify(
    study: Study, records: Records | None = None, *, size: str = "smoke", level: float = LEVEL, sanity: bool = False
) -> list[Entry]:
    """The entries of all claims of a study on these records; with too few seeds, what does not hold is undecided.

    Equalities are tested at the `level`; all else decides as it does. With `sanity` the entries are those of the
    study's sanity checks, which the ledger does not count.

    Without records its runs of one size are made, which is a test of your own repository in three lines:

    ```python
    @pytest.mark.parametrize("entry", simulations.verify(STUDY), ids=str)
    def test_claims(entry):
        assert entry.passed
    ```
    """
    instance("study", study, Study)
    if records is None:
        from simulations.sweeps.sweep import run  # which knows ledgers

        records = run(study, size)
    instance("records", records, Records)
    listed = study.sanity if sanity else study.claims
    return judged(study.name, listed, records, few_seeds(study, records), level)


def judged(study: str, claims: Iterable[Claim], records: Records, short: str, level: float = LEVEL) -> list[Entry]:
    """Return the entries of these claims; where seeds are too few, `short` says so as `few_seeds` does."""
    return [_entry(study, claim, records, short, level) for claim in claims]


def all_passed(parts: Iterable[bool | None]) -> bool | None:
    """True if there are parts and all of them passed, False as soon as one failed, None otherwise.

    Raises `ValueError` for parts that are not True, False or None.
    """
    known = isinstance(parts, Iterable) and not isinstance(parts, str | bytes | Mapping)
    listed: list[Any] = list(parts) if known else [parts]
    if not known or not all(part is None or isinstance(part, bool | np.bool_) for part in listed):
        raise ValueError(f"parts={in_short(parts)}: expected verdicts, each of them True, False or None.")
    parts = listed
    if any(part is not None and not part for part in parts):
        return False
    return True if parts and all(parts) else None


FAMILY = 0.01
"""Probability of a false alarm in a whole ledger, of a level that is chosen for all of its claims."""


def by_chance(count: int, level: float = LEVEL) -> float:
    """Return the probability 1 − (1 − level)^count that at least one of so many claims that hold is turned down.

    Raises `ValueError` for a count below 0, and a level that is not between 0 and 1.

    >>> round(by_chance(140), 2)
    0.13
    """
    return 1 - (1 - probability("level", level)) ** _number_of(count)


def family_level(count: int) -> float:
    """Return the level of each of so many claims at which all together hold `FAMILY`, whatever they share.

    That is Bonferroni's share of it, which needs no independence; one claim alone keeps `LEVEL`.

    Raises `ValueError` for a count below 0.

    >>> family_level(100)
    0.0001
    """
    return min(LEVEL, FAMILY / max(_number_of(count), 1))


def _number_of(count: int) -> int:
    count = coerce("count", int, count)
    if count < 0:
        raise ValueError(f"count={count}: expected a number of claims of at least 0.")
    return count


def _entry(study: str, claim: Claim, records: Records, short: str, level: float) -> Entry:
    at = {"level": level} if claim.kind == "equality" and level != LEVEL else {}
    verdict, control = claim.check(records, **at), claim.control(records, **at)
    if short and verdict.passed is False and not verdict.proved:
        verdict = undecided(verdict, short)
    if short and control.passed:
        control = undecided(control, short)
    return Entry(study, claim, verdict, control, level)


def few_seeds(study: Study, records: Records) -> str:
    """ "3 of 7 seeds" where some setting of these records has fewer than the study asks for; empty where none has.

    What it asks for is told by the sizes that have all of these settings, the one that asks for the fewest seeds; for a
    grid of one's own it is the fewest seeds of any size.
    """
    sizes = _asked(study.experiments)
    has = _seeds(record.parameters for record in records)
    if not sizes or not has:
        return ""
    those = [size for size in sizes if has.keys() <= size.keys()]
    short = [_short(has, size) for size in those] or [_short(has, dict.fromkeys(has, min(map(_most, sizes))))]
    return "" if "" in short else short[0]


@functools.lru_cache(maxsize=64)  # a size may have ten thousands of runs, and every verdict asks
def _asked(experiments: tuple[type[Experiment], ...]) -> list[dict[tuple, int]]:
    """How many seeds every setting has, of each size that there is."""
    sizes = [size for size in SIZES if any(size in one.sizes for one in experiments)]
    every = [[run for one in experiments for run in runs_of(one, size, None, 0)] for size in sizes]
    return [_seeds({part.name: getattr(run, part.name) for part in fields(run)} for run in runs) for runs in every]


def _short(has: dict[tuple, int], asked: dict[tuple, int]) -> str:
    fewest = min(has, key=lambda setting: has[setting] / asked[setting])
    return f"{has[fewest]} of {asked[fewest]} seeds" if has[fewest] < asked[fewest] else ""


def _most(size: dict[tuple, int]) -> int:
    return max(size.values(), default=1)


def _seeds(runs: Iterable[dict[str, Any]]) -> dict[tuple, int]:
    """How many seeds every setting has."""
    seeds: dict[tuple, set] = {}
    for run in runs:
        setting = tuple(sorted((name, value) for name, value in run.items() if name != "seed"))
        seeds.setdefault(setting, set()).add(run.get("seed"))
    return {setting: len(some) for setting, some in seeds.items()}


def _number(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
