"""Records survive what they should and are never trusted when they are not whole."""

import contextlib
import dataclasses
import json
import os
import signal
import stat
import sys
import time

import numpy as np
import pytest

import meanfield as mf
import simulations
from meanfield.simulation.outcome import Ending
from simulations import DamagedRecord, Record
from simulations.records.files import FORGOTTEN
from simulations.records.store import SCHEMA, Store, address, encode, read
from tests.simulations.quick import quick_study

pytestmark = pytest.mark.fast

FROM = {"study": "study", "status": "done", "seconds": 0.5}
TEXT = json.dumps({"alpha": 1.0, "seed": 0}, sort_keys=True, separators=(",", ":"))


@pytest.fixture
def stored(tmp_path):
    store = Store(tmp_path, "study")
    values = {
        "risk": np.array([1.0, 0.5]),
        "signs": np.array([[True, False]]),
        "nothing": np.zeros((0, 3)),
        "one": np.array(2.5),
    }
    store.save({TEXT: Record(json.loads(TEXT), values, FROM)})
    return store


def test_what_is_read_is_what_was_written(stored):
    record = stored.find(TEXT)
    assert record.parameters == {"alpha": 1.0, "seed": 0}
    assert record.provenance == FROM
    assert record["risk"].tolist() == [1.0, 0.5]
    assert record["signs"].dtype == bool
    assert record["nothing"].shape == (0, 3)
    assert record["one"].shape == ()


def test_only_the_record_is_left(stored):
    assert [path.suffix for path in stored.directory.iterdir()] == [".npz"]


def test_every_flipped_bit_is_seen_or_harmless(stored):
    """A flip makes the file unreadable, or hits bytes that carry nothing (zip time stamps): values never change."""
    path = stored.path(TEXT)
    whole = path.read_bytes()
    expected = stored.find(TEXT)
    refused = 0
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            record = read(path)
        except DamagedRecord:
            refused += 1
            continue
        assert record.parameters == expected.parameters
        assert all(np.array_equal(record[name], expected[name]) for name in expected.values)
    assert refused > len(whole) // 6


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04broken"])
def test_other_files_are_damaged_records(stored, content):
    stored.path(TEXT).write_bytes(content)
    with pytest.raises(DamagedRecord, match=r"is not a readable record"):
        stored.find(TEXT)


def test_truncated_record(stored):
    path = stored.path(TEXT)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DamagedRecord):
        stored.find(TEXT)


def test_pickles_are_refused(stored, tmp_path):
    np.savez(stored.path(TEXT), __record__=np.array([{"x": 1}], dtype=object))
    with pytest.raises(DamagedRecord):
        stored.find(TEXT)


def test_record_of_other_parameters_is_refused(stored):
    other = TEXT.replace("0}", "1}")
    os.replace(stored.path(TEXT), stored.path(other))
    with pytest.raises(DamagedRecord, match="other parameters"):
        stored.find(other)


def test_other_schema_is_refused(stored, monkeypatch):
    monkeypatch.setattr("simulations.records.store.READ", (SCHEMA + 1,))
    with pytest.raises(DamagedRecord, match="schema"):
        read(stored.directory / f"{_with_schema(SCHEMA)}.npz")


def _with_schema(_):
    import hashlib

    return hashlib.sha256(f"{SCHEMA}\nstudy\n{TEXT}".encode()).hexdigest()


