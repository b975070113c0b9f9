"""The packages that come with this one, and strangers who answer to their names: these are ordinary words."""

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

SIBLINGS = ("theory", "simulations", "figures")

ROOT = Path(__file__).resolve().parents[2]
"""The folder in which this package and its siblings lie."""


def require(*names: str) -> None:
    """Raise `ImportError`, a sentence with its path, where another file or folder answers to one of these names."""
    for name in names:
        place = _place(name)
        if place is not None and not _own(place):
            raise ImportError(
                f"{name} is {str(place)!r} and not the package that comes with meanfield: rename it, or keep its "
                "folder off Python's path (that of the script and the working folder are on it).",
                name=name,
            )


def prefer(*names: str) -> None:
    """Let the siblings be found before strangers: whatever folder on Python's path holds one goes to the path's end.

    Processes that are started from here take the path over. Raises `ImportError` as `require` does, for a stranger who
    has already been imported.
    """
    for name in names:
        for _ in range(len(sys.path)):
            place = _place(name)
            if name in sys.modules or place is None or _own(place):
                break
            first = next((entry for entry in sys.path if _within(place, entry)), None)
            if first is None:
                break
            sys.path.remove(first)
            sys.path.append(first)
    require(*names)


def _own(place: Path) -> bool:
    return place.resolve().parent == ROOT


def _within(place: Path, entry: str) -> bool:
    """Return True if the module at `place` lies in this folder of Python's path."""
    return Path(entry or ".").resolve() == place.resolve().parent


def _place(name: str) -> Path | None:
    """The folder or the file that answers to a name; None where nothing does."""
    module = sys.modules.get(name)
    spec = module.__spec__ if module is not None else PathFinder.find_spec(name) or find_spec(name)
    if spec is None:
        file = getattr(module, "__file__", None)
        return None if file is None else Path(file)
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return None if spec.origin is None else Path(spec.origin)
