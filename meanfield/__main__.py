"""The command `meanfield`: where engine, theory, studies and figures meet.

Only what a command needs is imported, when it needs it: `meanfield --help` answers before JAX has loaded.
"""

import contextlib
import dataclasses
import json
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import meanfield
from meanfield._command_line import Line, Refused, nearest, read
from meanfield._options import Bench, Explore, Figure, Gallery, Info, List, Run, Status, Sweeping, Verify
from meanfield._platform import require_backend, require_import
from meanfield._siblings import SIBLINGS, prefer
from meanfield._signals import terminable
from meanfield._streams import Unwritable, dependable, width

USAGE = """usage: meanfield COMMAND [ARGUMENTS]

Two-layer neural networks as particle systems, checked against theorems.

  list                      the studies, one line each
  run STUDY                 make a study's records, check its claims, draw its figure
  verify [STUDY …]          the ledger: every claim with what was predicted and measured; its false alarms
  figure STUDY              draw a study's figure from records that are there, or a film of its particles
  explore STUDY             write a page in which time and parameters are dragged and the particles move
  gallery [STUDY …]         one page with every picture and every verdict
  status [DIRECTORY]        what is stored: runs done, failed and damaged, sizes that are complete
  bench                     this machine: time of a step, against plain JAX and the machine's limits
  info                      versions, devices, precision, kernels

`meanfield COMMAND --help`, or `meanfield help COMMAND`, shows the arguments, `meanfield --version` the version.
`meanfield run STUDY --help` shows the study's parameters, each of which takes one value, several, or a range such as
1e2:1e6:5log. Records that exist are not computed again, so every command
goes on where it stopped.
Exit status: 0 all checks hold, 1 a check failed, a run diverged or raised, or all workers are gone, 2 bad usage or bad
input, 3 something could not be tested or is undecided and nothing failed, 130 or 143 stopped by Ctrl-C or SIGTERM.
"""


TRIAL = 20.0
"""Seconds for which a dry run may time runs of which nothing is known."""

