"""A sweep that is killed, whose disk is full and whose records are damaged ends as one that was never disturbed."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import simulations

UNTESTED = 3
"""Exit status of a whole sweep over a grid of one's own, of which no claim is tested."""

FULL_DISK = '''
"""A disk that is full now and then: one write in so many fails, in the process that stores records."""
import os, random
real, chance = os.fsync, random.Random(os.getpid())
def fsync(descriptor):
    if chance.random() < {share}:
        raise OSError(28, "No space left on device")
    real(descriptor)
os.fsync = fsync
'''


def command(out, shapes: int, seeds: int, workers: int) -> list[str]:
    words = {
        "samples": 4, "dimension": 2, "time": 1.0,
        "particles": f"10:{10 * shapes}:{shapes}", "alpha": "1:100:4log", "seeds": seeds, "workers": workers,
        "out": out, "format": "png",
    }  # fmt: skip
    options = [part for name, value in words.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-m", "meanfield", "run", "lazy_scaling", *options]


def children(process: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found += [int(word) for word in (task / "children").read_text().split()]
    return found + [below for child in found for below in children(child)]


def workers_among(processes: list[int]) -> list[int]:
    """Those that compute: the standard library's own helper, which counts semaphores, is not one."""
    lines = {}
    for process in processes:
        with contextlib.suppress(OSError):
            lines[process] = Path(f"/proc/{process}/cmdline").read_bytes()
    return [process for process, line in lines.items() if b"spawn_main" in line]


def alive(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def damage(folder: Path, chance: random.Random) -> bool:
    """Cut records short or turn a bit of them; whether there were any."""
    paths = sorted(folder.glob("*.npz"))
    for path in chance.sample(paths, min(2, len(paths))):
        content = bytearray(path.read_bytes())
        if chance.random() < 0.5:
            content = content[: chance.randrange(len(content))]
        else:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    return bool(paths)


def disturbed(out: Path, shim: Path, kills: int, shapes: int, seeds: int, workers: int) -> tuple[int, int]:
    """Kill the sweep, or one of its workers, so many times, then let it end; (kills, starts)."""
    chance, folder = random.Random(0), out / "records" / "lazy_scaling"
    killed, starts, damaged, total = 0, 0, False, shapes * 4 * seeds
    while True:
        starts += 1
        environment = {**os.environ, "PYTHONPATH": f"{shim}{os.pathsep}{Path.cwd()}"}
        if killed >= kills:
            environment["PYTHONPATH"] = str(Path.cwd())
        with open(out / "said.txt", "ab") as said:
            process = subprocess.Popen(command(out, shapes, seeds, workers), env=environment, stderr=said, stdout=said)
        before = len(list(folder.glob("*.npz")))
        # A kill comes after the first records of this start, at a random moment; starting alone takes seconds.
        deadline = time.monotonic() + 120
        while killed < kills and process.poll() is None and time.monotonic() < deadline:
            time.sleep(chance.uniform(0.05, 0.6))
            if len(list(folder.glob("*.npz"))) <= before and chance.random() < 0.95:
                continue
            below = children(process.pid)
            computing = workers_among(below)
            if computing and chance.random() < 0.5:
                with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                    os.kill(chance.choice(computing), signal.SIGKILL)
                    killed += 1
                continue
            process.send_signal(signal.SIGKILL)
            killed += 1
            process.wait()
            waited = time.monotonic() + 20
            while any(map(alive, below)) and time.monotonic() < waited:
                time.sleep(0.05)
            assert not any(map(alive, below)), "workers outlive the sweep that started them"
        process.wait(timeout=300)
        whole = process.returncode == UNTESTED
        if killed >= kills and damaged and whole and len(list(folder.glob("*.npz"))) == total:
            return killed, starts
        damaged = damage(folder, chance)
        assert starts < 4 * kills + 10, "the sweep makes no progress"


def judged(tmp_path: Path, *, kills: int, shapes: int, seeds: int, workers: int) -> None:
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(FULL_DISK.format(share=0.02))
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    rough.mkdir()
    undisturbed = subprocess.run(command(calm, shapes, seeds, workers), capture_output=True, text=True)
    assert undisturbed.returncode == UNTESTED, undisturbed.stderr
    killed, starts = disturbed(rough, shim, kills, shapes, seeds, workers)
    assert killed >= kills
    assert starts > 1
    one, other = (simulations.load(directory, "lazy_scaling") for directory in (calm, rough))
    assert len(one) == len(other) == shapes * 4 * seeds
    texts = [sorted(str(sorted(record.parameters.items())) for record in records) for records in (one, other)]
    assert texts[0] == texts[1]
    assert len(set(texts[1])) == len(texts[1])
    for a in one:
        (b,) = other.where(**a.parameters)
        assert a.status == b.status == "done"
        assert set(a.values) == set(b.values)
        for name, value in a.values.items():
            np.testing.assert_array_equal(value, b.values[name])
    folder = rough / "records" / "lazy_scaling"
    assert list(folder.glob("*.damaged*"))
    said = (rough / "said.txt").read_text()
    assert "set aside" in said
    assert "Traceback" not in said


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for workers in /proc")
@pytest.mark.full
def test_a_small_sweep(tmp_path):
    judged(tmp_path, kills=2, shapes=3, seeds=4, workers=2)


@pytest.mark.full
def test_a_sweep_of_200_runs_and_20_kills(tmp_path):
    judged(tmp_path, kills=20, shapes=7, seeds=8, workers=3)
