"""`meanfield info`: versions, devices, precision, kernels, sizes of tiles, compiled programs that are kept."""

import json
from dataclasses import dataclass
from pathlib import Path

from meanfield.command.cache import size
from meanfield.command.reading import read_options
from meanfield.command.sentences import refusing
from meanfield.environment.platform import require_backend


@dataclass(frozen=True)
class Info:
    """Versions, devices, precision, where compiled programs are kept, and the kernel chosen for a few shapes."""

    json: bool = False
    """One JSON object on standard output."""


def show_info(arguments: list[str]) -> int:
    """Print the facts of this machine."""
    options = read_options("info", Info, arguments, words=False).options
    from meanfield.command.describe import describe

    with refusing():
        require_backend()
    facts = describe()
    facts["cache"] = _cache()
    facts["tiles"] = _tiles()
    if options.json:
        print(json.dumps(facts))
        return 0
    print("versions   " + ", ".join(f"{name} {version}" for name, version in facts["versions"].items()))
    print("devices    " + ", ".join(facts["devices"]))
    print(f"precision  {facts['precision']}")
    print(f"compiled   {facts['compiled']}")
    kept = facts["cache"]
    print(
        f"programs   {kept['folder']}, {kept['bytes'] / 1e6:.1f} MB"
        if kept
        else "programs   not kept (MEANFIELD_CACHE)"
    )
    tiles = facts["tiles"]
    print(
        f"tiles      {tiles['tile_bytes'] / 2**20:g} MiB, at most {tiles['samples']} samples: "
        + (f"tuned, kept in {tiles['file']}" if tiles["file"] else "the defaults (meanfield bench --tune)")
    )
    for row in facts["plans"]:
        print(f"kernel     m = {row['m']:.0e}, n = {row['n']:.0e}, d = {row['d']}: {row['plan']}")
    return 0


def _cache() -> dict | None:
    """The folder of compiled programs, ours or the one JAX was told, and the bytes in it; None where none are kept."""
    import jax

    folder = jax.config.jax_compilation_cache_dir  # pyright: ignore
    return {"folder": folder, "bytes": size(Path(folder))} if folder else None


def _tiles() -> dict:
    """Sizes of tiles that plans are made with, and the file that they were found in; None where the defaults hold."""
    from meanfield.integrals import tuning

    used = tuning.in_force()
    file = None if used == tuning.DEFAULT else str(tuning.destination())
    return {**used._asdict(), "file": file}
