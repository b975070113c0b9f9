"""The figure of double_descent: every point, bar, band and line against records and theory."""

import numpy as np
import pytest

from tests.figures.artists import bars, halves, line, panel, theory
from theory.double_descent import isotropic_risk

STUDY = "double_descent"


def runs(records, **parameters):
    return sorted(records.where(**parameters), key=lambda one: one["seed"])


def band(axes, number):
    """Lower and upper ends of a shaded band at its places."""
    (path,) = axes.collections[number].get_paths()
    ends = path.vertices[:-1]
    places = np.unique(ends[:, 0])
    return np.array([[ends[ends[:, 0] == x, 1].min(), ends[ends[:, 0] == x, 1].max()] for x in places]).T


def test_isotropic(figure, records):
    axes = panel(figure, "a  Normal inputs")
    means = np.array([one["excess"].mean(axis=1) for one in runs(records, experiment="isotropic")])
    x, centre, low, high = bars(axes, "mean of draws, n = 24")
    np.testing.assert_allclose(x, np.array([6, 12, 16, 36, 48, 72]) / 24)
    np.testing.assert_allclose(centre, means.mean(axis=0))
    np.testing.assert_allclose((high - low) / 2, halves(means))
    for signal, (x, y) in zip((2.0, 0.0), theory(axes)[:2], strict=True):
        exact = np.array([isotropic_risk(24, round(p), signal, 1.0) for p in 24 * x])
        np.testing.assert_allclose(y[np.isfinite(exact)], exact[np.isfinite(exact)])
        assert np.all(np.isnan(y[~np.isfinite(exact)]))


@pytest.mark.parametrize(("title", "experiment"), [("b  Random", "teacher"), ("c  Digits", "digits")])
def test_curves(figure, records, title, experiment):
    axes = panel(figure, title)
    found = runs(records, experiment=experiment)
    ratio = np.unique([max(1, round(30 * part)) for part in (0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 4, 10)])
    for number, (name, label) in enumerate((("risk", "least norm"), ("ridge_risk", "ridge"))):
        draws = np.concatenate([one[name] for one in found], axis=1)
        x, y = line(axes, label)
        np.testing.assert_allclose(x, ratio / 30)
        np.testing.assert_allclose(y, np.median(draws, axis=1))
        np.testing.assert_allclose(band(axes, number), np.quantile(draws, [0.25, 0.75], axis=1))
    ((x, _),) = theory(axes)
    np.testing.assert_allclose(x, 1)


def test_interpolation(figure, records):
    axes = panel(figure, "d  From m = n")
    several = [one for one in axes.get_lines() if len(np.asarray(one.get_xdata())) > 2]
    found = [*runs(records, experiment="teacher"), *runs(records, experiment="digits")]
    for artist, one in zip(several, found, strict=True):
        np.testing.assert_allclose(artist.get_xdata(), one["widths"] / 30)
        np.testing.assert_allclose(artist.get_ydata(), (one["train_residual"] / one["rounding"]).max(axis=1))
    assert [y[0] for _, y in theory(axes)] == [1]


def test_lazy(figure, records):
    axes = panel(figure, "e  Lazy networks")
    for activation, text, place in (("relu", "m d = n", 30 / 5), ("tanh", "m (d + 1) = n", 30 / 6)):
        found = runs(records, experiment="tangent", activation=activation)
        (points,) = [one for one in axes.get_lines() if one.get_label() == activation]
        np.testing.assert_allclose(points.get_xdata(), found[0]["widths"])
        draws = np.concatenate([one["risk"] for one in found], axis=1)
        np.testing.assert_allclose(points.get_ydata(), np.median(draws, axis=1))
        np.testing.assert_allclose(line(axes, f"theory: {text}")[0], place)
        at = {"relu": 6, "tanh": 5}[activation]
        assert place == at
        assert at in found[0]["widths"]


def test_trained(figure, records):
    axes = panel(figure, "f  Trained")
    found = runs(records, experiment="trained")
    draws = np.array([one["risk"] for one in found])
    x, y = line(axes, "3000 steps")
    np.testing.assert_allclose(x, found[0]["widths"] * 4 / 20)
    np.testing.assert_allclose(y, np.median(draws, axis=0))
    np.testing.assert_allclose(band(axes, 0), np.quantile(draws, [0.25, 0.75], axis=0))
    ((x, _),) = theory(axes)
    np.testing.assert_allclose(x, 1)
    off = [np.abs(one["predictions"] - one["exact_predictions"]).max(axis=1) / one["exact_rounding"] for one in found]
    assert line(axes, f"from closed form: {np.max(off):.2g} of its rounding")
