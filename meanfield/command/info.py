"""`meanfield info`: versions, devices, precision, kernels."""

import json
from dataclasses import dataclass

from meanfield.command.reading import read_options
from meanfield.command.sentences import refusing
from meanfield.environment.platform import require_backend


@dataclass(frozen=True)
class Info:
    """Versions, devices, precision, and the kernel chosen for a few shapes."""

    json: bool = False
    """One JSON object on standard output."""


def show_info(arguments: list[str]) -> int:
    """Print the facts of this machine."""
    options = read_options("info", Info, arguments, words=False).options
    from meanfield.command.describe import describe

    with refusing():
        require_backend()
    facts = describe()
    if options.json:
        print(json.dumps(facts))
        return 0
    print("versions   " + ", ".join(f"{name} {version}" for name, version in facts["versions"].items()))
    print("devices    " + ", ".join(facts["devices"]))
    print(f"precision  {facts['precision']}")
    for row in facts["plans"]:
        print(f"kernel     m = {row['m']:.0e}, n = {row['n']:.0e}, d = {row['d']}: {row['plan']}")
    return 0
