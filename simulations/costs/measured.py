"""Measured costs of the sizes of a study: the file `costs.json` beside the study's own file.

It holds seconds of computing, by study (of a published figure: by study/figure) and size, on two cores of the machine
whose speed is `simulations.costs.speed.REFERENCE`; another machine's are divided by how much slower it is.
"""

import inspect
import json
from pathlib import Path

from meanfield.arguments import one_of
from simulations.costs.speed import slowness
from simulations.records.files import write_whole
from simulations.records.record import Records
from simulations.study.given import instance
from simulations.study.study import SIZES, Study

NAME = "costs.json"


def measured(study: Study, figure: str = "") -> dict[str, float]:
    """Return the seconds of computing that each size of a study, or of a published figure of it, took; empty where
    nobody has measured any.
    """
    path = _file(study)
    if path is None or not path.exists():
        return {}
    try:
        sizes = json.loads(path.read_text()).get(_key(study, figure), {})
        return {str(size): float(seconds) for size, seconds in sizes.items()}
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"{str(path)!r}: is no file of costs; expected seconds by study and size in JSON.") from None


def keep_costs(study: Study, size: str, records: Records, figure: str = "") -> Path:
    """Write beside the study what this size, or the runs of this size of a published figure, took by its records, and
    return the path of the file.

    Raises `ValueError` for a study that has no file, and for records that are not those of the size.
    """
    instance("study", study, Study)
    instance("records", records, Records)
    one_of("size", size, SIZES)
    path = _file(study)
    if path is None:
        raise ValueError(f"study={study.name!r}: is in no file; expected one beside which {NAME} can be written.")
    asked = len((study.making(figure) if figure else study).grid(size, None, 0))
    if len(records) != asked or not asked:
        raise ValueError(f"records={len(records)} runs: expected the {asked} runs of size {size}.")
    seconds = sum(record.provenance["seconds"] for record in records) / slowness()
    known = json.loads(path.read_text()) if path.exists() else {}
    known.setdefault(_key(study, figure), {})[size] = float(f"{seconds:.2g}")
    write_whole({path: (json.dumps(known, indent=2, sort_keys=True) + "\n").encode()})
    return path


def _key(study: Study, figure: str) -> str:
    return f"{study.name}/{figure}" if figure else study.name


def _file(study: Study) -> Path | None:
    """The file of costs of a study; None for one of a notebook or a session."""
    try:
        return Path(inspect.getfile(study.page)).resolve().with_name(NAME)
    except (OSError, TypeError):
        return None
