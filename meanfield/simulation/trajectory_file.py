"""A trajectory as one file: an npz archive of arrays, one of which is a text that says what they are.

Nothing is pickled: an objective is written as a tree of modules of this package, whose fields are arrays, plain values
and functions that this package or JAX has under a name. Reading makes nothing else.
"""

import contextlib
import dataclasses
import importlib
import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield
from meanfield.arguments import host
from meanfield.checkpoints.identity import behaviour

FORMAT = "meanfield trajectory 2"
EARLIER = ("meanfield trajectory 1",)
HEAD = "about"
FUNCTIONS = ("jax", "meanfield")
"""Packages whose functions are known by name."""

_UNREADABLE = (
    zipfile.BadZipFile,
    struct.error,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    IndexError,
    OverflowError,
    RuntimeError,
)
"""What zipfile, json and NumPy raise for bytes that are not what they should be."""


def write(path, named: dict[str, Any], objective: Any) -> None:
    """Write arrays, texts and numbers by name, and an objective, so that the file is there whole or not at all."""
    path = _path(path)
    arrays: dict[str, np.ndarray] = {}
    head = {"format": FORMAT, "meanfield": meanfield.__version__, "objective": None, "behaviour": None}
    head["named"] = _encoded(named, arrays)
    if objective is not None:
        head["behaviour"] = behaviour(objective)
        more = dict(arrays)
        with contextlib.suppress(_NotOurs):  # of what is the user's own the behaviour is noted
            said = _encoded(objective, more)
            if behaviour(_decoded(said, more, path)) == head["behaviour"]:
                head["objective"], arrays = said, more
    head["arrays"] = sorted(arrays)
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **{HEAD: np.frombuffer(json.dumps(head).encode(), np.uint8)}, **arrays)
    _put(path, stream.getvalue())


def read(path, objective: Any) -> tuple[dict[str, Any], Any]:
    """Return what was written: the values by name, and the objective, or None where the file doesn't hold it."""
    path = _path(path)
    head, arrays = _contents(path)
    named = _decoded(head["named"], arrays, path)
    if objective is not None and head["behaviour"] != behaviour(objective):
        raise ValueError(f"objective: it is another one than that of the trajectory {str(path)!r}.")
    if objective is None and head["objective"] is not None:
        objective = _decoded(head["objective"], arrays, path)
        if behaviour(objective) != head["behaviour"]:
            raise ValueError(
                f"path={str(path)!r}: its objective can't be made again with this version of meanfield; it was written "
                f"by {head['meanfield']}."
            )
    return named, objective


class _Earlier(ValueError):
    """A file of an earlier version of this package."""


class _NotOurs(TypeError):
    """A part of an objective that only its user has."""


def _encoded(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """`value` as what JSON holds; arrays go to `arrays`, with a number each."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return _stored(value, arrays)
    if type(value) in (list, tuple):
        return {type(value).__name__: [_encoded(part, arrays) for part in value]}
    if isinstance(value, dict):
        return {"dict": [[name, _encoded(part, arrays)] for name, part in value.items()]}
    kind = type(value)
    if isinstance(value, eqx.Module) and _ours(kind.__module__, kind.__qualname__, ("meanfield",)) is kind:
        fields = [[field.name, _encoded(getattr(value, field.name), arrays)] for field in dataclasses.fields(value)]
        return {"module": [kind.__module__, kind.__qualname__, fields]}
    module, name = getattr(value, "__module__", ""), getattr(value, "__qualname__", "")
    if callable(value) and _ours(module, name, FUNCTIONS) is value:
        return {"function": [module, name]}
    raise _NotOurs(f"a value of type {kind.__name__}")


def _stored(value: Any, arrays: dict[str, np.ndarray]) -> dict[str, list]:
    known = host(value)
    if known is None:
        raise ValueError("save: expected particles that this process holds whole, and others hold shares of them.")
    name = f"array_{len(arrays):04d}"
    # NumPy's format has no name for the short floats of JAX: they are kept as bits.
    arrays[name] = known.view(f"u{known.itemsize}") if known.dtype.kind == "V" else known
    return {"array": [name, str(known.dtype), isinstance(value, jax.Array)]}


def _decoded(said: Any, arrays: dict[str, np.ndarray], path: Path) -> Any:
    if not isinstance(said, dict):
        return said
    ((kind, content),) = said.items()
    if kind == "array":
        name, dtype, device = content
        array = arrays[name]
        array = array if str(array.dtype) == dtype else array.view(jnp.dtype(dtype))
        if device and jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
            raise ValueError(f"path={str(path)!r}: it holds {dtype} numbers: load it under jax.enable_x64(True).")
        return jnp.asarray(array) if device else array
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](_decoded(part, arrays, path) for part in content)
    if kind == "dict":
        return {name: _decoded(part, arrays, path) for name, part in content}
    module, name, *fields = content
    found = _ours(module, name, ("meanfield",) if kind == "module" else FUNCTIONS)
    if found is None:
        raise ValueError(f"path={str(path)!r}: it holds {module}.{name}, which is not there any more.")
    if kind == "function":
        return found
    made = object.__new__(found)
    for field, value in fields[0]:
        object.__setattr__(made, field, _decoded(value, arrays, path))
    return made


def _ours(module: str, path: str, packages: tuple[str, ...]) -> Any:
    """Return the object at this dotted path in a module of one of the packages, or None if there is none."""
    if module.partition(".")[0] not in packages:
        return None
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        return None
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def _path(path) -> Path:
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ValueError(f"path={path!r}: expected the path of a file.")
    return Path(os.fsdecode(path))


def _contents(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The text and the arrays of a file; raises `ValueError` unless it is a whole trajectory."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            head = json.loads(archive[HEAD].tobytes())
            arrays = {name: archive[name] for name in archive.files if name != HEAD}
        if head["format"] in EARLIER:
            raise _Earlier(
                f"path={str(path)!r}: it was written by meanfield {head['meanfield']} in an earlier format, which that "
                f"version reads."
            )
        if head["format"] != FORMAT or head["arrays"] != sorted(arrays):
            raise KeyError(FORMAT)
        return head, arrays
    except FileNotFoundError:
        raise ValueError(f"path={str(path)!r}: there is no such file.") from None
    except OSError as problem:
        raise ValueError(f"path={str(path)!r}: cannot be read ({problem.strerror or 'no archive'}).") from None
    except _Earlier:
        raise
    except _UNREADABLE:
        raise ValueError(f"path={str(path)!r}: expected a trajectory that `save` has written, whole.") from None


def _put(path: Path, content: bytes) -> None:
    """Write the file beside its place, bring it to the disk, and rename it."""
    if path.exists():
        try:
            _contents(path)
        except ValueError as problem:
            why = str(problem).partition(": ")[2]
            raise ValueError(f"path={str(path)!r}: something else is there, which is left as it is ({why})") from None
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise ValueError(f"path={str(path)!r}: cannot write there ({problem.strerror}).") from None
