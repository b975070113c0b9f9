"""`meanfield list`: the studies, one line each."""

import dataclasses
import json
import sys
import textwrap
from dataclasses import dataclass

from meanfield.command.reading import read_options
from meanfield.environment.standard_streams import width


@dataclass(frozen=True)
class List:
    """The studies in the order of the story, one line each."""

    json: bool = False
    """One JSON object on standard output."""


def list_studies(arguments: list[str]) -> int:
    """Print the studies by group, with their claims and what the smallest size takes."""
    import simulations

    options = read_options("list", List, arguments, words=False).options
    studies = [*simulations.STUDIES.values(), *simulations.PUBLISHED.values()]
    if options.json:
        print(json.dumps([_summary(study) for study in studies]))
        return 0
    margin = 4 + max(len(study.name) for study in studies)
    wide = width(sys.stdout, 160)
    for group, question in (*simulations.GROUPS.items(), ("published", "Do the figures of papers come out again?")):
        print(textwrap.fill(f"{group}: {question}", wide))
        for study in (study for study in studies if study.group == group):
            _entry(study.name, f"{study.summary} ({_facts(study)})", margin, wide)
            _experiments(study, margin, wide)
        print()
    print(textwrap.fill("In brackets: the claims that are checked, and what the smallest size takes.", wide))
    for command, what in {
        "meanfield run STUDY --help": "its parameters",
        "meanfield verify STUDY --size smoke": "its claims",
        "meanfield figure STUDY --animate": f"its particles as a film: {', '.join(simulations.MOTIONS)}",
        "meanfield explore STUDY": "the same as a page, to drag time and more",
        "meanfield reproduce": "the figures of papers",
    }.items():
        _entry(command, what, 38, wide, indent=0)
    return 0


def _facts(study) -> str:
    """Return how many claims a study has, and what its smallest size takes where that was measured."""
    from simulations.costs.expected import told

    return ", ".join(filter(None, (f"{len(study.claims)} claims", told(study, "smoke"))))


def _experiments(study, margin: int, wide: int) -> None:
    """Print the experiments of a study that has several."""
    if len(study.experiments) > 1:
        names = ", ".join(f"{study.name}/{one.name}" for one in study.experiments)
        print(textwrap.fill(names, wide, initial_indent=" " * margin, subsequent_indent=" " * margin))


def _entry(name: str, text: str, margin: int, wide: int, indent: int = 2) -> None:
    """Print a name and what it is beside it or, on a narrow terminal, below it."""
    if wide < 80:
        print(" " * indent + name)
        print(textwrap.fill(text, wide, initial_indent=" " * (indent + 4), subsequent_indent=" " * (indent + 4)))
    else:
        print(textwrap.fill(f"{' ' * indent}{name:{margin - indent}}{text}", wide, subsequent_indent=" " * margin))


def _summary(study) -> dict:
    """Return what `--json` says of a study."""
    names = [field.name for field in dataclasses.fields(study.parameters) if field.init]
    parts = {one.name: [field.name for field in dataclasses.fields(one) if field.init] for one in study.experiments}
    told = {"name": study.name, "group": study.group, "claim": study.summary, "parameters": names}
    return told | {"experiments": parts}
