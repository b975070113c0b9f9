"""The signature of files: it says who wrote them, so that none of somebody else's is overwritten.

A picture holds it in its metadata, a page in a comment, a table in its heading. Files are written whole or not at all.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from simulations.records.files import write_whole
from simulations.verdicts.table import HEADING

__all__ = ["SIGNATURE", "metadata", "refuse_others", "write"]

SIGNATURE = "Written by meanfield"
"""In the metadata of every picture and film, and in the head of every page that is not Markdown."""

ENDS = 1 << 16
"""Bytes at both ends of a file in which it says who wrote it."""

_MARKS = (
    re.compile(re.escape(SIGNATURE).encode()),
    re.compile(rb"\A<!-- Written by `meanfield gallery`"),
    re.compile(rb"\A\x89PNG.{0,200}?tEXtDescription\0\w+, \d+ runs[^\0]{0,400}?; meanfield \d", re.DOTALL),
    re.compile(rb"\A[^\n]*\b" + HEADING.encode() + rb"\r?\n"),
)
"""Signatures: of pictures and films, of the gallery's page, of its pictures before they were signed, of tables."""

_LINK = re.compile(rb"\]\(([^()\s]+)\)")


def metadata(kind: str, text: str) -> dict[str, str | None]:
    """Return what a picture says of itself in this format: the signature, this `text`, and no date."""
    if kind == "pdf":
        return {"Subject": text, "Creator": SIGNATURE, "CreationDate": None}
    if kind == "svg":
        return {"Description": text, "Creator": SIGNATURE, "Date": None}
    return {"Description": text, "Software": SIGNATURE}


def refuse_others(paths: Iterable[Path], page: Path | None = None) -> None:
    """Raise `ValueError`, with its path, for what is there and was not written by this package.

    Of a `page` that was, the files it shows are taken to be its own.
    """
    for path in paths:
        if path.is_dir():
            raise ValueError(f"{str(path)!r}: is a directory; expected the place of a file.")
        if path.exists() and not _own(path) and not (page is not None and _shown(page, path)):
            raise ValueError(
                f"{str(path)!r}: is not a file that meanfield wrote, and is not overwritten; expected another "
                "directory, or this file moved away."
            )


def write(files: Mapping[Path, bytes], page: Path | None = None) -> None:
    """Write each file whole or not at all, in directories that are made; raises what `refuse_others` does, and
    `OSError`.
    """
    refuse_others(files, page)
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(files)


def _own(path: Path) -> bool:
    with open(path, "rb") as stream:
        head = stream.read(ENDS)
        stream.seek(max(len(head), path.stat().st_size - ENDS))
        ends = head + stream.read(ENDS)
    return any(mark.search(ends) for mark in _MARKS)


def _shown(page: Path, path: Path) -> bool:
    """Return True if a page of this package shows the file at `path`."""
    if not page.is_file() or not _own(page):
        return False
    return any((page.parent / link.decode()).resolve() == path.resolve() for link in _LINK.findall(page.read_bytes()))
