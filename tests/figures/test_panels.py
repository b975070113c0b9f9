"""Panels: points are the means and intervals of verdicts, theory is a black line, and words come from the fields."""

import numpy as np
import pytest

import figures
import simulations
from simulations import checks
from theory.prediction import Prediction

pytestmark = pytest.mark.fast

RATE = Prediction(-1.0, "slope", "always", "meanfield")
LEVEL = Prediction(0.5, "=", "always", "meanfield")


class Draws(simulations.Experiment):
    """Draws whose mean falls as 1/m."""

    particles: int = simulations.count(10, "m", "particles")
    power: float = simulations.number(1.0, "p", "exponent")
    sizes = simulations.grid(smoke={"particles": (10, 100, 1000), "power": (0.0, 1.0), "seeds": 5})

    def run(self):
        noise = np.exp(0.1 * self.generator("noise").normal())
        times = np.linspace(0, 1, 11)
        return {
            "times": times,
            "decay": np.exp(-times),
            "exact": np.exp(-times),
            "risk": noise / self.particles**self.power,
        }


def study(*panels):
    return simulations.Study("draws", "limits", "draws", experiments=(Draws,), panels=panels)


RECORDS = simulations.run(study(), "smoke")
FALLS = simulations.Panel("Falls", Draws.at(power=1.0), x="particles", y="risk", theory=RATE)


def drawn(*panels, records=RECORDS):
    return figures.draw(study(*panels), records).axes


def test_points_have_the_intervals_of_the_verdicts():
    (axes,) = drawn(simulations.Panel("Risk", Draws.at(power=0.0), x="particles", y="risk", log="x", theory=LEVEL))
    (container,) = axes.containers
    (bars,) = container.lines[2]
    heights = [np.ptp(segment[:, 1]) / 2 for segment in bars.get_segments()]
    for m, height, middle in zip((10, 100, 1000), heights, container.lines[0].get_ydata(), strict=True):
        verdict = checks.mean(
            RECORDS, select=Draws.at(power=0.0, particles=m), value=lambda record: record["risk"], predicted=1.0,
            what="risk",
        )  # fmt: skip
        assert height == pytest.approx(verdict.error, rel=1e-12)
        assert middle == pytest.approx(verdict.measured, rel=1e-12)


def test_theory_is_a_power_through_the_last_point_or_a_level():
    (axes,) = drawn(FALLS)
    (line,) = (line for line in axes.lines if line.get_color() == "black")
    x, y = line.get_data()
    assert np.log(y[-1] / y[0]) / np.log(x[-1] / x[0]) == pytest.approx(-1.0)
    assert y[-1] == pytest.approx(axes.containers[0].lines[0].get_ydata()[-1])
    (axes,) = drawn(simulations.Panel("Risk", Draws.at(power=0.0), x="particles", y="risk", theory=LEVEL))
    (line,) = (line for line in axes.lines if line.get_color() == "black")
    assert set(line.get_ydata()) == {0.5}


def test_each_series_has_its_own_prediction():
    flat = Prediction(0.0, "slope", "always", "meanfield")
    panel = simulations.Panel(
        "Both", Draws.at(), x="particles", y="risk", series="power", theory={0.0: flat, 1.0: RATE}
    )
    (axes,) = drawn(panel)
    lines = [line for line in axes.lines if line.get_color() == "black"]
    slopes = [np.ptp(np.log(line.get_ydata())) / np.ptp(np.log(line.get_xdata())) for line in lines]
    assert slopes == pytest.approx([0.0, 1.0])
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"p = 0", "p = 1", "theory: ∝ $m^{-1}$"} <= set(labels)


def test_what_is_recorded_in_time_is_a_curve_with_its_theory():
    (axes,) = drawn(simulations.Panel("In time", Draws.at(), x="times", y="decay", theory="exact", log="y"))
    measured, exact = axes.lines
    np.testing.assert_allclose(measured.get_ydata(), exact.get_ydata())
    assert (exact.get_color(), axes.get_xlabel(), axes.get_ylabel()) == ("black", "times (mean-field time)", "decay")


def test_words_are_those_of_the_fields_and_panels_are_lettered():
    first, second = drawn(FALLS, FALLS)
    assert (first.get_title("left"), second.get_title("left")) == ("a  Falls", "b  Falls")
    assert (first.get_xlabel(), first.get_ylabel()) == ("particles, m", "risk")
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["10", "100", "1000"]


def test_a_panel_without_records_says_so():
    (axes,) = drawn(FALLS, records=RECORDS.where(power=0.0))
    assert [text.get_text() for text in axes.texts] == ["no runs with risk"]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"y": 3}, "y=3: expected the name of a value, or a function of a record"),
        ({"log": "z"}, "log='z': expected one of"),
        ({"theory": 1.0}, "theory=1.0: expected a Prediction, a mapping to such"),
        ({"theory": {1.0: 2.0}}, "expected a Prediction, a mapping to such"),
        ({"select": "all"}, "select='all': expected a function"),
    ],
)
def test_bad_panels(parts, sentence):
    with pytest.raises(ValueError, match=sentence):
        simulations.Panel(**{"title": "a", "select": Draws.at(), "x": "particles", "y": "risk"} | parts)


def test_a_study_takes_panels_only():
    with pytest.raises(ValueError, match="expected a tuple of simulations"):
        study("Falls")
