"""The runs of a sweep and their records: what is missing is claimed, and what fails is tried again."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass, field

from simulations.records.record import Record
from simulations.records.revisions import tell_others
from simulations.records.store import DamagedRecord, Store, address
from simulations.study.study import Study
from simulations.sweeps.batches import Batch
from simulations.sweeps.executors import NoWorkers, WorkerDied
from simulations.sweeps.locks import Claims
from simulations.sweeps.shipping import NotSendable, Shipped, check_sendable
from simulations.sweeps.work import failure

logger = logging.getLogger("meanfield")

RETRIES = 2
"""Times that work is tried again after its worker was lost, and once alone: bad luck is rarer than that."""

LOST = (WorkerDied, BrokenExecutor, CancelledError, ConnectionError)
"""What says that a worker was lost, and nothing of its work; an engine's own words for it are its own matter."""


@dataclass
class Progress:
    """How far a sweep is; what `report` is called with, after every record and whenever work goes out."""

    total: int
    done: int = 0
    """Runs whose record is there, failed ones among them."""
    found: int = 0
    """Of those, how many were there before."""
    failed: int = 0
    computed: int = 0
    """Runs that were computed here, of which `done` may not count all yet: those of a batch come at once."""
    running: int = 0
    """Runs that are being computed for this sweep."""
    record: Record | None = None
    """The record that has just come, or None."""


Report = Callable[[Progress], None]


def added(parts: Sequence[Progress], record: Record | None) -> Progress:
    """Return how far several sweeps are together."""
    names = ("total", "done", "found", "failed", "computed", "running")
    return Progress(**{name: sum(getattr(part, name) for part in parts) for name in names}, record=record)


@dataclass
class Task:
    """A batch of a sweep on its way."""

    sweep: "Execution"
    batch: Batch
    attempts: int = 0
    taken: list[str] = field(default_factory=list)
    """Texts that this process has claimed."""


