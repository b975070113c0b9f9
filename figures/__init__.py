"""Figures: one for every study, under the same name and in the same room, and films of what moves.

They read records and theory, and run nothing.
"""

import importlib
import io
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from figures import _strangers as _strangers
from figures import origin, signature
from figures._loading import load
from figures.signature import refuse_others, write
from simulations import PUBLISHED, STUDIES, Records, Study, find, motion

__all__ = [
    "FILMS",
    "FORMATS",
    "animate",
    "check_films",
    "check_formats",
    "draw",
    "films",
    "pictures",
    "refuse_others",
    "render",
    "save",
    "save_diagnosis",
    "save_grid",
    "save_transfer",
    "table",
    "write",
]

FORMATS = ("png", "svg", "pdf")

GRID = "_grid"
"""What stands behind a study's name in that of the picture of its table."""

FILMS = ("gif", "mp4")
"""Formats of films; mp4 needs the program ffmpeg."""


def draw(study: Study, records: Records):
    """Return the study's figure as a matplotlib `Figure`; panels without records say so.

    Of a study of one's own it is what its `draw` makes, its panels, or, without both, `table`.
    """
    load()
    from figures.legends import heighten
    from figures.style import styled

    if study.draw is not None:
        with styled():
            return study.draw(records)
    if not study.panels and not _packaged(study):
        return table(records)
    from figures import panels

    with styled():
        if study.panels:
            figure = panels.figure(study, records)
        else:
            figure = importlib.import_module(f"figures.{study.group}.{study.name}").draw(records)
        heighten(figure)
    return figure


def table(records: Records, value: str | Sequence[str] | None = None, x: str | None = None):
    """Values of a grid of your own against a parameter that was swept, as a matplotlib `Figure`: means over seeds with
    Student's 95 % intervals, a line for each setting of the other swept parameters.

    **Arguments:**

    - `value`: one or more values that were observed, a panel for each; all of them, up to twelve, if none is named.
      Of what was observed in time the last entry is taken, as `simulations.table` does.
    - `x`: a parameter that was swept; the one with most values if none is named.

    An axis is logarithmic where its numbers are positive and span a factor of ten.

    >>> import figures, simulations
    >>> grid = {"samples": 4, "time": 1.0, "particles": "10:40:2log"}
    >>> records = simulations.sweep("lazy_scaling", grid, seeds=2)
    >>> figures.table(records, "risk", x="particles").axes[0].get_xlabel()
    'particles'

    Raises `ValueError` for a value that was not observed and a parameter that was not swept.
    """
    load()
    from figures import _grid
    from figures.style import styled

    with styled():
        return _grid.draw(records, value, x)


def pictures(study: Study, directory: Path, formats=("png",)) -> list[Path]:
    """The files that `save` and `save_grid` may write."""
    return [directory / f"{study.name}{kind}.{suffix}" for kind in ("", GRID) for suffix in formats]


def save_diagnosis(report, out: str | Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write the picture of a `meanfield.diagnose` report, one file a format, each whole or not at all; returns the
    paths.

    Raises `ValueError` for a format that is not png, svg or pdf, and for a file that is there and was not written by
    this package.
    """
    load()
    from figures import diagnosis

    check_formats(formats)
    return diagnosis.save_diagnosis(report, Path(out), tuple(formats))


def save_transfer(report, out: str | Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write the picture of a `simulations.transfer` report, one file a format, each whole or not at all; returns the
    paths. Raises what `save_diagnosis` does.
    """
    load()
    from figures import transfer

    check_formats(formats)
    return transfer.save_transfer(report, Path(out), tuple(formats))


def save(study: Study, records: Records, directory: Path, formats=("png",), *, name: str = "") -> list[Path]:
    """Draw, and write one file a format, each whole or not at all; returns their paths.

    The files have the study's name, or this `name`. The same records give the same file: it carries versions and seeds,
    no date and no random name. Raises `ValueError` for a format that is not png, svg or pdf, and for a file that is
    there and was not written by this package.
    """
    check_formats(formats)
    contents = render(study, records, *formats)
    paths = [directory / f"{name or study.name}.{kind}" for kind in formats]
    signature.write(dict(zip(paths, contents, strict=True)))
    return paths


def save_grid(
    study: Study,
    records: Records,
    directory: Path,
    formats=("png",),
    value: str | Sequence[str] | None = None,
    x: str | None = None,
) -> list[Path]:
    """Draw `table`, and write it as `save` does; before it the study's own figure, where these records have something
    for each of its panels. Returns the paths.
    """
    check_formats(formats)
    files = {GRID: table(records, value, x)}
    if study.draw is not None or study.panels or _packaged(study):
        own = draw(study, records)
        files = files if _lacks(own) else {"": own, **files}
    paths = []
    for kind, figure in files.items():
        named = [directory / f"{study.name}{kind}.{suffix}" for suffix in formats]
        signature.write(dict(zip(named, _written(figure, study, records, formats), strict=True)))
        paths += named
    return paths


def render(study: Study, records: Records, *formats: str) -> list[bytes]:
    """The study's figure as the content of a file, one for each format."""
    return _written(draw(study, records), study, records, formats)


def _written(figure, study: Study, records: Records, formats: Iterable[str]) -> list[bytes]:
    from figures.style import styled

    contents = []
    for kind in formats:
        content = io.BytesIO()
        with styled():
            figure.savefig(content, format=kind, metadata=signature.metadata(kind, _text(study, records)))
        contents.append(content.getvalue())
    return contents


def films(study: Study, directory: Path, formats=("gif",)) -> list[Path]:
    """The files that `animate` writes."""
    return [directory / f"{study.name}.{kind}" for kind in formats]


def animate(
    study: str | Study, records: Records, directory: Path, formats=("gif",), *, page: Path | None = None
) -> list[Path]:
    """Write the film of a study's motion, one file a format, each whole or not at all; returns their paths.

    `records` are those of `simulations.motion(study).study`. The two runs with the smallest and the largest value of
    its scene's `beside` are shown; of all other parameters that vary the value in the middle. The same records give the
    same GIF. `page` is the gallery's page on which the film is shown. Raises `ValueError` for a study that has no
    motion, for a format that is neither gif nor mp4, for mp4 where there is no ffmpeg, for records that hold no two
    such runs, and for a file that is there and was not written by this package.
    """
    check_films(formats)
    load()
    from figures import film
    from figures.style import styled

    study, moving = find(study), motion(study)
    pair = film.beside(moving, records)
    paths = films(study, directory, formats)
    for kind, path in zip(formats, paths, strict=True):
        with styled():
            content = film.FILMS[kind](moving, pair)
        signature.write({path: content}, page)
    return paths


def _packaged(study: Study) -> bool:
    """Return True if the study's figure is drawn by a file of this package."""
    return study.name in STUDIES or study.name in PUBLISHED


def _lacks(figure) -> bool:
    """Return True if a panel of a study's figure shows nothing: these records are not all that it is about."""
    from figures.style import EMPTY

    return any(axes.get_label() == EMPTY for axes in figure.axes)


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


def _text(study: Study, records: Records) -> str:
    """Versions and seeds, for the file's own description."""
    made = ", ".join(part for part in (f"{study.name}, {len(records)} runs", origin.seeds(records)) if part)
    return "; ".join(part for part in (made, origin.versions(records)) if part)
