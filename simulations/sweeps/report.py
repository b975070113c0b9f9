"""Reports of the progress of a sweep while it runs."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

from meanfield.arguments import positive_count, positive_number
from simulations.costs.expected import expected as expected_of
from simulations.costs.expected import remaining
from simulations.records.record import Record
from simulations.study.given import refused, writable
from simulations.study.machine import in_time
from simulations.study.ranges import in_short
from simulations.sweeps.execution import Progress, Report
from simulations.sweeps.notebook import NotebookBar, in_notebook
from simulations.verdicts.table import varying

EVERY = 5.0
"""Seconds between two lines of a log."""

NAMED = 6
"""Parameters that a line about a run names, at most."""


class Reporter:
    """A live bar on a terminal and in a notebook: done, running, failed, time left. Elsewhere lines: of the first run
    that is computed, of the last one, and one every few seconds.
    """

    def __init__(
        self,
        name: str,
        total: int,
        stream: TextIO | None,
        names: Iterable[str] = (),
        expected: float | None = None,
    ):
        self.name, self.total, self.stream, self.expected = name, total, stream, expected
        self.names = tuple(names)[:NAMED]
        self.done, self._began, self._said = 0, time.monotonic(), -EVERY
        self._bar: Any = None

    def __enter__(self) -> "Reporter":
        left = self._left(Progress(self.total))
        if in_notebook():
            self._bar = NotebookBar(self.name, self.total)
            self._bar.update(0, left and f", {left}")
        elif self.stream is not None and self.stream.isatty():
            self._bar = _Bar(self.name, self.total, self.stream, left)
        return self

    def __call__(self, progress: Progress) -> None:
        self.done, record = progress.done, progress.record
        if self._bar is not None:
            parts = {"running": progress.running, "failed": progress.failed}
            aside = "".join(f", {count} {word}" for word, count in parts.items() if count)
            left = self._left(progress)
            self._bar.update(self.done, aside + (left and f", {left}"))
        elif record is not None and progress.done > progress.found:
            now = time.monotonic()
            if progress.done == progress.total or now - self._said >= EVERY:
                self._said = now
                self._say(progress, record)
        elif record is not None and progress.done == progress.total:
            self._print(f"all {self.total} runs are there")

    def _say(self, progress: Progress, record: Record) -> None:
        setting = " ".join(f"{name}={record.parameters[name]}" for name in self.names if name in record.parameters)
        failed = f"{progress.failed} failed" if progress.failed else ""
        parts = [f"{progress.done} of {progress.total}", setting, record.status, failed, self._left(progress)]
        self._print(", ".join(part for part in parts if part))

    def _left(self, progress: Progress) -> str:
        """ "3 min left", by what was expected and what was seen; empty as long as neither is known."""
        # Runs of a batch are told of one by one when all of them are computed; others may be computed elsewhere.
        missing = min(progress.total - progress.done, progress.total - progress.found - progress.computed)
        todo = missing + progress.computed
        whole = None if self.expected is None else self.expected * todo / max(1, progress.total)
        left = remaining(whole, progress.computed / max(1, todo), time.monotonic() - self._began)
        return "" if left is None else f"{in_time(left)} left"

    def _print(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # who read has gone, or closed it; the sweep goes on without him
            print(f"{self.name}: {line}", file=self.stream or sys.stderr, flush=True)

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.close()


class _Bar:
    """A live line of a terminal."""

    def __init__(self, name: str, total: int, stream: TextIO, left: str):
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Live

        self._live = Live(
            SpinnerColumn("line"), TextColumn("{task.description}"), BarColumn(),
            TextColumn("{task.completed:g} of {task.total:g} runs{task.fields[aside]}"),
            TimeElapsedColumn(),
            console=Console(file=stream), transient=True, refresh_per_second=4,
        )  # fmt: skip
        self._live.start()
        self._task = self._live.add_task(name, total=total, aside=left and f", {left}")

    def update(self, done: int, aside: str) -> None:
        self._live.update(self._task, completed=done, aside=aside)

    def close(self) -> None:
        self._live.stop()


def reporter(
    name: str, total: int, stream: TextIO | None, names: Iterable[str] = (), expected: float | None = None
) -> Reporter:
    """A context in which a sweep's progress is shown on `stream`, or in the notebook that runs this; `names` are the
    parameters that tell its runs apart. The time that is left is at first as `expected` (s, of all runs,
    `simulations.expected(plan)`), and more and more as it was seen.

    Raises `ValueError` for a name that is no text, a total or time that is no such number, and what is no stream.
    """
    if not isinstance(name, str):
        raise ValueError(f"name={in_short(name)}: expected the name of what is swept.")
    total = positive_count("total", total)
    if stream is not None:
        writable("stream", stream)
    if expected is not None:
        expected = positive_number("expected", expected, zero=True)
    if isinstance(names, str | bytes) or not isinstance(names, Iterable):
        raise ValueError(f"names={in_short(names)}: expected the names of parameters.")
    names = list(names)
    if not all(isinstance(one, str) for one in names):
        raise ValueError(f"names={in_short(names)}: expected the names of parameters.")
    return Reporter(name, total, stream, names, expected)


@contextlib.contextmanager
def reported(plan, report: Report | bool | None):
    """A context with the function that is told of a plan's progress: the one given; for True one that shows it on
    standard error; for None the same on a terminal and in a notebook only; for False, one that says nothing.
    """
    if callable(report):
        yield report
        return
    if not isinstance(report, bool | None):
        raise ValueError(f"report={report!r}: expected a function of a Progress, True, False or None.")
    stream = None if sys.stderr is None or sys.stderr.closed else sys.stderr
    watched = in_notebook() or (stream is not None and stream.isatty())
    if report is False or (report is None and not watched) or (stream is None and not watched):
        yield None
        return
    with reporter(plan.study.name, len(plan), stream, differing(plan), expected_of(plan)) as told:
        yield told


def differing(plan) -> tuple[str, ...]:
    """The parameters that differ between the runs of a plan, the seed last.

    Raises `ValueError` for what is no plan.
    """
    if not hasattr(plan, "runs"):
        raise ValueError(refused("plan", plan, "Plan"))
    names = varying(dataclasses.asdict(run) for run in plan.runs.values())
    return tuple(sorted(names, key=lambda name: name == "seed"))
