"""Figures of papers whose runs are of some sizes only: they draw what there is, and say so where there is nothing."""

import dataclasses

import numpy as np
import pytest

import figures
import simulations
from simulations import Record, Records
from simulations.published import rotskoff2018neural, saad1995online, williams2019gradient

PAPERS = ("mei2018mean", "rotskoff2018neural", "saad1995online", "williams2019gradient")


@pytest.mark.parametrize("name", PAPERS)
def test_no_records_make_no_crash(name):
    figure = figures.draw(simulations.find(name), Records([]))
    assert figure.axes
    assert all(text.get_text() for axes in figure.axes for text in axes.texts)


@pytest.mark.parametrize("name", PAPERS)
def test_records_of_another_size_make_no_crash(name):
    study = simulations.find(name)
    for one in study.experiments:
        other = Records([Record(dataclasses.asdict(one()), {"nothing": np.array(1.0)}, {"status": "done"})])
        assert figures.draw(study, other).axes


def test_lines_of_fluctuations_are_what_records_hold():
    made = [
        Record(
            {"experiment": "spins", "seed": seed, "dimension": 5, "particles": n, "time": 10.0, "replicas": 4},
            {"fluctuations": np.array([1.0, (1 + seed / 10) / n]), "loss": np.array([1.0, 0.5])},
            {"status": "done"},
        )
        for seed in range(3)
        for n in (16, 64, 256)
    ]
    figure = figures.draw(rotskoff2018neural.STUDY, Records(made))
    (axes,) = figure.axes
    line = next(one for one in axes.lines if one.get_label() == "paper: slope −1")
    x, y = line.get_data()
    assert np.diff(np.log(y)) == pytest.approx(-np.diff(np.log(x)))
    assert y[-1] == pytest.approx(np.prod([1.0, 1.1, 1.2]) ** (1 / 3) / 256)


def test_escape_is_the_last_fall_below_a_level():
    times = np.arange(5.0)
    errors = np.array([[1.0, 0.1, 0.6, 0.2, 0.1], [1.0, 0.9, 0.8, 0.7, 0.6], [1.0, 0.1, 0.1, 0.1, 0.1]])
    assert saad1995online.escape(times, errors, 0.5).tolist() == [3.0, np.inf, 1.0]


def test_growth_is_of_an_exponential():
    times = np.linspace(0, 8, 17)
    errors = np.exp(np.outer([-0.2, 0.3], times))
    assert saad1995online.growth(times, errors) == pytest.approx([-0.2, 0.3])


def test_distances_are_zero_and_one_at_the_two_ends():
    kernel, linear = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 0.0])
    values = {"predictions": np.array([[0, 0, 0], kernel]), "exact_kernel": kernel, "exact_linear": linear}
    record = Record({"experiment": "layers"}, values, {"status": "done"})
    assert williams2019gradient.distance(record, "kernel") == 0
    assert williams2019gradient.distance(record, "linear") == 1
