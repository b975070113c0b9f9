"""Sizes of tiles on processors: the defaults, or what `meanfield bench --tune` has found for this one."""

import functools
import json
import logging
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import jax

from meanfield.environment.processor import model
from meanfield.environment.user_cache import location

logger = logging.getLogger("meanfield")

VARIABLE = "MEANFIELD_TUNING"
"""The variable of the environment that, if it is "off", makes the defaults hold."""

FILE = "tuning.json"

RANGES = {"tile_bytes": (1 << 16, 1 << 28), "samples": (128, 4096)}
"""Sizes that are believed. More samples in a tile than by default would be more roundings in a row."""


class Tuning(NamedTuple):
    """`tile_bytes`: the pre-activations of one tile, as many as stay in the last caches while they are passed over
    several times; `samples`: most samples of a tile, with so many of which a matrix product runs at its full rate.

    Plans with other sizes take other times, and give the same numbers up to rounding.
    """

    tile_bytes: int = 1 << 23
    samples: int = 4096


DEFAULT = Tuning()

# Programs that were traced under one tuning are not taken for those under another.
_context = jax.make_user_context(default_value=None)


def in_force() -> Tuning:
    """Return the sizes that plans are made with now: those of `tuned` around this call, or the stored ones."""
    given = _context.value
    return stored() if given is None else given


def tuned(tuning: Tuning) -> AbstractContextManager[Any]:
    """Return a context in which plans are made with these sizes."""
    return _context(tuning)


def stored() -> Tuning:
    """Return the sizes in the user's folder, or the defaults where there are none.

    The defaults also hold for a job of several processes, which must all run the same program.
    """
    if os.environ.get(VARIABLE, "").lower() == "off" or jax.distributed.is_initialized():
        return DEFAULT
    folder = location()
    return DEFAULT if folder is None else _read(folder / FILE)


def destination() -> Path:
    """Return the file for sizes, in a folder that is made; raise `OSError` where that can't be, or nothing is kept."""
    folder = location()
    if folder is None:
        raise OSError("nothing is kept, since MEANFIELD_CACHE is off")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / FILE


def store(tuning: Tuning) -> Path:
    """Write the file that processes read from now on, and return it; raise `OSError` where that can't be."""
    path = destination()
    building = path.with_name(f"{FILE}.{os.getpid()}")  # renamed when it is whole
    building.write_text(json.dumps({"processor": model(), **tuning._asdict()}) + "\n")
    os.replace(building, path)
    return path


def from_numbers(given: Any) -> Tuning:
    """Return the sizes in a mapping; raise `ValueError`, in one sentence, for what can't be sizes."""
    if not isinstance(given, dict):
        raise ValueError(f"{given!r}: expected a mapping of names to sizes.")
    for name, (low, high) in RANGES.items():
        size = given.get(name)
        if type(size) is not int or not low <= size <= high:
            raise ValueError(f"{name}={size!r}: expected a whole number from {low} to {high}.")
    return Tuning(**{name: given[name] for name in RANGES})


@functools.cache
def _read(path: Path) -> Tuning:
    """Read a file once a process: its plans are all made with the same sizes."""
    try:
        given = json.loads(path.read_text())
        found = from_numbers(given)
    except FileNotFoundError:
        return DEFAULT
    except (OSError, ValueError) as problem:
        logger.warning("tile sizes in %s are ignored: %s", path, problem)
        return DEFAULT
    if given.get("processor") != model():
        logger.warning("tile sizes in %s are ignored: they are for %s, and this is %s",
                       path, given.get("processor"), model())  # fmt: skip
        return DEFAULT
    return found
