"""Kinds of parameters: a field of an experiment says its default, its symbol, what it is and what is allowed."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meanfield.arguments import one_of
from simulations.study.bounds import Bound, bounds
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
    bounds: tuple[Bound, ...] = ()
    multiple: int = 1
    """What a whole number has to be a multiple of."""
    among: tuple[str, ...] = ()
    batched: bool = False
    """Whether runs that differ in it share a program: it is the value of an array, and no shape."""

    @property
    def help(self) -> str:
        """The sentence of the command's help: symbol, meaning, unit."""
        said = ", ".join(part for part in (self.symbol, self.about) if part)
        return f"{said} ({self.unit})." if self.unit else f"{said}."

    def allowed(self, run: Any = None) -> str:
        """Return in words which values are allowed; fields that are bounds stand there with their value in a run."""
        noun = "a whole number" if self.type is int else "a number"
        if self.multiple > 1:
            noun = "an even number" if self.multiple == 2 else f"a multiple of {self.multiple}"
        if self.type is int and len(self.bounds) == 2:
            return f"{noun} from {self.bounds[0].said(run)} to {self.bounds[1].said(run)}"
        said = " and ".join(f"{end.argument.replace('_', ' ')} {end.said(run)}" for end in self.bounds)
        return f"{noun} of {said}" if said.startswith("at ") else f"{noun} {said}".strip()

    def checked(self, name: str, value: Any, run: Any = None) -> Any:
        """Return the value as this kind; raises `ValueError` for one that is none.

        Bounds that are other fields are looked up in the run of the value, if that is given.
        """
        value = coerce(name, self.type, value)
        if self.among:
            return one_of(name, value, self.among)
        within = all(end.allows(value, run) for end in self.bounds)
        if not within or (self.multiple > 1 and value % self.multiple):
            raise ValueError(f"{name}={in_short(value)}: expected {self.allowed(run)}.")
        return value


def number(
    default: float,
    symbol: str = "",
    about: str = "",
    *,
    unit: str = "",
    above: float | str | None = None,
    at_least: float | str | None = None,
    below: float | str | None = None,
    at_most: float | str | None = None,
    batched: bool = True,
) -> Any:
    """Return a field for a number: `step: float = number(0.1, "h", "step", unit="mean-field time", above=0)`.

    A bound is a number or the name of another field: `time: float = number(8.0, "T", "final time", at_least="step")`.
    Runs that differ in it are computed in one program, for which it has to be the value of an array in problem, flow
    and start; with `batched=False` each value has a program of its own.
    """
    ends = bounds(float, above=above, at_least=at_least, below=below, at_most=at_most)
    together = coerce("batched", bool, batched)
    return _field(default, Kind(float, *_words(symbol, about, unit), bounds=ends, batched=together))


def count(
    default: int,
    symbol: str = "",
    about: str = "",
    *,
    at_least: int | str | None = None,
    at_most: float | str | None = None,
    multiple_of: int = 1,
) -> Any:
    """Return a field for a whole number, such as one of particles: `particles: int = count(100, "m", "particles")`.

    A bound is a number or the name of another field. Particles that come in pairs are a `multiple_of` 2, which is then
    the least that is allowed, unless another is given.
    """
    multiple = coerce("multiple_of", int, multiple_of)
    if multiple < 1:
        raise ValueError(f"multiple_of={multiple}: expected a whole number of at least 1.")
    ends = bounds(int, at_least=multiple if at_least is None else at_least, at_most=at_most)
    return _field(default, Kind(int, *_words(symbol, about, "count"), bounds=ends, multiple=multiple))


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
        given = [f"{end.argument}={end.at!r}" for end in kind.bounds]
        given += [f"multiple_of={kind.multiple}"] if kind.multiple > 1 else []
        said = str(problem)
        raise ValueError(f"{said[:-1]}, by {', '.join(given)}." if given else said) from None


def _words(symbol: Any, about: Any, unit: Any) -> tuple[str, str, str]:
    return coerce("symbol", str, symbol), coerce("about", str, about), coerce("unit", str, unit)


def kinds(parameters: type) -> Mapping[str, Kind]:
    """Return the kinds of the fields that have one, by name."""
    return {field.name: field.metadata[KIND] for field in dataclasses.fields(parameters) if KIND in field.metadata}


def require_fields(parameters: type) -> None:
    """Raise `ValueError` for a bound of a field that is the name of no other field of a number."""
    numbers = {name: kind.type for name, kind in kinds(parameters).items() if kind.type in (int, float)}
    for name, kind in kinds(parameters).items():
        for end in kind.bounds:
            if isinstance(end.at, str):
                one_of(f"{end.argument} of {name}", end.at, [other for other in numbers if other != name])
