"""Files that were made to do harm, or that no store wrote: each is refused with a sentence, and does nothing."""

import io
import json
import os
import pathlib
import pickle
import socket
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

import simulations
from simulations import DamagedRecord, Record
from simulations.records.archive import MAX_BYTES, MAX_MEMBERS, MAX_TEXT, pack
from simulations.records.store import SCHEMA, Store, read
from simulations.sweeps.locks import Claims

PARAMETERS = {"alpha": 1.0, "seed": 0}
TEXT = json.dumps(PARAMETERS, sort_keys=True, separators=(",", ":"))
FROM = {"study": "study", "status": "done", "seconds": 0.5}
VALUES = {"risk": np.array([1.0, 0.5]), "done": np.array([True, False])}
PARTS = [f"{name}.npy" for name in ("__record__", *VALUES)]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "out", "study")
    store.save({TEXT: Record(PARAMETERS, VALUES, FROM)})
    return store


def parts(store) -> dict[str, bytes]:
    with zipfile.ZipFile(store.path(TEXT)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


def npy(kind: str, shape: str, data: bytes = b"") -> bytes:
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def refused(store, content: bytes, reason: str) -> None:
    """`content` in the record's place is refused for that reason, with little memory, and can be set aside."""
    store.path(TEXT).write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedRecord, match=reason) as problem:
            store.find(TEXT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(store.path(TEXT)) in str(problem.value)
    assert peak < 8 * len(content) + 2**20
    assert store.set_aside(TEXT).read_bytes() == content
    assert store.find(TEXT) is None


def test_the_tools_of_this_file_make_records_that_are_read(store):
    """Else everything below would be refused for another reason than its own."""
    members = parts(store)
    members["done.npy"] = npy("'|b1'", "(2,)", b"\x01\x00")
    store.path(TEXT).write_bytes(zipped(members))
    assert store.find(TEXT)["done"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (npy("'<f8'", "(1250000000,)"), "does not match its size"),  # ten gigabytes
        (npy("'<f8'", "(99999999999, 99999999999)"), "does not match its size"),
        (npy("'<f8'", "(3,)", bytes(16)), "does not match its size"),
        (npy("'<f8'", "(1,)", bytes(16)), "does not match its size"),
        (npy("'<f8'", "(-2,)", bytes(16)), "not an array of"),
        (npy("'<f8'", f"({'1, ' * 2000})", bytes(8)), "not an array of"),
        (npy("'<f8'", "(02,)", bytes(16)), "not as numpy writes it"),
        (npy("'<f8'", f"({'1, ' * 100}1)", bytes(8)), "is not a readable record"),  # more axes than numpy has
        (npy("'<U0'", "(1000000000000,)"), "not as numpy writes it"),
        (npy("'<f3'", "(2,)", bytes(6)), "is not a readable record"),
        (npy("'>f8'", "(2,)", bytes(16)), "not an array of"),
        (npy("'|V8'", "(2,)", bytes(16)), "not an array of"),
        (npy("'<M8[s]'", "(2,)", bytes(16)), "not an array of"),
        (npy("[('a', '<f8')]", "(2,)", bytes(16)), "not an array of"),
        (npy("__import__('os').getcwd()", "(2,)", bytes(16)), "not an array of"),
        (npy("'|b1'", "(2,)", b"\x01\x02"), "neither true nor false"),
        (npy("'<U1'", "(1,)", b"\xff\xff\xff\x7f"), "no character"),
        (b"\x93NUMPY\x03\x00" + bytes(20), "not an array of"),
        (b"", "not an array of"),
    ],
)
def test_headers_that_lie(store, member, reason):
    refused(store, zipped(parts(store) | {"risk.npy": member}), reason)


@pytest.mark.parametrize(
    "name", ["../risk.npy", "/tmp/risk.npy", "a/risk.npy", "C:\\risk.npy", "risk", ".npy", "é.npy"]
)
def test_members_with_other_names(store, name):
    refused(store, zipped(parts(store) | {name: npy("'<f8'", "(1,)", bytes(8))}), r"name|no array")


def test_compressed_members(store):
    """Even without a lie about their size: a megabyte in a kilobyte."""
    bomb = parts(store) | {"risk.npy": npy("'<f8'", "(131072,)", bytes(2**20))}
    refused(store, zipped(bomb, zipfile.ZIP_DEFLATED), "compressed")


def test_members_larger_than_the_file(store):
    """The directory of the archive says four gigabytes, or says the same bytes again under many names."""
    members = parts(store)
    content = bytearray(zipped(members))
    entry = content.rindex(b"PK\x01\x02")
    struct.pack_into("<II", content, entry + 20, 2**32 - 16, 2**32 - 16)
    refused(store, bytes(content), "larger than the file")

    content = zipped(members | {f"x{k}.npy": b"" for k in range(60)} | {"y.npy": bytes(2000)})
    sizes = [place for place in range(len(content)) if content.startswith(b"PK\x01\x02", place)]
    overlapping = bytearray(content)
    for place in sizes:
        struct.pack_into("<II", overlapping, place + 20, 2000, 2000)
    refused(store, bytes(overlapping), "larger than the file")


