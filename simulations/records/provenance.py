"""Where a record comes from: enough to make it again, and nothing about who made it or where."""

import functools
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import meanfield
from meanfield.environment.watching import Watch
from meanfield.integrals.tuning import in_force
from simulations.records.linear_algebra import libraries

_PACKAGES = ("meanfield", "theory", "simulations", "figures")


def provenance(
    study: str,
    parameters: Any,
    status: str,
    seconds: float,
    precision: str,
    *,
    code: str = "",
    watch: Watch | None = None,
    wide: bool = False,
) -> dict[str, Any]:
    """The study, how the run ended and how long it took, its seed, versions, device, precision, settings and code; no
    name of a machine or person and no path.

    `revision` is None for an installed package, and otherwise the commit of the checkout it runs from with `dirty`:
    whether the packages there differ from that commit. `code` is the digest of what computes (`records.code`).
    `status` is kept as text that can be shown anywhere. Observed while it was computed: `precision`, the type of the
    particles, or what the study says where there were none or several; `x64`, whether JAX had 64-bit numbers, or
    whether values have where nothing of the engine was used (`wide`); `settings`, whatever else changes numbers and is
    not as usual; `processor` and `threads`; `tuning`, the
    sizes of tiles that plans are made with on processors.
    """
    import jax

    device, watch = jax.devices()[0], watch or Watch()
    return {
        "study": study,
        "status": _shown(status),
        "seconds": round(float(seconds), 4),
        "seed": getattr(parameters, "seed", None),
        "python": platform.python_version(),
        "versions": _versions(),
        "device": device.device_kind,
        "platform": device.platform,
        "processor": _processor(),
        "threads": _threads(),
        "tuning": in_force()._asdict(),
        "precision": next(iter(watch.types)) if len(watch.types) == 1 else precision,
        "x64": "True" in watch.settings.get("jax_enable_x64", "") or (wide and not watch.types),
        "settings": watch.settings,
        "code": code,
        **_revision(Path(meanfield.__file__).parents[1]),
    }


def origin() -> dict[str, Any]:
    """The revision of the code in this process, and the versions."""
    return {"versions": _versions(), **_revision(Path(meanfield.__file__).parents[1])}


@functools.cache
def _processor() -> dict[str, Any]:
    """Return the processor's kind, the instructions that NumPy uses of it, and how many cores this process may use."""
    found = np.show_config(mode="dicts") or {}
    extensions = found.get("SIMD Extensions", {})
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    used = [*extensions.get("baseline", []), *extensions.get("found", [])]
    return {"machine": platform.machine(), "instructions": " ".join(map(str, used)), "cores": cores}


def _threads() -> dict[str, int]:
    """Threads that the libraries below NumPy and SciPy may use now."""
    return {str(pool["prefix"]): int(pool["num_threads"]) for pool in libraries().info()}


@functools.cache
def _versions() -> dict[str, str]:
    """Looked up once: the metadata of a package are a file that is read and parsed."""
    packages = ("jax", "jaxlib", "equinox", "diffrax", "optax", "numpy", "scipy")
    return {"meanfield": meanfield.__version__, **{name: version(name) for name in packages}}


@functools.cache
def _revision(root: Path) -> dict[str, Any]:
    """Commit and dirtiness of a checkout, asked once a process: what is loaded does not change with the files."""
    unknown = {"revision": None, "dirty": None}
    if not (root / ".git").exists():  # installed: a checkout farther up is somebody else's
        return unknown
    command = ["git", "-C", str(root), "status", "--porcelain=v2", "--branch", "--", *_PACKAGES]
    # Within a hook the environment names another checkout; and without optional locks `status` writes nothing.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, env=environment, check=True)
    except (OSError, subprocess.SubprocessError):  # no git here, or none that may read this checkout
        return unknown
    lines = answer.stdout.splitlines()
    commits = [line.split()[2] for line in lines if line.startswith("# branch.oid ")]
    if not commits or commits == ["(initial)"]:
        return unknown
    return {"revision": commits[0], "dirty": any(not line.startswith("#") for line in lines)}


def _shown(text: str) -> str:
    """`text` without what a terminal would obey or a file could not hold, and not endless."""
    letters = (letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text[:2000])
    return "".join(letters)