STATUS = {True: 0, False: 1, None: 3}
"""The exit status of what passed, failed, or could not be tested."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    with dependable(), terminable() as exit_status:
        try:
            try:
                return _command(words)
            finally:
                sys.stdout.flush()
        except Refused as problem:
            print(f"meanfield: {problem}", file=sys.stderr)
            return problem.status
        except KeyboardInterrupt as stop:
            print(f"meanfield: stopped{stop}.", file=sys.stderr)
            return exit_status()
        except Unwritable as end:
            if isinstance(end.problem, BrokenPipeError):  # who reads, such as `head`, has seen enough
                return 128 + signal.SIGPIPE
            print(f"meanfield: {end}.", file=sys.stderr)
            return 2
        except OSError as problem:  # of a disk or a network; what it was about is in its own words
            print(f"meanfield: {problem}.", file=sys.stderr)
            return 2


def _command(words: list[str]) -> int:
    """What is asked for, done; the exit status."""
    if words[:1] == ["help"]:  # of a command: what its --help says
        words = [*words[1:], "--help"]
    if not words or words[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0 if words else 2
    name, rest = words[0], words[1:]
    if name in ("-V", "--version"):
        print(f"meanfield {meanfield.__version__}")
        return 0
    if name not in COMMANDS:
        near = nearest(name, (*COMMANDS, "help", "--help", "--version"))
        raise Refused(f"{name} is not a command: expected one of {', '.join(COMMANDS)}.{near}")
    with _refusing():
        require_import()
        prefer(*SIBLINGS)
    return COMMANDS[name](rest)


def _list(arguments: list[str]) -> int:
    import simulations

    options = _read("list", List, arguments, words=False).options
    studies = list(simulations.STUDIES.values())
    if options.json:
        print(json.dumps([_summary(study) for study in studies]))
        return 0
    margin = 4 + max(len(study.name) for study in studies)
    wide = width(sys.stdout, 160)
    for group, question in simulations.GROUPS.items():
        print(textwrap.fill(f"{group}: {question}", wide))
        for study in (study for study in studies if study.group == group):
            _entry(study.name, f"{study.summary} ({len(study.claims)} claims, {study.cost['smoke']})", margin, wide)
        print()
    print(textwrap.fill("In brackets: the claims that are checked, and what the smallest size takes.", wide))
    for command, what in {
        "meanfield run STUDY --help": "its parameters",
        "meanfield verify STUDY --size smoke": "its claims",
        "meanfield figure STUDY --animate": f"its particles as a film: {', '.join(simulations.MOTIONS)}",
        "meanfield explore STUDY": "the same as a page, to drag time and more",
    }.items():
        _entry(command, what, 38, wide, indent=0)
    return 0


def _entry(name: str, text: str, margin: int, wide: int, indent: int = 2) -> None:
    """A name with what it is, beside it or, on a narrow terminal, below it."""
    if wide < 80:
        print(" " * indent + name)
        print(textwrap.fill(text, wide, initial_indent=" " * (indent + 4), subsequent_indent=" " * (indent + 4)))
    else:
        print(textwrap.fill(f"{' ' * indent}{name:{margin - indent}}{text}", wide, subsequent_indent=" " * margin))


def _summary(study) -> dict:
    names = [field.name for field in dataclasses.fields(study.parameters)]
    return {"name": study.name, "group": study.group, "claim": study.summary, "parameters": names}


def _run(arguments: list[str]) -> int:
    import figures
    import simulations

    study, rest = _study("run", Run, arguments)
    line = _read(f"run {study.name}", Run, rest, study, words=False)
    with _refusing():
        figures.check_formats(line.options.format)
        _check_grid(study, line)
    if line.options.dry_run:
        return _dry_run(study, line.options, line.parameters)
    records = _records(study, line.options, line.parameters)
    entries = simulations.verify(study, records)
    drawn, made = _shown(study, records, line)
    return _close(line.options, {study.name: records}, entries, drawn, made)


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
    return Path(options.out) / "tables" / f"{study.name}.csv"


def _shown(study, records, line: Line) -> tuple[list[Path], tuple | None]:
    """The pictures of a run that were drawn, and of a grid its table with the path of the file that holds it."""
    import figures
    import simulations

    options, out = line.options, Path(line.options.out) / "figures"
    if not line.parameters:
        return _draw(study, records, out, options.format), None
    table, path = simulations.table(records), _csv(study, options)
    with _refusing(out=path.parent):
        figures.write({path: table.csv().encode()})
    with _refusing(out=out):
        drawn = figures.save_grid(study, records, out, options.format, options.value or None, options.x or None)
    return drawn, (table, path)


def _dry_run(study, options: Run, grid: dict) -> int:
    """What a run would take; a few runs are timed where nothing tells, and nothing is written."""
    from simulations import estimate

    workers = 1 if options.workers is None else options.workers
    if workers < 1:
        raise Refused(f"workers={workers}: expected a whole number of at least 1.")
    found = estimate(_plan(study, options, grid, write=False), trial=TRIAL)
    if options.json:
        print(json.dumps({**dataclasses.asdict(found), "wall": found.wall(workers)}))
    else:
        print("\n".join(found.lines(workers)))
    return 0


def _status(arguments: list[str]) -> int:
    import simulations

    line = _read("status", Status, arguments)
    if len(line.words) > 1:
        raise Refused(f"status {' '.join(line.words)!r}: expected one directory.")
    with _refusing():
        rows = simulations.status(line.words[0] if line.words else "results", strict=line.options.strict)
    if line.options.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows]))
    else:
        simulations.print_status(rows, sys.stdout)
    return 0


def _verify(arguments: list[str]) -> int:
    import simulations

    line = _read("verify", Verify, arguments)
    studies = [_find(name) for name in line.words or simulations.STUDIES]
    if line.options.calibrate:
        if line.options.seeds is not None or line.options.first_seed:
            raise Refused("calibrate: chooses its seeds itself; expected neither --seeds nor --first-seed.")
        return _calibrate(studies, line.options)
    made = {study.name: _records(study, line.options, {}) for study in studies}
    entries = [entry for study in studies for entry in simulations.verify(study, made[study.name])]
    return _close(line.options, made, entries, [])


def _calibrate(studies: list, options: Verify) -> int:
    """Count false alarms; the exit status is 1 when there are more than the level allows, 3 when some can't be told."""
    import simulations

    def report(done: int, total: int) -> None:
        print(f"{study.name}: {done} of {total} re-seedings", file=sys.stderr, flush=True)

    rows = []
    with _computing(options, lambda: "the same command goes on from there") as executor:
        for study in studies:
            rows += simulations.calibrate(
                study, options.size or "default", options.calibrate, out=options.out, report=report, executor=executor
            )
    passed = simulations.all_passed(row.passed for row in rows)
    simulations.print_calibration(rows, sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps({"passed": passed, "calibration": [row.as_json() for row in rows]}))
    return STATUS[passed]


