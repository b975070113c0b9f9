"""The parameters of many runs in few words, and records that have these parameters and no values."""

from collections.abc import Iterable, Mapping
from typing import Any

from simulations.records.record import Record
from simulations.verdicts.measured import identity

NO_RUNS: dict[str, Any] = {"common": {}, "settings": [], "ended": {}}
"""What `tabulated` makes of no records."""


def tabulated(records: Iterable[Record]) -> dict[str, Any]:
    """Return the parameters of all runs: those that all have, and every other setting with its seeds."""
    seeds: dict[tuple, dict[Any, str]] = {}
    for record in records:
        setting = tuple(item for item in identity(record) if item[0] != "seed")
        runs, seed = seeds.setdefault(setting, {}), record.parameters.get("seed")
        runs[seed] = "done" if runs.get(seed) == "done" else record.status
    common = set.intersection(*map(set, seeds)) if seeds else set()
    settings = [
        [dict(item for item in setting if item not in common), "" if None in some else ranges(some)]
        for setting, some in seeds.items()
    ]
    ended = [some[seed] for some in seeds.values() for seed in (some if None in some else sorted(some))]
    early = {str(run): status for run, status in enumerate(ended) if status != "done"}
    return {"common": dict(sorted(common)), "settings": settings, "ended": early}


def records_of(runs: Mapping[str, Any]) -> list[Record]:
    """Return records with the parameters of the runs that were tabulated, and without values."""
    made: list[Record] = []
    for setting, seeds in runs["settings"]:
        for seed in indices(seeds) or [None]:
            parameters = {**runs["common"], **setting, **({} if seed is None else {"seed": seed})}
            made.append(Record(parameters, {}, {"status": runs["ended"].get(str(len(made)), "done")}))
    return made


def ranges(numbers: Iterable[int]) -> str:
    """Write whole numbers in increasing order, neighbours by their ends.

    >>> ranges([0, 1, 2, 3, 7, 9, 10]), indices("0-3,7,9-10")
    ('0-3,7,9-10', [0, 1, 2, 3, 7, 9, 10])
    """
    ends: list[list[int]] = []
    for number in sorted(numbers):
        if ends and number == ends[-1][1] + 1:
            ends[-1][1] = number
        else:
            ends.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ends)


def indices(text: str) -> list[int]:
    """Return the numbers that `ranges` has written."""
    ends = [part.split("-") for part in text.split(",") if part]
    return [number for part in ends for number in range(int(part[0]), int(part[-1]) + 1)]
