"""Figures: one for every study, under the same name and in the same room. They read records and theory, and run
nothing.
"""

import importlib
import io
from pathlib import Path

from simulations import Records, Study
from simulations._files import write_whole

__all__ = ["FORMATS", "draw", "render", "save"]

FORMATS = ("png", "svg", "pdf")


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
    for kind in formats:
        if kind not in FORMATS:
            raise ValueError(f"format={kind!r}: expected one of {', '.join(FORMATS)}.")
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


def _metadata(kind: str, study: Study, records: Records) -> dict[str, str | None]:
    """Versions and seeds for the file's own description, and no date."""
    text = f"{study.name}, {len(records)} runs"
    for record in records:
        versions = record.provenance.get("versions", {})
        seeds = sorted({int(one.parameters["seed"]) for one in records})
        text += f", seeds {seeds[0]} to {seeds[-1]}; " + ", ".join(
            f"{name} {version}" for name, version in versions.items()
        )
        break
    if kind == "pdf":
        return {"Subject": text, "CreationDate": None}
    return {"Description": text, "Date": None} if kind == "svg" else {"Description": text, "Software": None}
