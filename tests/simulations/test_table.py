"""The table of a grid: last values, means over seeds with Student's interval, one row a setting and value."""

import csv
import io
import json
import math
import sys

import numpy as np
import pytest
from scipy import stats

import figures
import simulations
from meanfield.command.main import main
from simulations import Record, Records, table

GRID = ("--samples", "4", "--time", "1", "--particles", "10", "40", "--alpha", "1", "10")


def record(value, status="done", **parameters) -> Record:
    return Record(parameters, value if isinstance(value, dict) else {"risk": np.array(value)}, {"status": status})


def test_means_and_intervals_are_students_over_seeds():
    samples = {10: [1.0, 2.0, 4.0], 20: [0.5, 0.25, 0.75]}
    runs = [record([9.0, part], m=m, seed=k, d=3) for m, parts in samples.items() for k, part in enumerate(parts)]
    made = table(Records(runs))
    assert (made.swept, made.values, made.left_out) == (("m",), ("risk",), ())
    for row, parts in zip(made.rows, samples.values(), strict=True):
        half = stats.t.ppf(0.975, 2) * np.std(parts, ddof=1) / math.sqrt(3)
        assert row["mean"] == pytest.approx(np.mean(parts), rel=1e-15)
        assert row["error"] == pytest.approx(half, rel=1e-12)
        assert (row["seeds"], row["unfinished"]) == (3, 0)
    wider = table(Records(runs), level=0.999).rows[0]["error"] / made.rows[0]["error"]
    assert wider == pytest.approx(stats.t.ppf(0.9995, 2) / stats.t.ppf(0.975, 2))


def test_one_seed_has_no_interval():
    [row] = table(Records([record([1.0], m=1, seed=0)])).rows
    assert (row["mean"], row["error"], row["seeds"]) == (1.0, None, 1)


def test_replicas_are_averaged_and_arrays_are_left_out():
    values = {
        "times": np.arange(3.0),
        "risk": np.array([3.0, 2.0, 1.0]),
        "energy": np.array([[0.0, 0.0, 2.0], [0.0, 0.0, 4.0]]),
        "gap": np.array([5.0, 7.0]),
        "bound": np.array(0.5),
        "x": np.ones((4, 5)),
        "label": np.array("relu"),
    }
    made = table(Records([record(values, replicas=2, seed=0)]))
    assert {row["value"]: row["mean"] for row in made.rows} == {"risk": 1.0, "energy": 3.0, "gap": 6.0, "bound": 0.5}
    assert made.left_out == ("x", "label")


def test_runs_that_did_not_reach_their_end_are_counted_and_left_out():
    runs = [record([1.0], m=1, seed=0), record([np.inf], "diverged at t = 1", m=1, seed=1)]
    runs += [record([np.nan], "diverged at t = 1", m=2, seed=0)]
    rows = table(Records(runs)).rows
    assert [(row["mean"], row["seeds"], row["unfinished"]) for row in rows] == [(1.0, 1, 1), (None, 0, 1)]


def test_numbers_that_are_not_finite_are_none():
    [row] = table(Records([record([np.nan], m=1, seed=0)])).rows
    assert row["mean"] is None
    json.dumps(row, allow_nan=False)


def test_parameters_named_as_a_column_keep_both():
    rows = table(Records([record([1.0], mean=m, seed=0) for m in (1, 2)])).rows
    assert [(row["parameter mean"], row["mean"]) for row in rows] == [(1, 1.0), (2, 1.0)]


def test_no_records_make_an_empty_table():
    assert table(Records([])).rows == ()


@pytest.mark.parametrize("level", [0.0, 1.0, 95, "a", math.nan])
def test_a_level_is_between_zero_and_one(level):
    with pytest.raises(ValueError, match="level="):
        table(Records([]), level=level)


def drawn(records, **options):
    figure = figures.table(records, **options)
    figure.canvas.draw()
    return figure


