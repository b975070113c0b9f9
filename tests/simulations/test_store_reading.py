"""Reading: what can't be read now is not damage, records of other versions stay, and who only looks changes nothing."""

import errno
import json
import os
import sys
import time

import numpy as np
import pytest

import simulations
from simulations import DamagedRecord, Record
from simulations.records.files import FORGOTTEN
from simulations.records.store import SCHEMA, Store
from simulations.sweeps.execution import kept

pytestmark = pytest.mark.fast

FROM = {"study": "study", "status": "done", "seconds": 0.5}
TEXT = json.dumps({"alpha": 1.0, "seed": 0}, sort_keys=True, separators=(",", ":"))


@pytest.fixture
def stored(tmp_path):
    store = Store(tmp_path, "study")
    store.save({TEXT: Record(json.loads(TEXT), {"risk": np.array([1.0, 0.5])}, FROM)})
    return store


@pytest.mark.parametrize("reason", ["EMFILE", "ENOMEM", "EIO", "EACCES", "EPERM", "ETIMEDOUT", "ESTALE"])
@pytest.mark.parametrize("step", ["open", "fstat"])
def test_what_cannot_be_read_now_is_not_damaged(stored, monkeypatch, step, reason):
    """A disk, a network or a permission has failed; the record stays where it is, and is named."""

    def fails(*_):
        raise OSError(getattr(errno, reason), os.strerror(getattr(errno, reason)))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fails)
        for look in (stored.find, lambda text: kept(stored, text, set_aside=True)):
            with pytest.raises(OSError, match=os.strerror(getattr(errno, reason))) as problem:
                look(TEXT)
            assert problem.value.filename == str(stored.path(TEXT))
        with pytest.raises(OSError, match=stored.path(TEXT).name):
            simulations.load(stored.directory.parents[1])
    assert [path.suffix for path in stored.directory.iterdir()] == [".npz"]
    assert stored.find(TEXT) is not None


def test_a_file_that_was_replaced_over_a_network_is_opened_again(stored, monkeypatch):
    opened = os.open
    fails = iter([OSError(errno.ESTALE, "Stale file handle")])

    def stale_once(*arguments):
        for problem in fails:
            raise problem
        return opened(*arguments)

    monkeypatch.setattr(os, "open", stale_once)
    assert stored.find(TEXT)["risk"].tolist() == [1.0, 0.5]


def test_what_becomes_a_link_while_it_is_opened_is_damage(stored, monkeypatch):
    def link(*_):
        raise OSError(errno.ELOOP, "Too many levels of symbolic links")

    monkeypatch.setattr(os, "open", link)
    with pytest.raises(DamagedRecord, match="is not a file"):
        stored.find(TEXT)


WATCHED = {"below": None, "changes": []}
READING = {"os.scandir", "os.listdir", "glob.glob", "pathlib.Path.glob", "pathlib.Path.rglob"}


def _watch(event: str, arguments: tuple) -> None:
    """Notes what Python asks of the system below a directory, other than to read."""
    below = WATCHED["below"]
    if below is None or event in READING or not any(str(one).startswith(below) for one in arguments):
        return
    if event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        WATCHED["changes"].append((event, *arguments))


@pytest.fixture
def changes(stored, monkeypatch):
    """A list that grows with everything that would change the directory, attempts among them."""
    if not WATCHED.get("hooked"):
        sys.addaudithook(_watch)  # which stays until the process ends, and sleeps between tests
        WATCHED["hooked"] = True
    monkeypatch.setitem(WATCHED, "changes", [])
    monkeypatch.setitem(WATCHED, "below", str(stored.directory.parents[1]))
    return WATCHED["changes"]


def times(root) -> dict:
    return {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]}


def test_a_store_that_reads_touches_nothing(stored, changes):
    """Not even what killed writers left; so it can look where it must not write."""
    root, old = stored.directory.parents[1], time.time() - 2 * FORGOTTEN
    left = stored.directory / f".{'0' * 64}.npz.0123abcd.tmp"
    left.write_bytes(b"x")
    os.utime(left, (old, old))
    before = times(root)
    assert changes, "what this test does itself is seen"
    changes.clear()
    reading = Store(root, "study", write=False)
    assert reading.find(TEXT)["risk"].tolist() == [1.0, 0.5]
    assert reading.find(TEXT + " ") is None
    assert len(simulations.load(root)) == 1
    for change in (lambda: reading.save({TEXT: stored.find(TEXT)}), lambda: reading.set_aside(TEXT)):
        with pytest.raises(ValueError, match=r"^write=False: expected a store that writes; .* is only read here\.$"):
            change()
    assert not changes
    assert times(root) == before
    Store(root, "study")
    assert changes, "a store that writes is seen"


def test_a_dry_run_and_a_status_touch_nothing(stored, changes):
    root = stored.directory.parents[1]
    Store(root, "lazy_scaling")
    before = times(root)
    changes.clear()
    plan = simulations.prepare("lazy_scaling", out=root, write=False, particles=10)
    assert simulations.estimate(plan).there == 0
    assert [row.study for row in simulations.status(root)] == ["lazy_scaling", "study"]
    assert not changes
    assert times(root) == before


def test_records_of_another_version_are_left_alone(stored, caplog, monkeypatch):
    """They are whole, at addresses of their own: nothing to warn of whenever the directory is loaded."""
    root, other = stored.directory.parents[1], TEXT.replace("0}", "1}")
    with monkeypatch.context() as patch:
        patch.setattr("simulations.records.store.SCHEMA", SCHEMA + 1)
        patch.setattr("simulations.records.store.READ", (SCHEMA + 1,))
        stored.save({other: Record(json.loads(other), {}, FROM)})
    before = sorted(stored.directory.iterdir())
    assert len(before) == 2
    assert [record.parameters["seed"] for record in simulations.load(root)] == [0]
    (row,) = simulations.status(root)
    assert (row.done, row.damaged, row.other) == (1, 0, 1)
    stored.path(TEXT).unlink()
    with pytest.raises(ValueError, match="holds no records that can be trusted; 1 are of another version"):
        simulations.load(root)
    assert not caplog.text
    assert set(stored.directory.iterdir()) < set(before)
