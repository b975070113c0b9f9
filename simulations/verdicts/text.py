"""Verdicts, false alarms and the status of a directory as tables of text."""

from typing import TextIO

from simulations.records.status import Status
from simulations.study.given import each, writable
from simulations.study.machine import in_time
from simulations.verdicts.calibration import Alarms
from simulations.verdicts.checks import LEVEL
from simulations.verdicts.columns import console, print_columns
from simulations.verdicts.ledger import Entry, by_chance
from simulations.verdicts.verdict import Verdict


def print_ledger(entries: list[Entry], stream: TextIO) -> None:
    """The verdict table, and a last line that counts.

    Raises `ValueError` for what are no entries or no stream.
    """
    from rich.text import Text

    writable("stream", stream)
    entries = each("entries", entries, Entry)
    rows = [
        (
            entry.study,
            f"{entry.claim.name}: {entry.claim.statement}",
            predicted(entry),
            measured(entry.verdict),
            entry.strength,
            Text(verdict(entry), style={True: "green", False: "bold red", None: "dim"}[entry.passed]),
            f"{entry.claim.wrong}: {measured(entry.control)}, {_control(entry)}",
        )
        for entry in entries
    ]
    headings = ("study", "claim", "predicted", "measured ± error", "what it is", "verdict")
    print_columns((*headings, "control: same check, wrong setting"), rows, stream, "the ledger")
    counts = [sum(entry.passed is value for entry in entries) for value in (True, False, None)]
    equalities = [entry for entry in entries if entry.claim.kind == "equality"]
    level = max((entry.level for entry in equalities), default=LEVEL)
    console(stream).print(
        f"{counts[0]} claims hold, {counts[1]} fail, {counts[2]} not tested or undecided; "
        f"errors are half-widths of {100 * (1 - level):.6g} % intervals."
    )
    if equalities:
        console(stream).print(
            f"On fresh seeds at least one of {len(equalities)} equalities would fail by chance with a probability of "
            f"{100 * by_chance(len(equalities), level):.2g} %, were all of them exact; the seeds of a size were seen "
            "when its claims were written."
        )


def print_sanity(entries: list[Entry], stream: TextIO) -> None:
    """Count the sanity checks in one line, and name those that do not hold.

    Raises `ValueError` for what are no entries or no stream.
    """
    writable("stream", stream)
    entries = each("entries", entries, Entry)
    if entries:
        console(stream).print(f"{sum(entry.passed is True for entry in entries)} of {len(entries)} sanity checks hold.")
    for entry in entries:
        if entry.passed is not True:
            line = f"{entry}: {verdict(entry)}, {measured(entry.verdict)}, control {measured(entry.control)}."
            console(stream).print(line, style="bold red", markup=False)


def print_calibration(rows: list[Alarms], stream: TextIO) -> None:
    """False alarms of every check, against the level it states.

    Raises `ValueError` for what are no such counts or no stream.
    """
    writable("stream", stream)
    rows = each("rows", rows, Alarms)
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


OTHERS = {"earlier form": "earlier", "of another version": "other"}
"""Counts of a status that have a column where one of them is not 0."""


def print_status(rows: list[Status], stream: TextIO) -> None:
    """A line for every study that has records.

    Raises `ValueError` for what are no such rows or no stream.
    """
    writable("stream", stream)
    rows = each("rows", rows, Status)
    more = [(words, name) for words, name in OTHERS.items() if any(getattr(row, name) for row in rows)]
    cells = []
    for row in rows:
        sizes = ", ".join(f"{size} {share}" for size, share in row.sizes.items())
        counts = (row.done, row.failed, row.damaged, *(getattr(row, name) for _, name in more))
        cells.append((row.study, *map(str, counts), in_time(row.seconds), sizes))
    print_columns(
        ("study", "done", "failed", "damaged", *(words for words, _ in more), "computing time", "of the sizes"),
        cells,
        stream,
    )
    for row in rows:
        if row.made_by:
            console(stream).print(f"{row.made_by}.", style="bold yellow", markup=False)
        for message in row.messages:
            console(stream).print(f"{row.study}: {message}", style="bold red", markup=False)


def predicted(entry: Entry) -> str:
    """The prediction with its relation, and how well it was read where it stands in a figure."""
    word = {"slope": "slope", "=": "=", "<=": "≤", ">=": "≥"}[entry.claim.relation]
    accuracy = f" ± {entry.claim.accuracy:.2g}" if entry.claim.accuracy else ""
    return f"{word} {_signed(entry.verdict.expected)}{accuracy}"


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
    """Return the words for a verdict that decides nothing: "not tested", or "undecided" with what it would take."""
    return result.statistic.partition(":")[0]


def _signed(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
