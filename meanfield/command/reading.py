"""Words of the command line: the options of a subcommand, a study, and the parameters of a study."""

import sys
import textwrap
from collections.abc import Iterable

from meanfield.command.command_line import Line, Refused, read
from meanfield.command.sentences import refusing
from meanfield.environment.standard_streams import width

OWN = "or the path of a file with a study of your own, such as ./study.py"


def read_options(command: str, options: type, arguments: list[str], study=None, words: bool = True) -> Line:
    """Return the line as options of a subcommand and, given a study, its parameters; raise `Refused` otherwise."""
    from simulations import coerce, field_docs

    with refusing():
        line = read(
            command, options, arguments, coerce, docs=field_docs(options), words=_words(command),
            parameters=None if study is None else study.parameters,
            parameter_docs=None if study is None else field_docs(study.parameters),
        )  # fmt: skip
    if line.words and not words:
        raise Refused(f"{line.words[0]!r} is not an argument of {command}; expected options (see --help).")
    return line


def read_study(command: str, options: type, arguments: list[str], among: Iterable[str] = ()):
    """Return the study that comes first on the line and what follows it; without one, print help or raise `Refused`."""
    import simulations

    chosen = list(among or (*simulations.STUDIES, *simulations.PUBLISHED))
    names = ", ".join(chosen)
    if arguments and arguments[0] in ("-h", "--help"):
        own = f" Its parameters: `meanfield run {chosen[0]} --help`." if command == "run" else ""
        wide = min(80, width(sys.stdout, 80))
        print(textwrap.fill(f"STUDY is one of {names}, {OWN}.{own}", wide, break_on_hyphens=False) + "\n")
        read_options(f"{command} STUDY", options, ["--help"])
    if not arguments or arguments[0].startswith("-"):
        raise Refused(f"{command} needs a study first: expected one of {names}, {OWN}.")
    return find_study(arguments[0]), arguments[1:]


def find_study(name: str):
    """Return the study of that name; raise `Refused` where there is none."""
    import simulations

    with refusing():
        return simulations.find(name)


def _words(command: str) -> tuple[str, str]:
    """Return the bare words that a subcommand takes and what they are, for its help."""
    import simulations

    if command in ("verify", "gallery"):
        names = ", ".join(simulations.STUDIES)
        papers = f"; with verify also one of {', '.join(simulations.PUBLISHED)}" if command == "verify" else ""
        return (
            "[STUDY …]",
            f"STUDY is one of {names}, or regimes/lazy_scaling with its group, {OWN}; all if none is given{papers}.",
        )
    if command == "reproduce":
        papers = ", ".join(simulations.PUBLISHED)
        return (
            "[PAPER [FIGURE]]",
            f"PAPER is one of {papers}, {OWN}, or all; FIGURE is one that `meanfield reproduce` lists, all of the "
            "paper's if none is given. Exit status: 0 the paper's values and ours agree, 1 some do not, 3 something "
            "could not be tested and the rest agrees.",
        )
    if command == "status":
        return "[DIRECTORY]", "DIRECTORY is one that run or verify wrote; results if none is given."
    return "", ""
