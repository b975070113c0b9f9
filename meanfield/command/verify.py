"""`meanfield verify [STUDY …]`: every claim with what was predicted and measured, and its false alarms."""

import json
import sys
from dataclasses import dataclass

from meanfield.command.answer import STATUS, close
from meanfield.command.command_line import Refused
from meanfield.command.reading import find_study, read_options
from meanfield.command.records import Sweeping, computing, make_all_records


@dataclass(frozen=True)
class Verify(Sweeping):
    """Check every claim of the studies named, or of all."""

    calibrate: int = 0
    """Instead: make the runs again with so many fresh sets of seeds, and count how often each check raises a false
    alarm.
    """
    family: bool = False
    """Test equalities at a level so low that all of these claims together raise a false alarm in 1 % of ledgers."""


def verify_studies(arguments: list[str]) -> int:
    """Check the claims of the studies, or count false alarms, and return the exit status."""
    import simulations

    line = read_options("verify", Verify, arguments)
    studies = [find_study(name) for name in line.words or simulations.STUDIES]
    if line.options.calibrate:
        if line.options.seeds is not None or line.options.first_seed:
            raise Refused("calibrate: chooses its seeds itself; expected neither --seeds nor --first-seed.")
        if line.options.family:
            raise Refused("family: says how claims are tested together; expected it without --calibrate.")
        return _calibrate(studies, line.options)
    made = make_all_records(studies, line.options)
    equalities = sum(claim.kind == "equality" for study in studies for claim in study.claims)
    level = simulations.family_level(equalities) if line.options.family else simulations.checks.LEVEL
    entries = [entry for study in studies for entry in simulations.verify(study, made[study.name], level=level)]
    sane = [entry for study in studies for entry in simulations.verify(study, made[study.name], sanity=True)]
    return close(line.options, made, entries, [], sane=sane)


def _calibrate(studies: list, options: Verify) -> int:
    """Count false alarms; return 1 when there are more than the level allows, 3 when some can't be told."""
    import simulations

    def report(done: int, total: int) -> None:
        print(f"{study.name}: {done} of {total} re-seedings", file=sys.stderr, flush=True)

    rows = []
    with computing(options, lambda: "the same command goes on from there") as executor:
        for study in studies:
            rows += simulations.calibrate(
                study, options.size or "default", options.calibrate, out=options.out, report=report, executor=executor
            )
    passed = simulations.all_passed(row.passed for row in rows)
    simulations.print_calibration(rows, sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps({"passed": passed, "calibration": [row.as_json() for row in rows]}))
    return STATUS[passed]
