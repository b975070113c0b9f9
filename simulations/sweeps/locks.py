"""Run locks, which say which process computes which run when several share one store."""

import functools
import logging
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: claims hold between the threads of one process only
    fcntl = None

logger = logging.getLogger("meanfield")


@dataclass
class _File:
    """The lock file of one directory in this process, with every claim on it.

    One descriptor serves them all: when a process closes any descriptor of a file, it loses all its locks on that file.
    """

    descriptor: int
    users: int = 0
    owners: dict[str, "Claims"] = field(default_factory=dict)


_files: dict[tuple[int, int, int], _File] = {}
"""By process (a fork inherits descriptors, not locks), device and inode (a directory has many paths)."""

_guard = threading.Lock()


class Claims:
    """Claims on the runs of one directory, by address; each is held by at most one object, in any process.

    A claim is a lock on one byte of the file `.claims`, at the place that the address names. The kernel releases it
    when its process ends, however it ends, so that no claim outlives its holder and none has to be cleared away. It
    holds between machines too where the file system passes locks on (NFS does). Where it knows no locks, and on
    Windows, claims hold between the threads of one process only: work may be done twice there, but nothing is lost.

    A claim is no answer to what has been done: after `take`, look into the store before computing. Without a directory
    there is nobody to share with, and every claim is granted.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     with Claims(pathlib.Path(name)) as mine, Claims(pathlib.Path(name)) as other:
    ...         mine.take("a1" * 32), other.take("a1" * 32), other.take("b2" * 32), mine.taken_elsewhere("b2" * 32)
    (True, False, True, True)

    Raises `ValueError` when the lock file can't be opened.
    """

    def __init__(self, directory: Path | None):
        self._key = None
        if directory is None:
            return
        with _guard:
            try:
                self._key, self._file = _opened(directory / ".claims")
            except OSError as problem:
                raise ValueError(f"{directory / '.claims'}: cannot be opened ({problem.strerror}).") from None
            self._file.users += 1

    def __enter__(self) -> "Claims":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def take(self, address: str) -> bool:
        """Claim the run at this address; return True if it is now this object's to compute (or was so before)."""
        if self._key is None:
            return True
        with _guard:
            owner = self._file.owners.get(address)
            if owner is None and _lock(self._file.descriptor, address):
                owner = self._file.owners[address] = self
            return owner is self

    def give_back(self, address: str) -> None:
        """End a claim; one that this object does not hold stays as it is."""
        if self._key is None:
            return
        with _guard:
            if self._file.owners.get(address) is self:
                del self._file.owners[address]
                _unlock(self._file.descriptor, address)

    def taken_elsewhere(self, address: str) -> bool:
        """Return True if another object, here or in another process, holds this claim at the moment.

        To ask is to try: somebody else who tries at the same instant may be refused once.
        """
        if self._key is None:
            return False
        with _guard:
            owner = self._file.owners.get(address)
            if owner is not None:
                return owner is not self
            free = _lock(self._file.descriptor, address)
            if free:
                _unlock(self._file.descriptor, address)
            return not free

    def close(self) -> None:
        """Give back every claim; what is asked afterwards is granted to everybody."""
        if self._key is None:
            return
        with _guard:
            for address in [address for address, owner in self._file.owners.items() if owner is self]:
                del self._file.owners[address]
                _unlock(self._file.descriptor, address)
            self._file.users -= 1
            if not self._file.users:
                del _files[self._key]
                os.close(self._file.descriptor)
            self._key = None


def _opened(path: Path) -> tuple[tuple[int, int, int], _File]:
    """The lock file at `path`, opened unless this process has it open."""
    try:
        status = os.stat(path, follow_symlinks=False)
        key = os.getpid(), status.st_dev, status.st_ino
        if key in _files:
            return key, _files[key]
    except FileNotFoundError:
        pass
    # Opened only now: to open and close it beside the shared descriptor would release every lock.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    status = os.fstat(descriptor)
    key = os.getpid(), status.st_dev, status.st_ino
    return key, _files.setdefault(key, _File(descriptor))


def _place(address: str) -> int:
    """The first 60 bits of the address: within the range of a file offset."""
    return int(address[:15], 16)


def _lock(descriptor: int, address: str) -> bool:
    """Lock the byte of this address; return True if this process now holds it, or where there are no locks at all."""
    if fcntl is None:
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(address))
    except (BlockingIOError, PermissionError):
        return False
    except OSError as problem:
        _say_once(problem.strerror)
    return True


@functools.cache
def _say_once(reason: str) -> None:
    logger.warning("The store's file system does not lock (%s): processes may do work twice.", reason)


def _unlock(descriptor: int, address: str) -> None:
    if fcntl is None:
        return
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, _place(address))
    except OSError as problem:
        logger.debug("a claim was not given back (%s); it ends with the process", problem.strerror)
