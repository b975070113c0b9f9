"""A simulation that was killed goes on and gives the uninterrupted one's numbers; what is on disk is never half-trusted."""

import logging
import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf
from meanfield import checkpoint as module
from meanfield._identity import digest

HERE = Path(__file__).parent
CASES = runpy.run_path(str(HERE / "killed.py"))
FLOWS, At, case = CASES["FLOWS"], CASES["At"], CASES["case"]


def command(folder, *names):
    return [sys.executable, str(HERE / "killed.py"), str(folder), *names]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Checkpoints of four simulations in a process that was killed when all of them were midway."""
    folder = tmp_path_factory.mktemp("killed")
    process = subprocess.run(command(folder, *FLOWS), cwd=HERE.parents[1], capture_output=True, text=True, timeout=240)
    assert process.returncode == -signal.SIGKILL, process.stderr[-3000:]
    return folder


@pytest.fixture
def gradient(killed, tmp_path):
    """A copy of the gradient flow's checkpoints, to be spoiled."""
    return Path(shutil.copytree(killed / "gradient", tmp_path / "gradient"))


def run(name="gradient", **more):
    arguments, options = case(name)
    return mf.simulate(*arguments, **options | more)


def steps_at(folder):
    """Steps of the state from which a simulation would go on."""
    return run(checkpoint=folder, time_limit=0.0).stats["steps"]


def assert_same(one, other):
    """Bit for bit, all that a trajectory holds but the seconds."""
    assert one.status == other.status
    assert one.stats["steps"] == other.stats["steps"]
    assert one.stats["evaluations"] == other.stats["evaluations"]
    assert list(one.values) == list(other.values)
    pairs = [(one.times, other.times), *((one.values[name], other.values[name]) for name in one.values)]
    pairs += [(one.particles.position, other.particles.position), (one.particles.mass, other.particles.mass)]
    for left, right in pairs:
        left, right = np.asarray(left), np.asarray(right)
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert left.tobytes() == right.tobytes()


@pytest.mark.parametrize("name", FLOWS)
def test_killed_and_gone_on_is_as_never_killed(killed, tmp_path, name, caplog):
    folder = Path(shutil.copytree(killed / name, tmp_path / name))
    assert len(list(folder.glob("00000?"))) == 2  # no more than the last two
    with caplog.at_level(logging.INFO, "meanfield"):
        again = run(name, checkpoint=folder)
    assert "goes on from" in caplog.text
    assert_same(again, run(name))
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops(tmp_path, number):
    folder, before = tmp_path / "new" / "run", signal.getsignal(number)
    stopped = run(chunk=5, checkpoint=mf.Checkpoint(folder), progress=At(4, lambda: signal.raise_signal(number)))
    assert stopped.status == f"stopped at t = 4, to go on from {folder}: interrupted"
    assert stopped.stats["steps"] == 16  # 5 + 1 to the second time, 5 + 5 to the third
    assert signal.getsignal(number) is before
    assert [path.name for path in folder.iterdir()] == ["000001"]
    again = run(checkpoint=folder)
    assert_same(again, run())
    assert again.stats["seconds"] > stopped.stats["seconds"]
    assert_same(run(checkpoint=folder), again)  # after the end, from the start
    assert not folder.exists()
