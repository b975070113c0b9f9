"""What a sweep does with batches, with runs that raise, with workers that die, and with another sweep beside it."""

import io
import os
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest

import simulations
from simulations.study.simulation import run_experiment
from simulations.sweeps import batches, work
from simulations.sweeps.executors import InProcess, WorkerDied
from tests.simulations.quick import quick_study, simulated

pytestmark = pytest.mark.turns(4)


@pytest.fixture(autouse=True)
def any_two_are_batched(monkeypatch):
    monkeypatch.setattr(batches, "FEW", 2)
    monkeypatch.setattr(work, "simulated", simulated)


def counting(run=None, batch=None):
    """A study whose runs are quick and written down: (study, texts of what was computed)."""
    asked: list = []

    def plain(parameters):
        asked.append(parameters)
        return {"risk": np.array([parameters.alpha, parameters.seed])}, "done"

    return quick_study(run or (plain if batch is None else None), batch), asked


class Losing(Executor):
    """In this process; the first few submissions lose their worker."""

    def __init__(self, count: int):
        self.left, self.sizes = count, []

    def submit(self, fn, /, *args, **kwargs) -> Future:
        self.sizes.append(len(args[1]))
        if self.left == 0:
            return InProcess().submit(fn, *args, **kwargs)
        self.left -= 1
        future: Future = Future()
        future.set_exception(WorkerDied("the worker process died"))
        return future


def together(asked, fails=lambda run: False):
    def batch(several):
        if len(several) > 1:
            asked.append(len(several))
        if any(map(fails, several)):
            raise FloatingPointError("one of several")
        return [({"risk": np.array([one.alpha, one.seed])}, "done") for one in several]

    return batch


def test_runs_of_a_kind_are_batched_by_the_grid_alone(tmp_path):
    """…so that a sweep that goes on makes the batches of one that was never stopped."""
    asked: list = []
    study, _ = counting(batch=together(asked))
    grid = {"particles": [10, 20], "alpha": "1:10:50", "seed": [0, 1]}
    plan = simulations.prepare(study, out=tmp_path, **grid)
    assert [len(batch) for batch in plan.batches] == [50, 50, 50, 50]
    whole = simulations.sweep(study, grid, out=tmp_path)
    assert asked == [50] * 4
    assert [(one["alpha"], one["seed"]) for one in whole] == [(run.alpha, run.seed) for run in plan.runs.values()]
    assert all(one["risk"].tolist() == [one["alpha"], one["seed"]] for one in whole)
    plan.store.path(next(iter(plan.runs))).unlink()
    simulations.sweep(study, grid, out=tmp_path)
    assert asked == [50] * 5


def test_a_batch_is_filled_up_to_the_size_of_its_kind():
    asked: list = []
    study, _ = counting(batch=together(asked))
    records = simulations.sweep(study, {"particles": 10, "alpha": "1:10:65"})
    assert asked == [33, 33]
    assert len(records) == 65


def test_few_runs_are_not_worth_a_batch(monkeypatch):
    monkeypatch.undo()
    study, _ = counting(batch=together([]))
    sizes = {count: len(simulations.prepare(study, particles=10, alpha=f"1:10:{count}").batches) for count in (15, 16)}
    assert sizes == {15: 15, 16: 1}


def test_memory_bounds_a_batch(monkeypatch):
    monkeypatch.setattr(batches, "batch_bytes", lambda run: 1 << 27)
    study, _ = counting(batch=together([]))
    plan = simulations.prepare(study, particles=10, alpha="1:10:7")
    assert [len(batch) for batch in plan.batches] == [2, 2, 2, 1]


@pytest.mark.parametrize("batched", [False, True])
def test_a_run_that_raises_is_recorded_and_stops_nothing(tmp_path, batched):
    def fails(run):
        return run.alpha == 2.0

    def run(parameters):
        if fails(parameters):
            raise FloatingPointError("alpha is  two\nand that is\n bad")
        return {"risk": np.zeros(1)}, "done"

    study, _ = counting(run, together([], fails) if batched else None)
    grid = {"alpha": [1.0, 2.0, 3.0]}
    records = list(simulations.sweep(study, grid, out=tmp_path))
    assert [one.status for one in records] == [
        "done", "failed: FloatingPointError: alpha is two and that is bad", "done"
    ]  # fmt: skip
    assert records[1].values == {}
    (row,) = simulations.status(tmp_path)
    assert (row.done, row.failed) == (2, 1)
    assert row.messages == ("failed: FloatingPointError: alpha is two and that is bad",)
    mended, asked = counting()
    again = simulations.sweep(mended, grid, out=tmp_path)
    assert [run.alpha for run in asked] == [2.0]
    assert {one.status for one in again} == {"done"}


@pytest.mark.parametrize(("lost", "sizes"), [(2, [3, 3, 3]), (3, [3, 3, 3, 1, 1, 1]), (4, [3, 3, 3, 1, 1, 1])])
def test_a_lost_worker_is_tried_again_and_then_run_by_run(lost, sizes):
    """Three losses of the batch take it apart; a run that is lost alone as well is failed, and the others are not."""
    study, _ = counting(batch=together([]))
    executor = Losing(lost)
    records = simulations.sweep(study, {"particles": 10, "alpha": [1.0, 2.0, 3.0]}, executor=executor, in_flight=1)
    assert executor.sizes == sizes
    expected = ["failed: WorkerDied: the worker process died", "done", "done"] if lost == 4 else ["done"] * 3
    assert [one.status for one in records] == expected


