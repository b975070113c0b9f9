"""Checkpoints as folders: whole, or without a number.

A checkpoint is a folder with a number in its name. In it are `state/`, written by orbax, and `seal`, which holds the
SHA-256 of every file in `state/` and what the simulation says of itself, below its own SHA-256. It is built under
another name, brought to the disk and then renamed: what has a number was whole. The last two are kept.
"""

import hashlib
import json
import logging
import os
import re
import shutil
from pathlib import Path

logger = logging.getLogger("meanfield")

STATE, SEAL = "state", "seal"
KEPT = 2


class Damaged(ValueError):
    """A checkpoint that is not what was written."""


def numbered(directory: Path, number: int) -> Path:
    """The checkpoint of that number."""
    return directory / f"checkpoint-{number:06d}"


def partial(path: Path) -> Path:
    """Return the path of this checkpoint while it is being written or removed."""
    return path.with_name(f"{path.name}.partial")


def unused(directory: Path) -> int:
    """A number above all that were used, by what was set aside too."""
    return 1 + max([0, *(_number(path) for path in directory.iterdir())])


def seal(path: Path, said: dict) -> None:
    """Give the folder `partial(path)` its seal and its name, and remove checkpoints that are no longer needed."""
    building = partial(path)
    body = json.dumps({"said": said, "files": _digests(building / STATE, sync=True)}).encode()
    with open(building / SEAL, "xb") as stream:
        stream.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        stream.flush()
        os.fsync(stream.fileno())
    _sync(building)
    os.rename(building, path)
    _sync(path.parent)
    for old in _whole(path.parent)[:-KEPT]:
        _discard(old)


def newest(directory: Path) -> int:
    """The number of the newest checkpoint that is as it was written, 0 for none; newer ones are set aside and named."""
    for path in reversed(_whole(directory)):
        try:
            sealed(path)
        except Damaged as problem:
            aside = path.with_name(f"{path.name}.damaged")
            os.rename(path, aside)
            logger.warning("checkpoint %s: %s; set aside as %s", path, problem, aside.name)
        else:
            return _number(path)
    return 0


def sealed(path: Path) -> dict:
    """Return the description that `seal` stored; raise `Damaged` unless every byte of the checkpoint is as it was."""
    try:
        found = _sealed(path)
        different = sorted(found["files"].items() ^ _digests(path / STATE).items())
    except OSError as problem:
        raise Damaged(f"it cannot be read ({problem.strerror})") from None
    if different:
        raise Damaged(f"{STATE}/{different[0][0]} is not what was written")
    return found["said"]


def described(directory: Path) -> dict | None:
    """Return the description in the newest seal that is whole, whatever became of the state; None where there is none.

    It holds what all checkpoints of a simulation have in common.
    """
    for path in reversed(_whole(directory) if directory.is_dir() else []):
        try:
            return _sealed(path)["said"]
        except (OSError, Damaged):
            continue  # `newest` names it and sets it aside
    return None


def _sealed(path: Path) -> dict:
    signature, _, body = (path / SEAL).read_bytes().partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != signature:
        raise Damaged("its seal is broken")
    return json.loads(body)


def clear(directory: Path) -> None:
    """Remove what was being written, or being removed, when a process was killed."""
    for path in directory.glob("*.partial"):
        if _number(path):
            shutil.rmtree(path)


def remove(directory: Path) -> None:
    """Remove all checkpoints, and the folder when nothing else is in it."""
    for path in _whole(directory):
        _discard(path)
    if not any(directory.iterdir()):
        directory.rmdir()


def _whole(directory: Path) -> list[Path]:
    """Those that are neither being written nor set aside, the oldest first."""
    return sorted((path for path in directory.iterdir() if _number(path) and not path.suffix), key=_number)


def _number(path: Path) -> int:
    """From 1 on; 0 for what belongs to somebody else."""
    name = re.fullmatch(r"checkpoint-([0-9]{6,})(\.partial|\.damaged)?", path.name)
    return int(name[1]) if name else 0


def _discard(path: Path) -> None:
    os.rename(path, partial(path))  # killed while it removes files, nobody takes the rest for a damaged checkpoint
    shutil.rmtree(partial(path))


def _digests(top: Path, sync: bool = False) -> dict[str, str]:
    """Path below `top` → SHA-256, for every file; brought to the disk if `sync`."""
    found = {}
    for path in sorted(top.rglob("*")):
        if path.is_dir():
            if sync:
                _sync(path)
            continue
        with open(path, "rb") as stream:
            found[path.relative_to(top).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
            if sync:
                os.fsync(stream.fileno())
    return found


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
