"""The figure of the best step: its points are what networks have done over the constants of the limit."""

import numpy as np
import pytest

from simulations.limits.best_step import X, Y
from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, panel, theory
from theory import one_step

STUDY = "best_step"

LAW = one_step.best_step(X, Y, spread=1.0)
PANELS = {
    "The bias is c/m": ("bias", LAW.bias),
    "The variance is E ψ²/m": ("variance", LAW.variance),
    "What another's step costs": ("regret", LAW.curvature * LAW.variance),
}


@pytest.mark.parametrize("title", PANELS)
def test_points_are_values_over_the_constants(figure, records, title):
    name, exact = PANELS[title]
    x, y, low, high = bars(panel(figure, title), "s = 1")
    assert x.tolist() == [16, 64, 256]
    for m, middle, down, up in zip(x, y, low, high, strict=True):
        samples = np.array([record[name] for record in records.where(particles=m)]) / exact
        width = half_width(samples)
        assert middle == pytest.approx(samples.mean(), rel=1e-9)
        assert (down, up) == pytest.approx((samples.mean() - width, samples.mean() + width), rel=1e-9)


@pytest.mark.parametrize("title", PANELS)
def test_theory_is_one(figure, title):
    ((x, y),) = theory(panel(figure, title))
    assert x.tolist() == [16, 64, 256]
    assert y.tolist() == [1, 1, 1]


def test_every_panel_is_tested(figure):
    assert len(figure.axes) == len(PANELS)
