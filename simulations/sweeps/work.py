"""The work of a worker: the runs of one batch, from their texts to their records."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from meanfield.environment.watching import watching
from simulations.records.provenance import provenance
from simulations.records.record import Record
from simulations.study.study import Study
from simulations.sweeps.shipping import Arrived, Shipped


def compute(sent: Shipped | Arrived, texts: Sequence[str], size: int = 1) -> list[Record]:
    """The records of the runs with these canonical texts, computed together; the last is repeated up to `size`.

    Raises `KeyboardInterrupt` when a simulation in it was interrupted, `NoWorkers` when the study can't be loaded
    here, and whatever the study raises.
    """
    study = sent.study
    parameters = [json.loads(text) for text in texts]
    runs = [study.make(values) for values in parameters]
    began = time.perf_counter()
    with watching() as watch:
        watch.look()
        with _precision(study, runs[0]):
            if study.together is None or size == 1:
                answers = [study.run(run) for run in runs]
            else:
                answers = study.together.run(runs + [runs[-1]] * (size - len(runs)))[: len(runs)]
    seconds = (time.perf_counter() - began) / len(runs)
    records = []
    for named, run, (values, status) in zip(parameters, runs, answers, strict=True):
        if status.endswith("interrupted"):
            # `simulate` returns what there is when it is interrupted; a sweep keeps whole runs only, and stops.
            raise KeyboardInterrupt
        arrays = {name: np.asarray(value) for name, value in values.items()}
        wide = any(array.dtype in (np.float64, np.complex128) for array in arrays.values())
        precision = study.precision_of(run)
        made_by = provenance(
            study.name, run, status, seconds, precision, code=sent.identity.code, watch=watch, wide=wide
        )
        records.append(Record(named, arrays, made_by))
    return records


@contextmanager
def _precision(study: Study, run: Any) -> Iterator[None]:
    """Enter the precision that an experiment declares; other studies enter their own."""
    if not study.experiments:
        yield
        return
    with jax.enable_x64(study.precision_of(run) == "float64"):
        yield


def failure(sent: Shipped, text: str, problem: BaseException) -> Record:
    """The record of a run that could not be computed: no values, and the message as its status."""
    parameters, study = json.loads(text), sent.study
    said = " ".join(str(problem).split())[:500]
    status = f"failed: {type(problem).__name__}: {said}" if said else f"failed: {type(problem).__name__}"
    run = study.make(parameters)
    with watching() as watch:
        watch.look()
    precision, code = study.precision_of(run), sent.identity.code
    made_by = provenance(study.name, run, status, 0.0, precision, code=code, watch=watch)
    return Record(parameters, {}, made_by)
