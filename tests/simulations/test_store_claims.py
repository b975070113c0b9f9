"""Claims: one holder at a time among objects, threads and processes, and none that outlives its holder."""

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
import threading

import pytest

from simulations.sweeps import locks
from simulations.sweeps.locks import Claims

pytestmark = pytest.mark.fast

ONE, TWO = "1" * 64, "2" * 64

CHILD = """
import sys, pathlib
from simulations.sweeps.locks import Claims
claims = Claims(pathlib.Path(sys.argv[1]))
for line in sys.stdin:
    verb, address = line.split()
    print(getattr(claims, verb)(address), flush=True)
"""


class Process:
    """Another process with claims of its own on the same directory."""

    def __init__(self, directory):
        command = [sys.executable, "-c", CHILD, str(directory)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, verb: str, address: str) -> str:
        self.process.stdin.write(f"{verb} {address}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def other(tmp_path):
    with contextlib.closing(Claims(tmp_path)):
        process = Process(tmp_path)
        yield process
        process.kill()


def test_two_processes(tmp_path, other):
    """Taken, refused, given back; and SIGKILL gives back what the dead one held."""
    with Claims(tmp_path) as mine:
        assert mine.take(ONE)
        assert other.ask("take", ONE) == "False"
        assert other.ask("taken_elsewhere", ONE) == "True"
        assert other.ask("take", TWO) == "True"
        assert not mine.take(TWO)
        assert mine.taken_elsewhere(TWO)
        mine.give_back(ONE)
        assert other.ask("take", ONE) == "True"
        assert mine.taken_elsewhere(ONE)

        with Claims(tmp_path) as second:  # what closes here must not let go of what is held there
            assert mine.take("3" * 64)
            assert not second.take("3" * 64)
        assert other.ask("take", "3" * 64) == "False"

        other.kill()
        assert mine.take(ONE)
        assert not mine.taken_elsewhere(TWO)


def test_objects_of_one_process(tmp_path):
    one, two = Claims(tmp_path), Claims(tmp_path / ".." / tmp_path.name)
    assert one.take(ONE)
    assert one.take(ONE), "still its own"
    assert not two.take(ONE)
    assert two.taken_elsewhere(ONE)
    assert not one.taken_elsewhere(ONE)
    two.give_back(ONE)
    assert not two.take(ONE), "only who holds a claim can give it back"
    one.close()
    one.close()
    assert two.take(ONE)
    two.close()
    assert not locks._files


def test_threads_share_out_the_work(tmp_path):
    """Every claim is taken exactly once, however the threads meet."""
    addresses = [f"{k:015x}" + "0" * 49 for k in range(200)]
    start, taken = threading.Barrier(8), []
    kept = contextlib.ExitStack()

    def work():
        claims = kept.enter_context(Claims(tmp_path))
        start.wait()
        taken.extend(address for address in addresses if claims.take(address))

    threads = [threading.Thread(target=work) for _ in range(8)]
    with kept:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(taken) == addresses


def test_directories_and_addresses_are_told_apart(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with Claims(tmp_path / "a") as one, Claims(tmp_path / "b") as two:
        assert one.take(ONE)
        assert two.take(ONE)
        assert not two.taken_elsewhere(TWO)
    assert (tmp_path / "a" / ".claims").stat().st_size == 0, "locks are no data"


def test_without_a_directory_everything_is_granted():
    with Claims(None) as one, Claims(None) as two:
        assert one.take(ONE)
        assert two.take(ONE)
        assert not two.taken_elsewhere(ONE)
        one.give_back(ONE)


@pytest.mark.parametrize("missing", ["locks", "module"])
def test_where_there_are_no_locks(tmp_path, monkeypatch, caplog, missing):
    """Objects of one process still respect each other; and it is said once."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    locks._say_once.cache_clear()
    if missing == "module":
        monkeypatch.setattr(locks, "fcntl", None)
    else:
        monkeypatch.setattr(fcntl, "lockf", refuse)
    with Claims(tmp_path) as one, Claims(tmp_path) as two:
        assert one.take(ONE)
        assert one.take(TWO)
        assert not two.take(ONE)
        one.give_back(ONE)
        assert two.take(ONE)
    assert caplog.text.count("does not lock") == (missing == "locks")


def test_a_fork_inherits_no_claims(tmp_path):
    """The kernel gives a fork no locks; so it must not believe that it holds its parent's."""
    with Claims(tmp_path) as mine:
        assert mine.take(ONE)
        code = "import os, sys; from pathlib import Path; from simulations.sweeps.locks import Claims\n"
        code += "mine = Claims(Path(sys.argv[1])); assert mine.take('2' * 64)\n"
        code += "child = os.fork()\n"
        code += "if not child:\n    os._exit(Claims(Path(sys.argv[1])).take('2' * 64))\n"
        code += "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        run = subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(tmp_path)], check=False)
        assert run.returncode == 0


def test_directory_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"\.claims: cannot be opened \(No such file or directory\)\.$"):
        Claims(tmp_path / "nowhere")
    assert not os.listdir(tmp_path)
