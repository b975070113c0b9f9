"""Compiled programs that are kept between runs of the command, in the user's folder for caches.

They are JAX's own files, which hold machine code: the numbers are the same bits with and without, and no record tells
of them. Only the command switches this on; who imports `meanfield` keeps JAX's settings.
"""

import contextlib
import hashlib
import logging
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from meanfield.environment.user_cache import location

logger = logging.getLogger("meanfield")

LIMIT = 1 << 28
"""Bytes in all; what was used longest ago is deleted at the start of a command that finds more."""

FOLDER = "compiled-"
"""How the folders begin that files are put into, and deleted from."""

SHORTEST = 0.0
"""Seconds that a program has to compile in order to be kept: all are, since small ones are many."""


@contextlib.contextmanager
def kept_programs() -> Iterator[None]:
    """Keep compiled programs in the context. A folder that JAX was told by its own settings is left to JAX."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    folder = None if jax.config.jax_compilation_cache_dir else _prepared(location())  # pyright: ignore
    if folder is None:
        yield
        return
    wanted: dict[str, object] = {"jax_compilation_cache_dir": str(folder)}
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        wanted["jax_persistent_cache_min_compile_time_secs"] = SHORTEST
    before = {name: getattr(jax.config, name) for name in wanted}
    _set(jax, wanted)
    compilation_cache.reset_cache()  # JAX looks at its settings once
    try:
        yield
    finally:
        _set(jax, before)
        compilation_cache.reset_cache()


def _set(jax, values: dict) -> None:
    for name, value in values.items():
        jax.config.update(name, value)


def _prepared(root: Path | None) -> Path | None:
    """Return the folder in `root` for this processor and this JAX, made and pruned; None if it can't be written."""
    if root is None:
        return None
    folder = root / f"{FOLDER}{_machine()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        prune(root)
    except OSError as problem:
        logger.debug("compiled programs are not kept: %s", problem)
        return None
    if not os.access(folder, os.W_OK):
        logger.debug("compiled programs are not kept: %s can't be written", folder)
        return None
    return folder


def _machine() -> str:
    """A short word for what machine code depends on: one home may serve machines of several kinds."""
    facts = [version("jaxlib"), platform.system(), platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):  # Linux alone has this file
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        facts += [next((line for line in lines if line.lower().startswith(name)), "") for name in ("flags", "features")]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def prune(root: Path, limit: int | None = None) -> None:
    """Delete what was used longest ago until three quarters of `limit` bytes are left, if there are more than that.

    Other processes may delete at the same time; a program that is gone is compiled anew.
    """
    limit = LIMIT if limit is None else limit
    found = sorted(_files(root, f"{FOLDER}*/**/*"), reverse=True)  # the latest first
    if sum(size for _, size, _ in found) <= limit:
        return
    total = 0
    for _, size, path in found:
        total += size
        if total > limit * 3 // 4:
            path.unlink(missing_ok=True)


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(size for _, size, _ in _files(folder, "**/*"))


def _files(folder: Path, pattern: str) -> Iterator[tuple[float, int, Path]]:
    """(when it was used, bytes, path) of every file below a folder."""
    for path in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError):  # deleted in the meantime
            about = path.stat()
            if path.is_file():
                yield max(about.st_atime, about.st_mtime), about.st_size, path
