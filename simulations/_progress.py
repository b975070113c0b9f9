"""What a sweep says while it runs, and the table it ends with."""

import contextlib
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from simulations._columns import console, print_columns
from simulations._estimate import expected as expected_of
from simulations._estimate import remaining
from simulations._execute import Progress, Report
from simulations._ledger import Entry
from simulations._machine import in_time
from simulations._notebook import NotebookBar, in_notebook
from simulations._records import Record
from simulations._status import Status
from simulations._table import varying
from simulations._verdict import Verdict
from simulations.checks import LEVEL

if TYPE_CHECKING:
    from simulations._calibrate import Alarms

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
    """
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
    """The parameters that differ between the runs of a plan, the seed last."""
    names = varying(vars(run) for run in plan.runs.values())
    return tuple(sorted(names, key=lambda name: name == "seed"))


def print_ledger(entries: list[Entry], stream: TextIO) -> None:
    """The verdict table, and a last line that counts."""
    from rich.text import Text

    rows = [
        (
            entry.study,
            f"{entry.claim.name}: {entry.claim.statement}",
            predicted(entry),
            measured(entry.verdict),
            Text(verdict(entry), style={True: "green", False: "bold red", None: "dim"}[entry.passed]),
            f"{entry.claim.wrong}: {measured(entry.control)}, {_control(entry)}",
        )
        for entry in entries
    ]
    headings = ("study", "claim", "predicted", "measured ± error", "verdict", "control: same check, wrong setting")
    print_columns(headings, rows, stream, "the ledger")
    counts = [sum(entry.passed is value for entry in entries) for value in (True, False, None)]
    console(stream).print(
        f"{counts[0]} claims hold, {counts[1]} fail, {counts[2]} not tested or undecided; "
        f"errors are half-widths of {100 * (1 - LEVEL):g} % intervals."
    )


def print_calibration(rows: "list[Alarms]", stream: TextIO) -> None:
    """False alarms of every check, against the level it states."""
    words = {True: "as stated", False: "TOO MANY", None: "not tested"}
    cells = [
        (
            row.study,
            row.claim,
            f"{row.alarms} of {row.reseedings}",
            str(row.missed),
            f"{row.probability:.2g}",
            words[row.passed],
        )
        for row in rows
    ]
    headings = ("study", "claim", "false alarms", "controls that passed", "probability of so many alarms", "verdict")
    print_columns(headings, cells, stream, "calibration")
    alarms = sum(row.alarms for row in rows)
    console(stream).print(f"each check states a level of {LEVEL:g}; {alarms} alarms in all.")


def print_status(rows: list[Status], stream: TextIO) -> None:
    """A line for every study that has records."""
    others = ("of another version",) if any(row.other for row in rows) else ()
    cells = []
    for row in rows:
        sizes = ", ".join(f"{size} {share}" for size, share in row.sizes.items())
        counts = (row.done, row.failed, row.damaged, *((row.other,) if others else ()))
        cells.append((row.study, *map(str, counts), in_time(row.seconds), sizes))
    print_columns(("study", "done", "failed", "damaged", *others, "computing time", "of the sizes"), cells, stream)
    for row in rows:
        if row.made_by:
            console(stream).print(f"{row.made_by}.", style="bold yellow", markup=False)
        for message in row.messages:
            console(stream).print(f"{row.study}: {message}", style="bold red", markup=False)


def predicted(entry: Entry) -> str:
    """The prediction with its relation."""
    word = {"slope": "slope", "=": "=", "<=": "≤", ">=": "≥"}[entry.claim.relation]
    return f"{word} {_signed(entry.verdict.expected)}"


def measured(result) -> str:
    """A measured number with its error, or why there is none."""
    if result.measured != result.measured:
        return result.statistic
    return f"{_signed(result.measured)} ± {result.error:.2g}" if result.error else _signed(result.measured)


def verdict(entry: Entry) -> str:
    """One word, or the reason why the control does not count."""
    if entry.passed is None:
        return _open(entry.verdict if entry.verdict.passed is None else entry.control)
    if entry.verdict.passed and entry.control.passed:
        return "FAILS: its control passes"
    return "holds" if entry.passed else "FAILS"


def _control(entry: Entry) -> str:
    return {True: "passes", False: "fails as it must", None: _open(entry.control)}[entry.control.passed]


def _open(result: Verdict) -> str:
    """What a verdict that is none is called: "not tested", or "undecided" with what it would take."""
    return result.statistic.partition(":")[0]


def _signed(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
