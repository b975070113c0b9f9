"""A digest of what a simulation is made of, the same in every process that makes the same objects."""

import dataclasses
import functools
import hashlib
import re
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments import host

PACKAGES = ("meanfield", "jax", "jaxlib", "equinox", "diffrax", "optax", "numpy", "scipy")
"""Their functions are known by name: a checkpoint notes the versions. Of all other functions the code counts too."""


def digest(value: Any) -> bytes:
    """SHA-256 of arrays, containers, modules and functions: 32 bytes.

    Of an array that several processes share, the part that this one holds. Of a function its name, its code, its
    default values and the values that it closes over; not the global names that it looks up.
    """
    found = hashlib.sha256()
    for piece in _pieces(value, ()):
        found.update(len(piece).to_bytes(8, "little"))
        found.update(piece)
    return found.digest()


def _pieces(value: Any, above: tuple[int, ...]):
    """Bytes that say what `value` is; `above` holds the ids of what it is part of, because objects may hold theirs."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield f"{type(value).__name__} {value!r}".encode()
        return
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        yield from _array(value)
        return
    if id(value) in above:
        yield b"itself"
        return
    yield type(value).__qualname__.encode()
    for part in _parts(value):
        if isinstance(part, bytes):
            yield part
        else:
            yield from _pieces(part, (*above, id(value)))


def _parts(value: Any) -> list:
    """What makes `value` what it is: a list of other values."""
    if isinstance(value, list | tuple):
        return [len(value), *value]
    if isinstance(value, dict):
        return [len(value), *(part for pair in value.items() for part in pair)]
    if isinstance(value, set | frozenset):
        return [len(value), *sorted(digest(member) for member in value)]
    if isinstance(value, types.FunctionType):
        return _function(value)
    if isinstance(value, types.CodeType):
        return [value.co_code, value.co_names, value.co_consts]
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, type | types.ModuleType | types.BuiltinFunctionType):
        return [getattr(value, "__module__", None) or "", value.__name__]
    if dataclasses.is_dataclass(value):
        return [type(value).__module__, *(getattr(value, field.name, None) for field in dataclasses.fields(value))]
    if callable(value) and hasattr(value, "__wrapped__"):  # what jax.jit and its like have made
        return [value.__wrapped__]  # pyright: ignore[reportFunctionMemberAccess]
    if type(value).__module__.partition(".")[0] not in PACKAGES and hasattr(value, "__dict__"):
        return [type(value).__module__, vars(value)]
    return [type(value).__module__, re.sub(r" at 0x[0-9a-f]+", "", repr(value))]


def _function(function: types.FunctionType) -> list:
    name, inside = f"{function.__module__}.{function.__qualname__}", _closed_over(function)
    if str(function.__module__).partition(".")[0] in PACKAGES:
        return [name, inside if "<locals>" in name else []]
    return [name, function.__code__, function.__defaults__, function.__kwdefaults__, inside]


def _closed_over(function: types.FunctionType) -> list:
    values = []
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:  # bound only later
            values.append(None)
    return values


def _array(value):
    yield f"array {value.shape} {value.dtype}".encode()
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    whole = host(value)
    shares = [share.data for share in value.addressable_shards] if whole is None else [whole]
    for share in shares:
        yield np.ascontiguousarray(share).tobytes()
