"""`meanfield gallery [STUDY …]`: one page with every picture and every verdict."""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

from meanfield.command.answer import close
from meanfield.command.command_line import Refused
from meanfield.command.reading import find_study, read_options
from meanfield.command.records import Sweeping, make_all_records, make_records
from meanfield.command.sentences import check_place, refusing


@dataclass(frozen=True)
class Gallery(Sweeping):
    """Draw every study, or those named, and write the page that shows them with all verdicts.

    Records that are missing are made first.
    """

    page: str = "figures"
    """Directory for the page README.md and its pictures, in the folder gallery beside it."""


def write_gallery(arguments: list[str]) -> int:
    """Write the page and return the exit status."""
    import simulations
    from figures.page import Chapter, refuse_others, write

    line = read_options("gallery", Gallery, arguments)
    studies = [find_study(name) for name in line.words or simulations.STUDIES]
    for study in studies:
        if study.name in simulations.PUBLISHED:
            raise Refused(f"{study.name}: is on the page of published figures; expected `meanfield reproduce --page`.")
    page = Path(line.options.page)
    check_place("page", page)
    with refusing():
        refuse_others(studies, page)
    made = make_all_records(studies, line.options)
    chapters = []
    for study in studies:
        entries, sane = (simulations.verify(study, made[study.name], sanity=sanity) for sanity in (False, True))
        moving = None
        if study.animation is not None:  # one seed of the motion: a film is of one
            moving = make_records(simulations.motion(study).study, dataclasses.replace(line.options, seeds=None), {})
        chapters.append(Chapter(study, made[study.name], entries, sane, moving))
    with refusing(page=page):
        drawn = write(chapters, page, line.options.size or "default", _drawn)
    entries, sane = [], []
    for chapter in chapters:
        entries += chapter.entries
        sane += chapter.sanity
    return close(line.options, made, entries, drawn, sane=sane)


def _drawn(name: str, done: int, total: int) -> None:
    """Print how far the gallery has come."""
    print(f"gallery: {done} of {total}, {name}, drawn", file=sys.stderr, flush=True)
