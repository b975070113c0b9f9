"""Films: as many frames as times, the same file each time, whole or not at all."""

import stat

import numpy as np
import pytest
from PIL import Image

import figures
import simulations
from figures import _stage, film

FRAMES = 4


def records(study: str, times=None) -> simulations.Records:
    """Two runs of few frames, drawn by hand: nothing is simulated."""
    scene, rng = simulations.motion(study).scene, np.random.default_rng(0)
    grid, times = np.linspace(-1, 1, 7), np.geomspace(1, 100, FRAMES) - 1 if times is None else times
    made = []
    for beside in (2, 8):
        places = rng.normal(size=(FRAMES, beside, len(scene.plane))).astype(np.float32)
        values = {
            "times": times,
            "particles": places,
            "weights": rng.choice([-1.0, 1.0], beside) * np.ones((FRAMES, 1)),
            "grid": grid,
            "functions": rng.uniform(size=(FRAMES, 7)),
            "target": np.cos(grid) if len(scene.plane) > 1 else np.ones((FRAMES, 1)) * np.cos(grid),
            "samples": rng.normal(size=(3, 2)),
            "marks": rng.normal(size=(2, 2)),
            **{f"curve_{name}": rng.uniform(1, 2, FRAMES) for name in scene.curves},
        }
        parameters = dict.fromkeys(scene.sliders, 1) | {scene.beside: beside, "samples": 3}
        made.append(simulations.Record(parameters, values))
    return simulations.Records(made)


@pytest.mark.parametrize("study", simulations.MOTIONS)
def test_gif_has_a_frame_for_every_time(study, tmp_path):
    (path,) = figures.animate(study, records(study), tmp_path / "films")
    assert path == tmp_path / "films" / f"{study}.gif"
    with Image.open(path) as picture:
        assert (picture.n_frames, picture.size) == (FRAMES, (800, 860))
        seen = []
        for frame in range(FRAMES):
            picture.seek(frame)
            seen.append(np.asarray(picture.convert("RGB")))
        assert picture.info["duration"] == film.LAST
    assert len({image.tobytes() for image in seen}) == FRAMES


def test_the_same_records_make_the_same_file(tmp_path):
    one, two = (figures.animate("langevin", records("langevin"), tmp_path / name)[0] for name in "ab")
    assert one.read_bytes() == two.read_bytes()


def test_axes_are_labelled_and_hold_all_of_the_film():
    made = records("sparse_deconvolution")
    motion = simulations.motion("sparse_deconvolution")
    drawn = _stage.stage(motion, film.beside(motion, made))
    assert len(drawn.figure.axes) == 6
    for axes in drawn.figure.axes:
        assert axes.get_xlabel()
    for axes, record in zip(drawn.figure.axes, made, strict=False):
        places = record.values["particles"].reshape(-1, 2)
        for ends, at in zip((axes.get_xlim(), axes.get_ylim()), places.T, strict=True):
            assert ends[0] < at.min()
            assert at.max() < ends[1]
    drawn.show(FRAMES - 1)
    said = [text.get_text() for text in drawn.figure.texts]
    assert said == [motion.scene.title, "t = 99 (mean-field time)"]


def test_paths_around_the_torus_are_broken():
    path = np.array([0.1, 0.02, 0.97, 0.9])[:, None, None] * np.ones(2)
    x, _ = _stage._joined(_stage._broken(path, np.array([1.0, 1.0])))
    np.testing.assert_array_equal(np.isnan(x), [False, False, True, False, True])


def test_runs_that_are_shown_are_extremes_of_one_and_the_middle_of_the_others():
    motion = simulations.motion("lazy_scaling")
    made = [
        simulations.Record({"alpha": alpha, "particles": m}, {}) for m in (20, 100, 500) for alpha in (1.0, 10.0, 100.0)
    ]
    pair = film.beside(motion, simulations.Records(made))
    assert [one.parameters for one in pair] == [{"alpha": alpha, "particles": 100} for alpha in (1.0, 100.0)]


@pytest.mark.parametrize(
    ("study", "kind", "sentence"),
    [
        ("lazy_scaling", "png", "format='png': expected one of gif, mp4 for a film"),
        ("lazy_scaling", "mp4", "format='mp4': needs the program ffmpeg"),
        ("depth", "gif", "study='depth': has no moving particles"),
        ("lazy_scaling", "gif", "records of lazy_scaling: expected two values of alpha"),
    ],
)
def test_what_can_not_be_drawn(study, kind, sentence, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=sentence):
        figures.animate(study, simulations.Records([]), tmp_path / "films", (kind,))
    assert not (tmp_path / "films").exists()


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """A program of that name that does what it is told to, in place of the real one."""

    def install(lines: str) -> None:
        program = tmp_path / "ffmpeg"
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


def test_mp4_is_given_every_pixel(ffmpeg, tmp_path):
    ffmpeg('for last; do :; done; cat > "$last"')
    (path,) = figures.animate("lazy_scaling", records("lazy_scaling"), tmp_path / "films", ("mp4",))
    assert path.stat().st_size == FRAMES * 800 * 860 * 3


def test_mp4_that_fails_says_why(ffmpeg, tmp_path):
    ffmpeg("cat > /dev/null; echo 'Unknown encoder libx264' >&2; exit 1")
    with pytest.raises(ValueError, match=r"writes H\.264; this one says: Unknown encoder libx264"):
        figures.animate("lazy_scaling", records("lazy_scaling"), tmp_path / "films", ("mp4",))
    assert not (tmp_path / "films").exists()
