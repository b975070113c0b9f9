"""What batches save, and what keeping records and telling of them costs: ratios measured in one run.

Run as a program it measures what batches save, prints one JSON object and judges nothing.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest

import simulations
from simulations.study.simulation import run_experiment
from simulations.sweeps.executors import InProcess

SMALL = {
    "experiment": "smooth", "samples": 8, "dimension": 4, "particles": 64,
    "time": 8.0, "step": 0.1, "alpha": "1:1000:25log", "seed": range(20),
}  # fmt: skip
"""500 networks of 64 particles, 80 steps each."""

LARGER = {"alpha": "1:1000:13log", "seed": range(2)}
"""26 runs with the study's own defaults: 1000 particles, 200 steps."""


def seconds(call, clock=time.perf_counter) -> float:
    began = clock()
    call()
    return clock() - began


@pytest.mark.full
def test_batches_are_four_times_as_fast_as_a_loop():
    """In a process of its own, without the shape checks that tests switch on: the batches would wait for these most.

    Other work on the machine only adds to a time: the least of nine is what each takes.
    """
    done = subprocess.run(
        [sys.executable, __file__],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    turns = json.loads(done.stdout.splitlines()[-1])
    alone, together = (min(times) for times in zip(*turns, strict=True))
    assert alone >= 4 * together, turns


def speed() -> list[list[float]]:
    """Seconds of processors, (one by one, in batches), nine turns, all compiled; a loop's time is that of every 25th
    run, times 25.
    """
    plan = simulations.prepare("lazy_scaling", **SMALL)
    assert len(plan) == 500
    some = list(plan.runs.values())[::25]

    def loop():
        with jax.enable_x64(True):
            for run in some:
                run_experiment(run)

    plan.execute(), loop()
    clock = time.process_time
    return [[25 * seconds(loop, clock), seconds(plan.execute, clock)] for _ in range(9)]


class Timed(InProcess):
    """This process, and how long it computes."""

    seconds = 0.0

    def submit(self, fn, /, *args, **kwargs):
        began = time.perf_counter()
        future = super().submit(fn, *args, **kwargs)
        self.seconds += time.perf_counter() - began
        return future


@pytest.mark.full  # seconds by the clock, which other work on the machine changes: flushing waits for the disk
def test_store_and_progress_cost_less_than_two_hundredths(tmp_path):
    """Of a sweep whose programs are compiled: the least, of four, of all that is not computing over that of computing.
    The least, because whatever else the machine does adds to either.
    """
    simulations.prepare("lazy_scaling", **LARGER).execute()
    computing, aside = [], []
    for attempt in range(4):
        plan = simulations.prepare("lazy_scaling", out=tmp_path / str(attempt), **LARGER)
        timed = Timed()
        with open(tmp_path / "shown", "w") as stream, simulations.reporter("lazy_scaling", len(plan), stream) as report:
            total = seconds(lambda plan=plan, report=report, timed=timed: plan.execute(report, timed))
        assert len(plan.there()) == len(plan) == 26
        computing.append(timed.seconds)
        aside.append(total - timed.seconds)
    assert min(aside) < 0.02 * min(computing), (aside, computing)


if __name__ == "__main__":
    print(json.dumps(speed()))
