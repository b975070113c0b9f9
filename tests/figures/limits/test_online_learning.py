"""The figure of on-line learning: lines are the equations of the overlaps, points what committees of d inputs did."""

import numpy as np
import pytest

from simulations.limits.committee_order_parameters import apart
from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, line, panel, theory
from theory.order_fluctuations import expand
from theory.order_parameters import Committee

STUDY = "online_learning"

DIMENSIONS = (48, 96, 192)
PAIR, SLOW = Committee(2, np.eye(2), 1.0), Committee(2, np.eye(2), 1.0, quadratic=False)
TIMES = np.linspace(0, 4, 60)


@pytest.fixture(scope="module")
def limit():
    return PAIR.integrate(apart(2), TIMES)


def leaning(records, d):
    return list(records.where(experiment="apart", dimension=d))


def test_error_in_time(figure, records, limit):
    axes = panel(figure, "tell the error")
    x, y = line(axes, "theory")
    assert np.allclose(x, TIMES)
    assert np.allclose(y, PAIR.error(limit), rtol=1e-6)
    assert np.allclose(line(axes, "without η²")[1], SLOW.error(SLOW.integrate(apart(2), TIMES)), rtol=1e-6)
    for d in DIMENSIONS:
        x, y = line(axes, f"d = {d}")
        assert np.allclose(x, leaning(records, d)[0]["times"])
        assert np.allclose(y, np.mean([one["error"].mean(axis=0) for one in leaning(records, d)], axis=0), rtol=1e-5)


def test_overlaps_in_time(figure, records, limit):
    axes = panel(figure, "turns to a teacher")
    # The state is Q₁₁, Q₁₂, Q₂₂, R₁₁, R₁₂, R₂₁, R₂₂.
    places = {"R₁₁": 3, "Q₁₁": 0, "R₁₂": 4, "Q₁₂": 1}
    for (label, at), (_, y) in zip(places.items(), theory(axes), strict=True):
        assert np.allclose(y, limit[:, at], rtol=1e-6)
        _, mean, low, high = bars(axes, label)
        seen = np.concatenate([one["overlaps"][:, :, at] for one in leaning(records, 192)]).astype(float)
        assert np.allclose(mean, seen.mean(axis=0), rtol=1e-5)
        assert np.allclose((high - low) / 2, seen.std(axis=0, ddof=1), rtol=1e-4, atol=1e-7)


def test_fluctuations(figure, records):
    axes = panel(figure, "fluctuate")
    x, y, low, high = bars(axes, "networks")
    for d, *found in zip(DIMENSIONS, y, low, high, strict=True):
        logs = [np.log(np.var(one["overlaps"][:, -1], axis=0, ddof=1).mean()) / 2 for one in leaning(records, d)]
        mean, width = np.mean(logs), half_width(np.array(logs))
        assert np.log(found) == pytest.approx([mean, mean - width, mean + width], abs=1e-4)
    covariance = expand(PAIR, apart(2), leaning(records, 48)[0]["times"]).covariance[-1]
    ((x, y),) = theory(axes)
    assert np.allclose(y, np.sqrt(np.trace(covariance) / 7 / x), rtol=1e-3)


def test_first_order(figure, records):
    axes = panel(figure, "first order")
    found = expand(PAIR, apart(2), leaning(records, 48)[0]["times"])
    limit = float(PAIR.error(found.limit[-1]))
    x, y, low, high = bars(axes, "networks")
    assert x.tolist() == [*DIMENSIONS]
    for d, *ends in zip(DIMENSIONS, y, low, high, strict=True):
        samples = np.array([one["error"][:, -1].mean() for one in leaning(records, d)]) / limit
        mean, width = samples.mean(), half_width(samples)
        assert ends == pytest.approx([mean, mean - width, mean + width], rel=1e-4)
    x, y = line(axes, "theory: first order")
    assert np.allclose(y, [found.mean(PAIR.error, d)[-1] / limit for d in x], rtol=1e-4)
    assert np.all(line(axes, "d = ∞")[1] == 1)


def test_plateau(figure, records):
    axes = panel(figure, "ends the plateau")
    pair = Committee(2, np.eye(2), 1.25)
    (_, height), (_, small) = line(axes, "theory"), line(axes, "η → 0")
    assert height == pytest.approx([float(pair.error(pair.plateau()))] * 2, rel=1e-9)
    # (K/π)(π/6 − K asin(1/2K)) for two neurons and small rates.
    assert small == pytest.approx([2 / np.pi * (np.pi / 6 - 2 * np.arcsin(1 / 4))] * 2, rel=2e-3)
    drawn = {tuple(map(float, one.get_ydata())) for one in axes.get_lines() if len(one.get_xdata()) == 13}
    runs = list(records.where(experiment="plateau", time=80))
    known = [{tuple(map(float, row)) for row in one["error"][:16]} for one in runs]
    assert drawn in known


def test_specialised(figure, records):
    axes = panel(figure, "one teacher")
    runs = list(records.where(experiment="plateau", time=80))
    assert [one.tolist() for one in line(axes, "theory")] == [[1, 0], [0, 1]]
    for label, at in (("t = 80", 12), ("t = 20", 3)):
        x, y = line(axes, label)
        states = np.concatenate([run["overlaps"][:, at] for run in runs]).astype(float)
        assert np.allclose(x, states[:, 3] / np.sqrt(states[:, 0]), rtol=1e-6)
        assert np.allclose(y, states[:, 4] / np.sqrt(states[:, 0]), rtol=1e-6)
