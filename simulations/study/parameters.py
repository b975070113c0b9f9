"""Kinds of parameters: a field of an experiment says its default, its symbol, what it is and what is allowed."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meanfield.arguments import one_of
from simulations.study.ranges import coerce, in_short

KIND = "kind of parameter"
"""Where a field's metadata hold its kind."""


@dataclass(frozen=True)
class Kind:
    """The values that a field of an experiment may have, and its name in help and on axes."""

    type: type
    symbol: str
    about: str
    unit: str
    least: float = -math.inf
    most: float = math.inf
    open: bool = False
    """Whether `least` itself is not allowed."""
    among: tuple[str, ...] = ()
    batched: bool = False
    """Whether runs that differ in it share a program: it is the value of an array, and no shape."""

    @property
    def help(self) -> str:
        """The sentence of the command's help: symbol, meaning, unit."""
        said = ", ".join(part for part in (self.symbol, self.about) if part)
        return f"{said} ({self.unit})." if self.unit else f"{said}."

    def allowed(self) -> str:
        """Return in words which values are allowed."""
        if self.type is int and math.isfinite(self.least) and math.isfinite(self.most):
            return f"a whole number from {self.least:.0f} to {self.most:.0f}"
        noun = "a whole number" if self.type is int else "a number"
        low = "" if self.least == -math.inf else f" {'above' if self.open else 'of at least'} {self.least:g}"
        high = "" if self.most == math.inf else f"{' and' if low else ' of'} at most {self.most:g}"
        return noun + low + high

    def checked(self, name: str, value: Any) -> Any:
        """Return the value as this kind; raises `ValueError` for one that is none."""
        value = coerce(name, self.type, value)
        if self.among:
            return one_of(name, value, self.among)
        if self.type in (int, float):
            fits = (value > self.least or (value == self.least and not self.open)) and value <= self.most
        else:
            fits = True
        if not fits:
            raise ValueError(f"{name}={in_short(value)}: expected {self.allowed()}.")
        return value


def number(
    default: float,
    symbol: str = "",
    about: str = "",
    *,
    unit: str = "",
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    batched: bool = True,
) -> Any:
    """Return a field for a number: `step: float = number(0.1, "h", "step", unit="mean-field time", above=0)`.

    Runs that differ in it are computed in one program, for which it has to be the value of an array in problem, flow
    and start; with `batched=False` each value has a program of its own.
    """
    if above is not None and at_least is not None:
        raise ValueError(f"above={in_short(above)} and at_least={in_short(at_least)}: expected one of them.")
    least = -math.inf
    if above is not None:
        least = coerce("above", float, above)
    elif at_least is not None:
        least = coerce("at_least", float, at_least)
    together = coerce("batched", bool, batched)
    kind = Kind(
        float, *_words(symbol, about, unit), least=least, most=_most(at_most), open=above is not None, batched=together
    )
    return _field(default, kind)


def count(default: int, symbol: str = "", about: str = "", *, at_least: int = 1, at_most: float | None = None) -> Any:
    """Return a field for a whole number, such as one of particles: `particles: int = count(100, "m", "particles")`."""
    least = coerce("at_least", int, at_least)
    return _field(default, Kind(int, *_words(symbol, about, "count"), least=least, most=_most(at_most)))


def choice(default: str, about: str = "", *, among: tuple[str, ...]) -> Any:
    """Return a field for one of several words: `start: str = choice("doubled", among=("doubled", "plain"))`."""
    if not (isinstance(among, tuple | list) and among and all(isinstance(word, str) for word in among)):
        raise ValueError(f"among={in_short(among)}: expected a tuple of words.")
    return _field(default, Kind(str, *_words("", about, ""), among=tuple(among)))


def flag(default: bool, about: str = "") -> Any:
    """Return a field that is true or false."""
    return _field(default, Kind(bool, *_words("", about, "")))


def _field(default: Any, kind: Kind) -> Any:
    try:
        return dataclasses.field(default=kind.checked("default", default), metadata={KIND: kind})
    except ValueError as problem:
        bounds = {"above" if kind.open else "at_least": kind.least, "at_most": kind.most}
        given = [f"{name}={value!r}" for name, value in bounds.items() if abs(value) != math.inf]
        said = str(problem)
        raise ValueError(f"{said[:-1]}, by {', '.join(given)}." if given else said) from None


def _words(symbol: Any, about: Any, unit: Any) -> tuple[str, str, str]:
    return coerce("symbol", str, symbol), coerce("about", str, about), coerce("unit", str, unit)


def _most(value: Any) -> float:
    unbounded = value is None or (isinstance(value, float) and value == math.inf)
    return math.inf if unbounded else coerce("at_most", float, value)


def kinds(parameters: type) -> Mapping[str, Kind]:
    """Return the kinds of the fields that have one, by name."""
    return {field.name: field.metadata[KIND] for field in dataclasses.fields(parameters) if KIND in field.metadata}
