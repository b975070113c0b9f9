"""From a study and a grid to the runs, and from the runs to their records."""

import functools
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meanfield.arguments import one_of, positive_count
from simulations.records.record import Records, canonical_text, require_function
from simulations.records.revisions import tell_others
from simulations.records.store import Store, earlier, stored
from simulations.study.ranges import MOST
from simulations.study.registry import find
from simulations.study.study import SEEDS, SIZES, Study, canonical, check_seed, coerce
from simulations.sweeps.batches import Batch, batches
from simulations.sweeps.dask import dask
from simulations.sweeps.dispatch import Dispatch
from simulations.sweeps.execution import Execution, Progress, Report, added, failed, kept
from simulations.sweeps.pool import pool
from simulations.sweeps.report import reported

logger = logging.getLogger("meanfield")

USUAL = "default"
"""The size if neither it nor parameters are given."""


@dataclass(frozen=True)
class Plan:
    """Runs that are checked and ready: `execute` makes their records."""

    study: Study
    runs: Mapping[str, Any]
    """Parameters by their canonical text, each once."""
    store: Store | None
    size: str | None = None
    """The size whose runs these are; None for a grid of one's own."""

    def __len__(self) -> int:
        return len(self.runs)

    @functools.cached_property
    def batches(self) -> list[Batch]:
        """The runs as they are computed together."""
        return batches(self.runs)

    def there(self) -> list[str]:
        """The texts of the runs whose records are stored, whole and not failed."""
        return [text for text in self.runs if kept(self.store, text) is not None]

    def execute(
        self,
        report: Report | None = None,
        executor: Executor | None = None,
        in_flight: int | None = None,
        *,
        strict: bool = False,
    ) -> Records:
        """The records in the order of the runs; see `run`. Each is stored as soon as its batch is computed, so that a
        kill costs the batches that are being computed.
        """
        (records,) = execute([self], report, executor, in_flight, strict=strict)
        return records


def execute(
    plans: Sequence[Plan],
    report: Report | None = None,
    executor: Executor | None = None,
    in_flight: int | None = None,
    *,
    strict: bool = False,
) -> list[Records]:
    """The records of several plans, whose runs are computed at once: where there are several workers, each takes a plan
    of its own as long as there are some, so that few of them compile the same programs; see `run`.

    `report` is called with the `Progress` of all plans together.

    >>> import simulations
    >>> plans = [simulations.prepare("lazy_scaling/teacher", particles=m, samples=4, time=1.0) for m in (10, 20)]
    >>> [len(records) for records in simulations.execute(plans)]
    [1, 1]
    """
    if in_flight is not None:
        in_flight = positive_count("in_flight", in_flight)
    if report is not None:
        require_function("report", report)
    if not isinstance(executor, Executor | None):
        raise ValueError(f"executor={executor!r}: expected a concurrent.futures.Executor.")
    if not isinstance(plans, Sequence) or not all(isinstance(plan, Plan) for plan in plans):
        raise ValueError(f"plans={plans!r:.60}: expected a list of plans, as `simulations.prepare` makes them.")
    if any(plan.store is not None and not plan.store.write for plan in plans):
        raise ValueError("write=False: the plan was made to be looked at; expected one that may write.")
    told = report or _silent

    def tell(progress: Progress) -> None:
        told(progress if len(plans) == 1 else added([sweep.progress for sweep in sweeps], progress.record))

    sweeps = [Execution(plan.study, plan.store, plan.batches, tell, strict) for plan in plans]
    made = Dispatch(sweeps, executor, in_flight).run()
    return [Records(found[text] for text in plan.runs) for plan, found in zip(plans, made, strict=True)]


def _silent(_) -> None:
    pass


