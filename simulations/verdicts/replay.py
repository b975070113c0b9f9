"""Answers of the functions among a check's settings, run by run: remembered while it judges, and told again without it.

A check is given functions: a selection says which runs it looks at, a measure what their outcomes are. A `Witness` in
the place of one remembers what it answered, and `told` writes that down in plain values; `Answers` is a function that
gives these answers to records without values, so that the very same check comes to its verdict again.
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from simulations.records.record import Record, Records
from simulations.verdicts.measured import Untested, identity
from simulations.verdicts.settings import indices, ranges

REDUCTIONS: dict[str, Callable[[np.ndarray], Any]] = {
    "mean": np.mean,
    "largest": np.max,
    "least": np.min,
    "successes": lambda seen: [int(np.sum(seen != 0)), len(seen)],
    "all": list,
}
"""What is kept of the outcomes of a run, from one number to all of them."""

REFUSALS = (ValueError, IndexError, Untested)
"""By which a function says that a run does not suffice."""


class Witness:
    """A function among the settings of a check, which remembers what it answers."""

    def __init__(self, question: Callable):
        self._question, self._refused, self._itself = question, "", False
        self._chosen: set[tuple] | None = None
        self.records: dict[tuple, Record] = {}
        """All that it was asked about, or selected, by their parameters."""
        self._outcomes: dict[tuple, np.ndarray | str] = {}

    def __call__(self, of: Any, *more: Any, **named: Any) -> Any:
        if not isinstance(of, Record | Records):  # it asks nothing of the runs, and can be called again as it is
            self._itself = True
            return self._question(of, *more, **named)
        run = identity(of) if isinstance(of, Record) else None
        self.records |= {} if run is None else {run: of}
        try:
            answer = self._question(of, *more, **named)
        except REFUSALS as reason:
            if run is None:
                self._refused = str(reason)
            else:
                self._outcomes.setdefault(run, str(reason))
            raise
        if isinstance(answer, Records):
            found = {identity(record): record for record in answer}
            self.records |= found
            self._chosen = (self._chosen or set()) | set(found)
        elif run is not None:  # asked again, with another number in the place of NaN, it counts as it did at first
            self._outcomes.setdefault(run, np.ravel(answer))
        return answer

    @property
    def several(self) -> bool:
        """Return True if a run has more than one outcome."""
        return any(len(seen) > 1 for seen in self._outcomes.values() if not isinstance(seen, str))

    def told(self, runs: Mapping[tuple, int], kept: str, digits: int) -> dict[str, Any]:
        """Return its answers as plain values, of each numbered run what is `kept`, in so many digits."""
        said: dict[str, Any] = {"is": in_words(self._question)}
        if self._itself:
            said["itself"] = True
        if self._refused:
            said["refused"] = self._refused
        if self._chosen is not None:
            said["chosen"] = ranges(runs[run] for run in self._chosen)
        if self._outcomes:
            numbered = sorted(((runs[run], seen) for run, seen in self._outcomes.items()), key=lambda one: one[0])
            said |= {"runs": ranges(run for run, _ in numbered), "kept": kept if self.several else "all"}
            said["outcomes"] = [_plain(seen, said["kept"], digits) for _, seen in numbered]
        return said


class Answers:
    """A function that answers what a `Witness` told, for records that have parameters alone.

    Those that were `made` by a selection are no runs, and are among its answers whatever it selects from.
    """

    def __init__(self, said: Mapping[str, Any], records: list[Record], made: list[Record]):
        self._refused = said.get("refused", "")
        records = [*records, *made]
        self._chosen = {identity(records[run]) for run in indices(said.get("chosen", ""))}
        self._made = [record for record in made if identity(record) in self._chosen]
        known = zip(indices(said.get("runs", "")), said.get("outcomes", ()), strict=True)
        self._outcomes = {identity(records[run]): _array(one, said["kept"]) for run, one in known}

    def __call__(self, of: Any) -> Any:
        if isinstance(of, Records):
            if self._refused:
                raise Untested(self._refused)
            return Records([*(record for record in of if identity(record) in self._chosen), *self._made])
        answer = self._outcomes[identity(of)]
        if isinstance(answer, str):
            raise Untested(answer)
        return answer


def _plain(seen: np.ndarray | str, kept: str, digits: int) -> Any:
    if isinstance(seen, str):
        return {"refused": seen}
    if len(seen) == 1:
        return _number(seen[0], digits)
    few = REDUCTIONS[kept](seen) if len(seen) else []
    return [_number(one, digits) for one in few] if isinstance(few, list) else _number(few, digits)


def _array(plain: Any, kept: str) -> np.ndarray | str:
    """Return outcomes of which the same is kept."""
    if isinstance(plain, Mapping):
        return plain["refused"]
    if kept == "successes" and isinstance(plain, list) and plain:
        return np.arange(plain[1]) < plain[0]
    return np.array([float(one) for one in (plain if isinstance(plain, list) else [plain])])


def _number(value: Any, digits: int) -> float | int | str:
    """Return a number with so many digits; JSON has no infinite one, and a whole one is shorter without its point."""
    value = float(f"{float(value):.{digits}g}")
    if not math.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def in_words(thing: Any, depth: int = 8) -> str:
    """Return what a function is: its name, and what is bound to it, but nothing of the code in it.

    >>> from simulations import runs
    >>> in_words(functools.partial(max, runs("risk", particles=10)))
    'max(Selection(names=(risk), parameters={particles: 10}))'
    """
    if thing is None or isinstance(thing, bool | int | float | str):
        return str(thing)
    if depth == 0:  # a function that is bound to itself has no end
        return "…"
    inner = functools.partial(in_words, depth=depth - 1)
    if isinstance(thing, functools.partial):
        bound = [*map(inner, thing.args), *(f"{name}={inner(one)}" for name, one in thing.keywords.items())]
        return f"{inner(thing.func)}({', '.join(bound)})"
    if isinstance(thing, Mapping):
        return f"{{{', '.join(f'{name}: {inner(one)}' for name, one in thing.items())}}}"
    if isinstance(thing, tuple | list):
        return f"({', '.join(map(inner, thing))})"
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        bound = [f"{field.name}={inner(getattr(thing, field.name))}" for field in dataclasses.fields(thing)]
        return f"{type(thing).__name__}({', '.join(bound)})"
    thing = inspect.unwrap(thing)  # a check is known by its statistic
    name = getattr(thing, "__qualname__", type(thing).__qualname__)
    cells = [inner(cell.cell_contents) for cell in getattr(thing, "__closure__", None) or ()]
    return f"{name}[{', '.join(cells)}]" if cells else name
