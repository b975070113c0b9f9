"""The loop of a sweep: batches go out, records come in, what fails is tried again, and nothing stops the rest."""

import logging
import random
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field

from simulations.records.record import Record
from simulations.records.revisions import tell_others
from simulations.records.store import DamagedRecord, Store, address
from simulations.study.study import Study
from simulations.sweeps.batches import Batch
from simulations.sweeps.executors import InProcess, NoWorkers, WorkerDied, gone, room
from simulations.sweeps.interrupt import noticed
from simulations.sweeps.locks import Claims
from simulations.sweeps.shipping import NotSendable, Shipped, check_sendable
from simulations.sweeps.work import compute, failure

logger = logging.getLogger("meanfield")

RETRIES = 2
"""Times that work is tried again after its worker was lost, and once alone: bad luck is rarer than that."""

LOST = (WorkerDied, BrokenExecutor, CancelledError, ConnectionError)
"""What says that a worker was lost, and nothing of its work; an engine's own words for it are its own matter."""

LOOK = 0.5
"""Seconds between two looks at what other processes are computing."""


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


@dataclass
class _Task:
    batch: Batch
    attempts: int = 0
    taken: list[str] = field(default_factory=list)
    """Texts that this process has claimed."""


class Execution:
    """One pass through the runs of a sweep.

    A batch whose worker is lost is tried again up to `RETRIES` times, then run by run. A batch in which a run raises is
    taken apart at once, so that only the run itself is lost. What fails alone is recorded as failed, with its message.
    An executor that takes no more work says nothing about the runs: what is under way is kept, and the sweep ends.
    """

    def __init__(
        self,
        study: Study,
        store: Store | None,
        executor: Executor | None,
        in_flight: int | None,
        report: Report,
        strict: bool,
    ):
        self.study, self.store, self.report, self.strict = study, store, report, strict
        self.executor, self.in_flight = executor or InProcess(), in_flight
        self.shipped = Shipped(study)
        self.records: dict[str, Record] = {}
        self.late: list[Record] = []
        """Of those, the ones that another process has stored since this one looked."""
        self.waiting: deque[_Task] = deque()
        self.running: dict[Future, _Task] = {}
        self.elsewhere: list[_Task] = []
        """What another process is computing."""

    def run(self, batches: list[Batch]) -> dict[str, Record]:
        """The record of every run, by its text.

        Raises `OtherCode` (a `ValueError`), if `strict`, before anything is computed for records that other code has
        made; `KeyboardInterrupt` when it is interrupted, `NotSendable` (a `ValueError`) for a study that the workers
        can't be given, and `NoWorkers` when nobody computes any more.
        """
        self.progress = Progress(sum(map(len, batches)))
        with noticed() as self.interrupted, Claims(self.store and self.store.directory) as self.claims:
            for batch in batches:
                self._look_up(batch)
            self._tell_others(list(self.records.values()))
            if self.waiting:
                check_sendable(self.shipped, self.executor)
            try:
                while self.waiting or self.running or self.elsewhere:
                    self._send_out()
                    self._take_in()
            except NoWorkers:
                self._keep_the_rest()
                raise
            finally:
                for future in self.running:
                    future.cancel()
        self._tell_others(self.late)
        return self.records

    def _tell_others(self, stored: list[Record]) -> None:
        if self.store is not None:
            tell_others(self.study, self.shipped.identity, stored, self.store.directory.parents[1], strict=self.strict)

    def _look_up(self, batch: Batch) -> None:
        """Take what is stored, and plan for the rest; a damaged record is dealt with by who claims its run."""
        for text in batch.runs:
            record = kept(self.store, text)
            if record is not None:
                self.progress.found += 1
                self._have(text, record)
        if not all(text in self.records for text in batch.runs):
            self.waiting.append(_Task(batch))

    def _send_out(self) -> None:
        most = self.in_flight or room(self.executor)
        for _ in range(len(self.waiting)):
            if len(self.running) >= most:
                return
            task = self.waiting.popleft()
            if not self._claimed(task):
                self.elsewhere.append(task)
                continue
            if all(text in self.records for text in task.batch.runs):  # another process was faster
                self._give_back(task)
                continue
            self._tell(running=len(task.taken))
            work = self.shipped, list(task.batch.runs), task.batch.size
            self._check_interrupt()
            self.running[self._submitted(work)] = task

    def _submitted(self, work: tuple) -> Future:
        try:
            return self.executor.submit(compute, *work)
        except (RuntimeError, OSError) as problem:
            raise NoWorkers(f"no more work is taken: {problem}") from problem

    def _claimed(self, task: _Task) -> bool:
        """Claim what is missing of a task; all of it, or none."""
        for text in self._missing(task):
            if not self.claims.take(address(self.study.name, text)):
                self._give_back(task)
                return False
            task.taken.append(text)
        for text in list(task.taken):  # what was computed elsewhere between the look-up and the claim
            record = kept(self.store, text, set_aside=True)
            if record is not None:
                self.late.append(record)
                self._have(text, record)
        return True

    def _take_in(self) -> None:
        if self.running:
            done, _ = wait(self.running, timeout=LOOK, return_when=FIRST_COMPLETED)
            why = None if done else gone(self.executor)
            if why:
                raise NoWorkers(why)
        else:
            done = set()
            # Not in step with another sweep whose batches are cut differently, or each refuses the other for ever.
            time.sleep(LOOK * random.uniform(0.5, 1.5) if self.elsewhere else 0)
        self._check_interrupt()
        for future in done:
            task = self.running.pop(future)
            self.progress.running -= len(task.taken)
            self._settle(task, future)
        if self.elsewhere:
            self.waiting.extend(self.elsewhere)
            self.elsewhere = []

    def _keep_the_rest(self) -> None:
        """Keep what was computed before there was nobody left to compute."""
        for future, task in self.running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                self._settle(task, future)

    def _settle(self, task: _Task, future: Future) -> None:
        """Keep the records of a task that is done, or try again what failed; raise a problem that all runs share."""
        problem = CancelledError("its work was given up") if future.cancelled() else future.exception()
        if problem is None:
            made = dict(zip(task.batch.runs, future.result(), strict=True))
            self._keep({text: record for text, record in made.items() if text not in self.records})
            self._give_back(task)
        elif isinstance(problem, NoWorkers | NotSendable):  # true of every run: none is blamed for it
            raise problem
        elif isinstance(problem, LOST):
            task.attempts += 1
            logger.warning("%s: a worker was lost (%s); attempt %d.", self.study.name, problem, task.attempts)
            self._again(task, problem, apart=task.attempts > RETRIES)
        else:  # whatever a study, or an executor of somebody else, raises
            alone = "" if len(task.batch) == 1 else f" in a batch of {len(task.batch)}, which is computed run by run"
            said = str(problem).rstrip(".")
            logger.warning("%s: %s: %s%s.", self.study.name, type(problem).__name__, said, alone)
            logger.debug("%s: where it was raised", self.study.name, exc_info=problem)
            self._again(task, problem, apart=True)

    def _again(self, task: _Task, problem: BaseException, *, apart: bool) -> None:
        """Once more; or run by run; or, for a run that was alone, not at all."""
        missing = self._missing(task)
        self._give_back(task)
        if not apart:
            self.waiting.append(task)
        elif len(task.batch) > 1:
            attempts = min(task.attempts, RETRIES)
            self.waiting.extend(_Task(one, attempts) for one in task.batch.apart() if set(one.runs) <= set(missing))
        else:
            self._keep({text: failure(self.shipped, text, problem) for text in missing})

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

    def _missing(self, task: _Task) -> list[str]:
        return [text for text in task.batch.runs if text not in self.records]

    def _give_back(self, task: _Task) -> None:
        for text in task.taken:
            self.claims.give_back(address(self.study.name, text))
        task.taken.clear()

    def _tell(self, record: Record | None = None, running: int = 0) -> None:
        self.progress.record, self.progress.running = record, self.progress.running + running
        self.report(self.progress)

    def _check_interrupt(self) -> None:
        """A run in which Ctrl-C was pressed may be cut anywhere, and is not kept."""
        if self.interrupted():
            raise KeyboardInterrupt


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
