"""What a sweep would take, before any of it is computed."""

import math
from dataclasses import dataclass
from statistics import median
from typing import Any

from simulations._machine import in_time, in_words, least_bytes
from simulations._records import Record
from simulations._store import load
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
    """What `plan` would take, from the records of its study that are stored; nothing is computed."""
    there = set(plan.there())
    todo = [batch for batch in plan.batches if not set(batch.runs) <= there]
    known = _known(plan)
    seconds = sum(_seconds(run, known) * batch.size / len(batch) for batch in todo for run in batch.runs.values())
    together = plan.study.together
    largest = 0
    for batch in todo:
        run = next(iter(batch.runs.values()))
        one = max(least_bytes(run), together.bytes(run) if together is not None and batch.size > 1 else 0)
        largest = max(largest, one * batch.size)
    return Estimate(len(plan), len(there), len(todo), seconds, len(known), largest)


def operations(run: Any) -> float:
    """Products of a run, read off the names that studies share: m n (1 + d), as often as there are steps and
    replicas.
    """
    sizes = [float(getattr(run, name, 1) or 1) for name in ("particles", "samples", "replicas", "instances")]
    steps = float(getattr(run, "steps", 0) or getattr(run, "updates", 0) or 0)
    if not steps:
        steps = float(getattr(run, "time", 1.0)) / float(getattr(run, "step", 1.0) or 1.0)
    return math.prod(sizes) * (1 + float(getattr(run, "dimension", 1))) * max(1.0, steps)


def _known(plan: Plan) -> list[tuple[float, float]]:
    """(operations, seconds) of stored records."""
    if plan.store is None:
        return []
    try:
        records: list[Record] = list(load(plan.store.directory.parents[1], plan.study.name))
    except ValueError:
        return []
    done = [record for record in records if record.status == "done"]
    return [(operations(plan.study.make(one.parameters)), one.provenance["seconds"]) for one in done]


def _seconds(run: Any, known: list[tuple[float, float]]) -> float:
    """The median of the records nearest in size, in proportion."""
    size = operations(run)
    if not known:
        return BASE + size / RATE
    away = [abs(math.log(other / size)) for other, _ in known]
    near = [one for one, distance in zip(known, away, strict=True) if distance <= min(away) + 1e-9]
    return median(BASE + max(0.0, seconds - BASE) * size / other for other, seconds in near)
