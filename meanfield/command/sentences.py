"""Sentences for what can't be done: what the packages refuse, and places that can't be written to."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from meanfield.command.command_line import Refused


@contextlib.contextmanager
def refusing(**place: Path) -> Iterator[None]:
    """Turn what the packages refuse into a sentence of the command; given `out=path`, also a failure to write there."""
    try:
        yield
    except (ValueError, ImportError) as problem:
        raise Refused(str(problem)) from None
    except OSError as problem:
        if not place:
            raise
        [(name, path)] = place.items()
        raise Refused(f"{name}={str(path)!r}: cannot write there ({problem.strerror}).") from None


def check_place(name: str, directory: Path) -> None:
    """Refuse a directory that can't be made or written to, before anything is computed for it."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if not there.is_dir():
        raise Refused(f"{name}={str(directory)!r}: cannot write there ({str(there)!r} is not a directory).")
    if not os.access(there, os.W_OK):
        raise Refused(f"{name}={str(directory)!r}: cannot write there (no permission to write to {str(there)!r}).")