def test_two_members_of_one_name(store):
    members = zipped(parts(store) | {"risq.npy": npy("'<f8'", "(2,)", bytes(16))})
    refused(store, members.replace(b"risq.npy", b"risk.npy"), "same name")


def test_too_many_members(store):
    refused(store, zipped({f"x{k}.npy": b"" for k in range(MAX_MEMBERS + 1)}), "members")


def test_encrypted_members(store):
    content = bytearray(zipped(parts(store)))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    refused(store, bytes(content), "encrypted")


def test_a_huge_file_is_not_read(store):
    with open(store.path(TEXT), "r+b") as stream:
        stream.truncate(MAX_BYTES + 1)  # which takes no room on the disk
    with pytest.raises(DamagedRecord, match="larger than any record"):
        store.find(TEXT)


class Creates:
    """An object whose unpickling makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path(self.path),)


@pytest.mark.parametrize("place", [*PARTS, "more.npy", None])
def test_nothing_is_unpickled(store, tmp_path, place):
    evil = np.array([Creates(str(tmp_path / "broken into"))], dtype=object)
    stream = io.BytesIO()
    np.save(stream, evil, allow_pickle=True)
    content = zipped(parts(store) | {place: stream.getvalue()}) if place else pickle.dumps(evil)
    refused(store, content, "is not a readable record")
    assert not (tmp_path / "broken into").exists()
    stream.seek(0)
    np.load(stream, allow_pickle=True)
    assert (tmp_path / "broken into").exists(), "the attack itself works"


def head(**changes) -> str:
    return json.dumps({"schema": SCHEMA, "parameters": PARAMETERS, "provenance": FROM} | changes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "RecursionError"),
        ('{"schema":' * 100_000, "RecursionError"),
        (head(provenance=FROM | {"more": [[[[[[1]]]]]]}), "not plain data"),
        (head(provenance=FROM | {"status": "\x1b]0;owned\x07"}), "not plain data"),
        (head(provenance=FROM | {"status": "\udcff"}), "not plain data"),
        (head(provenance=[FROM]), "not plain data"),
        (head(provenance={"study": "study"}), "study and status"),
        (head(provenance=FROM | {"status": 1}), "study and status"),
        (head(provenance={"study": "study", "status": "done"}), "how many seconds"),
        (head(provenance=FROM | {"study": "other"}), "another study"),
        (head(schema=SCHEMA + 1), f"has schema {SCHEMA + 1}, expected {SCHEMA}"),
        (head(schema=True), "has schema True"),
        (head(schema="x" * 1000), "has schema 'x{1,19}, expected"),
        (head(parameters=PARAMETERS | {"seed": 1}), "other parameters"),
        (head(parameters=PARAMETERS | {"alpha": 1}), "other parameters"),
        (head(parameters=PARAMETERS | {"alpha": float("nan")}), "NaN is no number"),
        (head(parameters=PARAMETERS | {"alpha": -float("inf")}), "-Infinity is no number"),
        (head().replace("1.0", "1e999"), "parameters that no run can have"),
        (head().replace("1.0", "9" * 5000), "is not a readable record"),
        (head(parameters=PARAMETERS | {"alpha": [1.0]}), "parameters that no run can have"),
        (head(parameters=PARAMETERS | {"alpha": {"x": 1}}), "parameters that no run can have"),
        (head(parameters=PARAMETERS | {"__import__('os')": 1}), "no parameters by name"),
        (head(parameters=[1]), "no parameters by name"),
        (head(more=1), "other fields"),
        (head().replace("{", '{"schema": 1, ', 1), "comes twice"),
        (head().replace('"seed": 0', '"seed": 1, "seed": 0'), "comes twice"),
        ("[1]", "no object"),
        ("", "JSONDecodeError"),
    ],
)
def test_descriptions_that_lie(store, text, reason):
    """Each with the digest that fits it."""
    refused(store, pack(text, VALUES), reason)


def test_long_text(store):
    stamp = json.dumps({"head": " " * 2 * MAX_TEXT, "sha256": ""}).encode()
    refused(store, zipped({"__record__.npy": npy("'|u1'", f"({len(stamp)},)", stamp)}), "too long")


@pytest.mark.parametrize(
    "stamp", [b'{"head": "{}"}', b'{"head": 1, "sha256": ""}', b"[]", b"\xff", b'{"a": 1, "a": 1}']
)
def test_stamps_that_are_none(store, stamp):
    refused(store, zipped({"__record__.npy": npy("'|u1'", f"({len(stamp)},)", stamp)}), "is not a readable record")


def test_parameters_that_look_like_code_are_text(store):
    parameters = {"problem": "__import__('os').system('touch broken') # ../../$(touch broken)"}
    text = json.dumps(parameters, separators=(",", ":"))
    store.save({text: Record(parameters, VALUES, FROM)})
    assert store.find(text).parameters == parameters
    assert store.path(text).parent == store.directory


def test_whole_records_in_other_places(store, tmp_path):
    whole = store.path(TEXT).read_bytes()
    copy = store.directory / f"{'0' * 64}.npz"
    copy.write_bytes(whole)
    with pytest.raises(DamagedRecord, match="other parameters"):
        read(copy)
    other = Store(tmp_path / "out", "other")
    other.path(TEXT).write_bytes(whole)
    with pytest.raises(DamagedRecord, match="another study"):
        other.find(TEXT)
    assert len(simulations.load(tmp_path / "out")) == 1, "the copies are left out"


def test_record_of_another_schema(store, monkeypatch):
    """Found at the new address, it is named and kept beside it."""
    old = store.path(TEXT).read_bytes()
    monkeypatch.setattr("simulations.records.store.SCHEMA", SCHEMA + 1)
    monkeypatch.setattr("simulations.records.store.READ", (SCHEMA + 1,))
    refused(store, old, f"has schema {SCHEMA}, expected {SCHEMA + 1}")


def test_a_record_that_is_a_link(store, tmp_path):
    """Even to a whole record; and what is set aside is the link."""
    target = tmp_path / "elsewhere.npz"
    os.replace(store.path(TEXT), target)
    whole = target.read_bytes()
    store.path(TEXT).symlink_to(target)
    with pytest.raises(DamagedRecord, match="symbolic link"):
        store.find(TEXT)
    assert store.set_aside(TEXT).is_symlink()
    store.save({TEXT: Record(PARAMETERS, VALUES, FROM)})
    assert not store.path(TEXT).is_symlink()
    assert target.read_bytes() == whole


def test_a_link_to_nothing_is_kept_and_not_written_through(store, tmp_path):
    store.path(TEXT).unlink()
    store.path(TEXT).symlink_to(tmp_path / "new")
    with pytest.raises(DamagedRecord, match="symbolic link"):
        store.find(TEXT)
    assert store.set_aside(TEXT).is_symlink()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket"])
def test_things_that_are_no_files(store, kind, monkeypatch):
    path = store.path(TEXT)
    path.unlink()
    if kind == "socket":
        monkeypatch.chdir(path.parent)  # the name of a socket must be short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    else:
        path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(DamagedRecord, match=str(path)):
        store.find(TEXT)
    store.set_aside(TEXT)
    store.save({TEXT: Record(PARAMETERS, VALUES, FROM)})
    assert store.find(TEXT) is not None


@pytest.mark.parametrize("linked", ["records", "records/study"])
@pytest.mark.parametrize("exists", [True, False])
def test_directories_that_are_links(tmp_path, linked, exists):
    out, outside = tmp_path / "out", tmp_path / "outside"
    (out / linked).parent.mkdir(parents=True)
    if exists:
        Store(tmp_path / "other", "study").save({TEXT: Record(PARAMETERS, VALUES, FROM)})
        os.replace(tmp_path / "other" / linked, outside)
    (out / linked).symlink_to(outside)
    before = sorted(outside.rglob("*"))
    with pytest.raises(ValueError, match=r"^out=.* is a link; expected a directory of its own\.$"):
        Store(out, "study")
    for study in ("study", None):
        if exists or study:
            with pytest.raises(ValueError, match=r"^from=.* is a link; expected a directory of its own\.$"):
                simulations.load(out, study)
    assert sorted(outside.rglob("*")) == before


def test_out_itself_may_be_a_link(store, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "out")
    assert Store(tmp_path / "link", "study").find(TEXT) is not None


def test_claims_are_not_made_through_a_link(tmp_path):
    (tmp_path / ".claims").symlink_to(tmp_path / "target")
    with pytest.raises(ValueError, match=r"\.claims: cannot be opened"):
        Claims(tmp_path)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("name", ["../study", "/etc", "a/b", "a\\b", "", ".", "..", "a b", "a\0", "é", "x" * 200])
def test_study_names_that_are_paths(tmp_path, name):
    for use in (Store, simulations.load):
        with pytest.raises(ValueError, match="expected a plain name of letters, digits and underscores"):
            use(tmp_path, name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.full
def test_ten_thousand_mutated_records(tmp_path, seed):
    """In a process of its own, whose memory is limited to little more than it has when it begins."""
    with open(pathlib.Path(__file__).with_name("fuzz_records.py"), "rb") as script:
        command = [sys.executable, "-W", "error", "-", "10000", str(seed), str(tmp_path)]
        done = subprocess.run(command, stdin=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["limited"] is sys.platform.startswith("linux")
    assert not found["crashed"]
    assert not found["wrong"]
    assert sum(found["refused"].values()) + sum(found["harmless"].values()) == 10000
    assert len(found["refused"]) == 12, "every kind of mutation is refused sometimes"
    assert not {"lied", "compressed", "header_lies", "more_or_fewer"} & set(found["harmless"])
