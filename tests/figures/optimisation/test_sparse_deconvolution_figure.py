"""The figure of sparse deconvolution: paths and certificates of one run, and rates that theory is asked anew."""

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from figures.optimisation.sparse_deconvolution import MINUS, PLUS
from simulations.optimisation.sparse_deconvolution import Local, Uniform
from simulations.verdicts.checks import LEVEL
from simulations.verdicts.intervals import share_ends
from tests.figures.artists import bars, line, panel, theory
from theory import sparse_rates
from theory.deconvolution import Problem

STUDY = "sparse_deconvolution"


def only(records, **setting):
    (record,) = records.where(seed=0, **setting)
    return record


@pytest.fixture(scope="module")
def on_line(records):
    return only(records, experiment="uniform", dimension=1, particles=24, moving=True)


def run_of(kind, record):
    return kind(**{field.name: record[field.name] for field in dataclasses.fields(kind) if field.init})


def test_paths_on_a_line(figure, on_line):
    axes = panel(figure, "gather at the spikes")
    for j, drawn in enumerate(axes.collections):
        place, mass = np.mod(on_line["positions"][1:, j, 1], 1), on_line["masses"][2:, j]
        whole = np.abs(np.diff(place)) < 0.5
        pieces = np.array(drawn.get_segments())
        steps = on_line["times"][1:]
        assert np.allclose(pieces[:, 0], np.column_stack([steps[:-1], place[:-1]])[whole])
        assert np.allclose(pieces[:, 1], np.column_stack([steps[1:], place[1:]])[whole])
        assert np.allclose(drawn.get_linewidths(), (0.25 + 4 * np.minimum(mass, 1))[whole])
        sign = on_line["positions"][0, j, 0]
        assert np.allclose(drawn.get_colors(), to_rgba(PLUS if sign > 0 else MINUS, 0.75))
    assert len(axes.collections) == 24


def test_certificate(figure, on_line):
    axes = panel(figure, "certificate of global")
    problem = Problem(on_line["y"], on_line["order"], 1, on_line["strength"])
    for label, row in (("at the end", -1), ("half-way", len(on_line["times"]) // 2)):
        position, mass = on_line["positions"][row], on_line["masses"][row]
        x, y = line(axes, label)
        residual = problem.residual(position[:, 0] * mass, position[:, 1:])
        assert np.allclose(y, problem.certificate(residual, x[:, None])[0])
    assert [y[0] for _, y in theory(axes)] == [1, -1]
    assert np.allclose(line(axes, "true spikes")[0], on_line["truth"][:, 1])
    assert np.allclose(line(axes, "optimum"), [on_line["found"][:, 1], np.sign(on_line["found"][:, 0])])


def test_paths_in_the_plane(figure, records):
    axes = panel(figure, "in two dimensions")
    record = only(records, experiment="uniform", dimension=2, signs="both")
    (ends,) = axes.collections
    assert np.allclose(ends.get_offsets(), np.mod(record["positions"][-1, :, 1:], 1))
    assert np.allclose(ends.get_sizes(), 60 * record["masses"][-1])
    positive = record["positions"][0, :, 0] > 0
    assert np.allclose(ends.get_facecolors(), [to_rgba(PLUS if one else MINUS) for one in positive])


def test_slowest_mode(figure, records, on_line):
    axes = panel(figure, "slowest mode")
    runs = sorted(
        records.where(experiment="uniform", dimension=1, particles=24, moving=True), key=lambda one: one["seed"]
    )[:6]
    slow = []
    for one in runs:
        run = run_of(Uniform, one)
        slow.append(sparse_rates.slowest(run.one.optimum, run.growth, run.transport, run.side))
    for (x, y), rate in zip(theory(axes), slow, strict=True):
        assert np.log(y[0] / y[-1]) / (x[-1] - x[0]) == pytest.approx(rate, rel=1e-6)
    assert np.allclose(line(axes, "certified gap")[1], on_line["gap"])
    assert np.nanmax(np.abs(line(axes, "J − min J")[1] / on_line["excess"] - 1)) < 1e-12


def test_families(figure, records):
    axes = panel(figure, "three families")
    record = only(records, experiment="local", particles=24, metric="mass")
    for label, part in zip(("collective", "spread", "far"), record["predicted_excess"], strict=True):
        assert np.allclose(line(axes, label)[1], part[1:])
    assert np.allclose(line(axes, "their sum")[1], record["predicted_excess"][:, 1:].sum(axis=0))
    x, y = line(axes, "particles")
    at = np.searchsorted(record["times"], x)
    assert np.array_equal(y, record["excess"][at])


def test_rates(figure, records):
    axes = panel(figure, "its own rate")
    runs = list(records.where(experiment="local", metric="mass"))
    for family in ("collective", "spread", "far"):
        x, y = line(axes, family)
        exact, seen = np.concatenate([one[f"{family}_rates"] for one in runs if len(one[f"{family}_rates"])]).T
        assert np.array_equal(x, exact)
        assert np.array_equal(y, seen)
    run = run_of(Local, runs[0])
    exact = sparse_rates.collective(run.one.optimum, run.growth, run.transport).rates
    assert np.allclose(runs[0]["collective_rates"][:, 0], exact)


def test_width(figure, records):
    axes = panel(figure, "does not depend on m")
    for (x, y), metric, slope in zip(theory(axes), ("mass", "plain"), (0, -1), strict=True):
        runs = [records.where(experiment="local", metric=metric, particles=m) for m in (6, 12, 24)]
        logs = [[np.mean(np.log(one["collective_rates"][:, 1])) for one in some] for some in runs]
        assert x.tolist() == [6, 12, 24]
        assert np.allclose(y, np.exp(np.mean(logs[0])) * (x / 6) ** slope)
        drawn = {float(value) for one in axes.get_lines() if len(one.get_xdata()) == 3 for value in one.get_ydata()}
        assert all(np.min(np.abs(np.log([*drawn]) - one)) < 1e-9 for row in logs for one in row)


def test_success(figure, records):
    axes = panel(figure, "as many as spikes")
    for label, setting, counts in (
        ("1-D, 5 spikes", {"dimension": 1, "moving": True}, (6, 24)),
        ("2-D, 3 spikes", {"dimension": 2, "signs": "both"}, (24,)),
    ):
        x, y, low, high = bars(axes, label)
        assert len(x) == len(counts)
        for m, *found in zip(x, y, low, high, strict=True):
            runs = list(records.where(experiment="uniform", particles=int(m), **setting))
            wins = sum(one["gap"][-1] <= 2 * one["floor"] for one in runs)
            assert found == pytest.approx([wins / len(runs), *share_ends(wins, len(runs), 1 - LEVEL)])
    assert theory(axes)[-1][1].tolist() == [1, 1]