def test_any_executor_will_do(tmp_path):
    study, asked = counting()
    with ThreadPoolExecutor(3) as executor:
        records = simulations.sweep(study, {"alpha": "1:10:20"}, out=tmp_path, executor=executor)
    assert [one["alpha"] for one in records] == [run.alpha for run in sorted(asked, key=lambda run: run.alpha)]
    with pytest.raises(ValueError, match="workers and scheduler: expected one of them"):
        simulations.sweep(study, {"alpha": 1.0}, workers=2, scheduler="tcp://127.0.0.1:1")


def test_two_sweeps_share_the_work(tmp_path):
    """Each run is computed by one of them, and both have all records."""
    asked: list = []

    def slow(parameters):
        asked.append(parameters.alpha)
        time.sleep(0.02)
        return {"risk": np.zeros(1)}, "done"

    study, _ = counting(slow)
    found: list = []
    sweeps = [
        threading.Thread(target=lambda: found.append(simulations.sweep(study, {"alpha": "1:10:30"}, out=tmp_path)))
        for _ in range(2)
    ]
    for thread in sweeps:
        thread.start()
    for thread in sweeps:
        thread.join()
    assert len(asked) == len(set(asked)) == 30
    assert [len(records) for records in found] == [30, 30]


def test_progress_counts(tmp_path):
    study, _ = counting()
    simulations.sweep(study, {"alpha": [1.0, 2.0]}, out=tmp_path)
    told: list = []

    def tell(now):
        told.append((now.total, now.done, now.found, now.failed, now.computed, now.running))

    simulations.sweep(study, {"alpha": [1.0, 2.0, 3.0]}, out=tmp_path, report=tell)
    assert told == [(3, 1, 1, 0, 0, 0), (3, 2, 2, 0, 0, 0), (3, 2, 2, 0, 0, 1), (3, 3, 2, 0, 1, 0)]


def test_the_time_left_does_not_wait_for_the_lines_of_a_batch(monkeypatch):
    """A batch of 50 of 100 runs took ten seconds: ten are left if none was compiling and none if all was, and the whole
    is the geometric mean of √(10·20) and 20, of which half is left: 8.4 at its first line, 12.6 after fifteen seconds.
    """
    stream = io.StringIO()
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    said = simulations.reporter("study", 100, stream)
    record = simulations.Record({"seed": 0}, {})
    for now, done in ((10.0, 1), (15.0, 50)):
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        said(simulations.Progress(100, done=done, computed=50, record=record))
    assert [line.rpartition(", ")[2] for line in stream.getvalue().splitlines()] == ["8.4 s left", "12.6 s left"]


def test_who_reads_may_go_away():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    study, asked = counting()
    with simulations.reporter("study", 2, Closed()) as report:
        simulations.sweep(study, {"alpha": [1.0, 2.0]}, report=report)
    assert len(asked) == 2


def test_what_cannot_be_stored_is_a_failure_of_its_run(tmp_path):
    """An array of objects, in a batch of three."""

    def run(several):
        wrong = np.array([object()])
        return [({"risk": wrong if one.alpha == 2.0 else np.zeros(1)}, "done") for one in several]

    study, _ = counting(batch=run)
    records = simulations.sweep(study, {"alpha": [1.0, 2.0, 3.0]}, out=tmp_path)
    assert [record.status.partition(": ")[0] for record in records] == ["done", "failed", "done"]
    assert "has type object" in list(records)[1].status
    (row,) = simulations.status(tmp_path)
    assert (row.done, row.failed) == (2, 1)


def test_a_run_that_is_taken_from_a_batch_may_lose_its_worker():
    """The batch raises, which says nothing of workers; then one is lost, and the run is tried again."""

    class Once(Losing):
        def submit(self, fn, /, *args, **kwargs):
            if len(args[1]) > 1:
                return InProcess().submit(fn, *args, **kwargs)
            return super().submit(fn, *args, **kwargs)

    once = [True]
    study, _ = counting(batch=together([], fails=lambda run: bool(once and once.pop())))
    records = simulations.sweep(study, {"particles": 10, "alpha": [1.0, 2.0]}, executor=Once(2), in_flight=1)
    assert {record.status for record in records} == {"done"}


def test_a_record_that_cannot_be_written_stops_the_sweep_and_loses_nothing_else(tmp_path, monkeypatch):
    study, asked = counting()
    real = os.fsync

    def full(descriptor):
        if len(asked) == 3:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        simulations.sweep(study, {"alpha": "1:5:5"}, out=tmp_path)
    monkeypatch.undo()
    assert len(list((tmp_path / "records" / "lazy_scaling").glob("*.npz"))) == 2
    assert not list((tmp_path / "records" / "lazy_scaling").glob("*.tmp"))
    simulations.sweep(study, {"alpha": "1:5:5"}, out=tmp_path)
    assert [run.alpha for run in asked] == [1.0, 2.0, 3.0, 3.0, 4.0, 5.0]


def test_batched_runs_are_the_runs(tmp_path):
    """Together or alone, a run is the same to rounding: after K steps in float64 to 4 K units, and what is derived."""
    grid = {"particles": 20, "samples": 8, "dimension": 3, "time": 5.0, "tangent": True}
    study = simulations.find("lazy_scaling/teacher")
    plan = simulations.prepare(study, **grid, exponent=[0.0, 0.5], seed=range(8))
    (batch,) = plan.batches
    assert len(batch) == 16
    steps = 10
    for record in plan.execute():
        values, status = run_experiment(study.make(record.parameters))
        assert status == record.status == "done"
        assert set(values) == set(record.values)
        for name, value in values.items():
            scale = float(np.max(np.abs(value), initial=1.0)) * 10
            np.testing.assert_allclose(record[name], value, rtol=0, atol=4 * steps * np.finfo(float).eps * scale)
