"""`meanfield diagnose`: from files to a verdict, and one sentence for each file that is not what it should be."""

import json

import numpy as np
import pytest

from meanfield.command.main import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3))
    first = {"fc1.weight": rng.normal(size=(64, 3)), "fc2.weight": rng.normal(size=(1, 64)) / 8}
    np.savez(folder / "initial.npz", **first)
    np.savez(folder / "trained.npz", **{name: 1.001 * value for name, value in first.items()})
    np.savez(folder / "other.npz", **{"fc1.weight": np.ones((9, 3)), "fc2.weight": np.ones((1, 9))})
    np.savez(folder / "flat.npz", weight=np.ones(3))
    np.savez(folder / "data.npz", x=x, y=x[:, 0], x_test=x + 1, y_test=x[:, 0] + 1)
    np.savez(folder / "half.npz", x=x)
    return folder


def line(files, out, **given):
    names = {"initial": "initial.npz", "trained": "trained.npz", "data": "data.npz"} | given
    words = [word for name, value in names.items() for word in (f"--{name}", str(files / value))]
    return ["diagnose", *words, "--out", str(out)]


def test_a_report_in_words_and_in_json(files, tmp_path, capsys):
    assert main([*line(files, tmp_path), "--step", "1e-3", "--steps", "5", "--width", "640", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] in ("lazy", "between", "rich")
    for name in ("kernel_change", "kernel_cosine", "linear_gap", "risk", "linear_risk", "largest_step"):
        assert set(told[name]) == {"value", "low", "high"}
    assert told["largest_step_at"]["640"] == pytest.approx(told["largest_step"]["value"] / 10)
    assert (tmp_path / "figures/diagnosis.png").read_bytes()[:4] == b"\x89PNG"
    assert main(line(files, tmp_path / "words")) == 0
    said = capsys.readouterr().out
    assert "relative change of the tangent kernel" in said
    assert "linearisation" not in said  # without steps nothing is said about it


@pytest.mark.parametrize(
    ("given", "options", "sentence"),
    [
        ({"trained": "other.npz"}, [], "trained: W has shape (9, 3), expected (64, 3)"),
        ({"trained": "flat.npz"}, [], "it holds weight [3]; expected those of two dense layers"),
        ({"trained": "none.npz"}, [], "there is no such file"),
        ({"data": "half.npz"}, [], "holds x, expected x and y"),
        ({}, ["--activation", "rleu"], "relu"),
        ({}, ["--multiplier", "0"], "multiplier=0"),
        ({}, ["--steps", "4"], "expected the step as well"),
        ({}, ["--format", "bmp"], "png"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(files, tmp_path, capsys, given, options, sentence):
    assert main([*line(files, tmp_path, **given), *options]) == 2
    told = capsys.readouterr()
    assert sentence in told.err
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("*.png"))


def test_a_file_is_asked_for(capsys):
    assert main(["diagnose"]) == 2
    assert "initial: expected a file" in capsys.readouterr().err
