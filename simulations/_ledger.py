"""The ledger: every claim of a study with what was predicted, what was measured, and how its control fared."""

from dataclasses import dataclass
from typing import Any

from simulations._records import Records
from simulations._study import Claim, Study
from simulations.checks import Verdict


@dataclass(frozen=True)
class Entry:
    """One claim with its verdict and that of its control."""

    study: str
    claim: Claim
    verdict: Verdict
    control: Verdict

    @property
    def passed(self) -> bool | None:
        """The claim holds, and its control fails; None when the records can't decide."""
        if self.verdict.passed is None or self.control.passed is None:
            return None
        return self.verdict.passed and not self.control.passed

    def as_json(self) -> dict[str, Any]:
        """The entry with plain numbers; what was not measured is null."""
        return {
            "study": self.study,
            "claim": self.claim.name,
            "statement": self.claim.statement,
            "reference": self.claim.reference,
            "relation": self.claim.relation,
            "predicted": self.verdict.expected,
            "measured": _number(self.verdict.measured),
            "error": _number(self.verdict.error),
            "statistic": self.verdict.statistic,
            "passed": self.verdict.passed,
            "control": {
                "wrong": self.claim.wrong,
                "measured": _number(self.control.measured),
                "passed": self.control.passed,
            },
        }


def verify(study: Study, records: Records) -> list[Entry]:
    """The entries of all claims of a study on these records."""
    return [Entry(study.name, claim, claim.check(records), claim.control(records)) for claim in study.claims]


def _number(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
