"""Where a record comes from: enough to make it again, and nothing about who made it or where."""

import functools
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import meanfield

_PACKAGES = ("meanfield", "theory", "simulations", "figures")


def provenance(study: str, parameters: Any, status: str, seconds: float, precision: str) -> dict[str, Any]:
    """The study, how the run ended and how long it took, its seed, versions, device, precision and revision of the
    code; no name of a machine or person and no path.

    `revision` is None for an installed package, and otherwise the commit of the checkout it runs from with `dirty`:
    whether the packages there differ from that commit. `status` is kept as text that can be shown anywhere.
    """
    import jax

    device = jax.devices()[0]
    return {
        "study": study,
        "status": _shown(status),
        "seconds": round(float(seconds), 4),
        "seed": getattr(parameters, "seed", None),
        "python": platform.python_version(),
        "versions": _versions(),
        "device": device.device_kind,
        "platform": device.platform,
        "precision": precision,
        "x64": bool(jax.config.jax_enable_x64),  # type: ignore[attr-defined]
        **_revision(Path(meanfield.__file__).parents[1]),
    }


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
