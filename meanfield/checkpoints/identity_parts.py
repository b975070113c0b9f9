"""The parts of functions, classes and objects: names that code reads, members of a class, state of an object."""

import copyreg
import dataclasses
import dis
import functools
import importlib
import re
import types
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

UNREDUCED = (TypeError, AttributeError, ValueError, RuntimeError, OSError, LookupError, ArithmeticError, ImportError)
"""What an object raises that does not reduce: locks, generators, handles of a device."""


class Reference(NamedTuple):
    """A name that code looks up, with its value, and all attribute names that occur in that code."""

    name: str
    value: Any
    attributes: frozenset[str]


def read_names(function: types.FunctionType) -> list[Reference]:
    """Return the global names that a function and the functions inside it read, and the modules that they import."""
    codes = list(_nested(function.__code__))
    attributes = frozenset(name for code in codes for name in code.co_names)
    found: dict[str, Any] = {}
    for code in codes:
        steps = instructions(code)
        for i, (_, operation, argument) in enumerate(steps):
            if operation in ("LOAD_GLOBAL", "LOAD_NAME") and argument in function.__globals__:
                found[argument] = function.__globals__[argument]
            elif operation == "IMPORT_NAME":
                level = steps[i - 2][2] if i >= 2 else 0
                name = "." * (level if isinstance(level, int) else 0) + argument
                found[f"import {name}"] = _imported(name, function.__globals__.get("__package__"))
    return [Reference(name, found[name], attributes) for name in sorted(found)]


@functools.lru_cache(maxsize=8192)
def instructions(code: types.CodeType) -> tuple[tuple[int, str, Any], ...]:
    """Return the instructions of code, which never changes: number, name, and the value that each is about."""
    return tuple((step.opcode, step.opname, step.argval) for step in dis.get_instructions(code))


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def _imported(name: str, package: str | None) -> types.ModuleType | None:
    """The module that a function would import when it runs; None where it could not."""
    try:
        return importlib.import_module(name, package)
    except ImportError:
        return None


_NO_MEMBERS = {
    "__abstractmethods__",
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__dataclass_params__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__module__",
    "__orig_bases__",
    "__parameters__",
    "__qualname__",
    "__slotnames__",
    "__static_attributes__",
    "__weakref__",
    "_abc_impl",
}
"""What Python writes on a class besides what it does."""


def members(kind: type) -> Iterator[Any]:
    """Yield name and value of all that a class defines itself, methods as the functions that they are."""
    for name in sorted(vars(kind)):
        if name not in _NO_MEMBERS:
            yield name
            yield _member(kind, name)


def _member(kind: type, name: str) -> Any:
    value = vars(kind)[name]
    if name == "__dataclass_fields__":
        return [[one.name, one.default, one.default_factory, one.init, dict(one.metadata)] for one in value.values()]
    if isinstance(value, classmethod | staticmethod):
        return [type(value).__name__, value.__func__]
    if isinstance(value, types.FunctionType | property | functools.cached_property):
        return value
    if isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType | types.WrapperDescriptorType):
        return name
    bound = getattr(kind, name, value)  # equinox keeps methods in wrappers, which give the function itself
    return bound if isinstance(bound, types.FunctionType) else value


_NO_STATE = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
"""Caches: what they hold depends on what was called before."""


def state(value: Any, library: bool) -> list:
    """Return what an object holds: its fields, or what it gives to `pickle`, or else its attributes or its text.

    `library` tells whether its class is an installed one.
    """
    if isinstance(value, _NO_STATE):
        return []
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, functools.cached_property):
        return [value.func]
    if (
        library and callable(value) and hasattr(value, "__wrapped__")
    ):  # what jax.jit, functools.cache and such have made
        rules = [getattr(value, name, None) for name in ("jvp", "fwd", "bwd")]  # of derivatives that are the user's
        return [value.__wrapped__, *rules]  # pyright: ignore[reportFunctionMemberAccess]
    if dataclasses.is_dataclass(value):
        return [[one.name, getattr(value, one.name, None)] for one in dataclasses.fields(value)]
    try:
        reduced = copyreg.dispatch_table.get(type(value), lambda value: value.__reduce_ex__(4))(value)
    except UNREDUCED as problem:
        return [type(problem).__name__, _attributes(value) or re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))]
    if isinstance(reduced, str):
        return [reduced]
    maker, arguments, held, items, pairs, *_ = (*reduced, None, None, None)
    return [maker, arguments, held, None if items is None else list(items), None if pairs is None else dict(pairs)]


def _attributes(value: Any) -> dict[str, Any]:
    return dict(getattr(value, "__dict__", {}))
