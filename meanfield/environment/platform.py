"""Checks that JAX can be imported, and started with the settings of its environment, before anything rests on it."""

import functools
import os
import re
import subprocess
import sys

PROBE = "import jax; jax.devices()"


def require_import() -> None:
    """Raise `ValueError`, in one sentence, for a setting in the environment with which JAX can't be imported."""
    try:
        import jax  # noqa: F401
    except ValueError as problem:
        raise ValueError(f"JAX cannot be imported with the settings in its environment: {_line(problem)}.") from None


@functools.cache
def require_backend() -> None:
    """Start JAX's backend; raise `ValueError`, in one sentence, where the platform that was asked for is not there.

    XLA ends the process when it does not know one of `XLA_FLAGS`: where there are any, another process tries them.
    """
    import jax

    flags = os.environ.get("XLA_FLAGS")
    if flags:
        tried = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, text=True, errors="replace", check=False
        )
        if tried.returncode and "Traceback" not in tried.stderr:  # ended by XLA itself
            raise ValueError(f"XLA_FLAGS={flags!r}: expected flags that XLA knows; it says: {_said(tried.stderr)}.")
    try:
        jax.devices()
    except Exception as problem:  # RuntimeError, and AssertionError of a plugin that is not installed
        asked = [name for name in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME") if os.environ.get(name)]
        what = f"{asked[0]}={os.environ[asked[0]]!r}: " if asked else ""
        raise ValueError(
            f"{what}JAX cannot start its platform; expected one that this machine has, such as cpu, or none "
            f"({_line(problem)})."
        ) from None


def _said(text: str) -> str:
    """The last words of a process, without their time and place in the source."""
    lines = (
        [line for line in text.splitlines() if re.match(r"[EF]\d", line)] or text.strip().splitlines() or ["nothing"]
    )
    return _short(lines[0].partition("] ")[2] or lines[0])


def _line(problem: Exception) -> str:
    return _short(" ".join(str(problem).split()) or type(problem).__name__)


def _short(text: str) -> str:
    text = text.strip().rstrip(".")
    return f"{text[:160]}…" if len(text) > 160 else text
