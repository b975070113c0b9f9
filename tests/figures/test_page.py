"""The gallery's page: every study named, every claim with its numbers, every link resolved, the same file each time."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import figures
import simulations
from figures.page import Chapter, small, text, write
from figures.parts import cell, kept
from simulations.costs.measured import measured
from theory import references

STUDY = simulations.find("noise_stability")


def chapter_of(study, records, moving=None):
    entries, sane = (simulations.verify(study, records, sanity=sanity) for sanity in (False, True))
    return Chapter(study, records, entries, sane, moving)


@pytest.fixture(scope="module")
def chapter():
    records = simulations.run(STUDY, "smoke", seeds=3)
    return chapter_of(STUDY, records)


def test_page_and_picture(chapter, tmp_path):
    *pictures, page = write([chapter], tmp_path / "one", "smoke")
    again = write([chapter], tmp_path / "two", "smoke")
    assert [path.read_bytes() for path in (*pictures, page)] == [path.read_bytes() for path in again]
    words = page.read_text(encoding="utf-8")
    for target in re.findall(r"!\[[^]]*\]\(([^)]*)\)", words):
        assert (page.parent / target).is_file()
    assert "`meanfield run noise_stability --size smoke`" in words
    assert STUDY.about.splitlines()[0] in words


def test_a_study_made_again_changes_its_own_part_alone(chapter, tmp_path):
    other = simulations.find("depth")
    none = simulations.Records([])
    write([chapter, chapter_of(other, none)], tmp_path, "smoke")
    page = tmp_path / "README.md"
    both, picture = page.read_text(encoding="utf-8"), (tmp_path / "gallery" / "depth.png").read_bytes()
    write([chapter_of(STUDY, none)], tmp_path, "smoke")
    after = page.read_text(encoding="utf-8")
    assert kept(after)["depth"] == kept(both)["depth"]
    assert kept(after)[STUDY.name] != kept(both)[STUDY.name]
    assert (tmp_path / "gallery" / "depth.png").read_bytes() == picture
    total, checks = (sum(len(getattr(one, part)) for one in (STUDY, other)) for part in ("claims", "sanity"))
    assert f"2 studies, 0 runs; **0 of {total} claims hold**, and 0 of {checks} sanity checks, which" in after
    write([chapter], tmp_path, "smoke")
    assert page.read_text(encoding="utf-8") == both


def test_films_stand_below_their_pictures(tmp_path):
    study = simulations.find("sparse_deconvolution")
    moving = simulations.run(simulations.motion(study).study, "smoke", seeds=1)
    few = simulations.Records([])
    paths = write([chapter_of(study, few, moving)], tmp_path, "smoke")
    assert [path.name for path in paths] == [
        "sparse_deconvolution.png",
        "sparse_deconvolution.json",
        "sparse_deconvolution.gif",
        "README.md",
    ]
    assert "](gallery/sparse_deconvolution.gif)" in paths[-1].read_text(encoding="utf-8")


def test_every_claim_has_a_row_with_its_numbers_and_a_source(chapter):
    words = text([chapter], "default")
    rows = {row.split("**")[1]: row for row in words.splitlines() if row.startswith("| **")}
    assert set(rows) == {entry.claim.name.replace("_", r"\_") for entry in chapter.entries}
    for entry in chapter.entries:
        row = rows[entry.claim.name.replace("_", r"\_")]
        assert len(re.findall(r"(?<!\\)\|", row)) == 9, row
        assert f"{entry.verdict.measured:.4g}".replace("-", "−") in row
        assert f"(#{entry.claim.reference})" in row
        assert references.citation(entry.claim.reference) in words
    assert f"**{chapter.verdict}**; {chapter.sane}. (" in words


def test_page_says_what_does_not_hold(chapter):
    few = simulations.Records([])
    words = text([chapter_of(STUDY, few)], "default")
    assert f"**0 of {len(STUDY.claims)} claims hold, {len(STUDY.claims)} not tested**; 0 of " in words
    names = ", ".join(cell(one.name) for one in STUDY.sanity)
    assert f"0 of {len(STUDY.sanity)} sanity checks hold, {len(STUDY.sanity)} not tested: {names}." in words


def test_small_pictures_look_the_same(chapter):
    [png] = figures.render(STUDY, chapter.records, "png")
    reduced = small(png)
    assert len(reduced) < len(png) / 2
    before, after = (np.asarray(Image.open(io.BytesIO(one)).convert("RGB"), float) for one in (png, reduced))
    assert before.shape == after.shape
    assert np.abs(before - after).mean() < 1.0  # of 255
    assert "seeds 0 to 2" in Image.open(io.BytesIO(reduced)).text["Description"]


@pytest.mark.parametrize("name", simulations.STUDIES)
def test_committed_gallery_shows_every_study_and_claim_of_today(name):
    """Where this fails, `meanfield gallery STUDY` was not run after a study changed."""
    page = Path(__file__).parents[2] / "figures" / "README.md"
    words, study = page.read_text(encoding="utf-8"), simulations.find(name)
    assert f"\n### {name}\n" in words
    assert (page.parent / "gallery" / f"{name}.png").is_file()
    assert (page.parent / "gallery" / f"{name}.gif").is_file() == (name in simulations.MOTIONS)
    chapter = words.split(f"\n### {name}\n")[1].split("\n### ")[0]
    for claim in study.claims:
        [row] = [row for row in chapter.splitlines() if row.startswith(f"| **{cell(claim.name)}**: ")]
        assert f": {cell(claim.statement)} |" in row
        assert f"| {cell(claim.wrong)}: " in row


@pytest.mark.parametrize("name", simulations.STUDIES)
def test_every_study_says_what_it_is_about(name):
    study = simulations.find(name)
    assert len(study.about.splitlines()) >= 3
    assert "smoke" in measured(study)