def _figure(arguments: list[str]) -> int:
    import figures
    import simulations

    study, rest = _study("figure", Figure, arguments)
    options = _read(f"figure {study.name}", Figure, rest, words=False).options
    out = Path(options.out or Path(options.from_) / "figures")
    if options.animate:
        return _film(study, options, out)
    kinds = options.format or ("png",)
    with _refusing():
        figures.check_formats(options.format)
        figures.refuse_others(figures.pictures(study, out, kinds))
        if (options.value or options.x) and options.size is None:
            records = simulations.load(options.from_, study.name, strict=options.strict)
        else:
            records = simulations.complete(study, options.from_, options.size, strict=options.strict)
    if options.value or options.x:
        with _refusing(out=out):
            drawn = figures.save_grid(study, records, out, kinds, options.value or None, options.x or None)
    else:
        drawn = _draw(study, records, out, kinds)
    for path in drawn:
        print(path)
    return 0


def _film(study, options: Figure, out: Path) -> int:
    """A film of a study's particles; runs for it that are not there yet are made first."""
    import figures
    import simulations

    kinds = options.format or ("gif",)
    with _refusing():
        motion = simulations.motion(study)
        figures.check_films(kinds)
        figures.refuse_others(figures.films(study, out, kinds))
    if options.out:  # what is not given is below `from`, of which the records are told
        _check_place("out", out)
    records = _watched(motion, options.from_, options.size or "default", strict=options.strict)
    with _refusing(out=out):
        paths = figures.animate(study, records, out, kinds)
    for path in paths:
        print(path)
    return 0


def _watched(motion, directory: str, size: str, seeds: int | None = None, strict: bool = False):
    """The records of a motion; those that are not there yet are made first."""
    try:
        return _records(motion.study, Sweeping(size=size, seeds=seeds, out=directory, strict=strict), {})
    except Refused as problem:  # what is `out` of a sweep is `from` here
        raise Refused(str(problem).replace("out=", "from=", 1), problem.status) from None


def _explore(arguments: list[str]) -> int:
    import figures.explorer
    import simulations

    study, rest = _study("explore", Explore, arguments, simulations.MOTIONS)
    options = _read(f"explore {study.name}", Explore, rest, words=False).options
    with _refusing():
        motion = simulations.motion(study)
        path = figures.explorer.writable(options.out or f"{study.name}.html")
    records = _watched(motion, options.from_, options.size, options.seeds, options.strict)
    with _refusing(out=path):
        figures.explorer.save(motion, records, path)
    print(path)
    return 1 if _unfinished({motion.study.name: records}) else 0


def _gallery(arguments: list[str]) -> int:
    import simulations
    from figures.page import Chapter, refuse_others, write

    line = _read("gallery", Gallery, arguments)
    studies = [_find(name) for name in line.words or simulations.STUDIES]
    page = Path(line.options.page)
    _check_place("page", page)
    with _refusing():
        refuse_others(studies, page)
    made = {study.name: _records(study, line.options, {}) for study in studies}
    chapters = []
    for study in studies:
        entries = simulations.verify(study, made[study.name])
        moving = None
        if study.name in simulations.MOTIONS:  # one seed of the motion: a film is of one
            moving = _records(simulations.motion(study).study, dataclasses.replace(line.options, seeds=None), {})
        chapters.append(Chapter(study, made[study.name], entries, moving))
    with _refusing(page=page):
        drawn = write(chapters, page, line.options.size or "default", _drawn)
    return _close(line.options, made, [entry for chapter in chapters for entry in chapter.entries], drawn)


