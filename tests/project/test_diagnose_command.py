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
    np.savez(folder / "turned.npz", **{**first, "fc1.weight": first["fc1.weight"].T})
    np.savez(folder / "bias.npz", **first, **{"fc1.bias": np.zeros(64)})
    np.savez(folder / "missing.npz", **{"fc1.weight": first["fc1.weight"]})
    np.savez(folder / "nan.npz", **{name: value * np.nan for name, value in first.items()})
    np.savez(folder / "two.npz", **{**first, "fc2.weight": np.ones((2, 64))})
    np.savez(folder / "zero.npz", **{name: 0 * value for name, value in first.items()})
    (folder / "words.npz").write_text("no archive")
    (folder / "folder.npz").mkdir()
    np.savez(folder / "short.npz", x=x, y=x[:7, 0])
    np.savez(folder / "wide.npz", x=np.ones((20, 5)), y=x[:, 0])
    np.savez(folder / "one.npz", x=x[:1], y=x[:1, 0])
    np.savez(folder / "unknown.npz", x=x, y=np.where(x[:, 0] > 0, np.nan, 0))
    np.savez(folder / "huge.npz", x=1e30 * x, y=x[:, 0])
    np.savez(folder / "whole.npz", x=np.round(9 * x).astype(int), y=np.round(x[:, 0]).astype(int))
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
        ({"trained": "folder.npz"}, [], "is a directory, expected a file"),
        ({"initial": "words.npz"}, [], "is damaged or no archive of arrays"),
        ({"initial": "turned.npz"}, [], "one of these seems to be transposed"),
        ({"initial": "missing.npz"}, [], "expected those of two dense layers"),
        ({"trained": "nan.npz"}, [], "W holds 192 non-finite value(s)"),
        ({"trained": "bias.npz"}, [], "trained has a bias b that initial has not"),
        ({"initial": "two.npz", "trained": "two.npz"}, [], "y has shape (20,): expected [n, 2]"),
        ({"initial": "zero.npz", "trained": "zero.npz"}, [], "the network has no derivative at these inputs"),
        ({"trained": "zero.npz"}, [], "trained: the network has no derivative at these inputs"),
        ({"data": "half.npz"}, [], "holds x, expected x and y"),
        ({"data": "initial.npz"}, [], "holds fc1.weight, fc2.weight, expected x and y"),
        ({"data": "short.npz"}, [], "y has 7 rows: expected 20"),
        ({"data": "wide.npz"}, [], "x has 5 columns: the network has 3 inputs"),
        ({"data": "one.npz"}, [], "x has 1 row: expected at least 2"),
        ({"data": "unknown.npz"}, [], "non-finite value(s)"),
        ({"data": "huge.npz"}, [], "beyond what float32 holds"),
        ({}, ["--step", "0.1"], "expected the number of steps as well"),
        ({}, ["--step", "nan", "--steps", "3"], "expected a finite number"),
        ({}, ["--loss", "logistic"], "this loss takes labels -1 and +1"),
        ({}, ["--parametrisation", "ntk"], "expected one of standard, tangent, mean_field"),
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


def test_weights_of_another_network_and_another_activation_are_said(files, tmp_path, capsys):
    """Nothing in the files tells them; gradient descent made again does."""
    for given, options in (({"trained": "trained.npz"}, []), ({}, ["--activation", "tanh"])):
        assert main([*line(files, tmp_path, **given), "--step", "1e-3", "--steps", "5", *options]) == 0
        assert "was it full gradient descent?" in capsys.readouterr().out.splitlines()[0]


def test_whole_numbers_are_fine(files, tmp_path):
    assert main(line(files, tmp_path, data="whole.npz")) == 0


def test_a_strangers_picture_is_not_overwritten(files, tmp_path, capsys):
    place = tmp_path / "figures/diagnosis.svg"
    place.parent.mkdir()
    place.write_text("<svg>mine</svg>")
    options = ["--format", "png", "svg"]
    assert main([*line(files, tmp_path), *options]) == 2
    assert "is not a file that meanfield wrote" in capsys.readouterr().err
    assert place.read_text() == "<svg>mine</svg>"
    assert not place.with_suffix(".png").exists()
    place.unlink()
    for _ in range(2):  # its own is
        assert main([*line(files, tmp_path), *options]) == 0
    assert place.stat().st_size > 1000


def test_a_file_is_asked_for(capsys):
    assert main(["diagnose"]) == 2
    assert "initial: expected a file" in capsys.readouterr().err
