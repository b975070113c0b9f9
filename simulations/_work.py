"""What a worker does: the runs of one batch, from their texts to their records."""

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulations._provenance import provenance
from simulations._records import Record
from simulations._shipping import Arrived, Shipped
from simulations._study import Study


def compute(sent: Shipped | Arrived, texts: Sequence[str], size: int = 1) -> list[Record]:
    """The records of the runs with these canonical texts, computed together; the last is repeated up to `size`.

    Raises `KeyboardInterrupt` when a simulation in it was interrupted, `NoWorkers` when the study can't be loaded
    here, and whatever the study raises.
    """
    study = sent.study
    parameters = [json.loads(text) for text in texts]
    runs = [study.make(values) for values in parameters]
    began = time.perf_counter()
    if study.together is None or size == 1:
        answers = [study.run(run) for run in runs]
    else:
        answers = study.together.run(runs + [runs[-1]] * (size - len(runs)))[: len(runs)]
    seconds = (time.perf_counter() - began) / len(runs)
    records = zip(parameters, runs, answers, strict=True)
    return [_record(study, named, run, values, status, seconds) for named, run, (values, status) in records]


def _record(
    study: Study, parameters: dict[str, Any], run: Any, values: dict[str, Any], status: str, seconds: float
) -> Record:
    if status.endswith("interrupted"):
        # `simulate` returns what there is when it is interrupted; a sweep keeps whole runs only, and stops.
        raise KeyboardInterrupt
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return Record(parameters, arrays, provenance(study.name, run, status, seconds, study.precision_of(run)))


def failure(study: Study, text: str, problem: BaseException) -> Record:
    """The record of a run that could not be computed: no values, and the message as its status."""
    parameters = json.loads(text)
    said = " ".join(str(problem).split())[:500]
    status = f"failed: {type(problem).__name__}: {said}" if said else f"failed: {type(problem).__name__}"
    run = study.make(parameters)
    return Record(parameters, {}, provenance(study.name, run, status, 0.0, study.precision_of(run)))