def _drawn(name: str, done: int, total: int) -> None:
    print(f"gallery: {done} of {total}, {name}, drawn", file=sys.stderr, flush=True)


def _bench(arguments: list[str]) -> int:
    options = _read("bench", Bench, arguments, words=False).options
    from simulations.scale.bench import bench, print_table

    def report(done: int, total: int) -> None:
        print(f"bench: {done} of {total} shapes", file=sys.stderr, flush=True)

    with _refusing():
        require_backend()
    answer = bench(report)
    print_table(answer, sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps(answer))
    return 0


def _info(arguments: list[str]) -> int:
    options = _read("info", Info, arguments, words=False).options
    from meanfield.devices import describe

    with _refusing():
        require_backend()
    facts = describe()
    if options.json:
        print(json.dumps(facts))
        return 0
    print("versions   " + ", ".join(f"{name} {version}" for name, version in facts["versions"].items()))
    print("devices    " + ", ".join(facts["devices"]))
    print(f"precision  {facts['precision']}")
    for row in facts["plans"]:
        print(f"kernel     m = {row['m']:.0e}, n = {row['n']:.0e}, d = {row['d']}: {row['plan']}")
    return 0


COMMANDS = {
    "list": _list,
    "run": _run,
    "verify": _verify,
    "figure": _figure,
    "explore": _explore,
    "gallery": _gallery,
    "status": _status,
    "bench": _bench,
    "info": _info,
}


def _plan(study, options: Sweeping, grid: dict, *, write: bool = True):
    import simulations

    with _refusing():
        return simulations.prepare(
            study,
            options.size,
            out=options.out,
            seeds=options.seeds,
            first_seed=options.first_seed,
            write=write,
            **grid,
        )


def _records(study, options: Sweeping, grid: dict):
    """The records of a run, with progress on standard error."""
    import simulations

    plan = _plan(study, options, grid)
    whole = simulations.expected(plan)
    at_once = min(options.workers or 1, len(plan.batches) or 1, os.cpu_count() or 1)
    report = simulations.reporter(
        study.name, len(plan), sys.stderr, simulations.differing(plan), whole and whole / at_once
    )

    def so_far() -> str:
        return f"{report.done} of {len(plan)} runs are in {options.out}, and the same command goes on from there"

    with _computing(options, so_far) as executor, report:
        return plan.execute(report, executor, strict=options.strict)


@contextlib.contextmanager
def _refusing(**place: Path) -> Iterator[None]:
    """What the packages refuse is a sentence of the command; given `out=path`, also that it can't be written there."""
    try:
        yield
    except (ValueError, ImportError) as problem:
        raise Refused(str(problem)) from None
    except OSError as problem:
        if not place:
            raise
        [(name, path)] = place.items()
        raise Refused(f"{name}={str(path)!r}: cannot write there ({problem.strerror}).") from None


