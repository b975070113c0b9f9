"""Records of a command: the options of all that make some, and the making, with progress on standard error."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from meanfield.command.command_line import Refused
from meanfield.command.sentences import refusing
from meanfield.environment.platform import require_backend


@dataclass(frozen=True)
class Sweeping:
    """The options of every command that makes records."""

    size: str | None = None
    """smoke (seconds), default (minutes; taken if nothing is given) or large (hours; what a figure of a paper has,
    where it is one). A size is all runs of a study as they are, and stands beside none of its parameters.
    """
    out: str = "results"
    """Directory for records and figures."""
    seeds: int | None = None
    """Number of seeds for every setting; the size's own if not given."""
    first_seed: int = 0
    """The first of them."""
    workers: int | None = None
    """Processes on this machine that compute, each with its own JAX; this one alone if not given."""
    scheduler: str | None = None
    """Address of a dask scheduler whose workers compute, such as tcp://127.0.0.1:8786 (extra `cluster`)."""
    strict: bool = False
    """Refuse stored records that other code has made than what would make them now; without it a line tells of them."""
    json: bool = False
    """One JSON object on standard output; everything else goes to standard error."""


def plan_of(study, options: Sweeping, grid: dict, *, write: bool = True):
    """Return the plan of a study's runs; with `write=False` one that is only looked at."""
    import simulations

    with refusing():
        return simulations.prepare(
            study,
            options.size,
            out=options.out,
            seeds=options.seeds,
            first_seed=options.first_seed,
            write=write,
            **grid,
        )


def make_records(study, options: Sweeping, grid: dict):
    """Return the records of a run, with progress on standard error."""
    (records,) = _execute([plan_of(study, options, grid)], options)
    return records


def make_all_records(studies: list, options: Sweeping) -> dict:
    """Return the records of several studies by name, computed at once, with progress on standard error."""
    made = _execute([plan_of(study, options, {}) for study in studies], options)
    return {study.name: records for study, records in zip(studies, made, strict=True)}


def _execute(plans: list, options: Sweeping) -> list:
    import simulations

    total, batches = sum(map(len, plans)), sum(len(plan.batches) for plan in plans)
    at_once = min(options.workers or 1, batches or 1, os.cpu_count() or 1)
    expected = [simulations.expected(plan) for plan in plans]
    whole = sum(seconds for seconds in expected if seconds is not None) if None not in expected else None
    name, names = f"{len(plans)} studies", ("experiment",)
    if len(plans) == 1:
        name, names = plans[0].study.name, simulations.differing(plans[0])
    report = simulations.reporter(name, total, sys.stderr, names, whole and whole / at_once)

    def so_far() -> str:
        return f"{report.done} of {total} runs are in {options.out}, and the same command goes on from there"

    with computing(options, so_far) as executor, report:
        return simulations.execute(plans, report, executor, strict=options.strict)


def motion_records(motion, directory: str, size: str, seeds: int | None = None, strict: bool = False):
    """Return the records of a motion; those that are not there yet are made first."""
    try:
        return make_records(motion.study, Sweeping(size=size, seeds=seeds, out=directory, strict=strict), {})
    except Refused as problem:  # what is `out` of a sweep is `from` here
        raise Refused(str(problem).replace("out=", "from=", 1), problem.status) from None


@contextlib.contextmanager
def computing(options: Sweeping, so_far: Callable[[], str]) -> Iterator[Executor | None]:
    """Yield the executor; turn what ends a sweep early into one line, with how far it is where the command goes on."""
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


def unfinished(made: dict) -> bool:
    """Return True if a run did not reach its end; the first few are named on standard error."""
    ended = [(name, record) for name, records in made.items() for record in records if record.status != "done"]
    for name, record in ended[:5]:
        setting = " ".join(f"{key}={value}" for key, value in record.parameters.items())
        print(f"meanfield: {name} {record.status} ({setting}).", file=sys.stderr)
    if len(ended) > 5:
        print(f"meanfield: {len(ended) - 5} more runs did not reach their end.", file=sys.stderr)
    return bool(ended)
