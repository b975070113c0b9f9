"""The figure of global convergence: shares with their exact intervals, quantiles of runs, and theory asked anew."""

import dataclasses

import numpy as np
import pytest

from simulations.optimisation.global_convergence import Relu
from simulations.verdicts.checks import LEVEL
from simulations.verdicts.intervals import share_ends
from tests.figures.artists import bars, line, panel, theory
from theory import convex

STUDY = "global_convergence"

LEAST = 1e-10


def relu(records, layers="both", m=32):
    return list(records.where(experiment="relu", layers=layers, particles=m))


def close(record):
    return record["final"] < 1.001 * record["minimum"]


def certified(record):
    return record["certified"] and record["gap"] < 0.01 * record["minimum"]


@pytest.mark.parametrize(
    ("label", "layers", "won", "counts"),
    [
        ("within 0.1 %", "both", close, (4, 32)),
        ("certified, 1 %", "both", certified, (4, 32)),
        ("output only", "output", close, (32,)),
    ],
)
def test_how_often(figure, records, label, layers, won, counts):
    axes = panel(figure, "more often global")
    x, *found = bars(axes, label)
    assert x.tolist() == [*counts]
    for m, *ends in zip(counts, *found, strict=True):
        runs = relu(records, layers, m)
        wins = sum(map(won, runs))
        low, high = share_ends(wins, len(runs), 1 - LEVEL)
        assert ends == pytest.approx([wins / len(runs), low, high], abs=1e-12)
    assert [1, 1] in [y.tolist() for _, y in theory(axes)]


def of_cloud(axes, color_of, m):
    """Median, quartiles and ends of the cloud at m of the colour of the line with this label."""
    (named,) = [one for one in axes.get_lines() if color_of == one.get_label()]
    color = named.get_color()
    near = [one for one in axes.get_lines() if one.get_color() == color and abs(np.log(one.get_xdata()[0] / m)) < 0.1]
    found = {(one.get_marker() == "o", round(one.get_linewidth(), 1)): one.get_ydata() for one in near}
    (median,) = [y for (dot, _), y in found.items() if dot]
    return float(np.ravel(median)[0]), found[False, 3.0], found[False, 0.7]


@pytest.mark.parametrize(
    ("title", "label", "experiment", "value"),
    [
        ("move find it", "trained", "relu", lambda one: one["final"] / one["minimum"] - 1),
        ("move find it", "convex, fixed features", "relu", lambda one: one["feature_minimum"] / one["minimum"] - 1),
        ("Sigmoid", "trained", "sigmoid", lambda one: one["energy"][-1] / one["nothing"]),
        ("Sigmoid", "convex, fixed", "sigmoid", lambda one: one["feature_minimum"] / one["nothing"]),
    ],
)
def test_clouds(figure, records, title, label, experiment, value):
    runs = records.where(experiment=experiment, layers="both")
    for m in sorted(set(runs.column("particles"))):
        samples = np.maximum([value(one) for one in runs.where(particles=m)], LEAST)
        median, quartiles, ends = of_cloud(panel(figure, title), label, m)
        assert median == pytest.approx(np.median(samples))
        assert np.allclose(quartiles, np.quantile(samples, [0.25, 0.75]))
        assert np.allclose(ends, [samples.min(), samples.max()])


def test_minimum_is_that_of_the_convex_program(records):
    record = relu(records)[0]
    run = Relu(**{field.name: record[field.name] for field in dataclasses.fields(Relu) if field.init})
    exact = convex.planar_minimum(run.instance.x, run.instance.y, 0.01)
    assert float(record["minimum"]) == exact.value
    assert np.array_equal(record["optimum"], exact.measure)


def test_how_sure(figure, records):
    axes = panel(figure, "never wrong")
    runs = list(records.where(experiment="relu"))
    for label, name in (("no proof", "own_gap"), ("certified", "gap")):
        x, y = line(axes, label)
        assert np.allclose(x, np.maximum([one[name] / one["minimum"] for one in runs], LEAST))
        assert np.allclose(y, np.maximum([one["final"] / one["minimum"] - 1 for one in runs], LEAST), rtol=1e-5)
    x, y = line(axes, "best known")
    beyond = list(records.where(experiment="dimensions"))
    assert np.allclose(x, np.maximum([one["gap"] / one["minimum"] for one in beyond], LEAST))
    assert np.all(y <= x)
    ((x, y),) = theory(axes)
    assert np.array_equal(x, y)


def test_where_to(figure, records):
    axes = panel(figure, "optimum's atoms")
    record = next(iter(records.where(experiment="paths")))
    position = record["positions"][:, : record["particles"]]
    places, sign = np.abs(position[..., :1]) * position[..., 1:], np.sign(position[-1, :, 0])
    assert np.allclose(np.transpose(line(axes, "start")), places[0])
    for label, value in (("a > 0", 1), ("a < 0", -1)):
        assert np.allclose(np.transpose(line(axes, label)), places[-1][sign == value])
    atoms = [np.array([x[1], y[1]]) for x, y in theory(axes) if len(x)]
    for end, atom in zip(atoms, record["optimum"][:, 1:], strict=True):
        assert np.allclose(end / np.linalg.norm(end), atom / np.linalg.norm(atom))


def test_teachers(figure, records):
    axes = panel(figure, "find the teacher")
    x, *found = bars(axes, "both layers")
    assert x.tolist() == [3, 4, 8]
    for m, *ends in zip((3, 4, 8), *found, strict=True):
        runs = list(records.where(experiment="population", particles=m))
        wins = sum(one["energy"][-1] < 1e-3 * one["nothing"] for one in runs)
        assert ends == pytest.approx([wins / len(runs), *share_ends(wins, len(runs), 1 - LEVEL)], abs=1e-12)
    assert line(axes, "m* = 4")[0].tolist() == [4, 4]
