"""The figure of Chizat (2019): lines are what records hold, points what the paper has; other records draw nothing."""

import numpy as np
import pytest

import figures
import simulations
from figures.style import EMPTY
from simulations.published.chizat2019sparse import GAPS, SHADES, SHOWN
from simulations.records.record import Record, Records
from tests.figures.artists import line, panel, places

STUDY = simulations.find("chizat2019sparse")
RATE = 0.02


def gap(particles, strength):
    """A loss that falls by the rate `RATE` a step to 1."""
    loss = 1 + np.append(np.exp(-RATE * np.arange(SHOWN)), 0.0)
    return Record(
        {"experiment": "gap", "particles": particles, "strength": strength, "converted": True, "seed": 0},
        {"loss": loss},
    )


def success(particles, drawn, loss):
    setting = {"experiment": "success", "particles": particles, "ratio": 1.0, "drawn": drawn, "converted": True}
    return Record({**setting, "seed": 0}, {"loss": np.array([9.0, loss])})


@pytest.fixture(scope="module")
def figure():
    found = [gap(m, strength) for m in (3, 4, 100) for strength in (0.0, 4.0)]
    found += [success(m, drawn, loss) for drawn in ("author", "fresh") for m, loss in ((4, 5.0), (5, 2.0), (6, 1.0))]
    return figures.draw(STUDY, Records(found))


def test_lines_of_the_gap(figure):
    """Six lines of the exponential, in units of its value at the iteration 30; points where the claims have them."""
    axes = panel(figure, "gap")
    curves = [places(one) for one in axes.get_lines() if len(one.get_xdata()) > 50]
    assert len(curves) == 6
    for k, values in curves:
        assert values == pytest.approx(np.exp(-RATE * (k - 30)), rel=1e-6)
    x, y = places(next(one for one in axes.get_lines() if one.get_marker() == "D"))
    assert x.tolist() == [one.check.keywords["predicted"] for one in GAPS if one.name.startswith("closing")]
    assert set(y) == {1e-7}


def test_points_of_success(figure):
    axes = panel(figure, "success")
    m, shares = line(axes, "β/α = 1")
    assert (m.tolist(), shares.tolist()) == ([4, 5, 6], [1, 0.25, 0])
    assert line(axes, "fresh")[1].tolist() == [1, 0.25, 0]
    x, y = places(next(one for one in axes.get_lines() if one.get_marker() == "D"))
    assert x.tolist() == [5, 6, 7, 5]
    paper = {one.name: one.check.keywords["predicted"] for one in SHADES}
    assert y.tolist() == [paper[name] for name in ("share_5", "share_6", "share_7", "slow_share_5")]


def test_other_records_draw_nothing():
    found = figures.draw(STUDY, Records([gap(16, 4.0)]))
    assert {axes.get_label() for axes in found.axes} == {EMPTY}
    assert len(figures.draw(STUDY, Records([])).axes) == 2
