"""What a sweep says while it runs, and the table it ends with."""

import contextlib
import time
from typing import TextIO

from simulations._calibrate import Alarms
from simulations._execute import Progress
from simulations._ledger import Entry
from simulations._machine import in_time
from simulations._records import Record
from simulations._status import Status
from simulations._verdict import Verdict
from simulations.checks import LEVEL

CHIEF = ("part", "problem", "particles", "alpha", "samples", "dimension", "seed")
"""Parameters that a line about a run names."""


class Reporter:
    """A live line on a terminal: done, running, failed, time left. Elsewhere a line for every run that is computed."""

    def __init__(self, name: str, total: int, stream: TextIO):
        self.name, self.total, self.stream = name, total, stream
        self.done, self._began = 0, time.monotonic()
        self._bar = None

    def __enter__(self) -> "Reporter":
        if self.stream.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Live

            self._bar = Live(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(),
                TextColumn("{task.completed:g} of {task.total:g} runs{task.fields[aside]}"),
                TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
                console=Console(file=self.stream), transient=True, refresh_per_second=4,
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task(self.name, total=self.total, aside="")
        return self

    def __call__(self, progress: Progress) -> None:
        self.done, record = progress.done, progress.record
        if self._bar is not None:
            parts = {"running": progress.running, "failed": progress.failed}
            aside = "".join(f", {count} {word}" for word, count in parts.items() if count)
            self._bar.update(self._task, completed=self.done, aside=aside)
        elif record is not None and progress.done > progress.found:
            self._say(progress, record)
        elif record is not None and progress.done == progress.total:
            self._print(f"all {self.total} runs are there")

    def _say(self, progress: Progress, record: Record) -> None:
        setting = " ".join(f"{name}={value}" for name, value in record.parameters.items() if name in CHIEF)
        # Runs of a batch are told of one by one when all of them are computed; others may be computed elsewhere.
        left = min(progress.total - progress.done, progress.total - progress.found - progress.computed)
        left *= (time.monotonic() - self._began) / max(1, progress.computed)
        self._print(f"{progress.done} of {progress.total}, {setting}, {record.status}, {in_time(left)} left")

    def _print(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # who read has gone; the sweep goes on without him
            print(f"{self.name}: {line}", file=self.stream, flush=True)

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.stop()


def reporter(name: str, total: int, stream: TextIO) -> Reporter:
    """A context in which a sweep's progress is shown on `stream`."""
    return Reporter(name, total, stream)


def print_ledger(entries: list[Entry], stream: TextIO) -> None:
    """The verdict table, and a last line that counts."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, width=None if stream.isatty() else 140, highlight=False)
    table = Table(title="the ledger", title_justify="left", pad_edge=False)
    for heading in (
        "study",
        "claim",
        "predicted",
        "measured ± error",
        "verdict",
        "control: same check, wrong setting",
    ):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        table.add_row(
            entry.study,
            f"{entry.claim.name}: {entry.claim.statement}",
            predicted(entry),
            measured(entry.verdict),
            Text(verdict(entry), style={True: "green", False: "bold red", None: "dim"}[entry.passed]),
            f"{entry.claim.wrong}: {measured(entry.control)}, {_control(entry)}",
        )
    console.print(table)
    counts = [sum(entry.passed is value for entry in entries) for value in (True, False, None)]
    console.print(
        f"{counts[0]} claims hold, {counts[1]} fail, {counts[2]} not tested or undecided; "
        f"errors are half-widths of {100 * (1 - LEVEL):g} % intervals."
    )


def print_calibration(rows: list[Alarms], stream: TextIO) -> None:
    """False alarms of every check, against the level it states."""
    from rich.console import Console
    from rich.table import Table

    console = Console(file=stream, width=None if stream.isatty() else 140, highlight=False)
    table = Table(title="calibration", title_justify="left", pad_edge=False)
    for heading in (
        "study",
        "claim",
        "false alarms",
        "controls that passed",
        "probability of so many alarms",
        "verdict",
    ):
        table.add_column(heading, overflow="fold")
    words = {True: "as stated", False: "TOO MANY", None: "not tested"}
    for row in rows:
        alarms = f"{row.alarms} of {row.reseedings}"
        table.add_row(row.study, row.claim, alarms, str(row.missed), f"{row.probability:.2g}", words[row.passed])
    console.print(table)
    console.print(f"each check states a level of {LEVEL:g}; {sum(row.alarms for row in rows)} alarms in all.")


def print_status(rows: list[Status], stream: TextIO) -> None:
    """A line for every study that has records."""
    from rich.console import Console
    from rich.table import Table

    console = Console(file=stream, width=None if stream.isatty() else 140, highlight=False)
    table = Table(pad_edge=False)
    others = ("of another version",) if any(row.other for row in rows) else ()
    for heading in ("study", "done", "failed", "damaged", *others, "computing time", "of the sizes"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        sizes = ", ".join(f"{size} {share}" for size, share in row.sizes.items())
        counts = (row.done, row.failed, row.damaged, *((row.other,) if others else ()))
        table.add_row(row.study, *map(str, counts), in_time(row.seconds), sizes)
    console.print(table)
    for row in rows:
        if row.made_by:
            console.print(f"{row.made_by}.", style="bold yellow")
        for message in row.messages:
            console.print(f"{row.study}: {message}", style="bold red")


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
