"""Arguments that are objects of this package, lists of them, or streams: refused by name where they are not."""

from collections.abc import Iterable
from typing import Any, TypeVar

from simulations.study.ranges import coerce, in_short

T = TypeVar("T")

KINDS = {
    "Alarms": "counts such as simulations.calibrate returns",
    "Entry": "entries such as simulations.verify returns",
    "Plan": "what simulations.prepare returns",
    "Record": "simulations.Record objects",
    "Records": "simulations.Records",
    "Animation": "simulations.Animation or None",
    "Generator": "a numpy.random.Generator, such as an experiment's `generator` gives",
    "Scene": "a simulations.Scene",
    "Status": "rows such as simulations.status returns",
    "Study": "a simulations.Study, such as simulations.find gives",
    "Table": "what simulations.table returns",
}
"""What each kind is called in a message."""


def refused(name: str, value: Any, kind: str) -> str:
    """The sentence for an argument that is of another kind."""
    return f"{name}={in_short(value)}: expected {KINDS[kind]}."


def probability(name: str, value: Any) -> float:
    """Return `value` as a number above 0 and below 1; raises `ValueError` for any other."""
    number = coerce(name, float, value)
    if not 0 < number < 1:
        raise ValueError(f"{name}={number}: expected a number above 0 and below 1.")
    return number


def instance(name: str, value: Any, kind: type[T]) -> T:
    """`value` itself, when it is an instance of `kind`; raises `ValueError` otherwise."""
    if not isinstance(value, kind):
        raise ValueError(refused(name, value, kind.__name__))
    return value


def each(name: str, values: Any, kind: type[T]) -> list[T]:
    """`values` as a list, when each of them is an instance of `kind`; raises `ValueError` otherwise."""
    listed = list(values) if isinstance(values, Iterable) else None
    if listed is None or not all(isinstance(value, kind) for value in listed):
        raise ValueError(refused(name, values, kind.__name__))
    return listed


def writable(name: str, stream: Any) -> Any:
    """`stream` itself, when text can be written to it; raises `ValueError` otherwise."""
    if isinstance(stream, type) or not callable(getattr(stream, "write", None)):
        raise ValueError(f"{name}={in_short(stream)}: expected a stream to write text to, such as sys.stdout.")
    return stream
