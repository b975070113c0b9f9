"""Estimates of the time and memory that a sweep would take, before any of it is computed.

Of a size the study says what it takes, as measured on two cores. Of other runs, and of what is missing of a size, the
records tell that are stored; the first run of a setting in a process compiles its programs, the later ones do not.
Where there are no records a few runs are timed, if the caller gives the time for it.
"""

import logging
import math
import os
import time
from dataclasses import dataclass
from typing import Any

from simulations.costs.expected import START, expected
from simulations.costs.known import Known, all_operations, setting_of
from simulations.records.store import stored
from simulations.study.given import instance
from simulations.study.machine import in_time, in_words, least_bytes
from simulations.study.simulation import batch_bytes
from simulations.study.study import Study
from simulations.sweeps.batches import Batch
from simulations.sweeps.executors import InProcess
from simulations.sweeps.shipping import Shipped
from simulations.sweeps.sweep import Plan
from simulations.sweeps.work import compute

logger = logging.getLogger("meanfield")

WORKERS = 5.0
"""Seconds until workers have started, each with its own JAX."""

TRIALS = 12
"""Kinds of runs that are timed at most."""


@dataclass(frozen=True)
class Estimate:
    """Counts, seconds and bytes of a plan."""

    runs: int
    there: int
    """Runs whose records are stored."""
    batches: int
    """Batches that would be computed."""
    seconds: float
    """Of computing, by one worker."""
    measured: int
    """Records that the seconds are estimated from; 0 where there are none."""
    bytes: int
    """Of the largest batch, at least."""
    source: str = ""
    """Where the seconds come from."""

    def wall(self, workers: int = 1) -> float:
        """Seconds until the command is done: its start, and the computing by so many workers on this machine."""
        at_once = max(1, min(workers, self.batches, os.cpu_count() or 1))
        return START + (WORKERS if workers > 1 and self.batches else 0.0) + self.seconds / at_once

    def lines(self, workers: int = 1) -> list[str]:
        """Sentences for a reader."""
        return [
            f"runs     {self.runs}, of which {self.there} are there",
            f"batches  {self.batches} to compute",
            f"time     about {in_time(self.wall(workers))} ({self.source})",
            f"memory   at least {in_words(self.bytes)} for the largest batch",
        ]


def estimate(plan: Plan, trial: float = 0.0) -> Estimate:
    """Estimate the runs, the time and the memory of `plan`.

    They are as the study says of its sizes, as stored records say, or as a few runs say that are computed here for
    about `trial` seconds where nothing else is known. Nothing is stored and nothing changed.

    Raises `OSError` with its path for a record that can't be read now.
    """
    instance("plan", plan, Plan)
    there = set(plan.there())
    todo = [batch for batch in plan.batches if not set(batch.runs) <= there]
    known = Known(_stored(plan))
    count, said, trials = known.count, expected(plan), 0
    new = [not known.has(next(iter(batch.runs.values()))) for batch in todo]
    unknown = [batch for batch, is_new in zip(todo, new, strict=True) if is_new]
    if said is None and unknown and trial > 0:
        timed = _timed(plan.study, unknown, trial)
        known.add(timed)
        trials = len(timed)
    told = todo if said is None else [batch for batch, is_new in zip(todo, new, strict=True) if not is_new]
    seconds = known.total(run for batch in told for run in _computed(batch))
    if said is not None:
        seconds += said * _share(unknown, plan.batches)
    sources = [f"from {count} records"] if told and count else []
    sources += [f"from {trials} trials"] if trials else []
    sources += [f"by what size {plan.size} takes on two cores"] if unknown and said is not None else []
    source = " and ".join(sources) or ("a guess from operations, no run is there yet" if todo else "nothing to compute")
    largest = 0
    for batch in todo:
        run = next(iter(batch.runs.values()))
        one = max(least_bytes(run), batch_bytes(run) if batch.size > 1 else 0)
        largest = max(largest, one * batch.size)
    return Estimate(len(plan), len(there), len(todo), seconds, count, largest, source)


def _computed(batch: Batch) -> list[Any]:
    """The runs of a batch as often as they are computed."""
    runs = list(batch.runs.values())
    return runs + [runs[-1]] * (batch.size - len(runs))


def _share(some: list[Batch], every: list[Batch]) -> float:
    """The share of the work that these batches are: half of it by their number, half by operations."""
    if not some:
        return 0.0
    parts = [sum(map(len, one)) for one in (some, every)]
    work = [sum(all_operations(_computed(batch)) for batch in one) for one in (some, every)]
    return (parts[0] / parts[1] + work[0] / work[1]) / 2


def _timed(study: Study, todo: list[Batch], limit: float) -> list[tuple[Any, float]]:
    """(run, seconds) of a few kinds of runs, spread over all sizes, the smallest first, as far as the time reaches."""
    kinds: dict[tuple, list[Batch]] = {}
    for batch in todo:
        kinds.setdefault(setting_of(next(iter(batch.runs.values()))), []).append(batch)
    ordered = sorted(kinds.values(), key=_size)
    step = max(1, math.ceil(len(ordered) / TRIALS))
    timed, began = [], time.perf_counter()
    compiling = each = 0.0  # of the last one that was timed, the second per product
    for some in ordered[::step]:
        # The first is timed whatever it takes; of the next it is known by the last one what it would take.
        if timed and time.perf_counter() - began + compiling + 2 * each * _size(some) > limit:
            break
        taken = []
        for batch in some[:2]:
            taken.append(_seconds(study, batch))
            timed += [(run, taken[-1] / len(batch.runs)) for run in batch.runs.values()]
        compiling, each = taken[0] - taken[-1], taken[-1] / _size(some)
    return timed


def _size(batches: list[Batch]) -> float:
    return all_operations(batches[0].runs.values())


def _seconds(study: Study, batch: Batch) -> float:
    """Seconds that a batch takes; one that raises takes what it took until then, as it will in the sweep."""
    began = time.perf_counter()
    problem = InProcess().submit(compute, Shipped(study), list(batch.runs), batch.size).exception()
    if problem is not None:
        logger.debug("%s: a trial raised %r", study.name, problem)
    return time.perf_counter() - began


def _stored(plan: Plan) -> list[tuple[Any, float]]:
    """(run, seconds) of stored records, of those whose parameters the study still has."""
    if plan.store is None:
        return []
    try:
        records = stored(plan.store.directory.parents[1], plan.study.name).done
    except ValueError:
        return []
    found = []
    for record in records:
        try:
            found.append((plan.study.make(record.parameters), record.provenance["seconds"]))
        except ValueError:  # of an older version of the study
            continue
    return found
