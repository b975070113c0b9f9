"""`meanfield run STUDY`: make the records of a study or of a grid, check the claims, draw the figure."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from meanfield.command.answer import close, draw
from meanfield.command.command_line import Line, Refused, nearest
from meanfield.command.reading import read_options, read_study
from meanfield.command.records import Sweeping, make_records, plan_of
from meanfield.command.sentences import refusing

TRIAL = 20.0
"""Seconds for which a dry run may time runs of which nothing is known."""


@dataclass(frozen=True)
class Run(Sweeping):
    """Make a study's records, check its claims and draw its figure. With parameters: the runs of all combinations of
    their values, and a table and a picture of what was observed.
    """

    dry_run: bool = False
    """Only say how many runs and batches there are, what is already stored, and what the rest would take."""
    measure: bool = False
    """Write what a whole size took into the file costs.json beside the study, which `list` and dry runs go by."""
    format: tuple[str, ...] = ("png", "svg")
    """Formats of the figure: png, svg, pdf."""
    value: tuple[str, ...] = ()
    """Of a grid: the observed values that are drawn; if none is given, all of them."""
    x: str = ""
    """Of a grid: the parameter they are drawn against; if not given, the one with most values."""


def run_study(arguments: list[str]) -> int:
    """Make the records, check the claims, draw the figure and return the exit status."""
    import figures
    import simulations

    study, rest = read_study("run", Run, arguments)
    line = read_options(f"run {study.name}", Run, rest, study, words=False)
    with refusing():
        figures.check_formats(line.options.format)
        _check_grid(study, line)
    if line.options.measure and line.parameters:
        raise Refused("measure: of a size only; expected no parameters beside it.")
    if line.options.dry_run:
        return _dry_run(study, line.options, line.parameters)
    records = make_records(study, line.options, line.parameters)
    if line.options.measure:
        with refusing():
            simulations.keep_costs(study, line.options.size or "default", records)
    entries, sane = simulations.verify(study, records), simulations.verify(study, records, sanity=True)
    drawn, made = _shown(study, records, line)
    return close(line.options, {study.name: records}, entries, drawn, made, sane)


def _check_grid(study, line: Line) -> None:
    """Refuse what can't be drawn or written, before anything is computed for it."""
    import figures

    options = line.options
    asked = [f"--{name}" for name in ("value", "x") if getattr(options, name)]
    if asked and not line.parameters:
        raise Refused(f"{' and '.join(asked)}: of a grid only; expected parameters of {study.name} beside it.")
    if options.x and options.x not in line.parameters:
        near = nearest(options.x, line.parameters)
        raise Refused(f"x={options.x!r}: expected a parameter that is swept, of {', '.join(line.parameters)}.{near}")
    tables = [_csv(study, options)] if line.parameters else []
    figures.refuse_others([*figures.pictures(study, Path(options.out) / "figures", options.format), *tables])


def _csv(study, options: Sweeping) -> Path:
    """Return the path of the table of a grid."""
    return Path(options.out) / "tables" / f"{study.name}.csv"


def _shown(study, records, line: Line) -> tuple[list[Path], tuple | None]:
    """Draw a run; return the paths of its pictures and, of a grid, its table with the path of its file."""
    import figures
    import simulations

    options, out = line.options, Path(line.options.out) / "figures"
    if not line.parameters:
        return draw(study, records, out, options.format), None
    table, path = simulations.table(records), _csv(study, options)
    with refusing(out=path.parent):
        figures.write({path: table.csv().encode()})
    with refusing(out=out):
        drawn = figures.save_grid(study, records, out, options.format, options.value or None, options.x or None)
    return drawn, (table, path)


def _dry_run(study, options: Run, grid: dict) -> int:
    """Print what a run would take. A few runs are timed where nothing tells, and nothing is written."""
    from simulations import estimate

    workers = 1 if options.workers is None else options.workers
    if workers < 1:
        raise Refused(f"workers={workers}: expected a whole number of at least 1.")
    found = estimate(plan_of(study, options, grid, write=False), trial=TRIAL)
    if options.json:
        print(json.dumps({**dataclasses.asdict(found), "wall": found.wall(workers)}))
    else:
        print("\n".join(found.lines(workers)))
    return 0
