"""Tables of text: columns beside each other, or stacked where a line is too short for them."""

from collections.abc import Sequence
from typing import TextIO

from meanfield.environment.standard_streams import width

NARROW = 70
"""A line of fewer columns holds one cell."""

USUAL = 140
"""Columns of a file or a pipe."""


def console(stream: TextIO):
    """Where text is written, as wide as the terminal or the variable COLUMNS says."""
    from rich.console import Console

    return Console(file=stream, width=width(stream, USUAL), highlight=False)


def print_columns(headings: Sequence[str], rows: Sequence[Sequence], stream: TextIO, title: str | None = None) -> None:
    """A table with a line of headings; in less than 70 columns a block for each row, with a cell in each line.

    Cells are text, or rich's `Text`.
    """
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    out = console(stream)
    if out.width >= NARROW:
        table = Table(title=title, title_justify="left", pad_edge=False)
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*row)
        out.print(table)
        return
    if title:
        out.print(title, style="italic")
    for row in rows:
        first, *rest = row
        out.print(first, style="bold", markup=False)
        for heading, cell in zip(headings[1:], rest, strict=True):
            line = Text.assemble((f"{heading}: ", "dim"), cell)
            out.print(Padding(line, (0, 0, 0, 2), expand=False))
