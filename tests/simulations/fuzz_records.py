"""Reads mutated records and counts what comes of them; run by test_hostile.py with the limits that a test can't set.

Usage: python - COUNT SEED DIRECTORY < fuzz_records.py; prints one JSON object.
"""

import io
import json
import random
import re
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np

from simulations import DamagedRecord, Record
from simulations.records.archive import pack
from simulations.records.record import canonical_text
from simulations.records.store import SCHEMA, address, encode, read

SPARE = 64 << 20
"""Bytes that all reading together may take beyond what the process has when it begins."""


def original(seed: int) -> Record:
    numbers = np.random.default_rng(seed)
    values = {
        "risk": numbers.normal(size=20),
        "times": np.arange(20, dtype=np.float32),
        "signs": numbers.normal(size=(3, 5)) > 0,
        "words": np.array(["relu", "tanh"]),
        "kernel": numbers.normal(size=(4, 4)) + 1j,
        "none": np.zeros((0, 3), np.int32),
    }
    provenance = {"study": "study", "status": "done", "seconds": 0.5, "seed": seed, "versions": {"numpy": "2"}}
    return Record({"alpha": 1.0, "particles": 100, "problem": "teacher", "seed": seed}, values, provenance)


def members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def zipped(parts: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for number, (name, data) in enumerate(parts):
            twice = name in [other for other, _ in parts[:number]]
            archive.writestr(zipfile.ZipInfo(name[:-1] + "?" if twice else name), data, method)
    return stream.getvalue().replace(b".np?", b".npy")


def flipped(chance, one, other):
    content = bytearray(one)
    for _ in range(chance.choice((1, 1, 2, 8))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def truncated(chance, one, other):
    return one[: chance.randrange(len(one))]


def spliced(chance, one, other):
    first, second = sorted((chance.randrange(len(one)), chance.randrange(len(one))))
    return chance.choice((one[:first] + other[first:], one[:first] + other[first:second] + one[second:]))


def moved(chance, one, other):
    first, second = sorted((chance.randrange(len(one)), chance.randrange(len(one))))
    return chance.choice((one[:first] + one[second:], one[:second] + one[first:], one[first:] + one[:first]))


def overwritten(chance, one, other):
    """Fields of the archive's own structure set to the numbers that break readers."""
    content = bytearray(one)
    marks = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY"]
    places = [found.start() for mark in marks for found in re.finditer(re.escape(mark), one)]
    number = chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, len(one), chance.getrandbits(32)))
    place = chance.choice(places) + chance.randrange(46)
    content[place : place + 4] = struct.pack("<I", number)
    return bytes(content)


def swapped(chance, one, other):
    parts = members(one)
    i, j = chance.sample(range(len(parts)), 2)
    parts[i], parts[j] = (parts[i][0], parts[j][1]), (parts[j][0], parts[i][1])
    return zipped(parts)


def exchanged(chance, one, other):
    parts, others = members(one), members(other)
    place = chance.randrange(len(parts))
    return zipped([*parts[:place], others[place], *parts[place + 1 :]])


def more_or_fewer(chance, one, other):
    parts = members(one)
    extra = chance.choice((parts[1], ("../x.npy", parts[1][1]), ("/x.npy", parts[1][1]), ("more.npy", parts[1][1])))
    place = chance.randrange(len(parts))
    return zipped(chance.choice(([*parts, extra], parts[:place] + parts[place + 1 :])))


def compressed(chance, one, other):
    return zipped(members(one), chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)))


def header_lies(chance, one, other):
    parts = members(one)
    place = chance.randrange(len(parts))
    name, data = parts[place]
    start = 10 + int.from_bytes(data[8:10], "little")
    shape = chance.choice((b"(9000000000,)", b"(20,20)", b"()", b"(-1,)", b"(0, 99999999999999999999)", b"(" * 200))
    kind = chance.choice((b"|O", b"<f8", b"<U99999999", b"|V8", b"|b1", b"<M8[s]", b"<f3", b"<U1"))
    lie = b"{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n" % (kind, shape)
    parts[place] = name, data[:8] + struct.pack("<H", len(lie)) + lie + data[start:]
    return zipped(parts)


