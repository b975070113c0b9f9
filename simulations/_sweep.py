"""From a list of runs to their records: what is stored is read, what is missing is computed."""

import json
import logging
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

import meanfield
from meanfield.arguments import one_of, positive_count
from simulations._records import Record, Records
from simulations._registry import find
from simulations._store import DamagedRecord, Store
from simulations._study import SIZES, Study, canonical

logger = logging.getLogger("meanfield")

Report = Callable[[int, int, Record], None]
"""Called after every run with how many are there, how many there will be, and the record."""


def run(study: str | Study, size: str = "default", *, out=None, report: Report | None = None, seeds: int | None = None,
        first_seed: int = 0, **parameters) -> Records:
    """The records of a study: its own grid at one size, or a grid of your own.

    **Arguments:**

    - `size`: "smoke", "default" or "paper"; used when no parameters are given.
    - `parameters`: any parameters of the study, each one value or a list; the runs are all combinations, and what is not
      named keeps its default.
    - `seeds`, `first_seed`: how many seeds for every setting, and the first of them.
    - `out`: a directory. Records that are there are read and not computed again, new ones are stored as they come.
    - `report`: called after every run with (done, total, record).

    Raises `ValueError` for an unknown study, size or parameter, and for values out of range.
    """
    study = find(study)
    if seeds is not None:
        positive_count("seeds", seeds)
    if parameters:
        return sweep(study, parameters, out=out, report=report, seeds=seeds, first_seed=first_seed)
    one_of("size", size, SIZES)
    return execute(study, study.grid(size, seeds, first_seed), _store(study, out), report)


def sweep(study: str | Study, grid: Mapping[str, Any], *, out=None, report: Report | None = None, seeds: int | None = None,
          first_seed: int = 0) -> Records:
    """The records of every combination of the values in `grid`; see `run`."""
    study = find(study)
    if seeds is not None and "seed" not in grid:
        grid = {**grid, "seed": range(first_seed, first_seed + positive_count("seeds", seeds))}
    return execute(study, study.combinations(grid), _store(study, out), report)


def _store(study: Study, out) -> Store | None:
    return None if out is None else Store(out, study.name)


def execute(study: Study, runs: Sequence, store: Store | None, report: Report | None = None) -> Records:
    """The records of `runs`, in their order. Each is stored as soon as it is computed, so that a kill costs one run."""
    wanted = {canonical(parameters): parameters for parameters in runs}
    found: dict[str, Record] = {}
    for done, (text, parameters) in enumerate(wanted.items(), start=1):
        record = None if store is None else _stored(store, text)
        if record is None:
            record = compute(study, parameters, text)
            if store is not None:
                store.save(text, record)
        found[text] = record
        if report is not None:
            report(done, len(wanted), record)
    return Records(found.values())


def compute(study: Study, parameters: Any, text: str) -> Record:
    """One run, with its provenance."""
    began = time.perf_counter()
    values, status = study.run(parameters)
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return Record(json.loads(text), arrays, provenance(study, parameters, status, time.perf_counter() - began))


def provenance(study: Study, parameters: Any, status: str, seconds: float) -> dict[str, Any]:
    """Where a record comes from: enough to make it again."""
    import jax

    packages = ("jax", "jaxlib", "equinox", "diffrax", "numpy", "scipy")
    return {
        "study": study.name,
        "status": status,
        "seconds": round(seconds, 4),
        "seed": getattr(parameters, "seed", None),
        "python": platform.python_version(),
        "versions": {"meanfield": meanfield.__version__, **{name: version(name) for name in packages}},
        "device": jax.devices()[0].device_kind,
        "precision": getattr(parameters, "precision", "float64"),
    }


def _stored(store: Store, text: str) -> Record | None:
    try:
        return store.find(text)
    except DamagedRecord as problem:
        aside = store.set_aside(text)
        logger.warning("%s It is set aside as %s and computed again.", problem, aside.name)
        return None
