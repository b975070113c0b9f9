"""`meanfield transfer`: from a line to a verdict, a picture that shows the report, and a sentence for bad input."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

import simulations
from figures.transfer import draw_transfer
from meanfield.command.main import main


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    x = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=x[:, 0] * x[:, 1])
    np.savez(folder / "half.npz", x=x)
    return folder


SHORT = ["--widths", "8:32", "--updates", "10", "--seeds", "3"]


def test_a_report_in_words_and_in_json(data, tmp_path, capsys):
    line = ["transfer", *SHORT, "--data", str(data / "data.npz"), "--at", "64", "--out", str(tmp_path)]
    status = main([*line, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert [row["width"] for row in told["rows"]] == [8, 16, 32]
    assert all(row["low"] < row["best"] < row["high"] for row in told["rows"])
    assert set(told["exponent"]) == {"measured", "error", "predicted"}
    assert status == (3 if told["verdict"] == "undecided" else 0)
    assert told["step_at"]["64"]["low"] < told["step_at"]["64"]["best"] < told["step_at"]["64"]["high"]
    assert (tmp_path / "figures/transfer.png").read_bytes()[:4] == b"\x89PNG"
    assert main(line) == status
    told = capsys.readouterr()
    assert "theory says 0" in told.out
    assert "step at width 64" in told.out
    assert "fewer than three widths of at least 256" in told.out
    assert "width 16, best step" in told.err


def test_the_picture_shows_the_report():
    report = simulations.transfer("standard", widths=[8, 16, 32], updates=10, seeds=3)
    figure = draw_transfer(report)
    left, right = figure.axes
    curves = [line for line in left.get_lines() if line.get_label() in ("8", "16", "32")]
    for line, curve in zip(curves, report.curves, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), curve["steps"])
        np.testing.assert_array_equal(line.get_ydata(), curve["mean"])
    (theory,) = [line for line in right.get_lines() if line.get_label() == "theory: p = -1"]
    x, y = (np.asarray(part, float) for part in theory.get_data())
    assert np.polyfit(np.log(x), np.log(y), 1)[0] == pytest.approx(-1)
    (points,) = right.containers
    np.testing.assert_allclose(points.lines[0].get_ydata(), [row["best"] for row in report.rows])
    assert left.get_xscale() == left.get_yscale() == right.get_yscale() == "log"
    plt.close(figure)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--data", "half.npz"], "holds x, expected x and y"),
        (["--data", "none.npz"], "there is no such file"),
        (["--optimiser", "adm"], "Did you mean 'adam'"),
        (["--widths", "32:64"], "expected three or more"),
        (["--at", "0"], "at=0"),
        (["--at", "wide"], "at='wide'"),
        (["--format", "bmp"], "png"),
        (["--batch", "0"], "batch=0"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(data, tmp_path, capsys, options, sentence):
    options = [str(data / one) if one.endswith(".npz") else one for one in options]
    assert main(["transfer", *SHORT, "--out", str(tmp_path), *options]) == 2
    told = capsys.readouterr()
    assert sentence in told.err
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("*.png"))


def test_a_strangers_picture_is_not_overwritten(tmp_path, capsys):
    place = tmp_path / "figures/transfer.png"
    place.parent.mkdir()
    place.write_bytes(b"mine")
    assert main(["transfer", *SHORT, "--out", str(tmp_path)]) == 2
    assert "is not a file that meanfield wrote" in capsys.readouterr().err
    assert place.read_bytes() == b"mine"
