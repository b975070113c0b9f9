"""The figure of spectral descent: rates over the gradient's, singular values, and risks over the limit."""

import numpy as np
import pytest

from simulations.regimes.spectral_descent import NODES, WIDTHS, X, Y
from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, panel, theory
from theory import chaos, spectral

STUDY = "spectral_descent"


def test_rates_over_those_of_the_gradient(figure, records):
    axes = panel(figure, "Energy falls by the dual norm")
    chosen = records.where(experiment="first_step")
    x, y, low, high = bars(axes)
    assert x.tolist() == [1, 1.5, 2]
    ((where, line),) = theory(axes)
    assert where.tolist() == [1, 1.5, 2]
    for at, (q, middle, down, up) in enumerate(zip(x, y, low, high, strict=True)):
        found, exact = [], []
        for record in chosen.where(dual=q):
            found.append(record["rate"] / record["exact_gradient"])
            exact.append(record["exact_rate"] / record["exact_gradient"])
        width = half_width(np.array(found))
        assert middle == pytest.approx(np.mean(found), rel=1e-9)
        assert (down, up) == pytest.approx((middle - width, middle + width), rel=1e-9)
        assert line[at] == pytest.approx(np.mean(exact), rel=1e-9)


def test_singular_values_of_the_first_seed(figure, records):
    axes = panel(figure, "Singular values fall at speed 1")
    record = next(iter(records.where(experiment="regression", seed=0)))
    lines = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "-"]
    np.testing.assert_allclose(np.transpose(lines), record["left_spectral"])
    start = record["left_spectral"][0]
    for (t, left), s in zip(theory(axes), start, strict=True):
        np.testing.assert_allclose(left, np.maximum(s - t, 0), atol=1e-9)
    assert len(axes.get_legend().get_texts()) == 1


def test_risks_over_the_limit(figure, records):
    axes = panel(figure, "m neurons tend to infinitely many")
    exact = spectral.descend(X, Y, *chaos.box_nodes(WIDTHS, NODES), 0.02, 30)
    x, y, low, high = bars(axes, "q = 1")
    assert x.tolist() == [64, 256, 1024]
    for m, middle, down, up in zip(x, y, low, high, strict=True):
        samples = np.array([record["flow"] for record in records.where(experiment="width", particles=m)]) / exact
        width = half_width(samples)
        assert middle == pytest.approx(samples.mean(), rel=1e-9)
        assert (down, up) == pytest.approx((middle - width, middle + width), rel=1e-9)
    ((where, line),) = theory(axes)
    assert (where.tolist(), line.tolist()) == ([64, 256, 1024], [1, 1, 1])


def test_every_panel_is_tested(figure):
    assert len(figure.axes) == 3
