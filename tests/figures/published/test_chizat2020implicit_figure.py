"""The figure of Chizat & Bach (2020): means with the verdicts' intervals, and points where the paper has them."""

import numpy as np
import pytest

import figures
import simulations
from figures.style import EMPTY
from simulations.records.record import Record, Records
from tests.figures.artists import bars, halves, panel, places

STUDY = simulations.find("chizat2020implicit")
ERRORS = np.array([[0.4, 0.1], [0.5, 0.2], [0.42, 0.12], [0.44, 0.16]])
MARGINS = np.array([[-0.01, 0.01], [0.001, 0.015], [0.004, 0.02]])


def record(experiment, seed, values, **setting):
    layers = setting.pop("layers", "both")
    return Record({"experiment": experiment, "layers": layers, "particles": 1000, **setting, "seed": seed}, values)


@pytest.fixture(scope="module")
def figure():
    found = []
    for layers, more in (("both", 0.0), ("output", 1.0)):
        for (s, i), error in np.ndenumerate(ERRORS):
            values = {"test_error": np.array([0.5, error + more])}
            found.append(record("errors", s, values, layers=layers, samples=(32, 512)[i]))
    found += [
        record("margins", s, {"margin": np.array([-1.0, MARGINS[s, i], -0.5])}, particles=m, samples=256)
        for s in range(3) for i, m in enumerate((8, 1024))
    ]  # fmt: skip
    return figures.draw(STUDY, Records(found))


def test_errors(figure):
    axes = panel(figure, "test-error")
    for label, more in (("both", 0.0), ("output", 1.0)):
        n, mean, low, high = bars(axes, label)
        assert n.tolist() == [32, 512]
        assert mean == pytest.approx(ERRORS.mean(axis=0) + more)
        assert (high - low) / 2 == pytest.approx(halves(ERRORS))
    x, y = places(next(one for one in axes.get_lines() if one.get_marker() == "D"))
    assert (x.tolist(), y.tolist()) == ([512, 512], [0.025, 0.195])


def test_margins(figure):
    """The largest of each run; a thin line for every data set."""
    axes = panel(figure, "margin")
    m, mean, *_ = bars(axes, "mean")
    assert m.tolist() == [8, 1024]
    assert mean == pytest.approx(MARGINS.mean(axis=0))
    thin = [one for one in axes.get_lines() if one.get_linewidth() == 0.5]
    assert np.array([one.get_ydata() for one in thin]) == pytest.approx(MARGINS)
    x, y = places(next(one for one in axes.get_lines() if one.get_marker() == "D"))
    assert x.tolist() == [8, 1024]
    assert y == pytest.approx([0.0015, 0.011], rel=1e-3)


def test_other_records_draw_nothing():
    found = figures.draw(STUDY, Records([record("margins", 0, {"margin": np.ones(1)}, samples=64)]))
    assert {axes.get_label() for axes in found.axes} == {EMPTY}
    assert len(figures.draw(STUDY, Records([])).axes) == 2
