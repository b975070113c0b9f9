"""A digest of what a value does: the same in every process that makes the same value, another when it has changed.

A function is its instructions, constants, default values, closure and what it reads by name (functions, classes,
constants, modules), all of it followed to the end; a class is its members and its bases; an object is its class and its
state. Names of files and modules, line numbers, docstrings, annotations, addresses, and the order of dictionaries and
sets are no part of it. Not followed: names made up at run time (`getattr(module, text)`, `eval`), files, and the inside
of installed packages, which stand for themselves by what was installed.
"""

import ast
import functools
import hashlib
import importlib.metadata
import sys
import sysconfig
import types
import weakref
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import meanfield
from meanfield.arguments import host
from meanfield.checkpoints.identity_parts import Reference, instructions, members, read_names, state

PACKAGES = ("meanfield", "jax", "jaxlib", "equinox", "diffrax", "optax", "numpy", "scipy")
"""Their functions are known by name: whoever keeps a digest notes the versions, and `engine` beside them."""


def behaviour(thing: Any) -> str:
    """Return what `thing` does as 64 hexadecimal digits: equal for equal code and values, in every process.

    For functions, lambdas, closures, partials, bound methods, classes, objects, arrays and containers of these. Code of
    `meanfield` itself counts by name; `engine` tells whether it has changed.

    >>> def scaled(by):
    ...     return lambda z: by * z
    >>> behaviour(scaled(2.0)) == behaviour(scaled(2.0)), behaviour(scaled(2.0)) == behaviour(scaled(3.0))
    (True, False)
    """
    return digest(thing).hex()


def digest(thing: Any) -> bytes:
    """Return `behaviour(thing)` as 32 bytes. Of an array that several processes share, the part that this one holds."""
    reader = _Reader()
    reader.read(thing)
    return reader.found.digest()


@functools.cache
def engine() -> str:
    """Return a digest of the code of `meanfield` that computes, read once a process."""
    return code_of(Path(str(meanfield.__file__)).parent)


def code_of(package: Path) -> str:
    """Return a digest of the Python files of a package, comments, docstrings and `NO_NUMBERS` left out."""
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if computes(name):
            found.update(f"{name}\n{ast.dump(_undocumented(ast.parse(path.read_bytes())))}\n".encode())
    return found.hexdigest()


NO_NUMBERS = ("__main__.py", "command", "plot.py", "simulation/progress.py")
"""Files and folders of the package that change no result."""


def computes(name: str) -> bool:
    """Return True if a file of the package, named by its path from there, may change a result."""
    return not any(name == other or name.startswith(f"{other}/") for other in NO_NUMBERS)


