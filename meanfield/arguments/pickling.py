"""Functions inside objects, for `pickle`: by name, or as the recipe of a closure.

`pickle` knows functions by the name they have in their module. What `jax.jit` has wrapped, and what a function returns
(optax's schedules and optimisers), is not to be found there. A closure is made again from where its code stands, a
function within a function of a module, and from what it closes over. A lambda of a module has no such place: the
refusal names it. Copies share functions, which never change.
"""

import functools
import importlib
import inspect
import pickle
import types
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax


def getstate(self) -> dict[str, Any]:
    """`__getstate__` of a module that may hold functions."""
    kind = type(self).__name__
    return {
        name: Packed(value, f"{kind}.{name}") if _holds_functions(value) else value
        for name, value in vars(self).items()
    }


def setstate(self, state: dict[str, Any]) -> None:
    """`__setstate__` of a module that may hold functions."""
    for name, value in state.items():
        object.__setattr__(self, name, value.value if isinstance(value, Packed) else value)


class Packed:
    """A value with functions in it, on its way through `pickle` or `copy`."""

    def __init__(self, value: Any, where: str):
        self.value, self.where = value, where

    def __deepcopy__(self, memo) -> "Packed":
        return self

    def __reduce__(self):
        try:
            recipe = _recipe(self.value, ())
            pickle.dumps(recipe)  # what it closes over may be anything
        except Exception as problem:
            raise pickle.PicklingError(
                f"{self.where} can't be pickled, because {problem}: define it with def in a module, or inside a "
                f"function of one, from what can be pickled."
            ) from problem
        return _made_again, (recipe,)


class _NoPlace(ValueError):
    """A function that is nowhere to be found again."""


def _holds_functions(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_holds_functions, value))
    return callable(value) and not isinstance(value, type | eqx.Module)


def _recipe(value: Any, above: tuple[int, ...]) -> tuple:
    """How the value is made again: tuples of names and of what `pickle` knows."""
    if id(value) in above:
        raise _NoPlace(f"{_shown(value)} holds itself")
    above = (*above, id(value))
    if isinstance(value, tuple | list):
        maker = getattr(type(value), "_make", type(value))
        return ("container", maker, [_recipe(part, above) for part in value])
    if type(value) is dict:
        return ("container", dict, [_recipe(pair, above) for pair in value.items()])
    if isinstance(value, functools.partial):
        return ("call", type(value), [_recipe(part, above) for part in (value.func, *value.args)], value.keywords)
    if not callable(value) or isinstance(value, type | eqx.Module | types.MethodType | types.BuiltinFunctionType):
        return ("value", value)
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module is not None and name is not None and _named(module, name) is value:
        return ("name", module, name)
    if isinstance(value, types.FunctionType):
        return _closure(value, above)
    if isinstance(value, type(jax.jit(_shown))):
        return ("jit", _recipe(inspect.unwrap(value, stop=lambda inner: inner is not value), above))
    return ("value", value)


def _closure(function: types.FunctionType, above: tuple[int, ...]) -> tuple:
    """Where the code of a function within a function stands, and what it is bound to."""
    code, module = function.__code__, str(function.__globals__.get("__name__"))
    outer, _, inner = code.co_qualname.partition(".<locals>.")
    places = [i for i, found in enumerate(_codes(_named(module, outer), code.co_name)) if found == code]
    if not inner or not places:
        raise _NoPlace(f"{_shown(function)} has no name in the module {module}")
    cells = [_cell(cell, above) for cell in function.__closure__ or ()]
    bound = _recipe((function.__defaults__ or (), function.__kwdefaults__ or {}), above)
    return ("closure", module, outer, code.co_name, places[0], code.co_freevars, cells, bound)


def _cell(cell: types.CellType, above: tuple[int, ...]) -> tuple | None:
    try:
        return _recipe(cell.cell_contents, above)
    except _NoPlace:
        raise
    except ValueError:  # a name that was never bound
        return None


def _made_again(recipe: tuple) -> Any:
    """Return the value that `_recipe` described; raise `ValueError` if the code that it names has changed."""
    kind, *parts = recipe
    if kind == "value":
        return parts[0]
    if kind == "name":
        return _present(_named(*parts), *parts)
    if kind == "container":
        return parts[0]([_made_again(part) for part in parts[1]])
    if kind == "jit":
        return jax.jit(_made_again(parts[0]))
    if kind == "call":
        return parts[0](*map(_made_again, parts[1]), **parts[2])
    module, outer, name, place, free, cells, bound = parts
    codes = list(_codes(_present(_named(module, outer), module, outer), name))
    if place >= len(codes) or codes[place].co_freevars != free:
        raise ValueError(f"{module}.{outer} has changed since its function {name} was pickled: it can't be made again.")
    defaults, keywords = _made_again(bound)
    closure = tuple(types.CellType() if cell is None else types.CellType(_made_again(cell)) for cell in cells)
    namespace = vars(importlib.import_module(module))
    made = types.FunctionType(codes[place], namespace, name, defaults or None, closure)
    made.__kwdefaults__ = keywords or None
    made.__qualname__ = codes[place].co_qualname
    return made


def _named(module: str, path: str) -> Any:
    """Return the object at this dotted path in the module, or None if there is none."""
    try:
        found: Any = importlib.import_module(module)
    except (ImportError, ValueError):
        return None
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def _present(value: Any, module: str, path: str) -> Any:
    if value is None:
        raise ValueError(f"{module}.{path} is no longer there: what was pickled with it can't be made again.")
    return value


def _codes(outer: Any, name: str) -> Iterator[types.CodeType]:
    """The code of all functions of that name inside a function, its wrappers taken off."""
    code = getattr(inspect.unwrap(outer) if callable(outer) else None, "__code__", None)
    waiting = [code] if code is not None else []
    while waiting:
        inside = [part for part in waiting.pop().co_consts if isinstance(part, types.CodeType)]
        yield from (part for part in inside if part.co_name == name)
        waiting += inside


def _shown(value: Any) -> str:
    return f"{getattr(value, '__qualname__', type(value).__name__)}"
