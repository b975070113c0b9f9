"""The layout of XLA's interface for calls, as its header states it, and the functions of the operating system.

XLA calls a handler with one pointer to an `XLA_FFI_CallFrame`, whose layout is stated in `xla/ffi/api/c_api.h` of
`jax.ffi.include_dir()`. The offsets below are those of version 0 of the interface; `unavailable` compares them with the
header that is there, so that another layout is a reason to use other kernels and never a crash.
"""

import ctypes
import functools
import os
import re
from pathlib import Path
from typing import Any

MAJOR = 0
"""Version of the interface for which the offsets below are right; a minor version adds to the end only."""

EXTENSION, API, CONTEXT, STAGE, ARGUMENTS, RESULTS = 1, 2, 3, 4, 9, 14
"""Words of a call frame: its extensions, the functions of XLA, the execution, its stage, the buffers."""
EXECUTE, METADATA = 3, 1
"""The stage at which buffers are there, and the kind of extension by which XLA asks for our version."""
DATA, DIMENSIONS = 3, 5
"""Words of a buffer."""

STRUCTURES = {
    "XLA_FFI_CallFrame": "struct_size extension_start api ctx stage args rets attrs future",
    "XLA_FFI_Args": "struct_size extension_start size types args",
    "XLA_FFI_Rets": "struct_size extension_start size types rets",
    "XLA_FFI_Buffer": "struct_size extension_start dtype data rank dims",
    "XLA_FFI_Metadata": "struct_size api_version traits state_type_id",
    "XLA_FFI_Api_Version": "struct_size extension_start major_version minor_version",
    "XLA_FFI_ThreadPool_Schedule_Args": "struct_size extension_start ctx task data",
    "XLA_FFI_ThreadPool_NumThreads_Args": "struct_size extension_start ctx num_threads",
}
"""The fields on which the offsets rest; those of the frame may be followed by others."""


@functools.cache
def unavailable() -> str | None:
    """Return why calls of this kind can't be made with this JAX, in half a sentence, or None."""
    try:
        text = re.sub(r"//[^\n]*", "", _header())
    except OSError as problem:
        return f"XLA's interface for calls is not described ({problem})"
    version = re.search(r"#define XLA_FFI_API_MAJOR (\d+)", text)
    if version is None or int(version.group(1)) != MAJOR:
        return f"XLA's interface for calls has major version {version and version.group(1)}, not {MAJOR}"
    for name, fields in STRUCTURES.items():
        if _fields(text, name)[: len(fields.split())] != fields.split():
            return f"XLA's interface for calls has another layout of {name}"
    if not {"XLA_FFI_ThreadPool_Schedule", "XLA_FFI_ThreadPool_NumThreads"} <= set(_functions(text)):
        return "XLA's interface for calls lends no threads"
    if not hasattr(_system(), "malloc"):
        return f"the C library of {os.name} was not found"
    return None


def _header() -> str:
    import jax

    return (Path(jax.ffi.include_dir()) / "xla/ffi/api/c_api.h").read_text()


def _fields(header: str, name: str) -> list[str]:
    found = re.search(rf"struct {name} {{(.*?)}}", header, re.DOTALL)
    return re.findall(r"(\w+);", found.group(1)) if found else []


def _functions(header: str) -> list[str]:
    return re.findall(r"_XLA_FFI_API_STRUCT_FIELD\((XLA_FFI_\w+)\)", header)


@functools.cache
def word_of(function: str) -> int:
    """The word of `XLA_FFI_Api` that holds a function: after size, extensions, three words of version, and one more."""
    return 6 + _functions(_header()).index(function)


@functools.cache
def _system() -> ctypes.CDLL:
    return ctypes.CDLL("msvcrt" if os.name == "nt" else None)


def address(name: str) -> int:
    """The address of a function of the C library, or of the operating system's way to let others run."""
    if name == "yield":
        function = ctypes.windll.kernel32.SwitchToThread if os.name == "nt" else _system().sched_yield  # type: ignore[attr-defined]
    else:
        function = getattr(_system(), name)
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@functools.cache
def minor() -> int:
    found = re.search(r"#define XLA_FFI_API_MINOR (\d+)", _header())
    return int(found.group(1)) if found else 0


def register(name: str, address: int) -> None:
    """Make the function at `address` the handler of calls of this name on processors."""
    import jax

    capsule: Any = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    jax.ffi.register_ffi_target(name, capsule(address, None, None), platform="cpu")
