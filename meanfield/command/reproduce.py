"""`meanfield reproduce [PAPER [FIGURE]]`: published figures made again, with the paper's values beside ours."""

import json
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from meanfield.command.answer import STATUS
from meanfield.command.command_line import Refused
from meanfield.command.reading import find_study, read_options
from meanfield.command.records import Sweeping, make_records, unfinished
from meanfield.command.sentences import check_place, refusing
from meanfield.environment.standard_streams import width

SIZES = {"quick": "smoke", "": "default", "full": "large"}
"""The size of a study that an option means."""

ALL = "all"
"""The word for every paper."""


@dataclass(frozen=True)
class Reproduce:
    """Make published figures again: run, draw, and print the paper's values beside ours. Without a PAPER: list them."""

    quick: bool = False
    """A size of a minute: fewer runs, and what needs the paper's own sizes is not tested."""
    full: bool = False
    """All of it as the paper has it; otherwise the paper's sizes as far as they take minutes."""
    out: str = "results"
    """Directory for records and figures."""
    workers: int | None = None
    """Processes on this machine that compute, each with its own JAX; this one alone if not given."""
    scheduler: str | None = None
    """Address of a dask scheduler whose workers compute, such as tcp://127.0.0.1:8786 (extra `cluster`)."""
    format: tuple[str, ...] = ("png",)
    """Formats of the figures: png, svg, pdf."""
    page: str = ""
    """Also write the figures' parts of the page PUBLISHED.md in this directory, with pictures in gallery beside it."""
    measure: bool = False
    """Write what the figures took into the file costs.json beside the studies, which the list goes by."""
    strict: bool = False
    """Refuse stored records that other code has made than what would make them now; without it a line tells of them."""
    json: bool = False
    """One JSON object on standard output; everything else goes to standard error."""


def reproduce_figures(arguments: list[str]) -> int:
    """List papers and figures, or make some again; return the exit status."""
    line = read_options("reproduce", Reproduce, arguments)
    options = line.options
    if options.quick and options.full:
        raise Refused("quick and full: expected one of them, or neither.")
    if not line.words:
        return _list(options)
    chosen = _chosen(line.words)
    size = SIZES["quick" if options.quick else "full" if options.full else ""]
    return _make(chosen, size, options)


def _chosen(words: list[str]) -> list[tuple]:
    """Return the studies and figures that are named: all of them, those of a paper, or one."""
    import simulations

    paper, *figure = words
    if len(figure) > 1 or (figure and paper == ALL):
        raise Refused(f"reproduce {' '.join(words)!r}: expected a paper, and one of its figures or none.")
    studies = [*simulations.PUBLISHED.values()] if paper == ALL else [find_study(paper)]
    with refusing():
        for study in studies:
            if not study.published:
                papers = ", ".join((*simulations.PUBLISHED, ALL))
                raise ValueError(f"paper={paper!r}: has no published figures; expected one of {papers}.")
        if figure:
            return [(studies[0], studies[0].figure(figure[0]))]
    return [(study, one) for study in studies for one in study.published]


def _list(options: Reproduce) -> int:
    """Print papers and figures with what they say and cost."""
    import simulations
    from simulations.costs.measured import measured
    from theory import references

    rows = []
    for study in simulations.PUBLISHED.values():
        if not options.json:
            words = f"{study.name}: {references.citation(study.claims[0].reference)}"
            print(textwrap.fill(words, width(sys.stdout, 120), subsequent_indent=" " * 4))
        for figure in study.published:
            known = measured(study, figure.name)
            cost = {name or "default": known[size] for name, size in SIZES.items() if size in known}
            rows.append({"paper": study.name, "figure": figure.name, "statement": figure.statement, "cost": cost})
            if not options.json:
                _print_figure(figure.name, f"{figure.statement} ({_in_words(cost)})")
    if options.json:
        print(json.dumps(rows))
    else:
        print("In brackets: what a figure takes on two cores. `meanfield reproduce PAPER FIGURE` makes it.")
    return 0


def _in_words(cost: dict[str, float]) -> str:
    """ "quick 40.0 s, default 9.0 min", as far as it was measured."""
    from simulations.study.machine import in_time

    return ", ".join(f"{name} {in_time(seconds)}" for name, seconds in cost.items()) or "not measured"


def _print_figure(name: str, words: str) -> None:
    print(textwrap.fill(words, width(sys.stdout, 120), initial_indent=f"  {name:14}", subsequent_indent=" " * 16))


def _make(chosen: list[tuple], size: str, options: Reproduce) -> int:
    """Make the figures one after another, print their tables, and return the exit status."""
    import figures
    import simulations
    from simulations.verdicts.comparison import row

    stream = sys.stderr if options.json else sys.stdout
    out = Path(options.out) / "figures"
    with refusing():
        figures.check_formats(options.format)
    if options.page:
        check_place("page", Path(options.page))
        for study, _ in chosen:
            if study.name not in simulations.PUBLISHED:
                raise Refused(f"page: is of the papers of this package; expected none for {study.name}.")
    sweeping = Sweeping(
        size=size, out=options.out, workers=options.workers, scheduler=options.scheduler, strict=options.strict
    )
    rows, drawn, ended, seconds, made = [], [], True, 0.0, []
    for study, figure in chosen:
        records = make_records(study.making(figure.name), sweeping, {})
        ended &= not unfinished({study.name: records})
        entries = simulations.compare(study, figure.name, records)
        with refusing(out=out):
            drawn += figures.save(study, records, out, options.format, name=f"{study.name}_{figure.name}")
        if options.measure:
            with refusing():
                simulations.keep_costs(study, size, records, figure.name)
        simulations.print_comparison(figure, entries, stream)
        print(f"figure: {drawn[-1]}", file=stream)
        rows += [{"study": study.name, "figure": figure.name, **row(entry)} for entry in entries]
        seconds += sum(record.provenance["seconds"] for record in records)
        made.append((study, figure, records, entries))
    if options.page:
        from figures import published_page

        with refusing(page=Path(options.page)):
            drawn += published_page.write(made, Path(options.page), size)
    agrees = simulations.all_passed(one["agrees"] for one in rows) if ended else False
    if options.json:
        answer = {"agrees": agrees, "rows": rows, "figures": [str(path) for path in drawn]}
        print(json.dumps({**answer, "records": str(Path(options.out) / "records"), "seconds": round(seconds, 2)}))
    return STATUS[agrees]
