"""The work of a worker: the runs of one batch, from their texts to their records."""

import json
import time
from collections.abc import Sequence

import jax
import numpy as np

from meanfield.environment.watching import watching
from simulations.records.linear_algebra import one_thread
from simulations.records.provenance import provenance
from simulations.records.record import Record
from simulations.study.simulation import run_experiment, simulated
from simulations.sweeps.shipping import Arrived, Shipped


@one_thread()  # so long that the record, too, is made under it and tells of it
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
        with jax.enable_x64(runs[0].precision == "float64"):
            if size == 1:
                answers = [run_experiment(run) for run in runs]
            else:
                answers = simulated(runs + [runs[-1]] * (size - len(runs)))[: len(runs)]
    seconds = (time.perf_counter() - began) / len(runs)
    records = []
    for named, run, (values, status) in zip(parameters, runs, answers, strict=True):
        if status.endswith("interrupted"):
            # `simulate` returns what there is when it is interrupted; a sweep keeps whole runs only, and stops.
            raise KeyboardInterrupt
        arrays = {name: np.asarray(value) for name, value in values.items()}
        wide = any(array.dtype in (np.float64, np.complex128) for array in arrays.values())
        made_by = provenance(
            study.name, run, status, seconds, run.precision, code=sent.identity.code, watch=watch, wide=wide
        )
        records.append(Record(named, arrays, made_by))
    return records


def failure(sent: Shipped, text: str, problem: BaseException) -> Record:
    """The record of a run that could not be computed: no values, and the message as its status."""
    parameters, study = json.loads(text), sent.study
    said = " ".join(str(problem).split())[:500]
    status = f"failed: {type(problem).__name__}: {said}" if said else f"failed: {type(problem).__name__}"
    run = study.make(parameters)
    with watching() as watch:
        watch.look()
    made_by = provenance(study.name, run, status, 0.0, run.precision, code=sent.identity.code, watch=watch)
    return Record(parameters, {}, made_by)
