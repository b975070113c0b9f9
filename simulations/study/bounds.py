"""Bounds of a parameter: numbers, or other fields of the same run."""

import math
from dataclasses import dataclass
from typing import Any

from simulations.study.ranges import coerce, in_short


@dataclass(frozen=True)
class Bound:
    """One end of the values that a field may have: a number, or the name of another field that holds one."""

    at: float | str
    upper: bool = False
    open: bool = False
    """Whether the bound itself is not allowed."""

    def allows(self, value: float, run: Any = None) -> bool:
        """Return True if a value is on the right side of the bound; of a field without its run nothing is known."""
        if isinstance(self.at, str) and run is None:
            return True
        at = getattr(run, self.at) if isinstance(self.at, str) else self.at
        low, high = (value, at) if self.upper else (at, value)
        return low < high or (low == high and not self.open)

    def said(self, run: Any = None) -> str:
        """Return the bound in words: a number, or the name of a field, with its value in a run if that is given."""
        if isinstance(self.at, str):
            return self.at if run is None else f"{self.at}={getattr(run, self.at):g}"
        return str(self.at) if isinstance(self.at, int) else f"{self.at:.15g}"

    @property
    def argument(self) -> str:
        """The argument of a field that says such a bound."""
        return ("below" if self.open else "at_most") if self.upper else ("above" if self.open else "at_least")


def bounds(kind: type, **given: Any) -> tuple[Bound, ...]:
    """Return the bounds that the arguments `above`, `at_least`, `below` and `at_most` say; None and ∞ say nothing.

    Raises `ValueError` for two bounds on one side, and for what is neither a number of this kind nor a name.
    """
    found: list[Bound] = []
    for upper, names in ((False, ("above", "at_least")), (True, ("below", "at_most"))):
        said = {name: given[name] for name in names if given.get(name) is not None}
        if len(said) > 1:
            both = " and ".join(f"{name}={in_short(value)}" for name, value in said.items())
            raise ValueError(f"{both}: expected one of them.")
        for name, value in said.items():
            if not (upper and isinstance(value, float) and value == math.inf):
                named = isinstance(value, str) and value.isidentifier()
                at = value if named else coerce(name, kind, value)
                found.append(Bound(at, upper=upper, open=name == names[0]))
    return tuple(found)
