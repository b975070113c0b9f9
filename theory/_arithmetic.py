"""Float64 arithmetic that is the same whatever its caller has set, and that refuses what leaves its range.

How NumPy treats floating-point errors is a setting of the caller's thread (`np.seterr`): people raise on all of them to
find a NaN of their own, or ignore them. Theory computes in one state, in which underflow to 0 is arithmetic and
anything else is refused in a sentence. `guard` puts all that a module has in public into that state.
"""

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np
from scipy import special

from theory import _checks

_inside: ContextVar[bool] = ContextVar("theory_inside", default=False)

_STATE: Any = {"divide": "raise", "over": "raise", "invalid": "raise", "under": "ignore"}

_SPECIAL = ("__init__", "__post_init__", "__call__")
"""Methods that are public though their names begin with an underscore."""

_PLAIN = 30.0
"""Powers of ten up to which a number is not to blame alone."""


def guard(module: str, *, infinite: Collection[str] = ()) -> None:
    """Guard all public functions of a module and all public methods of its classes: the module's last statement.

    A guarded call computes in one floating-point state, raises ValueError where a result overflows, is not a number or
    does not fit into memory, and names the arguments it was given. Infinities may leave the functions and methods that
    are named in `infinite`, which state when they do.
    """
    names = vars(sys.modules[module])
    for name, value in list(names.items()):
        if name.startswith("_") or getattr(value, "__module__", None) != module:
            continue
        if inspect.isfunction(value):
            names[name] = _guarded(value, name in infinite)
        elif inspect.isclass(value):
            _guard_class(value, infinite)


def _guard_class(owner: type, infinite: Collection[str]) -> None:
    for name, member in list(vars(owner).items()):
        if name.startswith("_") and name not in _SPECIAL:
            continue
        may = name in infinite
        if inspect.isfunction(member):
            setattr(owner, name, _guarded(member, may))
        elif isinstance(member, property) and member.fget is not None:
            setattr(owner, name, member.getter(_guarded(member.fget, may)))
        elif isinstance(member, functools.cached_property):
            member.func = _guarded(member.func, may)
        elif isinstance(member, staticmethod | classmethod):
            setattr(owner, name, type(member)(_guarded(member.__func__, may)))


def _guarded(function: Callable, infinite: bool) -> Callable:
    names, kinds = tuple(inspect.signature(function).parameters), _checks.classes(function)

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if _inside.get():  # what the outermost call was given is what its user can change
            return function(*args, **kwargs)
        for name, value in (*zip(names, args, strict=False), *kwargs.items()):
            if name in kinds:
                _checks.instance(name, value, kinds[name])
        token = _inside.set(True)
        try:
            with (
                np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"),
                special.errstate(all="ignore"),
            ):
                result = function(*args, **kwargs)
        except (ArithmeticError, MemoryError, np.linalg.LinAlgError) as problem:
            raise _refusal(function, args, kwargs, " ".join(str(problem).split()) or "no memory is left") from problem
        finally:
            _inside.reset(token)
        for leaf in _numbers(result):
            if np.isnan(leaf).any():
                raise _refusal(function, args, kwargs, "the result is not a number")
            if not infinite and np.isinf(leaf).any() and not _holds_infinity(args, kwargs):
                raise _refusal(function, args, kwargs, "the result overflows")
        return result

    return guarded


def _refusal(function: Callable, args: tuple, kwargs: Mapping[str, Any], reason: str) -> ValueError:
    """The error that names the argument farthest from 1, or all that hold numbers if none is far."""
    given = inspect.signature(function).bind(*args, **kwargs).arguments
    owner = given.pop("self", None)
    named = {name: list(_numbers(value)) for name, value in (_fields(owner) | given).items()}
    extreme = {name: _farthest(leaves) for name, leaves in named.items() if leaves}
    if not extreme:
        return ValueError(f"{function.__qualname__} must be given what float64 can compute with: {reason}")
    name, value = max(extreme.items(), key=lambda one: _decades(one[1]))
    if _decades(value) > _PLAIN:
        return ValueError(f"{name} must be of a size that float64 can compute with, got {value:g}: {reason}")
    names = list(extreme)
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    got = ", ".join(f"{value:g}" for value in extreme.values())
    return ValueError(f"{listed} must be of sizes that float64 can compute with, got up to {got}: {reason}")


def _holds_infinity(args: tuple, kwargs: Mapping[str, Any]) -> bool:
    """Return True if an infinity was given, as a time may be one: then one may come back."""
    return any(np.isinf(leaf).any() for value in (*args, *kwargs.values()) for leaf in _numbers(value))


def _farthest(leaves: list[np.ndarray]) -> float:
    entries = np.concatenate([np.ravel(leaf) for leaf in leaves])
    entries = entries[np.isfinite(entries) & (entries != 0)]
    return float(entries[np.argmax(np.abs(np.log10(np.abs(entries))))]) if entries.size else 0.0


def _decades(value: float) -> float:
    return abs(float(np.log10(abs(value)))) if value else 0.0


def _fields(value: Any) -> dict[str, Any]:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()  # pyright: ignore[reportAttributeAccessIssue]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # In __init__ the fields are not there yet.
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if hasattr(value, f.name)}
    return {}


def _numbers(value: Any) -> Iterator[np.ndarray]:
    """Arrays and numbers of a value, as float64, in any nest of sequences, mappings and dataclasses."""
    if isinstance(value, bool | str | bytes | type) or value is None:
        return
    if isinstance(value, int | float | np.number | np.ndarray):
        array = np.asarray(value)
        if array.dtype.kind in "uif" or (array.dtype.kind == "O" and isinstance(value, int)):
            # A Python integer may be beyond float64, and still has to be named.
            yield array.astype(float) if array.dtype.kind != "O" else np.asarray(float(min(max(value, -1e300), 1e300)))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _numbers(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part)
    else:
        for part in _fields(value).values():
            yield from _numbers(part)
