"""The figure of the best step at every width: geometric means over seeds, and the power that counting gives."""

import numpy as np
import pytest

from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, panel, theory
from theory import width_exponents

STUDY = "width_transfer"

PANELS = {
    "Gradient descent": ("scaling", ("mup", "standard", "tangent"), {"rule": "sgd"}),
    "Adam": ("scaling", ("mup", "standard"), {"rule": "adam"}),
    "Polar factors of both layers": ("rule", ("ratio", "unscaled"), {}),
}

WIDER = ("tangent", "ratio", "unscaled")
"""Settings in which narrow networks bend the line."""


@pytest.mark.parametrize("title", PANELS)
def test_points_are_the_best_steps(figure, records, title):
    name, values, fixed = PANELS[title]
    for value in values:
        x, y, low, high = bars(panel(figure, title), f"{name} = {value}")
        assert x.tolist() == ([128, 256, 512] if value in WIDER else [64, 128, 256])
        for m, middle, down, up in zip(x, y, low, high, strict=True):
            chosen = records.where(**fixed, **{name: value}, particles=m)
            logs = np.log([record["best"] for record in chosen])
            ends = np.exp(logs.mean() + half_width(logs) * np.array([-1, 1]))
            assert middle == pytest.approx(np.exp(logs.mean()), rel=1e-9)
            assert (down, up) == pytest.approx(tuple(ends), rel=1e-9)


@pytest.mark.parametrize("title", PANELS)
def test_theory_is_the_power_of_counting(figure, title):
    name, values, fixed = PANELS[title]
    rules = {"ratio": ("muon", "ratio"), "unscaled": ("muon", "none")}
    lines = theory(panel(figure, title))
    for value, (x, y) in zip(values, lines, strict=True):
        setting = ("mup", *rules[value]) if name == "rule" else (value, fixed["rule"])
        assert np.polyfit(np.log(x), np.log(y), 1)[0] == pytest.approx(width_exponents.best_step(*setting).value)


def test_every_panel_is_tested(figure):
    assert len(figure.axes) == len(PANELS)
