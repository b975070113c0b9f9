"""The least memory of a run, and this machine's: absurd sizes are refused before anything is allocated."""

import math
import os
from typing import Any

PREFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")


def least_bytes(parameters: Any) -> int:
    """A lower bound of the memory a run takes: particles and samples once, in single precision.

    Read off the names that all studies share: `particles` × (1 + `dimension`) × `replicas`, `samples` × `dimension`.
    """
    width = 1 + int(getattr(parameters, "dimension", 0))
    particles = int(getattr(parameters, "particles", 0)) * int(getattr(parameters, "replicas", 1))
    return 4 * width * (particles + int(getattr(parameters, "samples", 0)))


def memory() -> int | None:
    """Bytes of this machine's memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def refuse_absurd(parameters: Any) -> None:
    """Raise `ValueError` for a run whose particles and samples alone are more than this machine's memory."""
    least, there = least_bytes(parameters), memory()
    if there is None or least <= there:
        return
    sizes = ", ".join(
        f"{name}={getattr(parameters, name)}"
        for name in ("particles", "samples", "dimension", "replicas")
        if hasattr(parameters, name)
    )
    raise ValueError(f"{sizes}: takes at least {in_words(least)}, expected at most this machine's {in_words(there)}.")


def in_words(count: float) -> str:
    """Bytes with a prefix.

    >>> in_words(2048), in_words(3 << 40)
    ('2 KiB', '3 TiB')
    """
    step = 0 if count < 1 else min(len(PREFIXES) - 1, int(math.log(count, 1024)))
    return f"{count / 1024**step:.3g} {PREFIXES[step]}B"


def in_time(seconds: float) -> str:
    """Seconds in words.

    >>> in_time(3.21), in_time(200), in_time(9000)
    ('3.2 s', '3.3 min', '2.5 h')
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
