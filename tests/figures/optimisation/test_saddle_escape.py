"""What the figure of saddle_escape shows: exits against theory from the actual starts, slopes, noise and symmetry."""

import numpy as np
import pytest
from scipy import special

from simulations.optimisation import saddle_escape as study
from tests.figures.artists import bars, line, panel
from theory import saddle_escape as exact

STUDY = "saddle_escape"


def group(records, experiment, **parameters):
    return list(records.where(experiment=experiment, **parameters))


def test_plateaus_end_where_theory_says(figure, records):
    """The risk of the first seed in e-folds, and a dot on 95 % of it when theory, from that very start, leaves."""
    axes, record = panel(figure, "Every decade"), group(records, "small", activation="tanh")[0]
    run = study.SmallStarts(seed=record["seed"])
    rate = exact.origin_mode(run.saddle.x, run.saddle.y).rate
    risk = np.mean(run.saddle.y**2) / 2
    lines = [one for one in axes.get_lines() if len(one.get_xdata()) > 1]
    dots = [one for one in axes.get_lines() if len(one.get_xdata()) == 1]
    assert len(lines) == len(dots) == len(run.epsilon)
    left = exact.exit_times(run.starts, run.saddle.x, run.saddle.y, run.length)
    for one, dot, path, late, size in zip(lines, dots, record["risk"], left, run.epsilon, strict=True):
        assert np.allclose(one.get_xdata(), rate * record["times"], rtol=1e-6)
        assert np.allclose(one.get_ydata(), path / risk, rtol=1e-12)
        assert dot.get_ydata()[0] == 0.95
        assert dot.get_xdata()[0] == pytest.approx(rate * late, abs=0.002 + 30 * size)
        before = np.interp(rate * late, one.get_xdata(), one.get_ydata())
        assert before == pytest.approx(0.95, abs=0.005)


def test_exits_are_means_on_lines_of_theory(figure, records):
    axes = panel(figure, "Exit time")
    black = [one for one in axes.get_lines() if one.get_color() == "black" and len(one.get_xdata())]
    assert len(black) == 3
    for label, experiment, activation, times in (
        ("relu", "small", "relu", 1), ("tanh", "small", "tanh", 1), ("stable", "stable", "tanh", 3),
    ):  # fmt: skip
        some = group(records, experiment, activation=activation)
        sizes = some[0]["sizes"]
        late = np.mean([record["exit_times"] * record["exact_rate"] for record in some], axis=0)
        name = "tanh, stable start" if label == "stable" else label
        (drawn,) = [one for one in axes.get_lines() if one.get_label() == name]
        assert np.array_equal(drawn.get_xdata(), sizes)
        assert np.allclose(drawn.get_ydata(), late, rtol=1e-12)
        expected = late[-1] + times * np.log(sizes[-1] / sizes)
        same = [one.get_ydata()[-3:] for one in black if len(one.get_xdata()) == len(sizes)]
        assert any(np.allclose(one, expected[-3:], rtol=0, atol=0.002) for one in same), label
    assert axes.xaxis_inverted()


def test_slopes_are_those_of_every_seed(figure, records):
    """Fitted anew: by polyfit within the linear regime, between the last decade, and in the mean of replicas."""
    axes = panel(figure, "Slopes")
    shown = [one for one in axes.get_lines() if one.get_marker() == "o"]
    tanh, relu = group(records, "small", activation="tanh"), group(records, "small", activation="relu")
    noise = group(records, "noise")

    def fitted(record):
        near = record["sizes"] <= 1.001e-3
        return -np.polyfit(np.log(record["sizes"][near]), record["exit_times"][near], 1)[0] * record["exact_rate"]

    def last(record):
        late = (record["exit_times"][-1] - record["exit_times"][-2]) * record["exact_rate"]
        return late / np.log(record["sizes"][-2] / record["sizes"][-1])

    def noisy(record):
        late = record["exit_times"].mean(axis=1)
        return -np.polyfit(np.log(record["sizes"]), late, 1)[0] * record["exact_rate"]

    wrong = [last(record) * record["exact_smooth_rate"] / 2 / record["exact_rate"] for record in relu]
    expected = [[fitted(one) for one in tanh], [last(one) for one in relu], wrong, [noisy(one) for one in noise]]
    assert len(shown) == len(expected)
    for k, (one, values) in enumerate(zip(shown, expected, strict=True)):
        assert np.allclose(one.get_ydata(), values, rtol=1e-6)
        assert np.all(np.abs(one.get_xdata() - k) < 0.3)
    assert np.allclose(line(axes, "theory")[1], 1)


