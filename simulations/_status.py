"""What lies in a directory of records: for every study what is done, failed and damaged, and which sizes are whole."""

from dataclasses import dataclass
from pathlib import Path

from simulations._execute import failed
from simulations._records import canonical_text
from simulations._registry import STUDIES
from simulations._store import DamagedRecord, read
from simulations._study import SIZES, canonical


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
    seconds: float
    """Computing time of all records together (s)."""
    sizes: dict[str, str]
    """Of every size: "7 of 310"."""


def status(directory) -> list[Status]:
    """The studies that have records under `directory`, in the order of the story; nothing is changed there.

    Raises `ValueError` when there are none.
    """
    root = Path(directory) / "records"
    folders = {path.name: path for path in root.glob("*") if path.is_dir() and not path.is_symlink()}
    rows = [_row(name, folders[name]) for name in STUDIES if name in folders]
    if not rows:
        raise ValueError(f"{str(directory)!r}: holds no records; expected a directory written by run or verify.")
    return rows


def _row(name: str, folder: Path) -> Status:
    done, broken, damaged, seconds = set(), [], len(list(folder.glob("*.damaged*"))), 0.0
    for path in sorted(folder.glob("*.npz")):
        try:
            record = read(path)
        except DamagedRecord:
            damaged += 1
            continue
        seconds += record.provenance["seconds"]
        if failed(record):
            broken.append(record.status)
        else:
            done.add(canonical_text(record.parameters))
    sizes = {}
    for size in SIZES:
        wanted = [canonical(one) for one in STUDIES[name].grid(size, None, 0)]
        sizes[size] = f"{sum(text in done for text in wanted)} of {len(wanted)}"
    return Status(name, len(done), len(broken), tuple(dict.fromkeys(broken)), damaged, round(seconds, 1), sizes)
