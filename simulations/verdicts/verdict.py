"""A verdict: what a check found, and the two ways in which it found nothing."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Verdict:
    """The result of a check; `passed` is None if the records do not suffice, and `statistic` says what is missing."""

    passed: bool | None
    measured: float
    error: float
    expected: float
    statistic: str
    proved: bool = False
    """Of a bound that is proved for every single run: one run beyond it is enough to turn the claim down."""
    p: float | None = None
    """The probability, were the prediction exact, of a mean so far from it; None where there is no such statistic."""
    seen: float | None = None
    """The deviation from the prediction that such an interval finds with a probability of 90 %; None as for `p`."""


def untested(expected: float, why: str) -> Verdict:
    """The verdict on records that can't decide."""
    return Verdict(None, float("nan"), float("nan"), expected, f"not tested: {why}")


def undecided(verdict: Verdict, why: str) -> Verdict:
    """The verdict with its numbers, which are too few to say that they decide."""
    return replace(verdict, passed=None, statistic=f"undecided, {why}: {verdict.statistic}")