def _check_place(name: str, directory: Path) -> None:
    """Refuse a directory that can't be made or written to, before anything is computed for it."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if not there.is_dir():
        raise Refused(f"{name}={str(directory)!r}: cannot write there ({str(there)!r} is not a directory).")
    if not os.access(there, os.W_OK):
        raise Refused(f"{name}={str(directory)!r}: cannot write there (no permission to write to {str(there)!r}).")


@contextlib.contextmanager
def _computing(options: Sweeping, so_far: Callable[[], str]) -> Iterator[Executor | None]:
    """Who computes; what ends a sweep early is one line, with how far it is where the same command goes on."""
    import simulations

    try:
        if options.scheduler is None:
            require_backend()
        with simulations.computing(workers=options.workers, scheduler=options.scheduler) as executor:
            yield executor
    except ValueError as problem:
        raise Refused(str(problem)) from None
    except OSError as problem:
        raise Refused(f"out={options.out!r}: cannot read or write there ({problem.strerror}).") from None
    except simulations.NoWorkers as problem:
        raise Refused(f"{problem}; {so_far()}.", 1) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"; {so_far()}") from None


def _close(options: Sweeping, made: dict, entries: list, drawn: list[Path], table: tuple | None = None) -> int:
    """Say what was found; the exit status."""
    import simulations

    passed = False if _unfinished(made) else simulations.all_passed(entry.passed for entry in entries)
    _tell(entries, table, sys.stderr if options.json else sys.stdout)
    if options.json:
        seconds = sum(record.provenance["seconds"] for records in made.values() for record in records)
        answer = {
            "passed": passed,
            "claims": [entry.as_json() for entry in entries],
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
    """The ledger; of a grid its table first, and what it says nothing about in one line."""
    import simulations

    if table is None:
        simulations.print_ledger(entries, stream)
        return
    simulations.print_table(table[0], stream)
    untested = [entry for entry in entries if entry.passed is None and entry.verdict.measured != entry.verdict.measured]
    if len(untested) < len(entries):
        simulations.print_ledger([entry for entry in entries if entry not in untested], stream)
    simulations.print_untested(untested, stream)


def _unfinished(made: dict) -> bool:
    """Whether a run did not reach its end; the first few are named."""
    ended = [(name, record) for name, records in made.items() for record in records if record.status != "done"]
    for name, record in ended[:5]:
        setting = " ".join(f"{key}={value}" for key, value in record.parameters.items())
        print(f"meanfield: {name} {record.status} ({setting}).", file=sys.stderr)
    if len(ended) > 5:
        print(f"meanfield: {len(ended) - 5} more runs did not reach their end.", file=sys.stderr)
    return bool(ended)


def _draw(study, records, out: Path, formats: tuple[str, ...]) -> list[Path]:
    import figures

    with _refusing(out=out):
        return figures.save(study, records, out, formats)


def _find(name: str):
    import simulations

    with _refusing():
        return simulations.find(name)


def _study(command: str, options: type, arguments: list[str], among: Iterable[str] = ()):
    """(the study that comes first on the line, what follows it); without one, help or a sentence."""
    import simulations

    chosen = list(among or simulations.STUDIES)
    names = ", ".join(chosen)
    if arguments and arguments[0] in ("-h", "--help"):
        own = f" Its parameters: `meanfield run {chosen[0]} --help`." if command == "run" else ""
        wide = min(80, width(sys.stdout, 80))
        print(textwrap.fill(f"STUDY is one of {names}.{own}", wide, break_on_hyphens=False) + "\n")
        _read(f"{command} STUDY", options, ["--help"])
    if not arguments or arguments[0].startswith("-"):
        raise Refused(f"{command} needs a study first: expected one of {names}.")
    return _find(arguments[0]), arguments[1:]


def _read(command: str, options: type, arguments: list[str], study=None, words: bool = True) -> Line:
    from simulations import coerce, field_docs

    with _refusing():
        line = read(
            command, options, arguments, coerce, docs=field_docs(options), words=_words(command),
            parameters=None if study is None else study.parameters,
            parameter_docs=None if study is None else field_docs(study.parameters),
        )  # fmt: skip
    if line.words and not words:
        raise Refused(f"{line.words[0]!r} is not an argument of {command}; expected options (see --help).")
    return line


def _words(command: str) -> tuple[str, str]:
    """(the bare words that a command takes, what they are), for its help."""
    import simulations

    if command in ("verify", "gallery"):
        names = ", ".join(simulations.STUDIES)
        return "[STUDY …]", f"STUDY is one of {names}, or regimes/lazy_scaling with its group; all if none is given."
    if command == "status":
        return "[DIRECTORY]", "DIRECTORY is one that run or verify wrote; results if none is given."
    return "", ""


if __name__ == "__main__":
    sys.exit(main())
