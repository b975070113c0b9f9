"""No file of somebody else's is overwritten, and every file of ours may be."""

import re
from pathlib import Path

import pytest

import figures
import figures.explorer
import simulations
from figures import page, signature
from meanfield.command.main import main

GALLERY = Path(__file__).parents[2] / "figures"
STUDY = simulations.find("noise_stability")
NONE = simulations.Records([])
TINY = ("--samples", "4", "--time", "1", "--particles", "10", "20")


@pytest.mark.parametrize("kind", figures.FORMATS)
def test_pictures_say_who_wrote_them(kind, tmp_path):
    for _ in range(2):
        [path] = figures.save(STUDY, NONE, tmp_path, (kind,))
    assert signature.SIGNATURE.encode() in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(signature.SIGNATURE.encode(), b"Drawn by somebody el"))
    with pytest.raises(ValueError, match=re.escape(f"{str(path)!r}: is not a file that meanfield wrote")):
        figures.save(STUDY, NONE, tmp_path, (kind,))


def test_reduced_pictures_say_so_too(tmp_path):
    [png] = figures.render(STUDY, NONE, "png")
    signature.write({tmp_path / "one.png": page.small(png)})
    signature.refuse_others([tmp_path / "one.png"])


def test_films_tables_and_pages_say_who_wrote_them(tmp_path):
    motion = simulations.motion("sparse_deconvolution")
    records = simulations.run(motion.study, "smoke", seeds=1)
    paths = figures.animate("sparse_deconvolution", records, tmp_path)
    table = tmp_path / "table.csv"
    signature.write({table: simulations.table(records).csv().encode()})
    paths += [table, figures.explorer.save(motion, records, tmp_path / "page.html")]
    signature.refuse_others(paths)
    for path in paths:
        path.write_bytes(b"mine, a page about meanfield, Written by me")
        with pytest.raises(ValueError, match="is not a file that meanfield wrote, and is not overwritten"):
            signature.refuse_others([path])


def test_the_gallery_that_comes_with_the_package_is_ours():
    page.refuse_others(simulations.STUDIES.values(), GALLERY)


@pytest.mark.parametrize("content", [b"", b"mine\n", b"# Written by `meanfield gallery`?\n\nNo, by me.\n"])
def test_a_page_of_somebody_else_is_refused(tmp_path, content):
    (tmp_path / "README.md").write_bytes(content)
    with pytest.raises(ValueError, match=r"README\.md': is not a file that meanfield wrote"):
        page.refuse_others([STUDY], tmp_path)


def test_a_picture_beside_a_page_of_ours_that_does_not_show_it_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("<!-- Written by `meanfield gallery`; -->\n![a](gallery/langevin.gif)\n")
    (tmp_path / "gallery").mkdir()
    mine = tmp_path / "gallery" / "langevin.gif"
    mine.write_bytes(b"GIF89a, before films were signed")
    page.refuse_others([simulations.find("langevin")], tmp_path)
    mine.rename(tmp_path / "gallery" / "lazy_scaling.gif")
    with pytest.raises(ValueError, match=r"lazy_scaling\.gif': is not a file"):
        page.refuse_others([simulations.find("lazy_scaling")], tmp_path)


def test_a_directory_in_the_way(tmp_path):
    (tmp_path / "noise_stability.png").mkdir()
    with pytest.raises(ValueError, match="is a directory; expected the place of a file"):
        figures.save(STUDY, NONE, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["gallery", "langevin", "--size", "smoke"], "figures/README.md"),
        (["gallery", "langevin", "--size", "smoke", "--page", "here"], "here/gallery/langevin.png"),
        (["gallery", "langevin", "--size", "smoke"], "figures/gallery/langevin.gif"),
        (["gallery", "langevin", "--size", "smoke"], "figures/gallery/langevin.json"),
        (["run", "lazy_scaling", "--size", "smoke"], "results/figures/lazy_scaling.svg"),
        (["run", "lazy_scaling", *TINY], "results/figures/lazy_scaling_grid.png"),
        (["run", "lazy_scaling", *TINY], "results/tables/lazy_scaling.csv"),
        (["figure", "lazy_scaling", "--out", "."], "lazy_scaling.png"),
        (["figure", "langevin", "--animate", "--out", "."], "langevin.gif"),
        (["explore", "langevin", "--size", "smoke"], "langevin.html"),
    ],
)
def test_commands_refuse_before_anything_is_computed(arguments, place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mine = Path(place)
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("meanfield: ")
    assert f"{place!r}: is not a file that meanfield wrote, and is not overwritten" in said
    assert said.count("\n") == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / place]
    assert mine.read_text() == "mine"


def test_a_calibration_does_not_overwrite_notes(tmp_path, capsys):
    mine = tmp_path / "calibration" / "noise_stability-smoke.json"
    mine.parent.mkdir()
    mine.write_text('{"mine": 1}')
    assert main(["verify", "noise_stability", "--size", "smoke", "--calibrate", "1", "--out", str(tmp_path)]) == 2
    assert "noise_stability-smoke.json': is not a file that meanfield wrote" in capsys.readouterr().err
    assert mine.read_text() == '{"mine": 1}'


def test_commands_overwrite_what_they_wrote(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["run", "lazy_scaling", *TINY, "--format", "png"]) in (0, 3)
