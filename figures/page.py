"""The gallery: one page with every study's picture, its verdicts with numbers, and the command that makes them."""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import figures
from figures import origin, signature, summaries
from figures.parts import Part, cell, kept, plain
from simulations import GROUPS, STUDIES, Entry, Records, Study, motion
from simulations.costs.expected import told
from simulations.verdicts.text import measured, predicted, verdict
from theory import references

HEAD = """<!-- Written by `meanfield gallery`; change the studies, not this page. -->

# What the studies find

Every picture below is drawn from records by one command, and every claim under it was checked: what theory predicts,
what was measured with its error (half-widths of 99.9 % intervals; a certified gap or a bound on rounding where nothing
is random), and a control, the same check on a setting that is wrong on purpose, in which it has to fail. Points are
data, black lines are theory; orange is mean-field and blue is lazy training unless a legend says otherwise. Figures of
papers, made again, are on [a page of their own](PUBLISHED.md).
"""


@dataclass(frozen=True)
class Chapter:
    """A study with its records and verdicts."""

    study: Study
    records: Records
    entries: list[Entry]
    sanity: list[Entry]
    """Of the checks that the ledger does not count."""
    moving: Records | None = None
    """Records of the study's motion, where it has one."""

    @property
    def verdict(self) -> str:
        """ "18 of 18 claims hold", with what does not."""
        return _holding(self.entries, "claims hold")

    @property
    def sane(self) -> str:
        """ "3 of 3 sanity checks hold", with the names of those that do not; empty where there are none."""
        names = ", ".join(plain(entry.claim.name) for entry in self.sanity if entry.passed is not True)
        return _holding(self.sanity, "sanity checks hold") + (f": {names}" if names else "") if self.sanity else ""


def _holding(entries: list[Entry], what: str) -> str:
    holding, failing = (sum(entry.passed is outcome for entry in entries) for outcome in (True, False))
    untested = len(entries) - holding - failing
    text = f"{holding} of {len(entries)} {what}"
    return text + (f", {failing} fail" if failing else "") + (f", {untested} not tested" if untested else "")


def refuse_others(studies: Iterable[Study], directory: Path) -> None:
    """Raise `ValueError` for a file that would be written by `write` and is somebody else's, before anything is
    computed for it.
    """
    page, pictures = _places(directory)
    paths = [page]
    for study in studies:
        paths += [pictures / f"{study.name}.png", pictures / f"{study.name}.json"]
        if study.animation is not None:
            paths.append(pictures / f"{study.name}.gif")
    signature.refuse_others(paths, page)


def _places(directory: Path) -> tuple[Path, Path]:
    """(the page, the folder of its pictures)."""
    return directory / "README.md", directory / "gallery"


def write(
    chapters: Iterable[Chapter], directory: Path, size: str, report: Callable[[str, int, int], None] = lambda *_: None
) -> list[Path]:
    """Draw the pictures into `directory`/gallery, with summaries of what the checks saw beside them, and write the page
    `directory`/README.md; returns all paths.

    Studies that are not among the chapters keep their parts of a page that is there. The page is written last, so that
    it never shows a picture that is not there. The same records give the same files. `report` is told the name of each
    study whose picture is there, how many there are by now, and of how many. Raises `ValueError` for a file that is
    there and was not written by this package.
    """
    story = list(STUDIES)
    chapters = sorted(chapters, key=lambda chapter: story.index(chapter.study.name))
    page, pictures = _places(directory)
    refuse_others([chapter.study for chapter in chapters], directory)
    before = kept(page.read_text(encoding="utf-8")) if page.is_file() else {}
    written = []
    for done, chapter in enumerate(chapters, 1):
        name = chapter.study.name
        [png] = figures.render(chapter.study, chapter.records, "png")
        made = {
            pictures / f"{name}.png": small(png),
            pictures / f"{name}.json": summaries.content(chapter.study, chapter.records, size),
        }
        signature.write(made, page)
        written += made
        if chapter.moving is not None:
            written += figures.animate(chapter.study, chapter.moving, pictures, page=page)
        report(name, done, len(chapters))
    signature.write({page: text(chapters, size, before).encode()})
    return [*written, page]


def small(png: bytes) -> bytes:
    """The picture in 256 colours: line art looks the same at a third of the bytes."""
    from PIL import Image, PngImagePlugin

    picture = Image.open(io.BytesIO(png))
    about = PngImagePlugin.PngInfo()
    for name, value in picture.info.items():
        if isinstance(value, str):
            about.add_text(str(name), value)
    content = io.BytesIO()
    reduced = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    reduced.save(content, "PNG", optimize=True, dpi=picture.info.get("dpi"), pnginfo=about)
    return content.getvalue()


