"""One file a run, at the hash of its parameters, written whole or not at all, and trusted only when all of it fits."""

import hashlib
import json
import logging
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulations.records.archive import MAX_BYTES, Unreadable, pack, parse, unpack
from simulations.records.files import NoFile, clear_forgotten, content, flush_names, write_whole
from simulations.records.record import Record, Records, canonical_text, plain_name
from simulations.records.revisions import tell_others
from simulations.study.registry import find, own
from simulations.study.study import Study

logger = logging.getLogger("meanfield")

SCHEMA = 2
"""Version of the file's layout and of what the studies write; part of the address, so that another version is another
run.
"""

READ = (1, SCHEMA)
"""Versions that are read: of the first are records from before studies were made of experiments."""


class DamagedRecord(ValueError):
    """A file that is not the record it claims to be."""


class OtherVersion(DamagedRecord):
    """A whole record, but of another schema: not trusted, and no damage."""


def address(study: str, parameters_json: str, schema: int | None = None) -> str:
    """Return SHA-256 of schema, study and canonical parameters, the experiment among them, in hexadecimal."""
    return hashlib.sha256(f"{SCHEMA if schema is None else schema}\n{study}\n{parameters_json}".encode()).hexdigest()


class Store:
    """Records of one study under `directory`/records/`study`.

    What killed writers left there an hour ago or earlier is cleared away. With `write` false nothing is made, cleared
    or tried there: records are found, and not saved. Raises `ValueError` when the directory can't be made or written,
    when the study's name is no plain name, and when a symbolic link leads out of `directory`.
    """

    def __init__(self, directory: str | os.PathLike, study: str, *, write: bool = True):
        self.study, self.write = study, write
        self.directory = _folder("out", directory, study)
        if not write:
            return
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            _folder("out", directory, study)
            with tempfile.TemporaryFile(dir=self.directory) as probe:
                clear_forgotten(self.directory, os.fstat(probe.fileno()).st_mtime)
            for parent in self.directory.parents[:3]:  # which may be new, as the folder itself
                flush_names(parent)
        except OSError as problem:
            raise ValueError(f"out={str(directory)!r}: cannot write there ({problem.strerror}).") from None

    def path(self, parameters_json: str) -> Path:
        return self.directory / f"{address(self.study, parameters_json)}.npz"

    def find(self, parameters_json: str) -> Record | None:
        """The record, or None if there is none.

        Raises `DamagedRecord` for a file that can't be trusted, `OSError` for one that can't be read now.
        """
        try:
            return read(self.path(parameters_json))
        except FileNotFoundError:
            return None

    def set_aside(self, parameters_json: str) -> Path:
        """Rename a damaged file (a link itself, not its target), so that it is neither trusted nor lost.

        Returns its new path. Two processes never choose the same. Raises `ValueError` in a store that only reads.
        """
        self._check_write()
        path = self.path(parameters_json)
        folder = path.is_dir() and not path.is_symlink()
        for number in range(1000):
            aside = path.with_suffix(f".damaged{number}")
            try:
                aside.mkdir() if folder else aside.touch(exist_ok=False)
            except FileExistsError:
                continue
            try:
                return path.replace(aside)
            except FileNotFoundError:  # another process has just set it aside
                aside.rmdir() if folder else aside.unlink()
                return aside
        raise ValueError(f"{path}: a thousand damaged copies stand beside it; clear them away.")

    def save(self, records: Mapping[str, Record]) -> None:
        """Store records by the canonical texts of their runs, each whole or not at all.

        Raises `ValueError` for one that `find` would not take back and in a store that only reads, `OSError` when they
        can't be written.
        """
        self._check_write()
        for text, record in records.items():
            if record.provenance.get("study") != self.study or canonical_text(record.parameters) != text:
                raise ValueError(f"{text}: the record to be stored is of another study or run.")
        write_whole({self.path(text): encode(record) for text, record in records.items()})

    def _check_write(self) -> None:
        if not self.write:
            raise ValueError(f"write=False: expected a store that writes; {self.directory} is only read here.")


def encode(record: Record) -> bytes:
    """The bytes of a record: an npz archive with the parameters, the provenance and a digest of all of it.

    Equal records are equal bytes. Raises `ValueError` for what can't be stored, such as NaN among the parameters.
    """
    head = {"schema": SCHEMA, "parameters": record.parameters, "provenance": record.provenance}
    fault = _fault(head)
    if fault:
        raise ValueError(f"the record to be stored {fault}.")
    return pack(json.dumps(head, sort_keys=True), record.values)


def read(path: Path) -> Record:
    """The record in a file; raises `DamagedRecord` unless every value is as written and the file is where it belongs.

    Its schema must be one that is read, else the error is `OtherVersion`; its directory must be that of its study, and
    its name the address of its parameters. A digest shows damage, not intent: who can write to the store can write
    other values. But no file runs code, takes more memory than a few times its size, or is read through a link. Raises
    `FileNotFoundError` when there is none, and `OSError` with the path when it can't be read now (no permission, a disk
    or a network that fails), which says nothing of the record.
    """
    try:
        text, values = unpack(content(path, MAX_BYTES))
        head = parse(text)
    except NoFile as problem:
        raise DamagedRecord(f"{path}: {problem}.") from None
    except Unreadable as problem:
        raise DamagedRecord(f"{path}: is not a readable record ({problem}).") from None
    if type(head.get("schema")) is int and head["schema"] not in READ:
        raise OtherVersion(f"{path}: has schema {head['schema']!r:.20}, expected {SCHEMA}: another version wrote it.")
    fault = _fault(head)
    if fault:
        raise DamagedRecord(f"{path}: {fault}.")
    study = path.parent.name
    if head["provenance"]["study"] != study:
        raise DamagedRecord(f"{path}: holds the record of another study.")
    if address(study, canonical_text(head["parameters"]), head["schema"]) != path.stem:
        raise DamagedRecord(f"{path}: holds the record of other parameters.")
    old = {} if head["schema"] == SCHEMA else {"schema": head["schema"]}
    return Record(head["parameters"], values, head["provenance"] | old)