def text_edited(chance, one, other):
    """A letter of the description changed, the digest left as it was."""
    parts = members(one)
    place = next(k for k, (name, _) in enumerate(parts) if name == "__record__.npy")
    data = bytearray(parts[place][1])
    data[chance.randrange(128, len(data))] = chance.choice(b'0129aez{}[]",:\\ ')
    parts[place] = parts[place][0], bytes(data)
    return zipped(parts)


LIES = (
    lambda head, chance: head["parameters"].update(alpha=chance.random()),
    lambda head, chance: head["parameters"].update(particles=True),
    lambda head, chance: head["parameters"].update(particles=100.0),
    lambda head, chance: head["parameters"].update(alpha=chance.choice((float("nan"), float("inf"), None, [1.0], {}))),
    lambda head, chance: head["parameters"].update({chance.choice(("../x", "", "a b", "more", "__class__")): 1}),
    lambda head, chance: head["parameters"].pop(chance.choice(("alpha", "seed"))),
    lambda head, chance: head["provenance"].update(study=chance.choice(("other", "../study", None, 1))),
    lambda head, chance: head["provenance"].update(status=chance.choice((None, 1, ["done"], "\x1b[2J"))),
    lambda head, chance: head["provenance"].pop(chance.choice(("study", "status"))),
    lambda head, chance: head["provenance"].update(more=chance.choice((float("nan"), [[[[[1]]]]]))),
    lambda head, chance: head.update(schema=chance.choice((0, SCHEMA + 1, float(SCHEMA), True, str(SCHEMA), None))),
    lambda head, chance: head.update(chance.choice(({"more": 1}, {"parameters": []}, {"provenance": "done"}))),
    lambda head, chance: head.pop(chance.choice(("schema", "parameters", "provenance"))),
)
TEXTS = (
    "[" * 50_000,
    '{"a":' * 50_000,
    "[]",
    "1",
    "null",
    "NaN",
    '"' + "x" * 500_000 + '"',
    '{"schema":',
    "",
)


def lied(chance, one, other):
    """A false description with a digest that fits it."""
    record = original(0)
    head = {"schema": SCHEMA, "parameters": record.parameters, "provenance": record.provenance}
    if chance.random() < 0.2:
        return pack(chance.choice(TEXTS), record.values)
    chance.choice(LIES)(head, chance)
    text = json.dumps(head, sort_keys=True)
    if "schema" in head and chance.random() < 0.1:
        text = text[:-1] + f', "schema": {SCHEMA}}}'
    return pack(text, record.values)


MUTATIONS = (
    flipped,
    truncated,
    spliced,
    moved,
    overwritten,
    swapped,
    exchanged,
    more_or_fewer,
    compressed,
    header_lies,
    text_edited,
    lied,
)


def same(one: Record, other: Record) -> bool:
    return (
        canonical_text(one.parameters) == canonical_text(other.parameters)
        and one.provenance == other.provenance
        and list(one.values) == list(other.values)
        and all(
            value.dtype == one.values[name].dtype
            and value.shape == one.values[name].shape
            and value.tobytes() == one.values[name].tobytes()
            for name, value in other.values.items()
        )
    )


def limit_memory() -> bool:
    """Whether the address space of this process is now as large as it is and `SPARE` more."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):
        return False
    size = pages * resource.getpagesize() + SPARE
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    return True


def main(count: int, seed: int, directory: Path) -> dict:
    chance = random.Random(seed)
    record = original(0)
    one, other = encode(record), encode(original(1))
    folder = directory / "study"
    folder.mkdir()
    path = folder / f"{address('study', canonical_text(record.parameters))}.npz"
    path.write_bytes(one)
    if not same(read(path), record):
        raise SystemExit("the record itself is not read")
    found = {"limited": limit_memory(), "refused": {}, "harmless": {}, "wrong": [], "crashed": []}
    for number in range(count):
        mutation = MUTATIONS[number % len(MUTATIONS)]
        content = mutation(chance, one, other)
        path.unlink()  # to cut an old file short waits for the disk
        path.write_bytes(content)
        name = mutation.__name__
        try:
            answer = read(path)
        except DamagedRecord:
            found["refused"][name] = found["refused"].get(name, 0) + 1
        except Exception as problem:  # whatever it is, it is what this looks for
            found["crashed"].append(f"{name} {number}: {problem!r}")
        else:
            if not same(answer, record):
                found["wrong"].append(f"{name} {number}")
            found["harmless"][name] = found["harmless"].get(name, 0) + 1
    return found


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
