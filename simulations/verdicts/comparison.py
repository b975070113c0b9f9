"""A published figure beside ours: a row for each value of the paper, and where its setting comes from."""

import textwrap
from typing import Any, TextIO

from simulations.records.record import Records
from simulations.study.given import each, instance, writable
from simulations.study.published import PublishedFigure
from simulations.study.study import Study
from simulations.verdicts.columns import console, print_columns
from simulations.verdicts.ledger import Entry, few_seeds, judged
from simulations.verdicts.text import measured, predicted, verdict


def compare(study: Study, figure: str, records: Records) -> list[Entry]:
    """Return the entries of the claims of a published figure on these records: the rows of its table.

    Raises `ValueError` for what is no study or are no records, and for a figure that the study does not have.
    """
    instance("study", study, Study)
    instance("records", records, Records)
    names = study.figure(figure).claims
    return judged(study.name, [one for one in study.claims if one.name in names], records, few_seeds(study, records))


def row(entry: Entry) -> dict[str, Any]:
    """Return a row as plain numbers: the quantity, the paper's value, ours with its error, and whether they agree."""
    told = entry.as_json()
    return {
        "quantity": entry.claim.name,
        "statement": entry.claim.statement,
        "relation": entry.claim.relation,
        "paper": told["predicted"],
        "accuracy": entry.claim.accuracy,
        "ours": told["measured"],
        "error": told["error"],
        "agrees": entry.passed,
        "statistic": told["statistic"],
        "control": told["control"],
    }


def agreement(entry: Entry) -> str:
    """Return in words whether the paper's value and ours agree, and within what."""
    if entry.passed is None or (entry.verdict.passed and not entry.passed):
        return verdict(entry)
    within = entry.claim.accuracy + entry.verdict.error
    room = f" within {within:.2g}" if within and entry.claim.relation in ("=", "slope") else ""
    return f"yes{room}" if entry.passed else f"NO{f', not{room}' if room else ''}"


def print_comparison(figure: PublishedFigure, entries: list[Entry], stream: TextIO) -> None:
    """Print the table of a published figure, and below it what its paper states and what was chosen here.

    Raises `ValueError` for what is no published figure, no entries or no stream.
    """
    from rich.text import Text

    instance("figure", figure, PublishedFigure)
    writable("stream", stream)
    entries = each("entries", entries, Entry)
    style = {True: "green", False: "bold red", None: "dim"}
    rows = [
        (
            f"{entry.claim.name}: {entry.claim.statement}",
            predicted(entry),
            measured(entry.verdict),
            Text(agreement(entry), style=style[entry.passed]),
        )
        for entry in entries
    ]
    title = f"{next((entry.study for entry in entries), '')} {figure.name}: {figure.statement}"
    print_columns(("quantity", "paper", "ours ± error", "agrees"), rows, stream, title)
    out = console(stream)
    for heading, text in {"stated": figure.stated, "chosen here": figure.chosen}.items():
        line = f"{heading}: {' '.join(text.split())}"
        out.print(textwrap.fill(line, out.width, subsequent_indent="  "), markup=False)