def test_failed_write_leaves_nothing(stored, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    other = TEXT.replace("0}", "1}")
    with pytest.raises(OSError, match="No space"):
        stored.save({other: Record(json.loads(other), {"x": np.ones(3)}, FROM)})
    assert [path.name for path in stored.directory.iterdir()] == [stored.path(TEXT).name]


def test_addresses_tell_studies_parameters_and_schemas_apart(monkeypatch):
    one = address("study", TEXT)
    assert one != address("studies", TEXT)
    assert one != address("study", TEXT + " ")
    monkeypatch.setattr("simulations.records.store.SCHEMA", SCHEMA + 1)
    assert one != address("study", TEXT)


def test_equal_records_are_equal_files(monkeypatch):
    """Whenever they are written, and however their arrays lie in memory."""
    square = np.arange(9.0).reshape(3, 3)
    first = encode(Record({"a": 1}, {"x": square.T}, FROM))
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert first == encode(Record({"a": 1}, {"x": np.ascontiguousarray(square.T).astype(">f8")}, FROM))


def test_every_kind_of_value_comes_back(tmp_path):
    store = Store(tmp_path, "study")
    kinds = ("?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "g", "F", "D", "U7")
    values = {f"kind_{k}": np.array([[0, 1, 1]]).astype(kind) for k, kind in enumerate(kinds)}
    store.save({TEXT: Record(json.loads(TEXT), values, FROM)})
    found = store.find(TEXT)
    assert list(found.values) == list(values)
    for name, value in values.items():
        assert found[name].dtype == value.dtype
        assert np.array_equal(found[name], value)
        found[name][...] = found[name][0, 0]  # can be written to


@pytest.mark.parametrize(
    ("parameters", "values", "provenance"),
    [
        ({"alpha": float("nan")}, {}, FROM),
        ({"alpha": [1.0]}, {}, FROM),
        ({"not a name": 1.0}, {}, FROM),
        ({}, {"../x": np.ones(1)}, FROM),
        ({}, {"__record__": np.ones(1)}, FROM),
        ({}, {"x": np.array([None])}, FROM),
        ({}, {"x": np.zeros(2, "M8[s]")}, FROM),
        ({}, {"x": np.zeros(2, [("field", "f4")])}, FROM),
        ({}, {f"x{k}": np.ones(1) for k in range(1000)}, FROM),
        ({}, {}, {"study": "study"}),
        ({}, {}, {"study": "study", "status": "done"}),
        ({}, {}, FROM | {"seconds": -1.0}),
        ({}, {}, FROM | {"seconds": "1"}),
        ({}, {}, FROM | {"seconds": True}),
        ({}, {}, FROM | {"seconds": float("inf")}),
        ({}, {}, FROM | {"status": "red\x1b[31m"}),
    ],
)
def test_what_would_not_be_read_is_not_written(parameters, values, provenance):
    with pytest.raises(ValueError, match=r"\.$"):
        encode(Record(parameters, values, provenance))


def test_a_record_is_saved_only_where_it_belongs(stored):
    with pytest.raises(ValueError, match="of another study or run"):
        stored.save({TEXT: Record({"alpha": 2.0, "seed": 0}, {}, FROM)})
    with pytest.raises(ValueError, match="of another study or run"):
        stored.save({TEXT: Record(json.loads(TEXT), {}, FROM | {"study": "other"})})


def test_the_name_is_flushed_after_the_rename(stored, monkeypatch):
    """Otherwise a power cut may take back the rename of a file that is on disk."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def flushed(descriptor):
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(old, new):
        calls.append("rename")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    stored.save({TEXT: stored.find(TEXT)})
    assert calls == ["file", "rename", "folder"]


def test_what_killed_writers_left_is_cleared_and_nothing_else(stored):
    old = time.time() - 2 * FORGOTTEN
    for name in (f".{'0' * 64}.npz.0123abcd.tmp", "notes.tmp", ".hidden", "x.damaged0", ".x.00000000.tmp.bak"):
        (stored.directory / name).write_bytes(b"x")
        os.utime(stored.directory / name, (old, old))
    (stored.directory / ".young.npz.0123abcd.tmp").write_bytes(b"x")
    os.utime(stored.path(TEXT), (old, old))
    before = set(stored.directory.iterdir())
    again = Store(stored.directory.parents[1], "study")
    gone = before - set(again.directory.iterdir())
    assert [path.name for path in gone] == [f".{'0' * 64}.npz.0123abcd.tmp"]


def test_damaged_files_pile_up_side_by_side(stored):
    whole = stored.path(TEXT).read_bytes()
    for number in range(3):
        stored.path(TEXT).write_bytes(bytes([number]))
        aside = stored.set_aside(TEXT)
        assert aside.name.endswith(f".damaged{number}")
        assert aside.read_bytes() == bytes([number])
        assert stored.find(TEXT) is None
    assert not stored.set_aside(TEXT).exists(), "when another process was faster, there is nothing to do"
    stored.path(TEXT).write_bytes(whole)
    assert stored.find(TEXT) is not None


def test_sweep_goes_on_and_sets_damage_aside(tmp_path, caplog):
    grid = {"particles": [10, 20], "time": 1.0, "samples": 4, "dimension": 2}
    first = simulations.sweep("lazy_scaling", grid, out=tmp_path)
    paths = sorted((tmp_path / "records" / "lazy_scaling").glob("*.npz"))
    paths[0].write_bytes(paths[0].read_bytes()[:100])
    stamp = paths[1].stat().st_mtime_ns
    again = simulations.sweep("lazy_scaling", grid, out=tmp_path)
    assert paths[1].stat().st_mtime_ns == stamp, "a whole record is not computed again"
    assert paths[0].with_suffix(".damaged0").exists(), "a damaged one is kept"
    assert "set aside" in caplog.text
    for one, two in zip(first, again, strict=True):
        assert one.parameters == two.parameters
        assert all(np.array_equal(one[name], two[name]) for name in one.values)


def test_load(tmp_path):
    simulations.sweep("lazy_scaling", {"particles": 10, "time": 1.0, "samples": 4, "dimension": 2}, out=tmp_path)
    (record,) = simulations.load(tmp_path)
    assert record.parameters["particles"] == 10
    assert record.provenance["versions"]["jax"]
    with pytest.raises(ValueError, match="holds no records"):
        simulations.load(tmp_path / "elsewhere")


def test_load_leaves_damaged_files_out_and_names_them(stored, caplog):
    other = TEXT.replace("0}", "1}")
    stored.save({other: Record(json.loads(other), {}, FROM)})
    stored.path(TEXT).write_bytes(b"damaged")
    (stored.directory.parent / "not a study").mkdir()
    root = stored.directory.parents[1]
    assert [record.parameters["seed"] for record in simulations.load(root)] == [1]
    assert stored.path(TEXT).name in caplog.text
    stored.path(other).write_bytes(b"damaged too")
    with pytest.raises(ValueError, match="holds no records of study that can be trusted; 2 are damaged"):
        simulations.load(root, "study")


def test_an_interrupted_run_is_not_stored_and_stops_the_sweep(tmp_path, monkeypatch):
    """Ctrl-C inside a simulation comes back as a status; a sweep must neither keep that run nor go on."""
    asked = []

    def interrupted(parameters):
        asked.append(parameters)
        return {"risk": np.zeros(1)}, "stopped at t = 0.5: interrupted"

    with pytest.raises(KeyboardInterrupt):
        simulations.sweep(quick_study(interrupted), {"particles": [10, 20]}, out=tmp_path)
    assert len(asked) == 1
    assert not list((tmp_path / "records" / "lazy_scaling").glob("*.npz"))


@pytest.mark.parametrize("fails", [False, True])
def test_an_interrupt_that_a_run_swallows_stops_the_sweep(tmp_path, fails):
    """Python prints, and forgets, a KeyboardInterrupt that comes up in a destructor or in a callback of native code."""
    asked = []

    def swallows(parameters):
        asked.append(parameters)
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        if fails:
            raise IndexError("nothing in what an interrupted simulation has left")
        return {"risk": np.zeros(1)}, "done"

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        simulations.sweep(quick_study(swallows), {"particles": [10, 20]}, out=tmp_path)
    assert len(asked) == 1
    assert not list((tmp_path / "records" / "lazy_scaling").glob("*.npz"))
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_in_a_destructor_is_not_printed(capsys, monkeypatch):
    """It is noticed, so the page that Python prints about it would only frighten; any other mishap is printed."""
    from simulations.sweeps.interrupt import noticed

    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)

    class Dies:
        def __init__(self, action):
            self.action = action

        def __del__(self):
            self.action()

    with noticed() as pressed:
        mishap = Dies(lambda: 1 / 0)
        del mishap
        assert "ZeroDivisionError" in capsys.readouterr().err
        assert not pressed()
        last = Dies(lambda: signal.raise_signal(signal.SIGINT))
        del last
        assert pressed()
    assert capsys.readouterr().err == ""
    assert sys.unraisablehook is sys.__unraisablehook__


def test_an_interrupted_tangent_model_is_not_a_whole_run(monkeypatch):
    """A run is two simulations when the tangent model is trained too; Ctrl-C may come in the second."""
    simulate = mf.simulate

    def second_is_interrupted(objective, flow, *arguments, **options):
        trajectory = simulate(objective, flow, *arguments, **options)
        if flow.on is not None:  # the tangent model's
            ended = Ending(mf.Outcome.INTERRUPTED, 0.5)
            return dataclasses.replace(trajectory, ended=ended, status=str(ended))
        return trajectory

    monkeypatch.setattr(mf, "simulate", second_is_interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulations.run("lazy_scaling", particles=10, time=1.0, samples=4, dimension=2, tangent=True)