class Execution:
    """One pass through the runs of a sweep, as a context in which they are claimed.

    A batch whose worker is lost is tried again up to `RETRIES` times, then run by run. A batch in which a run raises is
    taken apart at once, so that only the run itself is lost. What fails alone is recorded as failed, with its message.
    """

    def __init__(self, study: Study, store: Store | None, batches: list[Batch], report: Report, strict: bool):
        self.study, self.store, self.batches, self.report, self.strict = study, store, batches, report, strict
        self.shipped = Shipped(study)
        self.progress = Progress(sum(map(len, batches)))
        self.records: dict[str, Record] = {}
        """The record of every run, by its text."""
        self.late: list[Record] = []
        """Of those, the ones that another process has stored since this one looked."""

    def __enter__(self) -> "Execution":
        self.claims = Claims(self.store and self.store.directory)
        return self

    def __exit__(self, *_) -> None:
        self.claims.close()

    def look_up(self) -> list[Task]:
        """Take what is stored, and return what is to be computed; a damaged record is dealt with by who claims its run.

        Raises `OtherCode` (a `ValueError`), if `strict`, for records that other code has made.
        """
        for text in (text for batch in self.batches for text in batch.runs):
            record = kept(self.store, text)
            if record is not None:
                self.progress.found += 1
                self._have(text, record)
        self._tell_others(list(self.records.values()))
        return [Task(self, batch) for batch in self.batches if not all(text in self.records for text in batch.runs)]

    def check_sendable(self, executor: Executor) -> None:
        """Raise `NotSendable` (a `ValueError`) for a study that the workers can't be given."""
        check_sendable(self.shipped, executor)

    def done(self) -> dict[str, Record]:
        """Return the record of every run, by its text, when all are there."""
        self._tell_others(self.late)
        return self.records

    def _tell_others(self, stored: list[Record]) -> None:
        if self.store is not None:
            tell_others(self.study, self.shipped.identity, stored, self.store.directory.parents[1], strict=self.strict)

    def claim(self, task: Task) -> bool:
        """Return True if all that is missing of a task is claimed now; what another process computes is left to it."""
        for text in self._missing(task):
            if not self.claims.take(address(self.study.name, text)):
                self.give_back(task)
                return False
            task.taken.append(text)
        for text in list(task.taken):  # what was computed elsewhere between the look-up and the claim
            record = kept(self.store, text, set_aside=True)
            if record is not None:
                self.late.append(record)
                self._have(text, record)
        return True

    def begins(self, task: Task) -> bool:
        """Return True if there is something to compute in a task that is claimed; tell of it."""
        if not self._missing(task):  # another process was faster
            self.give_back(task)
            return False
        self._tell(running=len(task.taken))
        return True

    def ends(self, task: Task) -> None:
        """Count the runs of a task as no longer being computed."""
        self.progress.running -= len(task.taken)

    def settle(self, task: Task, future: Future) -> list[Task]:
        """Keep the records of a task that is done, or return what is to be tried again; raise a problem of all runs."""
        problem = CancelledError("its work was given up") if future.cancelled() else future.exception()
        if problem is None:
            made = dict(zip(task.batch.runs, future.result(), strict=True))
            self._keep({text: record for text, record in made.items() if text not in self.records})
            self.give_back(task)
            return []
        if isinstance(problem, NoWorkers | NotSendable):  # true of every run: none is blamed for it
            raise problem
        if isinstance(problem, LOST):
            task.attempts += 1
            logger.warning("%s: a worker was lost (%s); attempt %d.", self.study.name, problem, task.attempts)
            return self._again(task, problem, apart=task.attempts > RETRIES)
        # Whatever a study, or an executor of somebody else, raises.
        alone = "" if len(task.batch) == 1 else f" in a batch of {len(task.batch)}, which is computed run by run"
        said = str(problem).rstrip(".")
        logger.warning("%s: %s: %s%s.", self.study.name, type(problem).__name__, said, alone)
        logger.debug("%s: where it was raised", self.study.name, exc_info=problem)
        return self._again(task, problem, apart=True)

    def _again(self, task: Task, problem: BaseException, *, apart: bool) -> list[Task]:
        """Once more; or run by run; or, for a run that was alone, not at all."""
        missing = self._missing(task)
        self.give_back(task)
        if not apart:
            return [task]
        if len(task.batch) > 1:
            attempts = min(task.attempts, RETRIES)
            return [Task(self, one, attempts) for one in task.batch.apart() if set(one.runs) <= set(missing)]
        self._keep({text: failure(self.shipped, text, problem) for text in missing})
        return []

    def _keep(self, records: dict[str, Record]) -> None:
        if self.store is not None:
            records = self._saved(self.store, records)
        self.progress.computed += len(records)
        for text, record in records.items():
            self._have(text, record)

    def _saved(self, store: Store, records: dict[str, Record]) -> dict[str, Record]:
        """The records as they are stored: one that can't be is a failure of its run, and of no other."""
        try:
            store.save(records)
            return records
        except ValueError as problem:
            if len(records) > 1:
                parts = [self._saved(store, {text: record}) for text, record in records.items()]
                return {text: record for part in parts for text, record in part.items()}
            (text,) = records
            logger.warning("%s: %s", self.study.name, problem)
            lost = {text: failure(self.shipped, text, problem)}
            store.save(lost)
            return lost

    def _have(self, text: str, record: Record) -> None:
        self.records[text] = record
        self.progress.done += 1
        self.progress.failed += failed(record)
        self._tell(record)

    def _missing(self, task: Task) -> list[str]:
        return [text for text in task.batch.runs if text not in self.records]

    def give_back(self, task: Task) -> None:
        """Claim the runs of a task no longer."""
        for text in task.taken:
            self.claims.give_back(address(self.study.name, text))
        task.taken.clear()

    def _tell(self, record: Record | None = None, running: int = 0) -> None:
        self.progress.record, self.progress.running = record, self.progress.running + running
        self.report(self.progress)


def failed(record: Record) -> bool:
    """Return True for the record of a run that raised: it is tried again by the next sweep."""
    return record.status.startswith("failed")


def kept(store: Store | None, text: str, *, set_aside: bool = False) -> Record | None:
    """The stored record of a run that need not be computed again, or None: failed and damaged ones do not count.

    With `set_aside` a damaged one is named and moved out of the way, which is for who has claimed the run.
    """
    if store is None:
        return None
    try:
        record = store.find(text)
    except DamagedRecord as problem:
        if set_aside:
            aside = store.set_aside(text)
            logger.warning("%s It is set aside as %s and computed again.", problem, aside.name)
        return None
    return None if record is None or failed(record) else record