def _undocumented(tree):
    """`tree` without its docstrings and other expressions that are text alone."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            said = [part for part in body if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)]
            node.body = [part for part in body if part not in said]  # pyright: ignore[reportAttributeAccessIssue]
    return tree


class _Reader:
    """A walk through a value, which feeds a hash."""

    def __init__(self):
        self.found = hashlib.sha256()
        self.known: dict[Any, tuple[int, Any]] = {}
        """Functions, classes and modules that were met → (which one, itself, so that its id stays its own)."""
        self.above: list[int] = []
        """Ids of the containers and objects that the value is part of, which may hold themselves."""

    def say(self, *pieces: str | bytes) -> None:
        for piece in pieces:
            content = piece.encode() if isinstance(piece, str) else piece
            self.found.update(len(content).to_bytes(8, "little"))
            self.found.update(content)

    def read(self, value: Any) -> None:
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str, bytes, type(Ellipsis)):
            self.say(kind.__name__, repr(value))
        elif kind is np.ndarray or isinstance(value, jax.Array | np.generic):
            self._array(value)
        elif isinstance(value, types.FunctionType | type | types.ModuleType):
            self._named(value)
        elif not self._inside_itself(value):
            self.above.append(id(value))
            self._inside(kind, value)
            self.above.pop()

    def _inside(self, kind: type, value: Any) -> None:
        if kind in (list, tuple):
            self.say(kind.__name__, str(len(value)))
            self._all(value)
        elif kind in (dict, types.MappingProxyType):
            self.say("dict", str(len(value)))
            for key in _ordered(value):
                self._all((key, value[key]))
        elif kind in (set, frozenset):
            self.say(kind.__name__, *sorted(map(digest, value)))
        elif kind is types.CodeType:
            self._code(value)
        elif kind is types.BuiltinFunctionType:
            self.say("builtin", value.__qualname__)
            self.read(value.__self__)
        elif kind is types.CellType:
            self._all(_cell(value))
        elif isinstance(value, weakref.ReferenceType):
            self.read(value())
        else:
            self.read(kind)
            self._all(state(value, known_library(kind.__module__) is not None))

    def _all(self, values) -> None:
        for value in values:
            self.read(value)

    def _named(self, value: Any) -> None:
        """A function, class or module.

        Those of a module are read once, since they refer to one another; what a function has made is read wherever it
        is: whether two places hold one closure or two equal ones makes no difference to what they do.
        """
        if isinstance(value, types.FunctionType) and "<locals>" in value.__code__.co_qualname:
            if self._inside_itself(value):
                return
            self.above.append(id(value))
            self._definition(value)
            self.above.pop()
        elif id(value) in self.known:
            self.say("again", str(self.known[id(value)][0]))
        else:
            self.known[id(value)] = len(self.known), value
            self._definition(value)

    def _inside_itself(self, value: Any) -> bool:
        inside = id(value) in self.above
        if inside:
            self.say("part of itself", str(len(self.above) - self.above.index(id(value))))
        return inside

    def _definition(self, value: Any) -> None:
        module, name = _home(value)
        library = known_library(module)
        if library is not None:
            self.say("library", library, name)
            if isinstance(value, types.FunctionType) and "<locals>" in value.__code__.co_qualname:
                self._bound(value)  # made by a function of the library from values that need not be the library's
        elif isinstance(value, types.FunctionType):
            self.say("function")
            self._code(value.__code__)
            self._bound(value)
            self._globals(value)
            self.read({key: held for key, held in vars(value).items() if key != "__wrapped__"})
        elif isinstance(value, type):
            self.say("class", value.__qualname__)
            if type(value) is not type:
                self.read(type(value))
            self._all(value.__bases__)
            self._all(members(value))
        else:
            self.say("module")

    def _bound(self, function: types.FunctionType) -> None:
        self._all((function.__defaults__, function.__kwdefaults__))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self.say(name)
            self._all(_cell(cell))

    def _code(self, code: types.CodeType) -> None:
        """Instructions with the values that they name: where a compiler keeps those is no part of what code does."""
        counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
        self.say("code", repr(counts), repr(code.co_flags & ~_DOCUMENTED), repr(code.co_varnames[: sum(counts)]))
        self.say(code.co_exceptiontable)
        for opcode, _, argument in instructions(code):
            self.say(str(opcode))
            self.read(argument)

    def _globals(self, function: types.FunctionType) -> None:
        """Add to the digest what the function, and the functions inside it, look up by name when they run."""
        for reference in read_names(function):
            self.say(reference.name)
            self._reference(reference, reference.value)

    def _reference(self, reference: Reference, value: Any) -> None:
        """The value; of a module only the attributes that this code may read."""
        if not isinstance(value, types.ModuleType) or known_library(value.__name__) is not None:
            self.read(value)
            return
        key = value.__name__, reference.attributes
        if key in self.known:
            self.say("again", str(self.known[key][0]))
            return
        self.known[key] = len(self.known), value
        for name in sorted(reference.attributes & vars(value).keys()):
            self.say(name)
            self._reference(reference, vars(value)[name])

    def _array(self, value) -> None:
        self.say(f"array {value.shape} {value.dtype}")
        if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            value = jax.random.key_data(value)
        whole = host(value)
        for share in [share.data for share in value.addressable_shards] if whole is None else [whole]:
            if np.asarray(share).dtype.hasobject:
                self.read(np.asarray(share).tolist())
            else:
                self.say(np.ascontiguousarray(share).tobytes())


_DOCUMENTED = 0x4000000
"""The flag of code with a docstring, from Python 3.13 on."""


def _ordered(keys) -> list:
    return sorted(keys) if all(type(key) is str for key in keys) else sorted(keys, key=digest)


def _cell(cell: types.CellType) -> tuple:
    try:
        return (cell.cell_contents,)
    except ValueError:  # bound only later
        return ()


def _home(value: types.FunctionType | type | types.ModuleType) -> tuple[str, str]:
    """(module, name within it); of a function where its code is from, whatever `functools.wraps` has written on it."""
    if isinstance(value, types.FunctionType):
        return str(value.__globals__.get("__name__", "")), value.__code__.co_qualname
    if isinstance(value, types.ModuleType):
        return value.__name__, value.__name__
    return str(value.__module__), f"{value.__module__}.{value.__qualname__}"


@functools.cache
def known_library(module: str) -> str | None:
    """Return what the code of `module` is known by where it is installed; None for a user's own, which is read."""
    top = module.partition(".")[0]
    if top in PACKAGES or top in sys.stdlib_module_names or top == "builtins":
        return top
    file = getattr(sys.modules.get(top), "__file__", None) or getattr(sys.modules.get(module), "__file__", None)
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    if file is None or not any(Path(place) in Path(file).parents for place in places):
        return None
    return f"{top} {_installed(top)}"


@functools.cache  # to list what is installed takes a quarter of a second
def _installed(top: str) -> str:
    """A digest of the code that the distributions of a package have brought."""
    found = hashlib.sha256()
    for name in sorted(set(importlib.metadata.packages_distributions().get(top, ()))):
        for file in importlib.metadata.distribution(name).files or ():
            if file.hash is not None and file.suffix in (".py", ".so", ".pyd"):
                found.update(f"{file} {file.hash.value}\n".encode())
    return found.hexdigest()
