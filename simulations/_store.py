"""One file a run, at the hash of its parameters, written whole or not at all."""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from simulations._files import write_whole
from simulations._records import Record, Records, canonical_text

SCHEMA = 1
"""Version of the file's layout and of what the studies write; part of the address, so that another version is another
run.
"""


class DamagedRecord(ValueError):
    """A file that is not the record it claims to be."""


def address(study: str, parameters_json: str) -> str:
    """SHA-256 of schema, study and canonical parameters, in hexadecimal."""
    return hashlib.sha256(f"{SCHEMA}\n{study}\n{parameters_json}".encode()).hexdigest()


class Store:
    """Records of one study under `directory`/records/`study`.

    Raises `ValueError` when the directory can't be made or written.
    """

    def __init__(self, directory: str | os.PathLike, study: str):
        self.study = study
        self.directory = Path(directory) / "records" / study
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.directory):
                pass
        except OSError as problem:
            raise ValueError(f"out={str(directory)!r}: cannot write there ({problem.strerror}).") from None

    def path(self, parameters_json: str) -> Path:
        return self.directory / f"{address(self.study, parameters_json)}.npz"

    def find(self, parameters_json: str) -> Record | None:
        """The record, or None if there is none; raises `DamagedRecord` for a file that can't be trusted."""
        path = self.path(parameters_json)
        if not path.exists():
            return None
        record = read(path)
        if canonical_text(record.parameters) != parameters_json:
            raise DamagedRecord(f"{path}: holds the record of other parameters.")
        return record

    def set_aside(self, parameters_json: str) -> Path:
        """Rename a damaged file, so that it is neither trusted nor lost; returns its new path."""
        path = self.path(parameters_json)
        for number in range(1000):
            aside = path.with_suffix(f".damaged{number}")
            if not aside.exists():
                return path.rename(aside)
        raise ValueError(f"{path}: a thousand damaged copies stand beside it; clear them away.")

    def save(self, parameters_json: str, record: Record) -> None:
        """Store a record, whole or not at all."""
        write_whole(self.path(parameters_json), encode(record))


def encode(record: Record) -> bytes:
    """The bytes of a record: an npz archive with the parameters, the provenance and a digest of all of it."""
    head = {"schema": SCHEMA, "parameters": record.parameters, "provenance": record.provenance}
    text = json.dumps(head, sort_keys=True)
    arrays = {name: np.asarray(value, order="C") for name, value in record.values.items()}
    stamp = np.frombuffer(json.dumps({"head": text, "sha256": _digest(text, arrays)}).encode(), np.uint8)
    stream = io.BytesIO()
    np.savez(stream, __record__=stamp, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def read(path: Path) -> Record:
    """The record in a file; raises `DamagedRecord` unless every byte of it is as written."""
    try:
        # Opened here, because np.load leaves a file that it can't read open.
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files}
        stamp = json.loads(content.pop("__record__").tobytes())
        text, digest = stamp["head"], stamp["sha256"]
        head: dict[str, Any] = json.loads(text)
        if digest != _digest(text, content):
            raise DamagedRecord(f"{path}: its digest does not match its content.")
        if head["schema"] != SCHEMA:
            raise DamagedRecord(f"{path}: has schema {head['schema']}, expected {SCHEMA}.")
        canonical_text(head["parameters"])  # raises for parameters that no run can have, such as NaN
        return Record(head["parameters"], content, head["provenance"])
    except DamagedRecord:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        zipfile.BadZipFile,
        NotImplementedError,
    ) as problem:
        raise DamagedRecord(f"{path}: is not a readable record ({type(problem).__name__}).") from None


def load(directory: str | os.PathLike, study: str | None = None) -> Records:
    """All records under a directory that a sweep wrote, of one study or of all.

    Raises `ValueError` when there are none, and `DamagedRecord` (a `ValueError`) for a file that can't be trusted.
    """
    root = Path(directory) / "records"
    paths = sorted(root.glob(f"{study or '*'}/*.npz"))
    if not paths:
        which = f"records of {study}" if study else "records"
        raise ValueError(f"from={str(directory)!r}: holds no {which}; expected a directory written by run or verify.")
    return Records(read(path) for path in paths)


def _digest(head: str, arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(head.encode())
    for name in sorted(arrays):
        value = np.asarray(arrays[name], order="C")
        digest.update(f"{name}\n{value.dtype.str}\n{value.shape}\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
