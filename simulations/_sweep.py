"""From a list of runs to their records: what is stored is read, what is missing is computed."""

import functools
import json
import logging
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

import meanfield
from meanfield.arguments import one_of, positive_count
from simulations._interrupt import noticed
from simulations._records import Record, Records, canonical_text
from simulations._registry import find
from simulations._store import DamagedRecord, Store, load
from simulations._study import SIZES, Study, canonical

logger = logging.getLogger("meanfield")

Report = Callable[[Record], None]
"""Called with every record, as it is there."""


@dataclass(frozen=True)
class Plan:
    """Runs that are checked and ready: `execute` makes their records."""

    study: Study
    runs: Mapping[str, Any]
    """Parameters by their canonical text, each once."""
    store: Store | None

    def __len__(self) -> int:
        return len(self.runs)

    def execute(self, report: Report | None = None) -> Records:
        """The records in the order of the runs. Each is stored as soon as it is computed, so that a kill costs one
        run.
        """
        records = []
        with noticed() as interrupted:
            for text, parameters in self.runs.items():
                record = None if self.store is None else _stored(self.store, text)
                if record is None:
                    record = self._computed(parameters, text, interrupted)
                records.append(record)
                if report is not None:
                    report(record)
        return Records(records)

    def _computed(self, parameters: Any, text: str, interrupted: Callable[[], bool]) -> Record:
        """A new record, stored; a run in which Ctrl-C was pressed may be cut anywhere, and is none."""
        try:
            record = compute(self.study, parameters, text)
        except Exception:
            if interrupted():  # the study could not make do with half a simulation
                raise KeyboardInterrupt from None
            raise
        if interrupted():
            raise KeyboardInterrupt
        if self.store is not None:
            self.store.save(text, record)
        return record


def prepare(
    study: str | Study,
    size: str = "default",
    *,
    out=None,
    seeds: int | None = None,
    first_seed: int = 0,
    **parameters,
) -> Plan:
    """The runs of a study at one size, or of a grid of parameters; the arguments are those of `run`."""
    study = find(study)
    if seeds is not None:
        positive_count("seeds", seeds)
    if parameters:
        if seeds is not None and "seed" not in parameters:
            parameters["seed"] = range(first_seed, first_seed + seeds)
        runs = study.combinations(parameters)
    else:
        runs = study.grid(one_of("size", size, SIZES), seeds, first_seed)
    return Plan(study, {canonical(one): one for one in runs}, None if out is None else Store(out, study.name))


def run(
    study: str | Study,
    size: str = "default",
    *,
    out=None,
    seeds: int | None = None,
    first_seed: int = 0,
    report: Report | None = None,
    **parameters,
) -> Records:
    """The records of a study: its own grid at one size, or a grid of your own.

    **Arguments:**

    - `size`: "smoke", "default" or "paper"; not used when parameters are given.
    - `parameters`: any parameters of the study, each one value or a list; the runs are all combinations, and what is
      not named keeps its default.
    - `seeds`, `first_seed`: how many seeds for every setting, and the first of them.
    - `out`: a directory. Records that are there are read and not computed again, new ones are stored as they come.
    - `report`: called with every record.

    Raises `ValueError` for an unknown study, size or parameter, and for values out of range.
    """
    plan = prepare(study, size, out=out, seeds=seeds, first_seed=first_seed, **parameters)
    return plan.execute(report)


def sweep(
    study: str | Study,
    grid: Mapping[str, Any],
    *,
    out=None,
    seeds: int | None = None,
    first_seed: int = 0,
    report: Report | None = None,
) -> Records:
    """The records of every combination of the values in `grid`, a mapping from parameters to values; see `run`."""
    return run(study, out=out, seeds=seeds, first_seed=first_seed, report=report, **grid)


def complete(study: str | Study, directory) -> Records:
    """The stored records of the largest size that is complete in `directory`; all of the study, if none is.

    Raises `ValueError` when there are none, or one is damaged.
    """
    study = find(study)
    records = load(directory, study.name)
    there = {canonical_text(record.parameters): record for record in records}
    for size in reversed(SIZES):
        wanted = [canonical(one) for one in study.grid(size, None, 0)]
        if all(text in there for text in wanted):
            return Records(there[text] for text in wanted)
    return records


def compute(study: Study, parameters: Any, text: str) -> Record:
    """One run, with its provenance; raises `KeyboardInterrupt` when a simulation in it was interrupted."""
    began = time.perf_counter()
    values, status = study.run(parameters)
    if status.endswith("interrupted"):
        # `simulate` returns what there is when it is interrupted; a sweep keeps whole runs only, and stops.
        raise KeyboardInterrupt
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return Record(json.loads(text), arrays, provenance(study, parameters, status, time.perf_counter() - began))


def provenance(study: Study, parameters: Any, status: str, seconds: float) -> dict[str, Any]:
    """Where a record comes from: enough to make it again."""
    import jax

    return {
        "study": study.name,
        "status": status,
        "seconds": round(seconds, 4),
        "seed": getattr(parameters, "seed", None),
        "python": platform.python_version(),
        "versions": _versions(),
        "device": jax.devices()[0].device_kind,
        "precision": getattr(parameters, "precision", "float64"),
    }


@functools.cache
def _versions() -> dict[str, str]:
    """Looked up once: the metadata of a package are a file that is read and parsed."""
    packages = ("jax", "jaxlib", "equinox", "diffrax", "numpy", "scipy")
    return {"meanfield": meanfield.__version__, **{name: version(name) for name in packages}}


def _stored(store: Store, text: str) -> Record | None:
    try:
        return store.find(text)
    except DamagedRecord as problem:
        aside = store.set_aside(text)
        logger.warning("%s It is set aside as %s and computed again.", problem, aside.name)
        return None
