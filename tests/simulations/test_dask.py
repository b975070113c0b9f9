"""A sweep on a real cluster, small as it is: a scheduler and two workers on this machine, one of which is killed."""

import contextlib
import subprocess
import sys
import time

import numpy as np
import pytest

import simulations

pytestmark = pytest.mark.turns(4)

pytest.importorskip("distributed", reason="the extra `cluster` holds dask.distributed")

GRID = {
    "samples": 4, "dimension": 2, "time": 1.0,
    "alpha": "1:100:4log",
}  # fmt: skip


@contextlib.contextmanager
def cluster(directory, workers: int):
    """(address, worker processes) of a dask cluster on loopback."""
    address = directory / "scheduler.json"

    def start(module, *words):
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(address), *words]
        with open(directory / "dask.txt", "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    deadline = time.monotonic() + 60
    while not address.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    alone = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(directory))
    started = [start("dask_worker", *alone) for _ in range(workers)]
    try:
        from distributed import Client

        with Client(scheduler_file=str(address), set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
            where = client.scheduler.address
        yield where, started
    finally:
        for process in (*started, scheduler):
            process.kill()
            process.wait()


# The second is the large sweep of the fault test.
@pytest.mark.parametrize(
    ("shapes", "seeds"), [(3, 4), pytest.param(7, 8, marks=pytest.mark.full)], ids=["small", "large"]
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_worker_is_killed_midway(tmp_path, shapes, seeds):
    grid, count = GRID | {"particles": [10 * (i + 1) for i in range(shapes)]}, shapes * 4 * seeds
    killed: list[int] = []

    def kill_one(now: simulations.Progress) -> None:
        if now.done >= count // 20 and not killed:
            killed.append(workers[0].pid)
            workers[0].kill()

    with cluster(tmp_path, 2) as (address, workers):
        found = simulations.sweep("lazy_scaling", grid, seeds=seeds, out=tmp_path, scheduler=address, report=kill_one)
    assert killed
    alone = simulations.sweep("lazy_scaling", grid, seeds=seeds)
    assert len(found) == len(alone) == count
    assert len(list((tmp_path / "records" / "lazy_scaling").glob("*.npz"))) == count
    for one, other in zip(found, alone, strict=True):
        assert one.parameters == other.parameters
        assert one.status == other.status == "done"
        for name, value in one.values.items():
            np.testing.assert_array_equal(value, other.values[name])


def test_no_scheduler_there():
    with pytest.raises(ValueError, match=r"scheduler='tcp://127\.0\.0\.1:9': no scheduler answers there"):
        simulations.sweep("lazy_scaling", GRID, scheduler="tcp://127.0.0.1:9")
