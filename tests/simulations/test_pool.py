"""Processes that compute: they die alone, are replaced, and when none comes up any more the sweep says so and ends."""

import os
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace

import numpy as np
import pytest

import simulations
from simulations import NoWorkers
from simulations.sweeps import pool
from simulations.sweeps.dask import Dask
from simulations.sweeps.executors import Engine, InProcess, WorkerDied
from simulations.sweeps.pool import Pool
from tests.simulations.quick import quick_study

pytestmark = [pytest.mark.turns(4), pytest.mark.fast]

STUDY = quick_study(lambda run: ({"risk": np.array([run.alpha])}, "done"))
GRID = {"alpha": [1.0, 2.0, 3.0]}


def stored(directory) -> int:
    return len(list((directory / "records" / "lazy_scaling").glob("*.npz")))


def test_a_worker_dies_alone():
    pool = Pool(2)
    began = [pool.submit(os.getpid) for _ in range(8)]
    workers = {future.result() for future in began}
    assert os.getpid() not in workers
    lost, kept = pool.submit(os._exit, 3), pool.submit(int, "7")
    with pytest.raises(WorkerDied):
        lost.result()
    assert kept.result() == 7
    with pytest.raises(ValueError, match="invalid literal"):
        pool.submit(int, "seven").result()
    assert pool.submit(os.getpid).result() != os.getpid()
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(int, "7")


class Scarce:
    """Workers of which only the first few can be started."""

    left = 0
    ended = 0

    def __init__(self, settings):
        if type(self).left == 0:
            raise OSError(24, "Too many open files")
        type(self).left -= 1
        self.dead = False

    def missing(self):
        return BrokenProcessPool("it died") if self.dead else None

    def attempt(self, future, fn, args, kwargs):
        self.dead = True
        return WorkerDied("the worker process died")

    def end(self):
        type(self).ended += 1


def test_a_pool_that_cannot_be_started_is_refused(monkeypatch):
    monkeypatch.setattr(pool, "_Worker", Scarce)
    monkeypatch.setattr(Scarce, "left", 2)
    monkeypatch.setattr(Scarce, "ended", 0)
    with pytest.raises(ValueError, match=r"^workers=3: 2 could be started, and no more \(.*Too many open files\)\.$"):
        simulations.sweep(STUDY, GRID, workers=3)
    assert Scarce.ended == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_that_do_not_come_up_end_the_sweep_and_no_run_is_blamed(tmp_path, monkeypatch, workers):
    """Each process dies at its first work, and no other can be started in its place."""
    monkeypatch.setattr(pool, "_Worker", Scarce)
    monkeypatch.setattr(Scarce, "left", workers)
    with pytest.raises(NoWorkers, match="no worker process comes up"):
        simulations.sweep(STUDY, GRID, workers=workers, out=tmp_path)
    assert stored(tmp_path) == 0


class Refuses(Executor):
    """Computes one run, then takes no more."""

    def __init__(self, problem):
        self.problem, self.taken = problem, 0

    def submit(self, fn, /, *args, **kwargs):
        self.taken += 1
        if self.taken > 1:
            raise self.problem
        return InProcess().submit(fn, *args, **kwargs)


@pytest.mark.parametrize(
    "problem", [BrokenProcessPool("not usable anymore"), RuntimeError("shut down"), OSError("gone")]
)
def test_an_executor_that_takes_no_more_work_ends_the_sweep(tmp_path, problem):
    """What it has computed is kept, and no run is recorded as failed."""
    with pytest.raises(NoWorkers, match=f"no more work is taken: {problem}"):
        simulations.sweep(STUDY, GRID, out=tmp_path, executor=Refuses(problem), in_flight=2)
    (row,) = simulations.status(tmp_path)
    assert (row.done, row.failed) == (1, 0)


class Silent(Engine):
    """Takes work and never does it."""

    def submit(self, fn, /, *args, **kwargs):
        return Future()

    def room(self):
        return 2

    def gone(self):
        return "the scheduler has gone away"


def test_an_executor_that_has_gone_away_ends_the_sweep(tmp_path):
    with pytest.raises(NoWorkers, match="the scheduler has gone away"):
        simulations.sweep(STUDY, GRID, out=tmp_path, executor=Silent())
    assert stored(tmp_path) == 0


def test_a_client_that_closes_is_a_scheduler_that_has_gone_away():
    with ThreadPoolExecutor(1) as threads:
        client = SimpleNamespace(status="running", get_executor=lambda pure: threads, nthreads=lambda: {"a": 2, "b": 3})
        workers = Dask(client)
        assert (workers.room(), workers.gone()) == (5, None)
        assert workers.submit(int, "7").result() == 7
        client.nthreads = dict
        assert workers.room() == 1  # for a moment it may have none
        client.status = "closed"
        assert workers.gone() == "the scheduler has gone away"
        with pytest.raises(NoWorkers, match="gone away"):
            workers.submit(int, "7")


def test_what_is_no_executor_is_refused():
    with pytest.raises(ValueError, match=r"executor='threads': expected a concurrent\.futures\.Executor"):
        simulations.sweep(STUDY, GRID, executor="threads")
    with pytest.raises(ValueError, match="in_flight=0: expected a whole number of at least 1"):
        simulations.sweep(STUDY, GRID, in_flight=0)
