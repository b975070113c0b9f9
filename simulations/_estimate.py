"""What a sweep would take, before any of it is computed."""

import math
from bisect import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from simulations._machine import in_time, in_words, least_bytes
from simulations._store import stored
from simulations._sweep import Plan

RATE = 1e9
"""Products a second where no record says better: one core, small arrays."""

BASE = 5e-3
"""Seconds that a run takes however small it is."""


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
    """Records that the seconds are estimated from; 0 for a guess from operations."""
    bytes: int
    """Of the largest batch, at least."""

    def lines(self, workers: int = 1) -> list[str]:
        """Sentences for a reader."""
        source = f"from {self.measured} records" if self.measured else "a guess from operations, no run is there yet"
        return [
            f"runs     {self.runs}, of which {self.there} are there",
            f"batches  {self.batches} to compute",
            f"time     about {in_time(self.seconds / max(1, workers))} ({source})",
            f"memory   at least {in_words(self.bytes)} for the largest batch",
        ]


def estimate(plan: Plan) -> Estimate:
    """What `plan` would take, from the records of its study that are stored; nothing is computed, and nothing changed.

    Raises `OSError` with its path for a record that can't be read now.
    """
    if not isinstance(plan, Plan):
        raise ValueError(f"plan={plan!r:.60}: expected what simulations.prepare returns.")
    there = set(plan.there())
    todo = [batch for batch in plan.batches if not set(batch.runs) <= there]
    known = Known(_stored(plan))
    seconds = sum(known.seconds(run) * batch.size / len(batch) for batch in todo for run in batch.runs.values())
    together = plan.study.together
    largest = 0
    for batch in todo:
        run = next(iter(batch.runs.values()))
        one = max(least_bytes(run), together.bytes(run) if together is not None and batch.size > 1 else 0)
        largest = max(largest, one * batch.size)
    return Estimate(len(plan), len(there), len(todo), seconds, known.count, largest)


def operations(run: Any) -> float:
    """Products of a run, read off the names that studies share: m n (1 + d), as often as there are steps and
    replicas.
    """
    sizes = [float(getattr(run, name, 1) or 1) for name in ("particles", "samples", "replicas", "instances")]
    steps = float(getattr(run, "steps", 0) or getattr(run, "updates", 0) or 0)
    if not steps:
        steps = float(getattr(run, "time", 1.0)) / float(getattr(run, "step", 1.0) or 1.0)
    return math.prod(sizes) * (1 + float(getattr(run, "dimension", 1))) * max(1.0, steps)


class Known:
    """What runs took, by their size: (operations, seconds) of each."""

    def __init__(self, runs: Iterable[tuple[float, float]]):
        rates: dict[float, list[float]] = {}
        for size, seconds in runs:
            rates.setdefault(size, []).append(max(0.0, seconds - BASE) / size)
        self.count = sum(map(len, rates.values()))
        self.sizes = sorted(rates)
        self.rates = [median(rates[size]) for size in self.sizes]

    def seconds(self, run: Any) -> float:
        """The median of the runs nearest in size (by ratio; the smaller ones of two as near), in proportion."""
        size = operations(run)
        if not self.sizes:
            return BASE + size / RATE
        place = bisect(self.sizes, size)
        near = range(max(0, place - 1), min(place + 1, len(self.sizes)))
        nearest = min(near, key=lambda k: abs(math.log(self.sizes[k] / size)))
        return BASE + size * self.rates[nearest]


def _stored(plan: Plan) -> Iterator[tuple[float, float]]:
    """(operations, seconds) of stored records, of those whose parameters the study still has."""
    if plan.store is None:
        return
    try:
        records = stored(plan.store.directory.parents[1], plan.study.name).done
    except ValueError:
        return
    for record in records:
        try:
            run = plan.study.make(record.parameters)
        except ValueError:
            continue
        yield operations(run), record.provenance["seconds"]