def load(directory: str | os.PathLike, study: str | Study | None = None, *, strict: bool = False) -> Records:
    """All records under a directory that a sweep wrote, of one study or of all.

    A file that can't be trusted is left out, with a warning that names it; records of another version are left out
    without. Records from before studies were made of experiments are among them, and a line says how many. Of packaged
    studies, and of one of your own if it is given itself, a line says how many records other code has made than what
    would make them now, and which revisions.

    Raises `ValueError` when no record is left, when a symbolic link leads out of `directory`, and, if `strict`, when
    other code has made some; `OSError` with its path for a file that can't be read now.
    """
    records = stored(directory, study if study is None or isinstance(study, str) else find(study).name)
    if old := earlier(records):
        logger.warning("%s: %s", directory, old)
    by_study: dict[str, list[Record]] = {}
    for record in records:
        by_study.setdefault(record.provenance["study"], []).append(record)
    for name, found in by_study.items():
        known = own(name) if study is None or isinstance(study, str) else study
        if known is not None:
            tell_others(known, None, found, directory, strict=strict)
    return records


def earlier(records: Records) -> str:
    """Return a sentence on the records from before studies were made of experiments; empty where there are none."""
    count = sum("schema" in record.provenance for record in records)
    which = "record is" if count == 1 else "records are"
    return f"{count} {which} of an earlier form, without experiments; they belong to no size." if count else ""


def stored(directory: str | os.PathLike, study: str | None = None) -> Records:
    """Return the records that `load` returns, without a line on the code that made them."""
    records, damaged, others = [], 0, 0
    for folder in _folders(directory, study):
        for path in sorted(folder.glob("*.npz")):
            try:
                records.append(read(path))
            except OtherVersion:
                others += 1
            except DamagedRecord as problem:
                damaged += 1
                logger.warning("%s It is left out.", problem)
            except FileNotFoundError:  # set aside by a sweep since the directory was listed
                pass
    if others:
        logger.info("%s: %d records of another version are left alone.", directory, others)
    if records:
        return Records(records)
    others_there = [folder.name for folder in _folders(directory, None)]
    if study and study not in others_there and others_there:
        names = ", ".join(others_there)
        raise ValueError(f"study={study!r}: has no records in {str(directory)!r}; there are those of {names}.")
    which = f"records of {study}" if study else "records"
    if damaged or others:
        reasons = [f"{damaged} are damaged"] * (damaged > 0) + [f"{others} are of another version"] * (others > 0)
        raise ValueError(f"from={str(directory)!r}: holds no {which} that can be trusted; {', '.join(reasons)}.")
    raise ValueError(f"from={str(directory)!r}: holds no {which}; expected a directory written by run or verify.")


def _folders(directory: str | os.PathLike, study: str | None) -> list[Path]:
    if study is not None:
        return [_folder("from", directory, study)]
    root = _folder("from", directory)
    names = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return [_folder("from", directory, name) for name in names if plain_name(name)]


def _folder(argument: str, directory: str | os.PathLike, study: str | None = None) -> Path:
    """The folder of all records or of a study's; raises `ValueError` unless it lies in `directory`, not by a link."""
    if study is not None and not plain_name(study):
        raise ValueError(f"study={study!r}: expected a plain name of letters, digits and underscores.")
    if not isinstance(directory, str | os.PathLike):
        raise ValueError(f"{argument}={directory!r:.60}: expected the path of a directory.")
    records = Path(directory) / "records"
    folder = records if study is None else records / study
    for path in (records, folder):
        # Other things than symbolic links lead elsewhere too, such as the junctions of Windows.
        if path.is_symlink() or not path.resolve().is_relative_to(Path(directory).resolve()):
            raise ValueError(f"{argument}={str(directory)!r}: {path} is a link; expected a directory of its own.")
    return folder


def _fault(head: dict[str, Any]) -> str | None:
    """Return what is wrong with the description of a record, or None."""
    if set(head) != {"schema", "parameters", "provenance"}:
        return "has other fields than a record"
    if type(head["schema"]) is not int or head["schema"] not in READ:
        return f"has schema {head['schema']!r:.20}, expected {SCHEMA}"
    parameters, provenance = head["parameters"], head["provenance"]
    if not isinstance(parameters, dict) or not all(map(plain_name, parameters)):
        return "has no parameters by name"
    if not all(_plain(value, 0) for value in parameters.values()):
        return "has parameters that no run can have"
    if not isinstance(provenance, dict) or not _plain(provenance, 4):
        return "has a provenance that is not plain data"
    if not all(isinstance(provenance.get(name), str) for name in ("study", "status")):
        return "does not name its study and status"
    seconds = provenance.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        return "does not say how many seconds its run took"
    return None


def _plain(value: Any, depth: int) -> bool:
    """Return True for finite numbers and text that can be shown, in at most `depth` levels of lists and mappings."""
    if value is None or isinstance(value, bool | int):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):  # an escape sequence would be obeyed by the terminal it is printed on
        return value.isprintable() or all(letter.isprintable() or letter in "\n\t" for letter in value)
    if depth and isinstance(value, list):
        return all(_plain(item, depth - 1) for item in value)
    if depth and isinstance(value, dict):
        return all(
            isinstance(name, str) and _plain(name, 0) and _plain(item, depth - 1) for name, item in value.items()
        )
    return False
