"""What all public functions do: they compute under NumPy's own settings, and give numbers or a sentence.

`np.seterr` is the user's: it may neither change a result nor stop a computation that knows what it does when a square
overflows. What comes out is looked at instead.
"""

import dataclasses
import functools
import inspect
import types
from collections.abc import Callable, Mapping
from collections.abc import Callable as AbstractCallable
from typing import Any, ParamSpec, TypeVar, get_args, get_origin

import numpy as np

from theory import _checks

P = ParamSpec("P")
R = TypeVar("R")

_PLAIN = (int, float, str, object)
"""Annotations that say nothing here: the functions check numbers and words themselves."""


def finite(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` with its arguments of a class checked, and a result that is refused where it is not finite.

    What arithmetic raises on the way is told as a ValueError that shows the arguments.
    """
    return _public(function, infinite=False)


def extended(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` as `finite` does, for a result that may hold infinities, though no NaN."""
    return _public(function, infinite=True)


def _public(function: Callable[P, R], *, infinite: bool) -> Callable[P, R]:
    parameters = inspect.signature(function).parameters
    names = tuple(parameters)
    kinds = {name: kind for name in names if name != "self" and (kind := _kind(parameters[name].annotation))}

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        for name, kind in kinds.items():
            if name in given:
                _checks.instance(name, given[name], kind)
        with np.errstate(all="ignore"):
            try:
                result = function(*args, **kwargs)
            except (ArithmeticError, np.linalg.LinAlgError, MemoryError) as error:
                raise ValueError(_out_of_reach(function.__name__, given, str(error) or type(error).__name__)) from error
        if (bad := _no_number(result, infinite)) is not None:
            raise ValueError(_out_of_reach(function.__name__, given, f"a result of {bad}"))
        return result

    return call


def _out_of_reach(function: str, given: Mapping[str, object], reason: str) -> str:
    values = ", ".join(f"{name} = {_checks.shown(value, 30)}" for name, value in given.items() if name != "self")
    return (
        f"{function} must be given numbers at which it stays within float64, got {' '.join(reason.split())} at {values}"
    )


def _kind(annotation: Any) -> tuple[type, ...]:
    """The classes that an annotation asks for; none where it asks for numbers, words or arrays."""
    if get_origin(annotation) is AbstractCallable:
        return (AbstractCallable,)  # pyright: ignore[reportReturnType]
    parts = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    if all(isinstance(part, type) and get_origin(part) is None for part in parts) and not set(parts) & set(_PLAIN):
        return tuple(np.bool_ if part is bool else part for part in parts) + ((bool,) if bool in parts else ())
    return ()


def _no_number(result: object, infinite: bool) -> object:
    """The first NaN (or, unless `infinite`, infinity) in a result of arrays, numbers and records of these, or None."""
    if isinstance(result, np.ndarray | float):
        array = np.asarray(result)
        if array.dtype.kind != "f":
            return None
        bad = np.isnan(array) if infinite else ~np.isfinite(array)
        return array[bad].flat[0] if bad.any() else None
    parts: Any = ()
    if isinstance(result, tuple | list):
        parts = result
    elif isinstance(result, Mapping):
        parts = result.values()
    elif dataclasses.is_dataclass(result):
        parts = (getattr(result, field.name) for field in dataclasses.fields(result))
    return next((bad for part in parts if (bad := _no_number(part, infinite)) is not None), None)
