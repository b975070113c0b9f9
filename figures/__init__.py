"""Figures: one for every study, under the same name and in the same room, and films of what moves.

They read records and theory, and run nothing.
"""

import importlib
import io
import shutil
from pathlib import Path

from figures import origin
from simulations import Records, Study, find, motion
from simulations._files import write_whole

__all__ = ["FILMS", "FORMATS", "animate", "check_films", "check_formats", "draw", "render", "save"]

FORMATS = ("png", "svg", "pdf")

FILMS = ("gif", "mp4")
"""Formats of films; mp4 needs the program ffmpeg."""


def draw(study: Study, records: Records):
    """The study's figure as a matplotlib `Figure`; panels without records say so."""
    from figures.style import styled

    with styled():
        return importlib.import_module(f"figures.{study.group}.{study.name}").draw(records)


def save(study: Study, records: Records, directory: Path, formats=("png",)) -> list[Path]:
    """Draw, and write one file a format, each whole or not at all; returns their paths.

    The same records give the same file: it carries versions and seeds, no date and no random name. Raises `ValueError`
    for a format that is not png, svg or pdf.
    """
    check_formats(formats)
    contents = render(study, records, *formats)
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for kind, content in zip(formats, contents, strict=True):
        path = directory / f"{study.name}.{kind}"
        write_whole({path: content})
        written.append(path)
    return written


def render(study: Study, records: Records, *formats: str) -> list[bytes]:
    """The study's figure as the content of a file, one for each format."""
    from figures.style import styled

    figure = draw(study, records)
    contents = []
    for kind in formats:
        content = io.BytesIO()
        with styled():
            figure.savefig(content, format=kind, metadata=_metadata(kind, study, records))
        contents.append(content.getvalue())
    return contents


def animate(study: str | Study, records: Records, directory: Path, formats=("gif",)) -> list[Path]:
    """Write the film of a study's motion, one file a format, each whole or not at all; returns their paths.

    `records` are those of `simulations.motion(study).study`. The two runs with the smallest and the largest value of
    its scene's `beside` are shown; of all other parameters that vary the value in the middle. The same records give the
    same GIF. Raises `ValueError` for a study that has no motion, for a format that is neither gif nor mp4, for mp4
    where there is no ffmpeg, and for records that hold no two such runs.
    """
    from figures import film
    from figures.style import styled

    check_films(formats)
    study, moving = find(study), motion(study)
    pair = film.beside(moving, records)
    written = []
    for kind in formats:
        with styled():
            content = film.FILMS[kind](moving, pair)
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{study.name}.{kind}"
        write_whole({path: content})
        written.append(path)
    return written


def check_formats(formats) -> None:
    """Raise `ValueError` for a format in which no figure is written."""
    for kind in formats:
        if kind not in FORMATS:
            film = "is a film, which meanfield figure STUDY --animate makes; " if kind in FILMS else ""
            raise ValueError(f"format={kind!r}: {film}expected one of {', '.join(FORMATS)}.")


def check_films(formats) -> None:
    """Raise `ValueError` for a format in which no film can be written here."""
    for kind in formats:
        if kind not in FILMS:
            raise ValueError(f"format={kind!r}: expected one of {', '.join(FILMS)} for a film.")
        if kind == "mp4" and shutil.which("ffmpeg") is None:
            raise ValueError("format='mp4': needs the program ffmpeg, which is not on the PATH; expected gif.")


def _metadata(kind: str, study: Study, records: Records) -> dict[str, str | None]:
    """Versions and seeds for the file's own description, and no date."""
    made = ", ".join(part for part in (f"{study.name}, {len(records)} runs", origin.seeds(records)) if part)
    text = "; ".join(part for part in (made, origin.versions(records)) if part)
    if kind == "pdf":
        return {"Subject": text, "CreationDate": None}
    return {"Description": text, "Date": None} if kind == "svg" else {"Description": text, "Software": None}