def text(chapters: Iterable[Chapter], size: str, before: Mapping[str, Part] | None = None) -> str:
    """The page, in Markdown: a part for each of the chapters; other studies keep the parts that were there before."""
    made = {chapter.study.name: Part(chapter.study.name, _chapter(chapter, size)) for chapter in chapters}
    known = {**(before or {}), **made}
    parts = [known[name] for name in STUDIES if name in known]
    texts = [HEAD, _counts(parts), _contents(parts)]
    for group, question in GROUPS.items():
        inside = [part for part in parts if STUDIES[part.name].group == group]
        if inside:
            texts += [f"## {group.capitalize()}\n\n*{question}*\n", *(part.body for part in inside)]
    cited = {key for part in parts for key in part.cited}
    texts.append("## References\n")
    known_sources = references.keys()
    texts.append("\n".join(_reference(key) for key in known_sources if key in cited))
    return "\n".join(texts) + "\n"


def _counts(parts: list[Part]) -> str:
    """How much the page holds."""
    studies, runs = _count(len(parts), "study", "studies"), _count(sum(part.runs for part in parts), "run", "runs")
    holding, claims, sane, checks = (sum(part.counts[k] for part in parts) for k in range(4))
    return (
        f"Made by `meanfield gallery`, or study by study by `meanfield gallery STUDY`: {studies}, {runs}; "
        f"**{holding} of {claims} claims hold**, and {sane} of {checks} sanity checks, which are no claims.\n"
    )


def _option(size: str) -> str:
    """How a command is told the size."""
    return "" if size == "default" else f" --size {size}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _contents(parts: list[Part]) -> str:
    rows = ["| study | what it shows | verdict |", "|---|---|---|"]
    rows += [f"| [{part.name}](#{part.name}) | {cell(STUDIES[part.name].summary)} | {part.verdict} |" for part in parts]
    return "\n".join(rows) + "\n"


def _chapter(chapter: Chapter, size: str) -> str:
    study = chapter.study
    rows = [row(entry) for entry in chapter.entries]
    runs = ", ".join(filter(None, (_count(len(chapter.records), "run", "runs"), origin.seeds(chapter.records))))
    versions = origin.versions(chapter.records)
    return "\n".join(
        [
            f"### {study.name}\n",
            f"{plain(study.about)}\n",
            f"![{study.name}: {study.summary}](gallery/{study.name}.png)\n",
            f"`meanfield run {study.name}{_option(size)}`, {_time(chapter, size)}{runs}: "
            f"**{chapter.verdict}**{chapter.sane and f'; {chapter.sane}'}.{versions and f' ({versions})'}\n",
            *_film(chapter),
            "<details><summary>Every claim with its numbers</summary>\n",
            "| claim | predicted | measured ± error | what it is | found with 90 % "
            "| control, in which the check must fail | verdict | source |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "\n</details>\n",
        ]
    )


def _time(chapter: Chapter, size: str) -> str:
    """Return how long the size takes, where it was measured."""
    time = told(chapter.study, size)
    return "" if time is None else f"{time} on two cores, "


def _film(chapter: Chapter) -> list[str]:
    """The film of the study's particles, and how it is made and explored."""
    if chapter.moving is None:
        return []
    name = chapter.study.name
    title = motion(chapter.study).scene.title
    return [
        f"![{title}](gallery/{name}.gif)\n",
        f"{title}: `meanfield figure {name} --animate`, or `meanfield explore {name}` to drag time and parameters.\n",
    ]


def row(entry: Entry) -> str:
    """Return the row of a claim in the table of its study."""
    cells = (
        f"**{cell(entry.claim.name)}**: {cell(entry.claim.statement)}",
        cell(predicted(entry)),
        cell(measured(entry.verdict)),
        cell(entry.strength),
        "" if entry.verdict.seen is None else cell(f"± {entry.verdict.seen:.2g}"),
        f"{cell(entry.claim.wrong)}: {cell(measured(entry.control))}",
        verdict(entry),
        f"[{entry.claim.reference}](#{entry.claim.reference})",
    )
    return f"| {' | '.join(cells)} |"


def _reference(key: str) -> str:
    return f'* <a id="{key}"></a>**{key}**: {references.citation(key)}'
