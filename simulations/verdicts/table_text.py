"""The table of a sweep's numbers as text, and what its runs say nothing about."""

from typing import TextIO

from simulations.study.given import each, instance, writable
from simulations.study.registry import STUDIES
from simulations.verdicts.columns import NARROW, console, print_columns
from simulations.verdicts.ledger import Entry
from simulations.verdicts.table import Table

SETTINGS = 200
"""Lines of a table, at most: the whole of it is in a file and in what Python gives."""


def print_table(made: Table, stream: TextIO) -> None:
    """Every value over the swept parameters, as many beside each other as a line holds.

    Raises `ValueError` for what is no table or no stream.
    """
    instance("made", made, Table)
    writable("stream", stream)
    out = console(stream)
    settings = made.settings()
    shown = settings[:SETTINGS]
    if len(settings) <= 1:
        rows = [(row["value"], _entry(row)) for _, found in shown for row in found.values()]
        print_columns(("value", "mean ± error"), rows, stream, "the last of every value")
    for names in _side_by_side(made, shown, out.width) if len(settings) > 1 else []:
        rows = []
        for setting, found in shown:
            if any(name in found for name in names):
                cells = [_entry(found[name]) if name in found else "" for name in names]
                rows.append((*map(_short, setting), *cells))
        print_columns((*made.swept, *names), rows, stream, "the last of every value, mean ± error")
    if len(settings) > len(shown):
        out.print(f"{len(settings) - len(shown)} more settings are not shown.")
    out.print(_note(made), markup=False)


def print_untested(entries: list[Entry], stream: TextIO) -> None:
    """One line for the claims of a study that the runs of a grid say nothing about.

    Raises `ValueError` for what are no entries or no stream.
    """
    writable("stream", stream)
    entries = each("entries", entries, Entry)
    if entries:
        names = sorted({entry.study for entry in entries})
        known = [name if name in STUDIES else "FILE.py" for name in names]
        verb = "claim is" if len(entries) == 1 else "claims are"
        console(stream).print(
            f"{len(entries)} {verb} about other settings than these and not tested; `meanfield verify "
            f"{' '.join(known)}` tests all.",
            markup=False,
        )


def _side_by_side(made: Table, settings: list, width: int) -> list[tuple[str, ...]]:
    """The values by how many of them a line holds beside the parameters."""
    parameters = [[name, *(_short(setting[k]) for setting, _ in settings)] for k, name in enumerate(made.swept)]
    left = [max(map(len, column)) for column in parameters]
    room = width - sum(part + 3 for part in left)
    groups: list[tuple[str, ...]] = []
    used = room
    for name in made.values:
        cells = [len(_entry(found[name])) for _, found in settings if name in found]
        size = max([len(name), *cells]) + 3
        if (used + size > room and width >= NARROW) or not groups:
            groups.append(())
            used = 0
        groups[-1] = (*groups[-1], name)
        used += size
    return groups


def _note(made: Table) -> str:
    """Return a note that says what the errors are, and what is not in the table."""
    interval = f"errors are half-widths of Student's {100 * made.level:g} % intervals over seeds"
    seeds = {row["seeds"] for row in made.rows}
    if max(seeds, default=0) < 2:
        text = "one seed for every setting: no interval."
    elif min(seeds) < 2:
        text = f"{interval}; where there is one seed, there is none."
    else:
        text = f"{interval}."
    unfinished = sum(max(row["unfinished"] for row in found.values()) for _, found in made.settings())
    if unfinished:
        text += f" Left out are {unfinished} runs that did not reach their end."
    if made.left_out:
        text += f" Not single numbers, and left out: {', '.join(made.left_out)}."
    return text


def _entry(row: dict) -> str:
    if row["mean"] is None:
        return "none"
    mean = f"{row['mean']:.4g}".replace("-", "−")
    return mean if row["error"] is None else f"{mean} ± {row['error']:.2g}"


def _short(part) -> str:
    return f"{part:g}" if isinstance(part, float) else str(part)
