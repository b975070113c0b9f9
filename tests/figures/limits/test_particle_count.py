"""The figure of particle counts: what it shows is what the records hold, beside theory called anew."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm

import figures
import simulations
from simulations import Records
from simulations.limits.particle_count import PENALTY
from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, halves, line, panel, theory
from theory import chaos, initial_law

STUDY = simulations.find("particle_count")
WIDTHS = (16, 64, 256)
X = np.array([[-1.5], [0.0], [1.5]])
BETWEEN = np.array([[-0.75], [0.75]])


def path(penalty=0.0):
    nodes, mass = chaos.box_nodes([1.5, 2.0, 2.0], [10, 16, 16])
    y = 0.3 + 0.5 * np.tanh(X[:, 0])
    return chaos.descend(nodes, mass, X, y, step=0.5, steps=40, penalty=penalty)


TIMES = [0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0]


def constants(of, inputs):
    return np.array([chaos.fluctuation(of, inputs, round(2 * time)) for time in TIMES])


def shows(drawn, table):
    """Geometric means over seeds with Student's intervals, of `table` [seeds, x]."""
    _, y, low, high = drawn
    logs = np.log(table)
    centre, half = logs.mean(axis=0), halves(logs)
    assert y == pytest.approx(np.exp(centre), rel=1e-9)
    assert low == pytest.approx(np.exp(centre - half), rel=1e-9)
    assert high == pytest.approx(np.exp(centre + half), rel=1e-9)


def trained(records, m, exponent=0.0, penalty=0.0):
    return records.where(experiment="trained", particles=m, exponent=exponent, penalty=penalty)


def untrained(records, m, output="gaussian", exponent=0.5):
    return records.where(experiment="untrained", particles=m, output=output, exponent=exponent)


def test_histograms_are_of_f_over_its_exact_deviation(figure, records):
    axes = panel(figure, "Gaussian as m grows")
    edges = np.linspace(-6, 6, 37)
    for m in (4, 16, 64):
        x, y = line(axes, f"m = {m}, exact excess kurtosis {15 / m:.2g}")
        f = np.concatenate([one["outputs"] / np.linalg.norm(one["x"][0]) * np.sqrt(2) for one in untrained(records, m)])
        density = np.histogram(f, edges)[0] / len(f) * 3
        middle = (edges[1:] + edges[:-1]) / 2
        assert x == pytest.approx(middle[density > 0])
        assert y == pytest.approx(density[density > 0], rel=1e-4, abs=2e-4)  # f on an edge goes either way
    ((x, y),) = theory(axes)
    assert y == pytest.approx(norm.pdf(x))


@pytest.mark.parametrize(("label", "output", "fourth"), [("Gaussian", "gaussian", 3), ("±1", "signs", 1)])
def test_kurtoses(figure, records, label, output, fourth):
    """κ = E [3 (S − E S)² + (E a⁴ − 3) Q]/(E S)² for S = Var(f | w) of mean |x|²/2."""
    x, y, low, high = bars(panel(figure, "Excess kurtosis"), label)
    assert x.tolist() == [4, 16, 64]
    for m, middle, down, up in zip((4, 16, 64), y, low, high, strict=True):
        samples = []
        for one in untrained(records, m, output):
            exact = np.sum(one["x"] ** 2, axis=1) / 2
            mean, square, quartic = one["conditional"]
            samples.append(np.mean(3 * (square / exact**2 - 2 * mean / exact + 1) + (fourth - 3) * quartic / exact**2))
        width = half_width(np.array(samples))
        mean = np.mean(samples)
        assert (middle, down, up) == pytest.approx((mean, mean - width, mean + width), rel=1e-9)
    lines = theory(panel(figure, "Excess kurtosis"))
    x, y = lines[0 if output == "gaussian" else 1]
    assert y == pytest.approx([(6 * fourth - 3) / m for m in x])
    assert len(lines) == 2


def test_covariances_of_all_pairs(figure, records):
    axes = panel(figure, "arc-cosine kernel")
    for label, exponent in (("α = √m", 0.5), ("α = 1", 0.0)):
        exact, seen = [], []
        for one in records.where(experiment="untrained", output="gaussian", exponent=exponent):
            pairs = np.triu_indices(4)
            exact.append(initial_law.output_covariance(one["x"], 1)[pairs])
            share = 1 if exponent else one["particles"]
            seen.append(share * (one["covariance_halves"][0] + one["covariance_halves"][1])[pairs] / 2)
        x, y = line(axes, label)
        assert x == pytest.approx(np.concatenate(exact), rel=1e-9)
        assert y == pytest.approx(np.concatenate(seen), rel=1e-9)
    ((x, y),) = theory(axes)
    assert x.tolist() == y.tolist()


def test_distances_in_time(figure, records):
    axes = panel(figure, "Training, α = 1")
    for m in WIDTHS:
        drawn = bars(axes, f"m = {m}")
        assert drawn[0] == pytest.approx(TIMES)
        shows(drawn, np.stack([m * one["distance"] for one in trained(records, m)]))
    (_, constant), (_, resampled) = theory(axes)
    assert constant == pytest.approx(constants(path(), X), rel=1e-9)
    assert resampled == pytest.approx([chaos.resampling_error(path(), X, round(2 * t)) for t in TIMES], rel=1e-9)


def test_distances_along_the_width(figure, records):
    axes = panel(figure, "A limit at α = 1")
    series = (
        ("α = √m", 0.5, 0, lambda one: one["distance"][3]),
        ("α = 1", 0.0, -1, lambda one: one["distance"][3]),
        ("left by linear response, t = 5", 0.0, -1, lambda one: np.exp(one["all_response_remainder"][2, 2])),
    )
    assert len(theory(axes)) == len(series)
    for (label, exponent, slope, value), (x, y) in zip(series, theory(axes), strict=True):
        table = np.array([[value(one) for one in trained(records, m, exponent)] for m in WIDTHS]).T
        drawn = bars(axes, label)
        assert drawn[0].tolist() == x.tolist() == list(WIDTHS)
        shows(drawn, table)
        assert y == pytest.approx(drawn[1][-1] * (x / 256) ** slope, rel=1e-9)


def test_healing(figure, records):
    axes = panel(figure, "Healing")
    kinds = (
        ("between the samples", 0.0, "test_distance", BETWEEN),
        ("penalty", PENALTY, "distance", X),
        ("on the samples, m", 0.0, "distance", X),
    )
    for (label, penalty, name, inputs), (x, y) in zip(kinds, theory(axes), strict=True):
        drawn = bars(axes, label)
        assert drawn[0] == pytest.approx(TIMES)
        shows(drawn, np.stack([256 * one[name] for one in trained(records, 256, penalty=penalty)]))
        assert x == pytest.approx(TIMES)
        assert y == pytest.approx(constants(path(penalty), inputs), rel=1e-9)


def test_of_many_widths_the_ends_and_a_middle_one_are_shown(records):
    """Two more widths, of the same values: the narrowest, the third of five, and the widest."""
    more = [dataclasses.replace(one, parameters={**one.parameters, "particles": m})
            for m in (1000, 5000) for one in untrained(records, 64)]  # fmt: skip
    axes = panel(figures.draw(STUDY, Records([*records, *more])), "Gaussian as m grows")
    shown = [str(one.get_label()).split(",")[0] for one in axes.get_lines()]
    assert shown[:-1] == ["m = 4", "m = 64", "m = 5\u202f000"]


def test_every_panel_is_tested(figure):
    assert len(figure.axes) == 6
