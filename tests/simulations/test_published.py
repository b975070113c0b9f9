"""Published figures: readings, what agrees with them, and studies that hold them."""

import numpy as np
import pytest

import simulations
from simulations import PublishedFigure, checks, reading
from theory.prediction import Prediction


class Draws(simulations.Experiment):
    """Means of numbers around 1."""

    draws: int = simulations.count(100, "n", "numbers of a mean")
    sizes = simulations.grid(smoke={"seeds": 6})

    def run(self):
        return {"mean": self.generator("draws").normal(1.0, 1.0, self.draws).mean()}


class Square(simulations.Experiment):
    """A number in which nothing is random."""

    sizes = simulations.grid(smoke={})

    def run(self):
        return {"value": 4.0}


def compared(value, accuracy, **settings):
    return simulations.claim(
        "the mean",
        "The mean is one.",
        reading(value, accuracy, "chizat2019lazy"),
        checks.mean,
        select=Draws.at("mean"),
        value=lambda record: record["mean"],
        what="mean",
        wrong="three times the mean",
        control={"value": lambda record: 3 * record["mean"]},
        **settings,
    )


FIGURE = PublishedFigure("1a", "The mean is one.", (Draws,), ("the mean",), "Figure 1a.", "The numbers are normal.")


def study(**changes):
    parts = {"experiments": (Draws, Square), "claims": (compared(1.3, 0.2),), "published": (FIGURE,), **changes}
    return simulations.Study("draws", "published", "means", **parts)


@pytest.fixture(scope="module")
def records():
    return simulations.run(simulations.Study("draws", "limits", "means", experiments=(Draws, Square)), "smoke")


def test_a_reading_agrees_within_its_accuracy_and_our_error(records):
    """Our mean is 1 ± e: a reading of 1 + e + a agrees to the accuracy a and no further."""
    found = compared(1.0, 0.01, widest=10.0).check(records)
    assert found.error == checks.mean(  # of a 95 % interval
        records, select=Draws.at("mean"), value=lambda record: record["mean"], what="mean", predicted=1.0, level=0.05
    ).error  # fmt: skip
    samples = np.array([record["mean"] for record in records.where(experiment="draws")])
    reach = found.error + 0.05
    assert found.measured == pytest.approx(samples.mean())
    inside, outside = (
        compared(found.measured + side * reach, 0.05, widest=10.0).check(records) for side in (0.999, 1.001)
    )
    assert inside.passed is True
    assert outside.passed is False
    assert inside.error == found.error  # ours alone
    assert inside.p is None


def test_an_inequality_gives_way_by_the_accuracy(records):
    settings = {"select": Draws.at("mean"), "value": lambda record: record["mean"], "what": "mean"}
    mean = checks.mean(records, predicted=1.0, **settings)
    low = checks.mean(records, predicted=1.0, relation="<=", **settings)
    at = mean.measured + low.error - 0.1
    for accuracy, passed in ((0.0, False), (0.09, False), (0.11, True)):
        assert checks.mean(records, predicted=at, relation="<=", accuracy=accuracy, **settings).passed is passed


def test_a_single_run_has_no_error(records):
    settings = {"value": lambda record: record["value"], "what": "square"}
    one = checks.single(records, select=Square.at("value"), predicted=4.3, accuracy=0.3, **settings)
    assert (one.passed, one.error) == (True, 0.0)
    assert checks.single(records, select=Square.at("value"), predicted=4.3, accuracy=0.2, **settings).passed is False
    many = checks.single(records, select=Draws.at(), predicted=1.0, value=lambda record: record["mean"], what="mean")
    assert many.passed is None


def test_a_share_has_two_ends(records):
    """Of 6 successes in 6 the exact interval at 99.9 % begins at .0005^(1/6)."""
    settings = {"select": Draws.at("mean"), "value": lambda record: record["mean"] > 0, "what": "positive"}
    found = checks.share(records, predicted=0.9, relation="=", **settings)
    assert (found.measured, found.passed) == (1.0, True)
    assert found.error == pytest.approx(1 - 0.0005 ** (1 / 6))
    assert checks.share(records, predicted=0.2, relation="=", accuracy=0.05, **settings).passed is False
    assert checks.share(records, predicted=0.2, relation="=", accuracy=0.15, **settings).passed is True


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"accuracy": 0.0}, "accuracy=0.0: expected a finite number above 0"),
    ({"accuracy": float("nan")}, "accuracy"),
    ({"value": float("inf")}, "value"),
    ({"relation": "≈"}, "relation"),
    ({"reference": ""}, "reference"),
])  # fmt: skip
def test_readings_that_are_none(changes, sentence):
    right = {"value": 1.0, "accuracy": 0.1, "reference": "chizat2019lazy"}
    assert isinstance(reading(**right), Prediction)
    with pytest.raises(ValueError, match=sentence):
        reading(**{**right, **changes})


def test_a_reading_needs_a_check_that_knows_its_accuracy():
    def check(records, *, predicted):
        return simulations.Verdict(True, 1.0, 0.0, predicted, "always")

    settings = {"wrong": "nothing", "control": {"predicted": 2.0}}
    assert simulations.claim("a", "b", Prediction(1.0, "=", "One.", "meanfield"), check, **settings).accuracy == 0
    with pytest.raises(ValueError, match="takes the accuracy"):
        simulations.claim("a", "b", reading(1.0, 0.1, "meanfield"), check, **settings)


def test_a_study_knows_its_figures():
    found = study()
    assert found.figure("1a") is FIGURE
    assert found.claims[0].accuracy == 0.2
    with pytest.raises(ValueError, match="figure='1b': expected one of 1a"):
        found.figure("1b")
    part = found.only("draws")
    assert part.experiments == (Draws,)
    assert part.figure("1a") is FIGURE


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"published": ("1a",)}, "published=.*expected a tuple of simulations.PublishedFigure"),
    ({"published": (FIGURE, FIGURE)}, "expected names that differ"),
    ({"experiments": (Square,)}, "1a is made by draws"),
    ({"claims": ()}, "claim of figure 1a"),
])  # fmt: skip
def test_studies_with_figures_that_are_none(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        study(**changes)


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"name": 1}, "name"), ({"experiments": ()}, "experiments"), ({"claims": "all"}, "claims"),
])  # fmt: skip
def test_figures_that_are_none(changes, sentence):
    right = {"name": "1a", "statement": "b", "experiments": (Draws,), "claims": ("c",), "stated": "d", "chosen": "e"}
    PublishedFigure(**right)
    with pytest.raises(ValueError, match=sentence):
        PublishedFigure(**{**right, **changes})


def test_published_studies_stand_apart():
    assert not set(simulations.PUBLISHED) & set(simulations.STUDIES)
    for name in simulations.PUBLISHED:
        found = simulations.find(name)
        assert found is simulations.find(f"published/{name}")
        assert found.group == "published"
        assert found.published
