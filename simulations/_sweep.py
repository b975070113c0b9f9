"""From a study and a grid to the runs, and from the runs to their records."""

import functools
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meanfield.arguments import one_of, positive_count
from simulations._batches import Batch, batches
from simulations._execute import Execution, Report, kept
from simulations._executors import dask, pool
from simulations._records import Records, canonical_text
from simulations._registry import find
from simulations._store import Store, load
from simulations._study import SIZES, Study, canonical


@dataclass(frozen=True)
class Plan:
    """Runs that are checked and ready: `execute` makes their records."""

    study: Study
    runs: Mapping[str, Any]
    """Parameters by their canonical text, each once."""
    store: Store | None

    def __len__(self) -> int:
        return len(self.runs)

    @functools.cached_property
    def batches(self) -> list[Batch]:
        """The runs as they are computed together."""
        return batches(self.study, self.runs)

    def there(self) -> list[str]:
        """The texts of the runs whose records are stored, whole and not failed."""
        return [text for text in self.runs if kept(self.store, text) is not None]

    def execute(
        self, report: Report | None = None, executor: Executor | None = None, in_flight: int | None = None
    ) -> Records:
        """The records in the order of the runs; see `run`. Each is stored as soon as its batch is computed, so that a
        kill costs the batches that are being computed.
        """
        flying = positive_count("in_flight", 1 if in_flight is None else in_flight)
        made = Execution(self.study, self.store, executor, flying, report or _silent).run(self.batches)
        return Records(made[text] for text in self.runs)


def _silent(_) -> None:
    pass


def prepare(
    study: str | Study,
    size: str = "default",
    *,
    out=None,
    seeds: int | None = None,
    first_seed: int = 0,
    write: bool = True,
    **parameters,
) -> Plan:
    """The runs of a study at one size, or of a grid of parameters; the arguments are those of `run`.

    With `write` false the directory `out` is looked into, if it is there, and not made.
    """
    study = find(study)
    if seeds is not None:
        positive_count("seeds", seeds)
    if parameters:
        if seeds is not None and "seed" not in parameters:
            parameters["seed"] = range(first_seed, first_seed + seeds)
        runs = study.combinations(parameters)
    else:
        runs = study.grid(one_of("size", size, SIZES), seeds, first_seed)
    return Plan(study, {canonical(one): one for one in runs}, _store(out, study, write))


def _store(out, study: Study, write: bool) -> Store | None:
    if out is None or not (write or (Path(out) / "records" / study.name).is_dir()):
        return None
    return Store(out, study.name)


def run(
    study: str | Study,
    size: str = "default",
    *,
    out=None,
    seeds: int | None = None,
    first_seed: int = 0,
    report: Report | None = None,
    executor: Executor | None = None,
    in_flight: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    **parameters,
) -> Records:
    """The records of a study: its own grid at one size, or a grid of your own.

    **Arguments:**

    - `size`: "smoke", "default" or "paper"; not used when parameters are given.
    - `parameters`: any parameters of the study, each one value, a list, or a range such as "1e2:1e6:9log"; the runs
      are all combinations, and what is not named keeps its default.
    - `seeds`, `first_seed`: how many seeds for every setting, and the first of them.
    - `out`: a directory. Records that are there are read and not computed again, new ones are stored as they come.
    - `report`: called with the `Progress` of the sweep, whenever it changes.
    - `workers`: processes on this machine that compute. `scheduler`: the address of a dask scheduler whose workers
      compute. `executor`: any `concurrent.futures.Executor` that does, with `in_flight` batches at most at a time.
      None of them: this process. Records are stored by this process in every case.

    Runs that differ in values only are computed together where the study can; which ones is decided by the grid, and
    not by what is stored or by who computes. A run alone or in another batch may differ by what
    `mf.simulate_replicas` says of rounding; in the same batch, on the same device, it is the same to the bit.

    A worker that dies is replaced, and its batch computed again, at most twice, and then run by run. A run that raises
    is recorded with the status "failed: …" and no values, stops nothing, and is tried again by the next sweep. Two
    sweeps over one directory, also on two machines that share it, share the work.

    Raises `ValueError` for an unknown study, size or parameter, for values out of range, for sizes beyond this
    machine's memory, and for a scheduler that does not answer.
    """
    plan = prepare(study, size, out=out, seeds=seeds, first_seed=first_seed, **parameters)
    with computing(executor, in_flight, workers, scheduler) as (where, most):
        return plan.execute(report, where, most)


@contextmanager
def computing(
    executor: Executor | None = None,
    in_flight: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Iterator[tuple[Executor | None, int]]:
    """(who computes, how many batches at a time); what was started here is ended when the context is left.

    Raises `ValueError` when more than one of `executor`, `workers` and `scheduler` is given.
    """
    given = {"executor": executor, "workers": workers, "scheduler": scheduler}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise ValueError(f"{' and '.join(chosen)}: expected one of them.")
    if workers is not None or scheduler is not None:
        with pool(workers) if workers is not None else dask(str(scheduler)) as (made, most):
            yield made, in_flight or most
    else:
        yield executor, in_flight or (1 if executor is None else os.cpu_count() or 1)


def sweep(
    study: str | Study,
    grid: Mapping[str, Any],
    *,
    out=None,
    seeds: int | None = None,
    first_seed: int = 0,
    report: Report | None = None,
    executor: Executor | None = None,
    in_flight: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Records:
    """The records of every combination of the values in `grid`, a mapping from parameters to values; see `run`.

    >>> import simulations
    >>> grid = {"problem": "random", "samples": 4, "time": 1.0, "particles": "10:40:2log"}
    >>> records = simulations.sweep("lazy_scaling", grid, seeds=2)
    >>> len(records), records.where(particles=40).last("risk").shape
    (4, (2,))
    """
    where: dict[str, Any] = {
        "executor": executor, "in_flight": in_flight, "workers": workers, "scheduler": scheduler
    }  # fmt: skip
    return run(study, out=out, seeds=seeds, first_seed=first_seed, report=report, **where, **grid)


def complete(study: str | Study, directory) -> Records:
    """The stored records of the largest size that is complete in `directory`; all of the study, if none is.

    Raises `ValueError` when there are none, or one is damaged.
    """
    study = find(study)
    records = load(directory, study.name)
    there = {canonical_text(record.parameters): record for record in records}
    for size in reversed(SIZES):
        wanted = [canonical(one) for one in study.grid(size, None, 0)]
        if all(text in there for text in wanted):
            return Records(there[text] for text in wanted)
    return records
