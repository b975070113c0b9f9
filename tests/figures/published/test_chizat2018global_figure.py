"""The figure of Chizat & Bach (2018): points are what records hold and the paper has; other records draw nothing."""

import numpy as np
import pytest

import figures
import simulations
from figures.style import EMPTY
from simulations.published.chizat2018global import FEATURES
from simulations.records.record import Record, Records
from simulations.verdicts.intervals import share_ends
from tests.figures.artists import bars, line, panel, places

STUDY = simulations.find("chizat2018global")
LEAST = np.array([4.0, 3.0, 2.5, 2.0, 1.5, 1.2, 0.8])


def complexity(m, seed, risk):
    setting = {"experiment": "complexity", "particles": m, "seed": seed, "start_law": "sphere"}
    return Record(setting, {"risk": np.array([9.0, risk]), "features": LEAST, "nothing": np.array(5.0)})


def success(m, seed, risk):
    setting = {"experiment": "success", "particles": m, "seed": seed, "start_law": "sphere"}
    return Record(setting, {"risk": np.array([9.0, risk]), "nothing": np.array(5.0)})


@pytest.fixture(scope="module")
def figure():
    found = [complexity(m, s, risk) for m in (5, 25) for s, risk in enumerate((0.8, 0.08, 1e-12))]
    found += [success(m, s, 1e-6 if s < wins else 1.0) for m, wins in ((10, 2), (16, 9)) for s in range(10)]
    return figures.draw(STUDY, Records(found))


def test_excesses(figure):
    """Medians over seeds and features, both over the risk of the most features, .8 here."""
    axes = panel(figure, "complexity")
    m, median = line(axes, "median")
    assert (m.tolist(), median.tolist()) == ([5, 25], pytest.approx([0.1, 0.1]))
    count, features = line(axes, "random features")
    assert count.tolist() == [*FEATURES]
    assert features == pytest.approx(LEAST / 0.8)
    x, y = places(next(one for one in axes.get_lines() if one.get_marker() == "D"))
    assert x.tolist() == [5, 10, 18, 25]
    assert y == pytest.approx([0.5, 0.25, 0.0875, 2.5e-5], rel=0.02)


def test_shares(figure):
    axes = panel(figure, "success")
    _, share, low, high = bars(axes, "sphere")
    assert share.tolist() == [0.2]
    assert (low[0], high[0]) == pytest.approx(share_ends(2, 10, 1 - 1e-3))
    x, y = places(next(one for one in axes.get_lines() if one.get_marker() == "D"))
    assert (x.tolist(), y.tolist()) == ([10, 13, 16, 22], [0.17, 0.7, 0.83, 1.0])


def test_other_records_draw_nothing():
    found = figures.draw(
        STUDY, Records([Record({"experiment": "success", "particles": 3, "seed": 0}, {"x": np.ones(1)})])
    )
    assert {axes.get_label() for axes in found.axes} == {EMPTY}
    assert len(figures.draw(STUDY, Records([])).axes) == 2
