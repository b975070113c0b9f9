"""`meanfield bench`: the time of a step on this machine, and tiles that suit it."""

import json
import sys
from dataclasses import dataclass

from meanfield.command.command_line import Refused
from meanfield.command.reading import read_options
from meanfield.command.sentences import refusing
from meanfield.environment.platform import require_backend


@dataclass(frozen=True)
class Bench:
    """Time one step at eight shapes (more on a GPU), with plain JAX taking turns, and PyTorch where it is installed.

    About two minutes on two cores.
    """

    json: bool = False
    """One JSON object on standard output; everything else goes to standard error."""
    tune: bool = False
    """Instead, find tile sizes for this processor in under a minute, and store them in the user's folder for caches,
    where later processes find them; MEANFIELD_TUNING=off ignores them."""


def time_steps(arguments: list[str]) -> int:
    """Print the table of the benchmark, or the tile sizes that were found."""
    options = read_options("bench", Bench, arguments, words=False).options

    def report(done: int, total: int) -> None:
        print(f"bench: {done} of {total} shapes", file=sys.stderr, flush=True)

    with refusing():
        require_backend()
    stream = sys.stderr if options.json else sys.stdout
    answer = _tuned(report, stream) if options.tune else _timed(report, stream)
    if options.json:
        print(json.dumps(answer))
    return 0


def _timed(report, stream) -> dict:
    from simulations.scale.bench import bench, print_table

    answer = bench(report)
    print_table(answer, stream)
    return answer


def _tuned(report, stream) -> dict:
    import jax

    from simulations.scale.tune import tune

    if jax.default_backend() != "cpu":
        raise Refused("bench --tune is for processors: expected JAX_PLATFORMS=cpu.")
    try:
        found = tune(report)
    except OSError as problem:
        raise Refused(f"bench --tune can't store what it finds ({problem}); expected a folder to write to.") from None
    sizes = found["tuning"]
    print(
        f"tiles of {sizes['tile_bytes']} bytes and at most {sizes['samples']} samples: {found['speedup']:.2f} times as "
        f"fast as the defaults; stored in {found['path']}",
        file=stream,
    )
    return found
