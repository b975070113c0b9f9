"""How often a check turns down a claim that holds: the study is run again and again with fresh seeds, and counted.

A check that is right at its level turns down about `LEVEL` of the re-seedings. A level that is stated and never
measured is a wish.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meanfield.arguments import one_of, positive_count
from simulations.records.code import identify, judged
from simulations.records.files import write_whole
from simulations.records.record import canonical_text
from simulations.study.ranges import in_short
from simulations.study.registry import find
from simulations.study.study import SIZES, Study, canonical
from simulations.sweeps.sweep import prepare
from simulations.verdicts.checks import LEVEL
from simulations.verdicts.ledger import verify

logger = logging.getLogger("meanfield")

APART = 1000
"""Distance of the first seeds of two re-seedings: more than a study has seeds."""

Report = Callable[[int, int], None]
"""Called with the re-seedings done and those asked for."""


@dataclass(frozen=True)
class Alarms:
    """How one claim and its control fared over the re-seedings."""

    study: str
    claim: str
    reseedings: int
    """Re-seedings whose records could decide."""
    alarms: int
    """Of those, how many turned the claim down."""
    missed: int
    """Of those, how many let the control pass."""

    @property
    def probability(self) -> float:
        """P(at least so many alarms), were each as rare as the level says."""
        from scipy.stats import binom

        return float(binom.sf(self.alarms - 1, self.reseedings, LEVEL))

    @property
    def passed(self) -> bool | None:
        """The alarms are compatible with the level, itself at that level, and no control ever passed."""
        return None if self.reseedings == 0 else self.probability >= LEVEL and self.missed == 0

    def as_json(self) -> dict[str, Any]:
        return {
            "study": self.study,
            "claim": self.claim,
            "reseedings": self.reseedings,
            "alarms": self.alarms,
            "level": LEVEL,
            "probability": self.probability,
            "controls_passed": self.missed,
            "passed": self.passed,
        }


START = b'{"stamp": "'
"""How the file of a calibration begins."""


def calibrate(
    study: str | Study, size: str, count: int, *, out, report: Report | None = None, executor: Executor | None = None
) -> list[Alarms]:
    """The false alarms of every claim of a study over `count` re-seedings.

    Re-seeding k starts at seed 1000 (k + 1), so that none shares a run with the study as it stands. Verdicts are kept
    in `out`/calibration and records are not: a calibration that was stopped goes on where it was.

    Raises `ValueError` for an unknown study or size, a count that is not from 1 to 1000, or a directory that can't be
    written.
    """
    study = find(study)
    one_of("size", size, SIZES)
    count = positive_count("count", count, most=APART)
    if not isinstance(out, str | os.PathLike):
        raise ValueError(f"out={in_short(out)}: expected the path of a directory.")
    path = Path(out) / "calibration" / f"{study.name}-{size}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ValueError(f"out={str(out)!r}: cannot write there ({problem.strerror}).") from None
    made = _kept(path, _stamp(study, size))
    for k in range(count):
        if str(k) not in made["verdicts"]:
            records = prepare(study, size, first_seed=APART * (k + 1)).execute(executor=executor)
            made["verdicts"][str(k)] = {
                entry.claim.name: [entry.verdict.passed, entry.control.passed] for entry in verify(study, records)
            }
            write_whole({path: json.dumps(made, sort_keys=True).encode()})
        if report is not None:
            report(k + 1, count)
    verdicts = [made["verdicts"][str(k)] for k in range(count)]
    return [_counted(study, claim.name, [row[claim.name] for row in verdicts]) for claim in study.claims]


def _counted(study: Study, name: str, pairs: list[list[bool | None]]) -> Alarms:
    decided = [(claim, control) for claim, control in pairs if claim is not None and control is not None]
    return Alarms(
        study.name, name, len(decided), sum(not claim for claim, _ in decided), sum(bool(c) for _, c in decided)
    )


def _stamp(study: Study, size: str) -> str:
    """Return a digest of what the verdicts depend on: runs, claims, predictions, and the code that computes them.

    Another study, and other code, start anew.
    """
    claims: list[Any] = []
    for claim in study.claims:
        claims.append([claim.name, claim.statement, claim.wrong])
        for check in (claim.check, claim.control):
            settings = check.keywords.items()  # type: ignore[attr-defined]
            claims.append([claim.name, {name: value for name, value in settings if not callable(value)}])
    runs = [canonical(one) for one in study.grid(size, None, 0)]
    code = identify(study).code + judged(study)
    return hashlib.sha256(canonical_text({"claims": claims, "runs": runs, "code": code}).encode()).hexdigest()


def _kept(path: Path, stamp: str) -> dict[str, Any]:
    if path.exists():
        content = path.read_bytes()
        if not content.startswith(START):
            raise ValueError(
                f"{str(path)!r}: is not a file that meanfield wrote, and is not overwritten; expected another "
                "directory, or this file moved away."
            )
        try:
            made = json.loads(content)
            if made["stamp"] == stamp and isinstance(made["verdicts"], dict):
                return made
        except (ValueError, KeyError, TypeError):
            logger.warning("%s: is not a readable calibration; it is counted anew.", path)
    return {"stamp": stamp, "verdicts": {}}
