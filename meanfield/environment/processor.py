"""The name of this processor, as the operating system tells it."""

import functools
import os
import platform
import subprocess
import sys
from pathlib import Path


@functools.cache
def model() -> str:
    """Return the model, such as "AMD EPYC 7763 64-Core Processor", or at least the architecture; asked once."""
    found = _of_sysctl() if sys.platform == "darwin" else _of_cpuinfo(Path("/proc/cpuinfo"))
    return found or platform.processor() or platform.machine() or "unknown"


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _of_cpuinfo(path: Path) -> str:
    """Return what Linux says; an ARM processor has no name there, but numbers for who made it and what it is."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:  # no Linux
        return ""
    facts = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    numbers = [f"{name} {facts[name]}" for name in ("cpu implementer", "cpu part") if facts.get(name)]
    return facts.get("model name", "") or ", ".join(numbers)


def _of_sysctl() -> str:
    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):  # none there, or none that answers
        return ""
