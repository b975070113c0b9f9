"""Files that are there whole or not at all, and their bytes, which are read from files only."""

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")

FORGOTTEN = 3600.0
"""Seconds after which a temporary file has no writer any more: writing one takes less than a second."""

_NO_FILE = (errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO)
"""Failures to open links, folders and sockets; any other one says nothing about what is there."""


class NoFile(ValueError):
    """A path at which there is no file, or none of a size to be read, with the reason."""


def content(path: Path, most: int) -> bytes:
    """The bytes of a regular file, at most `most`.

    Raises `NoFile` for anything else at that path, a link among it, and `OSError` with the path for what can't be read
    now.
    """
    try:
        try:
            return _bytes(path, most)
        except OSError as problem:
            if problem.errno != errno.ESTALE:
                raise
            return _bytes(path, most)  # replaced on another machine since it was opened: the name leads to the new one
    except OSError as problem:
        if problem.errno in _NO_FILE:
            raise NoFile(f"is not a file ({problem.strerror})") from None
        raise OSError(problem.errno, problem.strerror, str(path)) from None


def _bytes(path: Path, most: int) -> bytes:
    kind = os.lstat(path).st_mode
    if not stat.S_ISREG(kind):
        raise NoFile("is a symbolic link" if stat.S_ISLNK(kind) else "is not a file")
    # Should it become a link or a pipe after that look, it is not followed, and not waited for.
    flags = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    with open(os.open(path, flags), "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NoFile("is not a file")
        if status.st_size > most:
            raise NoFile("is larger than any record")
        return stream.read(status.st_size)


def write_whole(files: Mapping[Path, bytes]) -> None:
    """Write to temporary files beside the paths, flush them to disk, then rename them: no reader sees half a file, and
    a power cut leaves the old file or the new one.

    Many at once are flushed together, which a disk does in the time of a few. Raises `OSError` when one can't be
    written; then none is, and nothing is left behind.
    """
    temporaries = {path: path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp") for path in files}
    try:
        with contextlib.ExitStack() as stack:
            streams = []
            for path, content in files.items():
                stream = stack.enter_context(open(temporaries[path], "xb"))
                stream.write(content)
                stream.flush()
                streams.append(stream)
            _flush(streams)
        for path, temporary in temporaries.items():
            os.replace(temporary, path)
    except BaseException:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
        raise
    for directory in {path.parent for path in files}:
        flush_names(directory)


def _flush(streams: Sequence[IO]) -> None:
    """Bring files to disk; several by several threads, whose requests a journal answers together."""
    if len(streams) == 1:
        os.fsync(streams[0].fileno())
        return
    with ThreadPoolExecutor(8) as threads:
        for _ in threads.map(lambda stream: os.fsync(stream.fileno()), streams):
            pass  # to raise what one of them raised


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
