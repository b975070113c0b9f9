"""A header of XLA's that says something else is a reason to use other kernels, and never a crash."""

from pathlib import Path

import jax
import pytest

pytest.importorskip("llvmlite", reason="llvmlite is not installed: no kernel is compiled")

from meanfield.integrals.native import layout

HEADER = "xla/ffi/api/c_api.h"


@pytest.fixture
def reason(monkeypatch, tmp_path):
    """What is said of a header in which `old` is `new`."""
    text = (Path(jax.ffi.include_dir()) / HEADER).read_text()

    def said(old, new):
        assert old in text
        (tmp_path / HEADER).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / HEADER).write_text(text.replace(old, new))
        monkeypatch.setattr(jax.ffi, "include_dir", lambda: str(tmp_path))
        return layout.unavailable.__wrapped__()

    return said


def test_the_header_of_this_jax_is_known(reason):
    assert reason("XLA", "XLA") is None


def test_another_version(reason):
    assert "major version 1, not 0" in reason("XLA_FFI_API_MAJOR 0", "XLA_FFI_API_MAJOR 1")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("  XLA_FFI_ExecutionStage stage;\n  XLA_FFI_Args args;", "  XLA_FFI_Args args;", "XLA_FFI_CallFrame"),
        ("  void* data;\n  int64_t rank;", "  int64_t rank;\n  void* data;", "XLA_FFI_Buffer"),
        ("  XLA_FFI_Task* task;\n", "", "XLA_FFI_ThreadPool_Schedule_Args"),
    ],
)
def test_another_layout(reason, old, new, name):
    assert reason(old, new) == f"XLA's interface for calls has another layout of {name}"


def test_no_threads(reason):
    field = "_XLA_FFI_API_STRUCT_FIELD(XLA_FFI_ThreadPool_Schedule);"
    assert reason(field, "") == "XLA's interface for calls lends no threads"


def test_no_header(monkeypatch, tmp_path):
    monkeypatch.setattr(jax.ffi, "include_dir", lambda: str(tmp_path))
    assert "is not described" in (layout.unavailable.__wrapped__() or "")
