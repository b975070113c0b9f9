"""The entry of the command `meanfield`: its subcommands, its help, and one sentence for whatever ends it.

A subcommand imports what it needs when it runs: `meanfield --help` answers before JAX has loaded.
"""

import signal
import sys

import meanfield
from meanfield.command.bench import time_steps
from meanfield.command.cache import kept_programs
from meanfield.command.command_line import Refused, nearest
from meanfield.command.diagnose import diagnose_network
from meanfield.command.explore import write_explorer
from meanfield.command.figure import draw_figure
from meanfield.command.gallery import write_gallery
from meanfield.command.info import show_info
from meanfield.command.list import list_studies
from meanfield.command.reproduce import reproduce_figures
from meanfield.command.run import run_study
from meanfield.command.sentences import refusing
from meanfield.command.status import show_status
from meanfield.command.transfer import compare_widths
from meanfield.command.verify import verify_studies
from meanfield.environment.platform import require_import
from meanfield.environment.siblings import SIBLINGS, prefer
from meanfield.environment.signals import terminable
from meanfield.environment.standard_streams import Unwritable, dependable

USAGE = """usage: meanfield COMMAND [ARGUMENTS]

Two-layer neural networks as particle systems, checked against theorems.

  list                      the studies, one line each
  run STUDY                 make a study's records, check its claims, draw its figure
  verify [STUDY …]          the ledger: every claim with what was predicted and measured; its false alarms
  figure STUDY              draw a study's figure from records that are there, or a film of its particles
  explore STUDY|RUN.npz     write a page in which time and parameters are dragged and the particles move
  reproduce [PAPER FIGURE]  published figures made again, with the papers' values beside ours
  diagnose                  a trained network of your own: lazy or rich, and what follows
  transfer                  how the step that trains best moves with the width, for your optimiser and data
  gallery [STUDY …]         one page with every picture and every verdict
  status [DIRECTORY]        what is stored: runs done, failed and damaged, sizes that are complete
  bench                     this machine: time of a step, against plain JAX and the machine's limits
  info                      versions, devices, precision, kernels

`meanfield COMMAND --help`, or `meanfield help COMMAND`, shows the arguments, `meanfield --version` the version.
`meanfield run STUDY --help` shows the study's parameters, each of which takes one value, several, or a range such as
1e2:1e6:5log. Records that exist are not computed again, so every command
goes on where it stopped.
Compiled programs are kept in the user's folder for caches, 256 MiB of them; MEANFIELD_CACHE names another folder, or is
"off".
Exit status: 0 all checks hold, 1 a check failed, a run diverged or raised, or all workers are gone, 2 bad usage or bad
input, 3 something could not be tested or is undecided and nothing failed, 130 or 143 stopped by Ctrl-C or SIGTERM.
"""

COMMANDS = {
    "list": list_studies,
    "run": run_study,
    "verify": verify_studies,
    "figure": draw_figure,
    "explore": write_explorer,
    "reproduce": reproduce_figures,
    "diagnose": diagnose_network,
    "transfer": compare_widths,
    "gallery": write_gallery,
    "status": show_status,
    "bench": time_steps,
    "info": show_info,
}
"""A function of the words that follow, which returns the exit status, for each subcommand."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    with dependable(), terminable() as exit_status:
        try:
            try:
                return _command(words)
            finally:
                sys.stdout.flush()
        except Refused as problem:
            print(f"meanfield: {problem}", file=sys.stderr)
            return problem.status
        except KeyboardInterrupt as stop:
            print(f"meanfield: stopped{stop}.", file=sys.stderr)
            return exit_status()
        except Unwritable as end:
            if isinstance(end.problem, BrokenPipeError):  # who reads, such as `head`, has seen enough
                return 128 + signal.SIGPIPE
            print(f"meanfield: {end}.", file=sys.stderr)
            return 2
        except OSError as problem:  # of a disk or a network; what it was about is in its own words
            print(f"meanfield: {problem}.", file=sys.stderr)
            return 2


def _command(words: list[str]) -> int:
    """Run the subcommand that the first word names and return its exit status."""
    if words[:1] == ["help"]:  # of a command: what its --help says
        words = [*words[1:], "--help"]
    if not words or words[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0 if words else 2
    name, rest = words[0], words[1:]
    if name in ("-V", "--version"):
        print(f"meanfield {meanfield.__version__}")
        return 0
    if name not in COMMANDS:
        near = nearest(name, (*COMMANDS, "help", "--help", "--version"))
        raise Refused(f"{name} is not a command: expected one of {', '.join(COMMANDS)}.{near}")
    with refusing():
        require_import()
        prefer(*SIBLINGS)
    with kept_programs():
        return COMMANDS[name](rest)
