"""The part of a study that goes to a worker: what computes, checked once, and never the claims.

A packaged study goes by its name. Of any other one its experiments go: by reference where a worker can import them, and
by value where it can't, as what a script, a notebook or a session has defined. So no worker needs the script that
started it.
"""

import dataclasses
import functools
import importlib
import io
import pickle
import sys
from concurrent.futures import Executor, ProcessPoolExecutor
from types import FunctionType, ModuleType
from typing import Any

from simulations.records.code import Identity, identify
from simulations.study.registry import is_own
from simulations.study.study import Study
from simulations.study.study_file import by_value
from simulations.sweeps.executors import Engine, NoWorkers

UNPICKLED = (
    pickle.PicklingError, TypeError, AttributeError, ValueError, RuntimeError, OSError, LookupError, ImportError
)  # fmt: skip
"""What a value raises that can't be pickled, or not by reference."""


class NotSendable(ValueError):
    """A study that can't be sent to another process, with the part of it that can't."""


class Shipped:
    """A study as an argument of work: itself in this process, and what computes of it in another."""

    def __init__(self, study: Study):
        self.study, self.name, self.identity = study, study.name, identify(study)

    @functools.cached_property
    def content(self) -> bytes:
        """The bytes from which a worker makes the study; raises `NotSendable`, in a sentence, where there are none."""
        if is_own(self.study):
            return pickle.dumps(self.study)
        slim = computing_part(self.study)
        try:
            return _bytes(slim)
        except Exception as problem:  # pickling runs code of the user's, which raises what it likes
            part, value = next(((name, value) for name, value in _parts(slim) if not _sendable(value)), ("it", slim))
            said = " ".join(str(problem).split()).rstrip(".")
            raise NotSendable(
                f"study={self.name!r}: {part}={_shown(value)} can't be sent to other processes "
                f"({type(problem).__name__}: {said[:200]}); expected functions and values that can be pickled."
            ) from problem

    def __reduce__(self):
        return Arrived, (self.name, self.content, self.identity)


@dataclasses.dataclass(frozen=True)
class Arrived:
    """A study on the worker's side: unpacked when it is asked for, so that what is wrong with it can be told."""

    name: str
    content: bytes
    identity: Identity

    @property
    def study(self) -> Study:
        try:
            return _unpacked(self.content)
        except Exception as problem:  # importing runs code of the user's, which raises what it likes
            said = " ".join(str(problem).split()).rstrip(".")
            raise NoWorkers(
                f"a worker can't load the study {self.name!r} ({type(problem).__name__}: {said[:200]}); "
                f"what it imports must be importable where the worker runs"
            ) from problem


def check_sendable(shipped: Shipped, executor: Executor) -> None:
    """Raise `NotSendable` before anything is computed, where it is known that the executor has other processes."""
    if executor.elsewhere if isinstance(executor, Engine) else isinstance(executor, ProcessPoolExecutor):
        _ = shipped.content


def computing_part(study: Study) -> Study:
    """Return the study without what only its page and its verdicts need: claims, figure, animation."""
    return dataclasses.replace(study, claims=(), draw=None, panels=(), animation=None, whole=None)


@functools.lru_cache(maxsize=8)  # every batch brings the study along
def _unpacked(content: bytes) -> Study:
    return pickle.loads(content)


def _bytes(value: Any) -> bytes:
    """`value` pickled by reference where that can be resolved elsewhere, else by value."""
    try:
        stream = io.BytesIO()
        pickler = _Pickler(stream)
        pickler.dump(value)
        if not pickler.of_session:
            return stream.getvalue()
    except UNPICKLED:  # a lambda, for one; by value it can do, and if it can't, that is raised
        pass
    import cloudpickle

    class ByValue(cloudpickle.Pickler):
        """A pickler of functions by value, for which a module of any class is what is imported by its name.

        cloudpickle knows modules by their exact class, and a package that loads its names lazily has one of its own.
        """

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, ModuleType) and type(obj) is not ModuleType and obj.__name__ in sys.modules:
                return importlib.import_module, (obj.__name__,)
            return super().reducer_override(obj)

    stream = io.BytesIO()
    ByValue(stream).dump(value)
    return stream.getvalue()


class _Pickler(pickle.Pickler):
    """A pickler that notices references into modules that a worker can't import: `__main__`, and a study's file."""

    of_session = False

    def persistent_id(self, obj: Any) -> None:
        if isinstance(obj, type | FunctionType) and by_value(obj.__module__):
            self.of_session = True


def _sendable(value: Any) -> bool:
    try:
        _bytes(value)
    except UNPICKLED:  # told by who asks
        return False
    return True


def _parts(study: Study) -> list[tuple[str, Any]]:
    return [(f"experiment {one.name}", one) for one in study.experiments]


def _shown(value: Any) -> str:
    return getattr(value, "__qualname__", None) or f"{value!r:.60}"
