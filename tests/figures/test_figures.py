"""Figures: drawn from few records and from none, whole files, same records same file."""

from pathlib import Path

import numpy as np
import pytest

import figures
import simulations

STUDY = simulations.find("lazy_scaling")


@pytest.fixture(scope="module")
def records():
    """A little of each panel: both scalings of a tiny teacher, two networks in the plane, three α."""
    tiny = {"samples": 6, "time": 4.0, "seed": [0, 1]}
    along_m, along_alpha = {"particles": [10, 20, 40], "exponent": [0.0, 0.5]}, {"alpha": [1.0, 10.0, 100.0]}
    grids = {
        "teacher": [{**tiny, **along_m}, {**tiny, **along_alpha, "particles": 20, "tangent": True}],
        "smooth": [{**tiny, **along_alpha, "particles": 20, "step": 0.5}],
        "plane": [{**tiny, **along_alpha, "particles": 20}],
    }
    parts = [simulations.sweep(STUDY.only(name), grid) for name, several in grids.items() for grid in several]
    return simulations.Records(record for part in parts for record in part)


@pytest.mark.parametrize("study", simulations.STUDIES.values(), ids=lambda study: study.name)
def test_every_study_has_tests_of_its_figure(study):
    """They draw it by `figure_of`, or `figure`, which asks of every figure what all promise."""
    found = list((Path(__file__).parent / study.group).glob(f"test_{study.name}*.py"))
    assert len(found) == 1
    text = found[0].read_text(encoding="utf-8")
    assert study.name == "throughput" or f'figure_of("{study.name}")' in text or "(figure" in text


def drawn_lines(axes) -> int:
    return len(axes.get_lines()) + len(axes.containers)


def test_panels_have_data_theory_labels_and_titles(records):
    figure = figures.draw(STUDY, records)
    titled = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert len(titled) == 6
    for axes in (figure.axes[k] for k in (0, 2, 3, 4)):
        assert drawn_lines(axes) >= 2, axes.get_title(loc="left")
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert any("theory" in text.get_text() for text in axes.get_legend().get_texts())


def test_without_records_the_panels_say_so():
    figure = figures.draw(STUDY, simulations.Records([]))
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert len(texts) == 6
    assert all(text.startswith("no runs") for text in texts)


def test_files_are_whole_and_the_same_each_time(records, tmp_path):
    first = figures.save(STUDY, records, tmp_path / "one", ("png", "svg", "pdf"))
    second = figures.save(STUDY, records, tmp_path / "two", ("png", "svg", "pdf"))
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.suffix
        assert one.stat().st_size > 1000
    assert {path.name for path in (tmp_path / "one").iterdir()} == {f"lazy_scaling.{kind}" for kind in figures.FORMATS}


def test_unknown_format(tmp_path):
    with pytest.raises(ValueError, match=r"format='gif': is a film, .*; expected one of png, svg, pdf"):
        figures.save(STUDY, simulations.Records([]), tmp_path / "none", ("gif",))
    assert not (tmp_path / "none").exists()


def test_palette_is_told_apart_without_colour():
    """Luminances of the colours that share a panel differ, so that a grey print still shows which is which."""
    from matplotlib.colors import to_rgb

    from figures.style import LAZY, MEAN_FIELD

    weights = np.array([0.2126, 0.7152, 0.0722])
    bright = [float(np.array(to_rgb(color)) ** 2.2 @ weights) for color in (LAZY, MEAN_FIELD)]
    assert abs(bright[0] - bright[1]) > 0.05