def test_noise_has_its_mean_and_spread(figure, records):
    """Points are means less the constant of theory, bars one deviation, the band that of log χ_m."""
    axes, some = panel(figure, "Noise is"), group(records, "noise")
    x, y, low, high = bars(axes, "mean and spread")
    first = some[0]
    constant = first["exact_exit_times"][0] * first["exact_rate"] - np.log(1 / first["sizes"][0])
    late = first["exit_times"] * first["exact_rate"] - constant
    assert np.allclose(y, late.mean(axis=1), rtol=1e-9)
    assert np.allclose(high - y, late.std(axis=1, ddof=1), rtol=1e-9)
    assert np.allclose(y - low, late.std(axis=1, ddof=1), rtol=1e-9)
    assert np.all(np.abs(np.log(x / first["sizes"] ** 2)) < 0.7)
    assert len(axes.containers) == len(some)
    at, mean = line(axes, "theory")
    assert np.allclose(mean, -np.log(at) / 2)
    (band,) = [one for one in axes.collections if one.get_alpha() == 0.25]
    vertices = band.get_paths()[0].vertices
    deviation = np.sqrt(special.polygamma(1, first["particles"] / 2)) / 2
    for temperature in at:
        heights = vertices[np.isclose(vertices[:, 0], temperature), 1]
        expected = -np.log(temperature) / 2 + deviation * np.array([-1, 1])
        assert np.allclose([heights.min(), heights.max()], expected, rtol=1e-6)


def test_tilts_and_risks_are_those_of_the_first_seed(figure, records):
    record = group(records, "mirror")[0]
    run = study.Mirror(seed=record["seed"])
    time = exact.origin_mode(run.saddle.x, run.saddle.y).rate * record["times"]
    # Samples of four share |x| but for the sign of the last input, and two sizes of it: the best even function.
    alike = run.saddle.y.reshape(-1, 4)
    least = np.mean((alike - alike.mean(axis=1, keepdims=True)) ** 2) / 2
    tilts, risks = panel(figure, "Only rounding"), panel(figure, "Symmetry never")
    for axes, values in ((tilts, record["tilt"]), (risks, record["risk"] / least)):
        shown = [one for one in axes.get_lines() if np.size(one.get_xdata()) == len(time)]
        for k in range(len(values) - 2):
            assert np.allclose(shown[k].get_xdata(), time)
            assert np.allclose(shown[k].get_ydata(), values[k], rtol=1e-9)
    assert np.allclose(line(tilts, "exactly mirrored")[1], np.maximum(record["tilt"][-1], 1e-20), rtol=1e-12)
    assert np.allclose(line(risks, "exactly mirrored")[1], record["risk"][-1] / least)
    assert np.allclose(line(risks, "at the origin")[1], record["risk"][-2] / least)
    assert np.allclose(line(risks, "theory")[1], 1)
    growth, added = record["tilt"][-3] / record["tilt"][-3][0], 2.0**-52 * np.maximum(1, record["size"][-1])
    bound = []
    for k in range(len(time)):  # each error grows as the tilt does from the least that it has later on
        since = np.array([growth[j:].min() for j in range(k + 1)])
        bound.append(6 * growth[k] * np.sqrt(4 * np.sum((added[: k + 1] / since) ** 2)))
    assert np.allclose(line(tilts, "theory")[1], bound, rtol=1e-9)
