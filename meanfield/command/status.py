"""`meanfield status [DIRECTORY]`: what is stored."""

import dataclasses
import json
import sys
from dataclasses import dataclass

from meanfield.command.command_line import Refused
from meanfield.command.reading import read_options
from meanfield.command.sentences import refusing


@dataclass(frozen=True)
class Status:
    """List what is stored in a directory that run or verify wrote."""

    strict: bool = False
    """Refuse stored records that other code has made than what would make them now; without it a line tells of them."""
    json: bool = False
    """One JSON object on standard output."""


def show_status(arguments: list[str]) -> int:
    """Print what is stored in a directory."""
    import simulations

    line = read_options("status", Status, arguments)
    if len(line.words) > 1:
        raise Refused(f"status {' '.join(line.words)!r}: expected one directory.")
    with refusing():
        rows = simulations.status(line.words[0] if line.words else "results", strict=line.options.strict)
    if line.options.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows]))
    else:
        simulations.print_status(rows, sys.stdout)
    return 0
