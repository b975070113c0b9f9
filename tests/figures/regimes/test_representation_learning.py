"""The figure of representation_learning: every point, bar and line against records and theory."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.figures.artists import assert_geometric, bars, halves, line, panel, theory

STUDY = "representation_learning"


def column(records, value, **parameters):
    """Values of the runs with these parameters, in the order of their seeds."""
    return np.array([value(one) for one in sorted(records.where(**parameters), key=lambda one: one["seed"])])


def table(records, value, x, points, **parameters):
    """Values [seed, x] of the runs with these parameters."""
    return np.array([column(records, value, **parameters, **{x: point}) for point in points]).T


@pytest.mark.parametrize(
    ("title", "name"), [("a  Features", "features_alignment"), ("b  and spread", "tangent_dimension")]
)
def test_in_time(figure, records, title, name):
    axes = panel(figure, title)
    for law, activation in (("tanh", "tanh"), ("ReLU", "relu")):
        for alpha in (1, 1000):
            chosen = {"experiment": "kernels", "activation": activation, "initial": "doubled", "alpha": alpha}
            values = column(records, lambda one: one[name], **chosen)
            named = [box for box in axes.containers if box.get_label() == f"{law}, α = {alpha}"]
            times, centre, low, high = bars(SimpleNamespace(containers=named))
            np.testing.assert_allclose(times, [1.5 / 4, 1.5, 6, 25, 100])
            np.testing.assert_allclose(centre, values.mean(axis=0))
            np.testing.assert_allclose((high - low) / 2, halves(values), atol=1e-12)
    law = {"experiment": "kernels", "activation": "tanh", "initial": "doubled"}
    start = column(records, lambda one: one[name][0], alpha=1000, **law)
    np.testing.assert_allclose(theory(axes)[0][1], start.mean())


@pytest.mark.parametrize(
    ("label", "activation", "initial", "name", "power"),
    [
        ("kernel, ReLU", "relu", "doubled", "tangent_drift", -0.5),
        ("kernel, tanh, centred", "tanh", "centred", "tangent_drift", -1),
        ("kernel, tanh, doubled", "tanh", "doubled", "tangent_drift", -2),
        ("alignment, tanh, doubled", "tanh", "doubled", "tangent_realigned", -2),
    ],
)
def test_exponents(figure, records, label, activation, initial, name, power):
    axes, alphas = panel(figure, "c  Symmetry"), np.array([100, 300, 1000])
    law = {"experiment": "kernels", "activation": activation, "initial": initial}
    values = table(records, lambda one: one[name][-1], "alpha", alphas, **law)
    assert_geometric(axes, label, alphas, values)
    last = np.exp(np.log(values[:, -1]).mean())
    lines = [y for _, y in theory(axes) if np.isclose(y[-1], last)]
    assert len(lines) == 1
    np.testing.assert_allclose(lines[0], last * (alphas / 1000) ** power)


ERRORS = {"kernel": lambda one: one["kernel_error"], "network": lambda one: one["net_error"][-1]}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize(
    ("title", "x", "points", "fixed"),
    [
        ("d  Hidden", "dimension", (5, 10, 20), {"samples": 128}),
        ("e  The lead", "samples", (64, 128, 256), {"dimension": 10}),
    ],
)
def test_errors(figure, records, title, x, points, fixed, name):
    axes = panel(figure, title)
    values = table(records, ERRORS[name], x, points, experiment="hidden_direction", target="direction", **fixed)
    slope = np.mean([np.polyfit(np.log(points), row, 1)[0] for row in np.log(values)])
    assert_geometric(axes, f"{name}: slope {slope:.1f}".replace("-", "−"), points, values)
    means = np.exp(np.log(values).mean(axis=0))
    assert any(len(y.get_ydata()) == 3 and np.allclose(y.get_ydata(), means) for y in axes.get_lines()
               if y.get_linestyle() == "-")  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_manifold(figure, records, name):
    axes, points = panel(figure, "d  Hidden"), (5, 10, 20)
    values = table(records, ERRORS[name], "dimension", points, experiment="subspace", inside=True)
    assert_geometric(axes, f"{name}, data of 5 dimensions", points, values)
    flat = [y for _, y in theory(axes) if np.allclose(y, np.exp(np.log(values).mean()))]
    assert len(flat) == 1


def test_found(figure, records):
    axes = panel(figure, "f  No direction")
    for target, label, points in (("direction", "one direction", (5, 10, 20)), ("many", "400 directions", (20,))):
        d = points[0]
        rows = [*records.where(experiment="hidden_direction", target=target, dimension=d, samples=128)]
        x, y = line(axes, label)
        np.testing.assert_allclose(x, [one["along"][-1] for one in rows])
        np.testing.assert_allclose(y, [one["kernel_error"] / one["net_error"][-1] for one in rows])
    assert [y[0] for _, y in theory(axes)] == [1, 3]
