"""The gallery's page of published figures: each with its picture, the paper's values beside ours, and its command."""

import re
from collections.abc import Iterable
from pathlib import Path

import figures
from figures import origin, signature
from figures.page import small
from figures.parts import cell, plain
from simulations import PUBLISHED, Entry, PublishedFigure, Records, Study
from simulations.study.machine import in_time
from simulations.verdicts.comparison import agreement
from simulations.verdicts.text import measured, predicted
from theory import references

HEAD = """<!-- Written by `meanfield gallery`, as `meanfield reproduce` makes it; change the studies, not this page. -->

# Published figures, made again

Every figure below is made by one command. The papers' values were read off their figures or stand in their text; ours
come with the half-widths of 95 % intervals, and agree where they are no further apart than the accuracy of reading and
our error together; orderings and bounds, which have no accuracy, are shown at 99.9 %. Open diamonds are the papers'
values. What a paper does not say, and was chosen here, is said.
"""

Made = tuple[Study, PublishedFigure, Records, list[Entry]]
"""A study, one of its published figures, the records of its runs, and the rows of its table."""


def write(made: Iterable[Made], directory: Path, size: str) -> list[Path]:
    """Draw the pictures into `directory`/gallery and write the page `directory`/PUBLISHED.md; returns all paths.

    Figures that are not among those made keep their parts of a page that is there. Raises `ValueError` for a file that
    is there and was not written by this package.
    """
    page, pictures = directory / "PUBLISHED.md", directory / "gallery"
    parts = kept(page.read_text(encoding="utf-8")) if page.is_file() else {}
    written = []
    for study, figure, records, entries in made:
        path = pictures / f"{_name(study, figure)}.png"
        [png] = figures.render(study, records, "png")
        signature.write({path: small(png)}, page)
        written.append(path)
        parts[study.name, figure.name] = _part(study, figure, records, entries, size)
    signature.write({page: text(parts).encode()})
    return [*written, page]


def committed() -> str:
    """Return the page of the repository; empty where there is none."""
    return PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""


def _name(study: Study, figure: PublishedFigure) -> str:
    return f"{study.name}_{figure.name}"


PAGE = Path(__file__).with_name("PUBLISHED.md")
"""The page of the repository."""

_HEADING = re.compile(r"^### (\w+) (.+)\n", re.MULTILINE)
_AGREEING = re.compile(r"^\*\*(.+)\*\*, (.+): `", re.MULTILINE)


def kept(page: str) -> dict[tuple[str, str], str]:
    """Return the parts of a page that was written before, of the figures that there are."""
    _, *pieces = _HEADING.split(page)
    return {
        (paper, figure): re.split(r"^## ", body, flags=re.MULTILINE)[0].strip() + "\n"
        for paper, figure, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
        if paper in PUBLISHED and figure in {one.name for one in PUBLISHED[paper].published}
    }


def text(parts: dict[tuple[str, str], str]) -> str:
    """Return the page, in Markdown, in the order of the papers and of their figures."""
    listed = [(study, one) for study in PUBLISHED.values() for one in study.published]
    listed = [(study, one) for study, one in listed if (study.name, one.name) in parts]
    rows = ["| figure | what it says | values that agree | time, two cores |", "|---|---|---|---|"]
    for study, figure in listed:
        found = _AGREEING.search(parts[study.name, figure.name])
        agreeing, time = found.groups() if found else ("", "")
        link = f"[{study.name} {figure.name}](#{_anchor(study, figure)})"
        rows.append(f"| {link} | {cell(figure.statement)} | {agreeing} | {time} |")
    texts = [HEAD, "\n".join(rows) + "\n"]
    for study in dict.fromkeys(study.name for study, _ in listed):
        found = PUBLISHED[study]
        texts.append(f"## {study}\n\n{plain(references.citation(found.claims[0].reference))}\n\n{plain(found.about)}\n")
        texts += [f"### {study} {one.name}\n\n{parts[study, one.name]}" for of, one in listed if of.name == study]
    return "\n".join(texts)


def _anchor(study: Study, figure: PublishedFigure) -> str:
    """The name that Markdown gives to the heading of a figure."""
    return re.sub(r"[^\w-]", "", f"{study.name} {figure.name}".lower().replace(" ", "-"))


def _counted(entries: list[Entry]) -> str:
    """ "3 agree, 1 does not, 2 not tested"."""
    counts = {
        word: sum(entry.passed is value for entry in entries)
        for value, word in ((True, "agree"), (False, "do not"), (None, "not tested"))
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _part(study: Study, figure: PublishedFigure, records: Records, entries: list[Entry], size: str) -> str:
    """The part of a figure, below its heading."""
    option = {"smoke": " --quick", "default": "", "large": " --full"}[size]
    seconds = in_time(sum(record.provenance["seconds"] for record in records))
    runs = f"{len(records)} runs, {origin.seeds(records)}".rstrip(", ")
    rows = [
        f"| **{cell(entry.claim.name)}**: {cell(entry.claim.statement)} | {cell(predicted(entry))} "
        f"| {cell(measured(entry.verdict))} | {cell(agreement(entry))} |"
        for entry in entries
    ]
    return "\n".join(
        [
            f"{plain(figure.statement)}\n",
            f"![{_name(study, figure)}](gallery/{_name(study, figure)}.png)\n",
            f"**{_counted(entries)}**, {seconds}: `meanfield reproduce {study.name} {figure.name}{option}` ({runs})\n",
            "| quantity | paper | ours ± error | agrees |",
            "|---|---|---|---|",
            *rows,
            f"\nStated: {plain(' '.join(figure.stated.split()))}\n",
            f"Chosen here: {plain(' '.join(figure.chosen.split()))}\n",
        ]
    )
