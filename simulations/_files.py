"""Files that are there whole or not at all."""

import errno
import os
import re
import secrets
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")

FORGOTTEN = 3600.0
"""Seconds after which a temporary file has no writer any more: writing one takes less than a second."""


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary file beside `path`, flush it to disk, then rename it: no reader sees half a file, and a
    power cut leaves the old file or the new one.

    Raises `OSError` when it can't be written; a failed write leaves nothing behind.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_names(path.parent)


def flush_names(directory: Path) -> None:
    """Bring the names in a directory to disk, where the system lets a directory be flushed."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as problem:
        if problem.errno not in (errno.EACCES, errno.EINVAL, errno.ENOTSUP):
            raise


def clear_forgotten(directory: Path, now: float) -> None:
    """Remove the temporary files of writers that were killed, and none that may still be written.

    Who wrote a file can't be asked, because he may be on another machine; so its age decides. `now` is the time by the
    clock of the file system (of a file just made there), which need not be this machine's.
    """
    with os.scandir(directory) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                try:
                    if now - entry.stat(follow_symlinks=False).st_mtime > FORGOTTEN:
                        os.unlink(entry.path)
                except FileNotFoundError:  # another process has cleared it, or its writer renamed it
                    pass
