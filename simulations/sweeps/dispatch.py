"""The loop of one sweep or several: batches go out, each to where its program is compiled, and records come in."""

import random
import time
from collections import deque
from collections.abc import Hashable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack
from typing import Any

from simulations.records.record import Record
from simulations.sweeps.execution import Execution, Task
from simulations.sweeps.executors import InProcess, NoWorkers, gone, places
from simulations.sweeps.interrupt import noticed
from simulations.sweeps.work import compute

LOOK = 0.5
"""Seconds between two looks at what other processes are computing."""

Kind = tuple[Hashable, Hashable, Hashable]
"""Study, experiment and program."""


class Dispatch:
    """One pass through the batches of sweeps.

    A place computes all batches of one program one after another, then those of another program of the experiment,
    then of the study; there, and among studies, what no other place is at comes first. So programs are compiled by as
    few as possible. An executor that takes no more work says nothing about the runs: what is under way is kept, and
    the sweeps end.
    """

    def __init__(self, sweeps: Sequence[Execution], executor: Executor | None, in_flight: int | None):
        self.sweeps, self.executor = sweeps, executor or InProcess()
        # A place for each run would do, since batches may be taken apart.
        self.in_flight = in_flight and min(in_flight, max(1, sum(sweep.progress.total for sweep in sweeps)))
        self.waiting = Waiting()
        self.running: dict[Future, tuple[Task, Executor]] = {}
        self.last: dict[Executor, Kind] = {}
        """What each place has computed last."""
        self.elsewhere: list[Task] = []
        """What another process is computing."""

    def run(self) -> list[dict[str, Record]]:
        """The record of every run of every sweep, by its text.

        Raises `OtherCode` (a `ValueError`), if a sweep is strict, before anything is computed for records that other
        code has made; `KeyboardInterrupt` when it is interrupted, `NotSendable` (a `ValueError`) for a study that the
        workers can't be given, and `NoWorkers` when nobody computes any more.
        """
        with noticed() as self.interrupted, ExitStack() as claims:
            for sweep in self.sweeps:
                tasks = claims.enter_context(sweep).look_up()
                if tasks:
                    sweep.check_sendable(self.executor)
                self.waiting.add(tasks)
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
        return [sweep.done() for sweep in self.sweeps]

    def _send_out(self) -> None:
        for place in self._free():
            while self.waiting:
                task = self.waiting.take(self.last.get(place), {kind(task) for task, _ in self.running.values()})
                if not task.sweep.claim(task):
                    self.elsewhere.append(task)
                elif task.sweep.begins(task):
                    self._check_interrupt()
                    self.running[self._submitted(place, task)] = task, place
                    self.last[place] = kind(task)
                    break

    def _free(self) -> list[Executor]:
        free = [self.executor] * self.in_flight if self.in_flight else [*places(self.executor)]
        for _, place in self.running.values():
            if place in free:
                free.remove(place)
        return free

    def _submitted(self, place: Executor, task: Task) -> Future:
        try:
            return place.submit(compute, task.sweep.shipped, list(task.batch.runs), task.batch.size)
        except (RuntimeError, OSError) as problem:
            raise NoWorkers(f"no more work is taken: {problem}") from problem

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
            task, _ = self.running.pop(future)
            task.sweep.ends(task)
            self.waiting.add(task.sweep.settle(task, future))
        self.waiting.add(self.elsewhere)
        self.elsewhere = []

    def _keep_the_rest(self) -> None:
        """Keep what was computed before there was nobody left to compute."""
        for future, (task, _) in self.running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                task.sweep.settle(task, future)

    def _check_interrupt(self) -> None:
        """A run in which Ctrl-C was pressed may be cut anywhere, and is not kept."""
        if self.interrupted():
            raise KeyboardInterrupt


class Waiting:
    """Tasks by study, experiment and program, each kind in the order in which they came."""

    def __init__(self):
        self._studies: dict[Hashable, dict[Hashable, dict[Hashable, deque[Task]]]] = {}

    def __bool__(self) -> bool:
        return bool(self._studies)

    def add(self, tasks: Sequence[Task]) -> None:
        """Put tasks at the end of their kinds."""
        for task in tasks:
            study, experiment, program = kind(task)
            programs = self._studies.setdefault(study, {}).setdefault(experiment, {})
            programs.setdefault(program, deque()).append(task)

    def take(self, last: Kind | None, busy: set[Kind]) -> Task:
        """Take the next task for a place that has computed `last`, while others are at the kinds in `busy`."""
        path: list[Hashable] = []
        level: Any = self._studies
        levels: list[dict] = []
        for depth in range(3):
            near = None if last is None or last[:depth] != tuple(path) else last[depth]
            others = {one[depth] for one in busy if one[:depth] == tuple(path)}
            chosen = near if near in level else next((one for one in level if one not in others), next(iter(level)))
            levels.append(level)
            path.append(chosen)
            level = level[chosen]
        task = level.popleft()
        for inner, key in zip(reversed(levels), reversed(path), strict=True):
            if not inner[key]:
                del inner[key]
        return task


def kind(task: Task) -> Kind:
    """Return the kind of a task: which study, which experiment, and what the runs of one program have in common."""
    return task.sweep.study.name, *task.batch.kind
