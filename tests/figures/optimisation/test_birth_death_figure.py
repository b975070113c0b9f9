"""The figure of births and deaths: means of what the runs hold, and lines of theory that is asked anew."""

import dataclasses

import numpy as np
import pytest

from simulations.optimisation.birth_death import Sites, Training
from tests.figures.artists import bars, line, panel, theory
from theory import birth_death, convex

STUDY = "birth_death"


def runs_of(records, **setting):
    return list(records.where(experiment="training", **setting))


def run_of(kind, record):
    return kind(**{field.name: record[field.name] for field in dataclasses.fields(kind) if field.init})


def geometric_mean(rows):
    return np.exp(np.mean(np.log(rows), axis=0))


def excess(record, name="energy"):
    return record[name][1:] - record["minimum"]


def positive_excess(record):
    return record["positive_minimum"] - record["minimum"]


def test_minima_are_those_of_the_convex_program(records):
    record = runs_of(records, start="both")[0]
    x, y = run_of(Training, record).data
    for name, signed in (("minimum", True), ("positive_minimum", False)):
        assert float(record[name]) == convex.planar_minimum(x, y, 0.01, signed=signed).value


@pytest.mark.parametrize(
    ("label", "name"), [("transport alone", "transport_energy"), ("births and deaths, τ = 3", "energy")]
)
def test_excess_in_time(figure, records, label, name):
    x, y = line(panel(figure, "hurry descent"), label)
    assert np.allclose(x, [1, 2, 4, 12, 40])
    assert np.allclose(y, geometric_mean([excess(one, name) for one in runs_of(records, start="both")]))


def test_certified_bound(figure, records):
    ((_, y),) = theory(panel(figure, "hurry descent"))
    assert np.allclose(y, geometric_mean([one["gap"][1:] for one in runs_of(records, start="both")]))


@pytest.mark.parametrize(
    ("label", "name", "born"),
    [("transport alone", "transport_energy", 0), ("clones", "energy", 0), ("births in a prior", "energy", 32)],
)
def test_way_out(figure, records, label, name, born):
    axes = panel(figure, "Clones are stuck")
    runs = runs_of(records, start="positive", reinjected=born)
    runs = [one for one in runs if one["positive_lower"] > 1.001 * one["minimum"]]
    x, y = line(axes, label)
    assert np.allclose(x, [1, 2, 4, 12, 40])
    assert np.allclose(y, geometric_mean([excess(one, name) / positive_excess(one) for one in runs]))
    assert np.all(theory(axes)[0][1] == 1)


def test_certificates(figure, records):
    axes = panel(figure, "is certified")
    for start, label in (("both", "both signs"), ("positive", "positive weights")):
        runs = runs_of(records, start=start)
        x, y = line(axes, label)
        assert np.allclose(x, np.concatenate([np.maximum(one["gap"], 1e-7) for one in runs]))
        far = np.concatenate([one["energy"] - one["minimum"] for one in runs])
        assert np.allclose(y, np.maximum(far, 1e-7))
    ((x, y),) = theory(axes)
    assert np.array_equal(x, y)


def test_where_to(figure, records):
    axes = panel(figure, "Mass gathers")
    record = runs_of(records, start="both")[0]
    for label, name in (("start", "start_"), ("transport alone", "transport_end_"), ("τ = 3", "end_")):
        theta = record[f"{name}position"]
        assert np.allclose(np.transpose(line(axes, label)), np.abs(theta[:, :1]) * theta[:, 1:])
    x, y = run_of(Training, record).data
    atoms = convex.planar_minimum(x, y, 0.01).measure
    drawn = np.array([(xs[1], ys[1]) for xs, ys in theory(axes)])
    assert np.allclose(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), atoms[:, 1:] / np.linalg.norm(
        atoms[:, 1:], axis=1, keepdims=True))  # fmt: skip


def test_sites(figure, records):
    axes = panel(figure, "On sites")
    record = next(iter(records.where(experiment="sites")))
    run = run_of(Sites, record)
    x, y = run.data
    features = np.maximum(x @ run.theta[:, 1:].T, 0) * run.theta[:, 0]
    decay = 0.01 / 2 * np.sum(run.theta**2, axis=1)
    exact, _ = birth_death.particle_limit(features, y, decay, np.full(8, 1 / 8), 5.0, 0.025, 40)
    lines = [one for one in theory(axes) if len(one[0])]
    for column, (times, share) in zip(exact.T, lines, strict=True):
        assert np.allclose(times, np.linspace(0, 1, 41))
        assert np.allclose(share, column)
    _, mean, low, high = bars(axes)
    assert np.allclose(mean, record["masses"].mean(axis=0))
    assert np.allclose((high - low) / 2, record["masses"].std(axis=0), atol=1e-12)


def test_in_the_mean(figure, records):
    axes = panel(figure, "Exact in mean")
    drawn = [one.get_ydata() for one in axes.get_lines() if len(one.get_xdata()) == 7]
    steps, sites = (list(records.where(experiment=name)) for name in ("step", "sites"))
    along = [one["prediction_change"] @ one["exact_prediction_change"] for one in steps]
    squares = [np.sum(one["exact_prediction_change"] ** 2) for one in steps]
    assert np.allclose(drawn[0], np.divide(along, squares))
    assert np.allclose(drawn[1], [one["energy_change"] / one["exact_energy_change"] for one in steps])
    spread = [np.mean(np.sum((one["masses"] - one["exact_masses"][-1]) ** 2, axis=1)) for one in sites]
    for at, name in ((2, "noise"), (3, "noise_apart")):
        assert np.allclose(drawn[at], [256 * one / run[name] for one, run in zip(spread, sites, strict=True)])
    assert np.all(theory(axes)[-1][1] == 1)