def test_the_picture_shows_the_table():
    runs = [
        record({"risk": np.array([scale * a / m]), "gap": np.array([-1.0])}, m=m, alpha=a, kind=kind, seed=seed)
        for m in (10, 100, 1000)
        for a in (1.0, 2.0)
        for kind, scale in (("relu", 1.0), ("tanh", 3.0))
        for seed in (0, 1)
    ]
    figure = drawn(Records(runs))
    assert [axes.get_ylabel() for axes in figure.axes] == ["risk", "gap"]
    first, second = figure.axes
    assert (first.get_xlabel(), first.get_xscale(), first.get_yscale()) == ("m", "log", "log")
    assert second.get_yscale() == "linear"
    assert len(first.containers) == 4
    line = first.containers[0].lines[0]
    np.testing.assert_allclose(np.array(line.get_xdata(), float), [10, 100, 1000])
    np.testing.assert_allclose(np.array(line.get_ydata(), float), [0.1, 0.01, 0.001])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "alpha = 1, kind = relu" in labels
    words = drawn(Records(runs), value="risk", x="kind").axes[0]
    assert [text.get_text() for text in words.get_xticklabels()] == ["relu", "tanh"]
    with pytest.raises(ValueError, match=r"value='rsk': expected one of risk, gap\. Did you mean 'risk'"):
        figures.table(Records(runs), "rsk")
    with pytest.raises(ValueError, match="x='depth': expected one of m, alpha, kind"):
        figures.table(Records(runs), x="depth")


@pytest.mark.parametrize("letters", [4, 21, 37])
@pytest.mark.parametrize("names", [["risk"], ["risk", "gap", "norm"]])
def test_no_word_of_the_legend_is_cut(letters, names):
    swept = ("strength_of_the_penalty_" * 3)[:letters]
    values = dict.fromkeys(names, np.ones(1))
    figure = drawn(Records([record(values, m=m, seed=0, **{swept: k}) for m in (1, 2) for k in range(5)]), x="m")
    legend = (figure.legends or [figure.axes[0].get_legend()])[0]
    assert [text.get_text()[-1] for text in legend.get_texts()] == [*"01234"]
    place = legend.get_window_extent()
    assert figure.bbox.x0 <= place.x0 < place.x1 <= figure.bbox.x1


def test_bars_are_the_intervals_of_the_table():
    runs = Records([record([float(m + seed)], m=m, seed=seed) for m in (1, 2) for seed in (0, 1, 2)])
    [bars] = drawn(runs).axes[0].containers
    ends = [segment[:, 1] for segment in bars[2][0].get_segments()]
    wanted = [(row["mean"] - row["error"], row["mean"] + row["error"]) for row in table(runs).rows]
    np.testing.assert_allclose(ends, wanted, rtol=1e-12)


def test_a_grid_on_the_command_line(tmp_path, capsys):
    arguments = ["run", "lazy_scaling/smooth", *GRID, "--seeds", "2", "--out", str(tmp_path), "--format", "png"]
    assert main([*arguments, "--json"]) in (0, 3)
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert [row["value"] for row in answer["table"][:3]] == ["risk", "displacement", "kernel_drift"]
    settings = {(row["particles"], row["alpha"]) for row in answer["table"]}
    assert settings == {(m, alpha) for m in (10, 40) for alpha in (1.0, 10.0)}
    assert answer["figures"] == [str(tmp_path / "figures" / "lazy_scaling_grid.png")]
    with open(answer["csv"], encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["mean"]) for row in rows] == [row["mean"] for row in answer["table"]]
    records = simulations.load(tmp_path, "lazy_scaling")
    expected = records.where(particles=10, alpha=1.0).last("risk").mean()
    assert answer["table"][0]["mean"] == pytest.approx(expected, rel=1e-15)
    assert main([*arguments, "--value", "risk", "--x", "particles"]) in (0, 3)
    told = capsys.readouterr().out
    assert "9 claims are about other settings than these and not tested" in told
    assert told.count("not tested") == 1
    assert "kernel_drift" in told
    assert main(["figure", "lazy_scaling", "--from", str(tmp_path), "--value", "risk", "--x", "alpha"]) == 0


@pytest.mark.parametrize("columns", [50, 75, 140])
def test_the_table_fits_its_width(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    values = {f"value_number_{k}": np.array([k / 3]) for k in range(9)}
    made = table(Records([record(values, m=m, seed=seed) for m in (1, 2) for seed in (0, 1)]))
    stream = io.StringIO()
    simulations.print_table(made, stream)
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= columns
    assert all(name in text for name in values)
    assert "half-widths of Student's 95 % intervals" in " ".join(text.split())


def test_own_studies_have_tables_too(monkeypatch):
    runs = Records([record([1.0], width=w, seed=0) for w in (1, 2)])
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    simulations.print_table(table(runs), sys.stdout)
    assert "one seed for every setting: no interval" in stream.getvalue()
