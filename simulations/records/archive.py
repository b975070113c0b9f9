"""Named arrays and a text as the bytes of one file, and back: an npz archive of which nothing is taken on trust."""

import functools
import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

MAX_BYTES = 1 << 30
"""The largest file that is written or read."""
MAX_MEMBERS = 1000
MAX_TEXT = 1 << 20

_STAMP = "__record__"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_HEADER = re.compile(
    rb"\{'descr': '([<|][biufcU][0-9]{1,9})', 'fortran_order': False, 'shape': (\([0-9, ]{0,700}\)), \} *\n"
)
_UNREADABLE = (
    zipfile.BadZipFile,
    struct.error,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    OverflowError,
    NotImplementedError,
    RuntimeError,  # and with it RecursionError, for brackets in brackets
)
"""What zipfile, json and numpy raise for bytes that are not what they should be."""


class Unreadable(ValueError):
    """Bytes that `pack` did not make, with the reason."""


def pack(text: str, arrays: Mapping[str, np.ndarray]) -> bytes:
    """An uncompressed npz archive of the arrays, with a member for `text` and a digest of all of it.

    Equal content gives equal bytes. Raises `ValueError` for content that `unpack` would not take back: names that are
    no identifiers, types other than booleans, numbers and text, or more than the limits of this module.
    """
    ordered = {name: _portable(name, value) for name, value in arrays.items()}
    if len(ordered) >= MAX_MEMBERS or len(text) > MAX_TEXT:
        raise ValueError(f"{len(ordered)} arrays and {len(text)} characters are more than one record can hold.")
    if sum(value.nbytes for value in ordered.values()) > MAX_BYTES // 2:
        raise ValueError(f"expected at most {MAX_BYTES // 2:.2g} bytes of values in one record.")
    stamp = json.dumps({"head": text, "sha256": _digest(text, ordered)}).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, value in {_STAMP: np.frombuffer(stamp, np.uint8), **ordered}.items():
            info = zipfile.ZipInfo(f"{name}.npy")  # which dates it 1980, so that the time of writing leaves no trace
            info.create_system = 3
            archive.writestr(info, _header(value.dtype.str, value.shape) + value.tobytes())
    return stream.getvalue()


def unpack(content: bytes) -> tuple[str, dict[str, np.ndarray]]:
    """The text and the arrays; raises `Unreadable` unless they are what was packed.

    What is allocated is bounded by the size of `content`, whatever its headers say: members must be uncompressed and
    together no larger than the file, and an array exactly as large as its member. Nothing is ever unpickled.
    """
    try:
        arrays = {name: _array(data) for name, data in _members(content).items()}
        stamp = parse(arrays.pop(_STAMP).tobytes())
        if set(stamp) != {"head", "sha256"} or not isinstance(stamp["head"], str):
            raise Unreadable("its stamp has other fields")
        if stamp["sha256"] != _digest(stamp["head"], arrays):
            raise Unreadable("its digest does not match its content")
    except Unreadable:
        raise
    except _UNREADABLE as problem:
        raise Unreadable(type(problem).__name__) from None
    return stamp["head"], arrays


def parse(text: str | bytes) -> dict[str, Any]:
    """A JSON object without repeated names and without NaN; raises `Unreadable` for anything else."""
    if len(text) > MAX_TEXT * 2:
        raise Unreadable("its text is too long")
    try:
        text = text.decode() if isinstance(text, bytes) else text
        value = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except Unreadable:
        raise
    except (ValueError, RecursionError) as problem:
        raise Unreadable(type(problem).__name__) from None
    if not isinstance(value, dict):
        raise Unreadable("its text is no object")
    return value


def _members(content: bytes) -> dict[str, bytes]:
    """The bytes of every array's member by the array's name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise Unreadable(f"it has {len(members)} members")
        names = [info.orig_filename.removesuffix(".npy") for info in members]
        if any(info.orig_filename != f"{name}.npy" for name, info in zip(names, members, strict=True)):
            raise Unreadable("a member is no array")
        if not all(_NAME.fullmatch(name) for name in names):
            raise Unreadable("a member's name is not the name of an array")
        if len(set(names)) < len(names):
            raise Unreadable("two members have the same name")
        if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits for info in members):
            raise Unreadable("a member is compressed or encrypted")
        if any(info.file_size != info.compress_size for info in members):
            raise Unreadable("a member has two sizes")
        if sum(info.file_size for info in members) > len(content):
            raise Unreadable("its members are larger than the file")
        return {name: archive.read(info) for name, info in zip(names, members, strict=True)}


@functools.lru_cache(maxsize=1024)  # the runs of a study have the same few
def _header(kind: str, shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _array(data: bytes) -> np.ndarray:
    """The array of one member, whose header must describe exactly the bytes that follow it."""
    start = 10 + int.from_bytes(data[8:10], "little")
    header = _HEADER.fullmatch(data[10:start])
    if data[:8] != b"\x93NUMPY\x01\x00" or header is None:
        raise Unreadable("a member is not an array of booleans, numbers or text")
    kind, shape = (part.decode() for part in header.groups())
    dtype = np.dtype(kind)
    lengths = tuple(int(length) for length in shape.strip("(),").split(",") if length)
    count = 1
    for length in lengths:
        count *= length
    if dtype.str != kind or dtype.itemsize == 0 or str(lengths) != shape:
        raise Unreadable("a member's header is not as numpy writes it")
    if count * dtype.itemsize != len(data) - start:
        raise Unreadable("a member's header does not match its size")
    if dtype.kind == "b" and data[start:].strip(b"\x00\x01"):
        raise Unreadable("a truth value is neither true nor false")
    # A bytearray, so that the array can be written to, as others can.
    array = np.ndarray(lengths, dtype, buffer=bytearray(memoryview(data)[start:]))
    if dtype.kind == "U" and array.size and int(array.reshape(-1).view(np.uint32).max()) > 0x10FFFF:
        raise Unreadable("a text holds what is no character")
    return array


def _portable(name: str, value: Any) -> np.ndarray:
    """`value` in C order and little-endian."""
    value = np.asarray(value, order="C")
    if not _NAME.fullmatch(name) or name == _STAMP:
        raise ValueError(f"value {name!r}: expected an identifier for its name.")
    if value.dtype.kind not in "biufcU" or value.dtype.itemsize == 0:
        raise ValueError(f"{name} has type {value.dtype}: expected booleans, numbers or text.")
    return value.astype(value.dtype.newbyteorder("<"), copy=False)


def _digest(head: str, arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(head.encode())
    for name in sorted(arrays):
        value = arrays[name]
        digest.update(f"{name}\n{value.dtype.str}\n{value.shape}\n".encode())
        digest.update(value.data)
    return digest.hexdigest()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("a name comes twice in its text")
    return found


def _no_number(name: str) -> None:
    raise Unreadable(f"{name} is no number")
