"""`meanfield bench`: the time of a step on this machine."""

import json
import sys
from dataclasses import dataclass

from meanfield.command.reading import read_options
from meanfield.command.sentences import refusing
from meanfield.environment.platform import require_backend


@dataclass(frozen=True)
class Bench:
    """Time one step at six shapes (more on a GPU), with plain JAX taking turns; under two minutes on two cores."""

    json: bool = False
    """One JSON object on standard output; everything else goes to standard error."""


def time_steps(arguments: list[str]) -> int:
    """Print the table of the benchmark."""
    options = read_options("bench", Bench, arguments, words=False).options
    from simulations.scale.bench import bench, print_table

    def report(done: int, total: int) -> None:
        print(f"bench: {done} of {total} shapes", file=sys.stderr, flush=True)

    with refusing():
        require_backend()
    answer = bench(report)
    print_table(answer, sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps(answer))
    return 0
