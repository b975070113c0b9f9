"""The status of a directory of records: what of every study is done, failed and damaged, and which sizes are whole."""

import os
from dataclasses import dataclass
from pathlib import Path

from simulations.records.code import identify
from simulations.records.record import Record, canonical_text
from simulations.records.revisions import OtherCode, made_by_others, sentence
from simulations.records.store import DamagedRecord, OtherVersion, plain_name, read
from simulations.study.registry import PUBLISHED, STUDIES, own
from simulations.study.study import SIZES, canonical
from simulations.sweeps.execution import failed


@dataclass(frozen=True)
class Status:
    """One study's records in a directory."""

    study: str
    done: int
    """Records of runs that reached their end, diverged ones among them."""
    failed: int
    """Records of runs that raised; the next sweep tries them again."""
    messages: tuple[str, ...]
    """What they said, each once."""
    damaged: int
    """Files that can't be trusted, set aside or still in their place."""
    other: int
    """Records that another version of the package wrote: neither trusted nor damaged."""
    earlier: int
    """Records from before studies were made of experiments: read by `load`, and of no size; among those done."""
    other_code: int
    """Records that were made by other code than what would make them now; none of a study that is not the package's
    own, whose code is not at hand.
    """
    made_by: str
    """Which code that was, in a sentence; empty where there are none."""
    seconds: float
    """Computing time of all records together (s)."""
    sizes: dict[str, str]
    """Of every size: "7 of 310"; empty for a study that is not one of the package's own."""


def status(directory, *, strict: bool = False) -> list[Status]:
    """The studies that have records under `directory`: the package's own in the order of the story, then others by
    name; nothing is changed there.

    Raises `ValueError` when there are none and, if `strict`, when other code has made some; `OSError` with its path for
    a file that can't be read now.
    """
    if not isinstance(directory, str | os.PathLike):
        raise ValueError(f"directory={directory!r:.60}: expected the path of a directory.")
    root = Path(directory) / "records"
    folders = {path.name: path for path in root.glob("*") if path.is_dir() and not path.is_symlink()}
    own = [*STUDIES, *PUBLISHED]
    # A name that is no plain one was not given by a sweep, and may be more than a terminal should print.
    others = [name for name in sorted(folders) if name not in own and plain_name(name) and _written(folders[name])]
    rows = [_row(name, folders[name]) for name in [*own, *others] if name in folders]
    if not rows:
        raise ValueError(f"{str(directory)!r}: holds no records; expected a directory written by run or verify.")
    if strict and any(row.other_code for row in rows):
        raise OtherCode("strict=True: " + "; ".join(row.made_by for row in rows if row.other_code) + ".")
    return rows


def _written(folder: Path) -> bool:
    return any(path.suffix == ".npz" or path.suffix.startswith(".damaged") for path in folder.iterdir())


def _row(name: str, folder: Path) -> Status:
    done, whole, broken, damaged, other, seconds = set(), [], [], len(list(folder.glob("*.damaged*"))), 0, 0.0
    for path in sorted(folder.glob("*.npz")):
        try:
            record = read(path)
        except OtherVersion:
            other += 1
            continue
        except DamagedRecord:
            damaged += 1
            continue
        except FileNotFoundError:  # set aside by a sweep since the directory was listed
            continue
        seconds += record.provenance["seconds"]
        if failed(record):
            broken.append(record.status)
        else:
            done.add(canonical_text(record.parameters))
            whole.append(Record(record.parameters, {}, record.provenance))
    sizes, study = {}, own(name)
    if study is not None:
        for size in SIZES:
            wanted = [canonical(one) for one in study.grid(size, None, 0)]
            sizes[size] = f"{sum(text in done for text in wanted)} of {len(wanted)}"
    messages = tuple(dict.fromkeys(broken))
    others = [] if study is None else made_by_others(whole, identify(study).code)
    said = sentence(name, others, len(whole), folder.parents[1]) if others else ""
    old = sum("schema" in record.provenance for record in whole)
    return Status(
        name, len(done), len(broken), messages, damaged, other, old, len(others), said, round(seconds, 1), sizes
    )
