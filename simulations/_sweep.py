"""From a list of runs to their records: what is stored is read, what is missing is computed."""

import logging
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from simulations._records import Record, Records
from simulations._store import DamagedRecord, Store
from simulations._study import Study, canonical

logger = logging.getLogger("meanfield")

Report = Callable[[int, int, Record], None]
"""Called after every run with how many are there, how many there will be, and the record."""


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
    import json

    began = time.perf_counter()
    values, status = study.run(parameters)
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return Record(json.loads(text), arrays, provenance(study, parameters, status, time.perf_counter() - began))


def provenance(study: Study, parameters: Any, status: str, seconds: float) -> dict[str, Any]:
    """Where a record comes from: enough to make it again."""
    import jax

    names = ("meanfield-particles", "jax", "jaxlib", "equinox", "diffrax", "numpy", "scipy")
    return {
        "study": study.name,
        "status": status,
        "seconds": round(seconds, 4),
        "seed": getattr(parameters, "seed", None),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
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
