"""The answer of a command that checks claims: ledger, table, figures, one JSON object, and the exit status."""

import json
import sys
from pathlib import Path
from typing import Any

from meanfield.command.records import Sweeping, unfinished
from meanfield.command.sentences import refusing

STATUS = {True: 0, False: 1, None: 3}
"""The exit status of what passed, failed, or could not be tested."""


def close(
    options: Sweeping,
    made: dict,
    entries: list,
    drawn: list[Path],
    table: tuple | None = None,
    sane: list | None = None,
) -> int:
    """Print what was found, sanity checks after the claims, and return the exit status, in which both count."""
    import simulations

    sane = list(sane or [])
    if table is not None:  # of a grid only those are told that its settings can test
        sane = [entry for entry in sane if entry.verdict.measured == entry.verdict.measured]
    passed = False if unfinished(made) else simulations.all_passed(entry.passed for entry in [*entries, *sane])
    stream = sys.stderr if options.json else sys.stdout
    _tell(entries, table, stream)
    simulations.print_sanity(sane, stream)
    if options.json:
        seconds = sum(record.provenance["seconds"] for records in made.values() for record in records)
        answer = {
            "passed": passed,
            "claims": [entry.as_json() for entry in entries],
            "sanity": [entry.as_json() for entry in sane],
            "figures": [str(path) for path in drawn],
            "records": str(Path(options.out) / "records"),
            "seconds": round(seconds, 2),
        }
        if table is not None:
            answer |= {"table": table[0].rows, "csv": str(table[1])}
        print(json.dumps(answer))
    for path in [] if options.json else drawn:
        print(f"figure: {path}")
    if table is not None and not options.json:
        print(f"table: {table[1]}")
    return STATUS[passed]


def _tell(entries: list, table: tuple | None, stream: Any) -> None:
    """Print the ledger; of a grid its table first, and the claims that it says nothing about in one line."""
    import simulations

    if table is None:
        simulations.print_ledger(entries, stream)
        return
    simulations.print_table(table[0], stream)
    untested = [entry for entry in entries if entry.passed is None and entry.verdict.measured != entry.verdict.measured]
    if len(untested) < len(entries):
        simulations.print_ledger([entry for entry in entries if entry not in untested], stream)
    simulations.print_untested(untested, stream)


def draw(study, records, out: Path, formats: tuple[str, ...]) -> list[Path]:
    """Draw the figure of a study and return the paths of its pictures."""
    import figures

    with refusing(out=out):
        return figures.save(study, records, out, formats)