def prepare(
    study: str | Study,
    size: str | None = None,
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
    if parameters and size is not None:
        others = " (its seeds are chosen by seeds and first_seed)" if "seed" in parameters else ""
        raise ValueError(
            f"size={size!r} and {', '.join(parameters)}: a size is all runs of a study as they are{others}; expected "
            "either a size or parameters."
        )
    if parameters:
        return _of_grid(study, parameters, out=out, seeds=seeds, first_seed=first_seed, write=write)
    seeds, first_seed = _seeds(seeds, first_seed)
    size = one_of("size", USUAL if size is None else size, SIZES)
    runs = study.grid(size, seeds, first_seed)
    if not runs:
        sizes = [name for name in SIZES if study.grid(name, 1, 0)]
        raise ValueError(f"size={size!r}: {study.name} has no runs of this size; expected one of {', '.join(sizes)}.")
    return _plan(study, runs, out, write, size)


def _seeds(seeds: int | None, first: int) -> tuple[int | None, int]:
    """How many seeds and the first of them, checked before there is a list of them."""
    count, first = None if seeds is None else positive_count("seeds", seeds), coerce("first_seed", int, first)
    if count is not None and count > MOST:
        raise ValueError(f"seeds={count}: expected at most {MOST}.")
    if not 0 <= first < SEEDS:
        raise ValueError(f"first_seed={first}: expected a whole number from 0 to {SEEDS - 1}.")
    return count, first


def _of_grid(study: Study, grid: Mapping[str, Any], *, out, seeds: int | None, first_seed: int, write: bool) -> Plan:
    """Every combination of the values in `grid`; seeds as named there, or so many from the first one on."""
    grid, (seeds, first) = dict(grid), _seeds(seeds, first_seed)
    if seeds is not None or first:
        if "seed" in grid:
            raise ValueError(f"seed and {'first_seed' if seeds is None else 'seeds'}: expected one of them.")
        grid["seed"] = range(first, first + (seeds or 1))
    return _plan(study, study.combinations(grid), out, write)


def _plan(study: Study, runs: list, out, write: bool, size: str | None = None) -> Plan:
    for one in runs:
        check_seed(one)
    if not isinstance(out, str | os.PathLike | None):
        raise ValueError(f"out={out!r}: expected the path of a directory.")
    return Plan(study, {canonical(one): one for one in runs}, _store(out, study, write), size)


def _store(out, study: Study, write: bool) -> Store | None:
    if out is None or not (write or (Path(out) / "records" / study.name).is_dir()):
        return None
    return Store(out, study.name, write=write)


def run(
    study: str | Study,
    size: str | None = None,
    *,
    out=None,
    seeds: int | None = None,
    first_seed: int = 0,
    report: Report | bool | None = None,
    executor: Executor | None = None,
    in_flight: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    strict: bool = False,
    **parameters,
) -> Records:
    """The records of a study: its own grid at one size, or a grid of your own.

    **Arguments:**

    - `size`: "smoke", "default" or "large": all runs of the study; "default" if neither it nor parameters are given.
    - `parameters`: instead of a size, any parameters of the study, each one value, a list, or a range such as
      "1e2:1e6:9log"; the runs are all combinations, and what is not named keeps its default.
    - `seeds`, `first_seed`: how many seeds for every setting, and the first of them; seeds are below 2³².
    - `out`: a directory. Records that are there are read and not computed again, new ones are stored as they come.
    - `report`: called with the `Progress` of the sweep, whenever it changes. True shows it on standard error, False
      does not; None shows it where somebody looks on, on a terminal and in a notebook.
    - `workers`: processes on this machine that compute. `scheduler`: the address of a dask scheduler whose workers
      compute. `executor`: any `concurrent.futures.Executor` that does, with `in_flight` batches at most at a time.
      None of them: this process. Records are stored by this process in every case.
    - `strict`: refuse stored records that other code has made than what would make them now. Otherwise a line says how
      many there are, and of which revisions; code that the runs do not import does not count.

    Runs that differ in values only are computed together where the study can; which ones is decided by the grid, and
    not by what is stored or by who computes. A run alone or in another batch may differ by what
    `mf.simulate_replicas` says of rounding; in the same batch, on the same device, it is the same to the bit.

    A worker that dies is replaced, and its batch computed again, at most twice, and then run by run. A run that raises
    is recorded with the status "failed: …" and no values, stops nothing, and is tried again by the next sweep. Two
    sweeps over one directory, also on two machines that share it, share the work.

    Raises `ValueError` for an unknown study, size or parameter, for a size together with parameters, for values out of
    range, for sizes beyond this machine's memory, for processes that can't be started and for a scheduler that does not
    answer; `OSError` when a record can't be written; `NoWorkers`, a `RuntimeError`, when an executor takes no more
    work. What was computed before is stored, and the same call goes on from there.
    """
    plan = prepare(study, size, out=out, seeds=seeds, first_seed=first_seed, **parameters)
    with computing(executor, workers, scheduler) as where, reported(plan, report) as told:
        return plan.execute(told, where, in_flight, strict=strict)


@contextmanager
def computing(
    executor: Executor | None = None, workers: int | None = None, scheduler: str | None = None
) -> Iterator[Executor | None]:
    """Yield the executor, and shut down what was started here when the context is left.

    Raises `ValueError` when more than one of `executor`, `workers` and `scheduler` is given.
    """
    given = {"executor": executor, "workers": workers, "scheduler": scheduler}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        raise ValueError(f"{' and '.join(chosen)}: expected one of them.")
    if workers is not None or scheduler is not None:
        with pool(workers) if workers is not None else dask(str(scheduler)) as made:
            yield made
    else:
        yield executor


def sweep(
    study: str | Study,
    grid: Mapping[str, Any],
    *,
    out=None,
    seeds: int | None = None,
    first_seed: int = 0,
    report: Report | bool | None = None,
    executor: Executor | None = None,
    in_flight: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    strict: bool = False,
) -> Records:
    """The records of every combination of the values in `grid`, a mapping from parameters to values; see `run`.

    >>> import simulations
    >>> grid = {"samples": 4, "time": 1.0, "particles": "10:40:2log"}
    >>> records = simulations.sweep("lazy_scaling", grid, seeds=2)
    >>> len(records), records.where(particles=40).last("risk").shape
    (4, (2,))
    """
    if not isinstance(grid, Mapping):
        raise ValueError(f"grid={grid!r:.60}: expected a mapping from parameters to values.")
    plan = _of_grid(find(study), grid, out=out, seeds=seeds, first_seed=first_seed, write=True)
    with computing(executor, workers, scheduler) as where, reported(plan, report) as told:
        return plan.execute(told, where, in_flight, strict=strict)


def complete(study: str | Study, directory, size: str | None = None, *, strict: bool = False) -> Records:
    """The stored records of one size; of the largest that is complete in `directory`, if none is named, and all of the
    study, if none is complete.

    A run that failed is not complete, and what is damaged is left out, with a warning; so is said what other code has
    made. Raises `ValueError` when there is no record, for a size that is named and not complete and, if `strict`, for
    records that other code has made.
    """
    study = find(study)
    sizes = tuple(reversed(SIZES)) if size is None else (one_of("size", size, SIZES),)
    records = _of_experiments(study, stored(directory, study.name), directory)
    chosen = _complete(study, records, directory, size, sizes)
    tell_others(study, None, chosen, directory, strict=strict)
    return chosen


def _of_experiments(study: Study, records: Records, directory) -> Records:
    """Leave out, with a warning, what the study had stored before it was made of experiments.

    Raises `ValueError` where nothing is left.
    """
    names = {one.name for one in study.experiments}
    known = Records(record for record in records if record.parameters.get("experiment") in names)
    if old := earlier(records):
        logger.warning("%s: %s They are left out.", directory, old)
    if not len(known):
        raise ValueError(
            f"directory={str(directory)!r}: no records of {', '.join(sorted(names))}, of {study.name}; expected those "
            f"that `meanfield run {study.name} --out {directory}` makes."
        )
    return known


def _complete(study: Study, records: Records, directory, size: str | None, sizes: tuple[str, ...]) -> Records:
    there = {canonical_text(record.parameters): record for record in records if not failed(record)}
    wanted = []
    for name in sizes:
        wanted = [canonical(one) for one in study.grid(name, None, 0)]
        if wanted and all(text in there for text in wanted):
            return Records(there[text] for text in wanted)
    if size is None:
        return records
    count = sum(text in there for text in wanted)
    raise ValueError(
        f"size={size!r}: {count} of its {len(wanted)} runs are in {str(directory)!r}; expected all, which "
        f"`meanfield run {study.name} --size {size} --out {directory}` makes."
    )
