"""The figure of masses on a sphere: points are what the records hold, lines are flows and orders called anew."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from scipy.integrate import simpson

import simulations
from simulations.limits.conic_equivalence import Conic
from tests.figures.artists import bars, halves, line, panel, theory
from theory import conic

STUDY = simulations.find("conic_equivalence")
STEPS = (5, 20, 80)


@pytest.fixture(scope="module")
def shown(records):
    """The balanced network of the first seed whose path is kept at the most steps, and its flow on the sphere."""
    (one,) = records.where(experiment="runge_kutta", balanced=True, steps=20, seed=min(records.column("seed")))
    start, times = one["path"][0], np.linspace(0, 2, 60)
    return one, conic.balanced_flow(start, one["x"], one["y"], times, smoothing=0.5, strength=0.02, scale=2.0)


def filled(axes):
    """x and y of the markers that are filled and no entry of the legend, in the order of drawing."""
    marks = [one for one in axes.get_lines() if one.get_marker() == "o" and one.get_markerfacecolor() != "white"]
    return [(*one.get_data(), to_rgb(one.get_color())) for one in marks if len(one.get_xdata())]


def test_paths(figure, shown):
    axes, (one, flow) = panel(figure, "Particles: masses on a sphere"), shown
    lines = [(x, y) for x, y in theory(axes) if len(x)]
    path, colors = one["path"], set()
    assert len(lines) == len(filled(axes)) == path.shape[1]
    for j, ((x, y), (seen_x, seen_y, color)) in enumerate(zip(lines, filled(axes), strict=True)):
        assert np.column_stack([x, y]) == pytest.approx(flow.mass[:, j, None] * flow.direction[:, j, :2], abs=1e-5)
        times = [0, 5, 10, 15, 20]
        assert seen_x == pytest.approx([abs(path[k, j, 0]) * path[k, j, 1] for k in times])
        assert seen_y == pytest.approx([abs(path[k, j, 0]) * path[k, j, 2] for k in times])
        assert np.hypot(seen_x - x[[0, 15, 30, 44, 59]], seen_y - y[[0, 15, 30, 44, 59]]).max() < 0.1
        colors.add((color, np.sign(path[0, j, 0])))
    assert len(colors) == 2  # a colour for each sign
    (above, positive), _ = sorted(colors, key=lambda one: -one[1])
    assert positive == 1
    assert to_rgb(next(one for one in axes.get_lines() if "a > 0" in str(one.get_label())).get_color()) == above


def test_masses(figure, shown):
    axes, (one, flow) = panel(figure, "Their masses"), shown
    largest = np.argsort(-(one["path"][-1, :, 0] ** 2))[:8]
    lines = [(x, y) for x, y in theory(axes) if len(x)]
    for j, (x, y), (seen_x, seen_y, _) in zip(largest, lines, filled(axes), strict=True):
        assert x == pytest.approx(np.linspace(0, 2, 60))
        assert y == pytest.approx(flow.mass[:, j], abs=1e-5)
        assert seen_x == pytest.approx(np.linspace(0, 2, 21))
        assert seen_y == pytest.approx(one["path"][:, j, 0] ** 2)


def rms(values):
    return np.sqrt(np.mean(values**2))


def to(name):
    return lambda one: rms(one["predictions"] - one[f"{name}_predictions"])


def defect(one, constant=0.0):
    """F(T) − F(0) + ∫ g, by the rule of the integrator, less a share of h (g(0) − g(T))."""
    h, g = 2 / one["steps"], one["dissipation"]
    euler = one["experiment"] == "descent"
    integral = h * g[:, :-1].sum(axis=1) if euler else simpson(g, dx=h, axis=1)
    return rms(one["energy"][:, -1] - one["energy"][:, 0] + integral - constant * h * (g[:, 0] - g[:, -1]))


def balance(one, rate=2):
    return rms(one["balance_end"] - np.exp(-rate * 0.02 * 2) * one["balance_start"])


ROUNDED, RELU = {"activation": "rounded", "balanced": False}, {"activation": "relu"}
SMOOTH = {"experiment": "runge_kutta", **ROUNDED}
SERIES = {
    "Energy lost": [
        ("gradient descent", {"experiment": "descent", **ROUNDED}, defect, -1),
        ("leading term", {"experiment": "descent", **ROUNDED}, lambda one: defect(one, 0.25), -2),
        ("Runge", SMOOTH, defect, -4),
    ],
    "decays as": [
        ("smooth unit", SMOOTH, balance, -4),
        ("ReLU", {"experiment": "descent", **RELU}, balance, -1),
    ],
    "Same predictions": [
        ("ConicFlow, all", {"experiment": "conic", **ROUNDED}, to("sphere"), -1),
        ("particles, all", SMOOTH, to("sphere"), -4),
        ("particles, input", {**SMOOTH, "balanced": True}, to("balanced"), -4),
    ],
    "kinks leave order one": [
        ("gradient descent, all", {"experiment": "descent", **RELU}, to("sphere"), -1),
        ("ConicFlow, input", {"experiment": "conic", **RELU}, to("balanced"), -1),
    ],
}
WRONG = {
    "Energy lost": [],
    "decays as": [("for", SMOOTH, lambda one: balance(one, 1))],
    "Same predictions": [("−rG", SMOOTH, to("half_growth")), ("not balanced", SMOOTH, to("balanced"))],
    "kinks leave order one": [("−rG", {"experiment": "descent", **RELU}, to("half_growth"))],
}


def table(records, chosen, value):
    """Logarithms of a value, [seeds, steps]."""
    return np.log([[value(one) for one in records.where(steps=steps, **chosen)] for steps in STEPS]).T


@pytest.mark.parametrize("title", SERIES)
def test_orders(figure, records, title):
    axes = panel(figure, title)
    assert len(theory(axes)) == len(SERIES[title])
    for (label, chosen, value, order), (x, y) in zip(SERIES[title], theory(axes), strict=True):
        logs = table(records, chosen, value)
        centre, half = logs.mean(axis=0), halves(logs)
        seen_x, seen, low, high = bars(axes, label)
        assert seen_x.tolist() == x.tolist() == list(STEPS)
        assert seen == pytest.approx(np.exp(centre), rel=1e-6)
        assert low == pytest.approx(np.exp(centre - half), rel=1e-6)
        assert high == pytest.approx(np.exp(centre + half), rel=1e-6)
        assert y == pytest.approx(np.exp(centre[-1]) * (x / 80) ** order, rel=1e-6)
    for label, chosen, value in WRONG[title]:
        x, y = line(axes, label)
        assert y == pytest.approx(np.exp(table(records, chosen, value).mean(axis=0)), rel=1e-6)
        assert x.tolist() == list(STEPS)


def test_every_panel_is_tested(figure):
    assert len(figure.axes) == 2 + len(SERIES)


def test_predictions_of_theory_are_those_of_the_run():
    """What a record is compared with, from its own start, by the flow of the name."""
    run = Conic(steps=5, seed=3)
    (theta, x, y), options = run.data, {"smoothing": 0.5, "strength": 0.02, "scale": 2.0}
    for name, flow in (("sphere", conic.sphere_flow), ("balanced", conic.balanced_flow)):
        assert run.theory()[f"{name}_predictions"] == pytest.approx(
            flow(theta, x, y, [2.0], **options).predictions[0], abs=1e-9
        )
    half = conic.sphere_flow(theta, x, y, [2.0], growth=1.0, **options).predictions[0]
    assert run.theory()["half_growth_predictions"] == pytest.approx(half, abs=1e-9)
