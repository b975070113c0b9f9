"""The figure of stiffness: every point, band, cell and line against records, and theory from weights and kernels."""

import numpy as np
import pytest

import simulations
from simulations.generalisation.image_pairs import BINS, GROUPS
from tests.figures.artists import halves, line, panel, theory

STUDY = "stiffness"

LEVELS = np.geomspace(0.9, 0.02, 16)


def crossing(risk, values, level):
    """What is seen when the risk first comes down to a level, linear in its logarithm; NaN where it never does."""
    for k in range(1, len(risk)):
        if risk[k] <= level * risk[0]:
            share = (np.log(risk[k - 1] / risk[0]) - np.log(level)) / np.log(risk[k - 1] / risk[k])
            return values[k - 1] + share * (values[k] - values[k - 1])
    return np.full(values.shape[1:], np.nan)


def check_band(axes, label, x, table, number):
    """A line of means over seeds, with a band of the verdicts' interval, where all seeds have a value."""
    whole = np.all(np.isfinite(table), axis=0)
    mean, half = table[:, whole].mean(axis=0), halves(table[:, whole])
    at, y = line(axes, label)
    np.testing.assert_allclose(at, x[whole])
    np.testing.assert_allclose(y, mean, rtol=1e-6, atol=1e-9)
    ends = axes.collections[number].get_paths()[0].vertices
    low, high = (np.array([pick(ends[np.isclose(ends[:, 0], one), 1]) for one in at]) for pick in (np.min, np.max))
    np.testing.assert_allclose(low, mean - half, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(high, mean + half, rtol=1e-6, atol=1e-9)


def test_gradients_and_kernel(figure, records):
    axes, i = panel(figure, "a  Gradients"), np.triu_indices(24, 1)
    runs = records.where(experiment="identity")
    known, seen, wrong = (
        np.concatenate([[at[i] for at in record[name]] for record in runs]).ravel()
        for name in ("kernel", "gradient", "unsigned")
    )
    for label, of in (("measured", seen), ("sizes of residuals", wrong)):
        x, y = line(axes, label)
        assert len(x) == min(600, len(known))
        pairs = {(a, b) for a, b in zip(known.round(12), of.round(12), strict=True)}
        assert all((a, b) in pairs for a, b in zip(x.round(12), y.round(12), strict=True))
    ((x, y),) = theory(axes)
    np.testing.assert_allclose(x, y)


def test_classes(figure, records):
    tables = [crossing(r["risk"][2], r["classes"][2], 0.3) for r in records.where(experiment="training")]
    (image,) = panel(figure, "b  Classes").get_images()
    np.testing.assert_allclose(image.get_array(), np.nanmean(tables, axis=0), rtol=1e-6)


def test_distance(figure, records):
    axes = panel(figure, "c  Nearer")
    found = np.array([crossing(r["risk"][2], r["along"][2], 0.3) for r in records.where(experiment="training")])
    for number, label in enumerate(("one class", "two classes")):
        check_band(axes, label, (BINS[1:] + BINS[:-1]) / 2, found[:, number], number)
    assert [set(y) for _, y in theory(axes)] == [{0.0}]


def test_lazy_networks_fade_as_their_kernel_says(figure, records):
    axes, levels = panel(figure, "d  Lazy"), LEVELS[LEVELS > 0.1]
    runs = [r for r in records.where(experiment="lazy", particles=512) if np.min(r["risk"]) <= 0.1 * r["risk"][0]]
    curves = theory(axes)
    for number, group in enumerate(GROUPS[:5]):
        found = np.array([[crossing(r["risk"], r["groups"][:, number], at) for at in levels] for r in runs])
        check_band(axes, group, levels, found, number)
        x, y = curves[number]
        np.testing.assert_allclose(x, levels)
        said = [[crossing(r["kernel_risk"], r["kernel_groups"][:, number], at) for at in levels] for r in runs]
        np.testing.assert_allclose(y, np.mean(said, axis=0), rtol=1e-6)
    # Before training, of one class, the kernel's cosine is the normalised kernel.
    _, _, x, y = simulations.find("stiffness").make(runs[0].parameters).data
    angle = np.arccos(np.clip(x @ x.T, -1, 1))
    kernel = (2 * np.cos(angle) * (np.pi - angle) + np.sin(angle)) / (2 * np.pi)
    same = np.triu(y @ y.T > 0, 1)
    assert runs[0]["kernel_groups"][0, 0] == pytest.approx(np.mean(kernel[same]), rel=1e-5)


@pytest.mark.parametrize(("title", "group", "levels"), [("e  Within", 0, 0), ("f  Between", 1, 1)])
def test_steps(figure, records, title, group, levels):
    axes = panel(figure, title)
    runs = list(records.where(experiment="training"))
    for number, label in enumerate(("h = 8", "h = 4", "h = 1")):
        found = np.array(
            [[crossing(r["risk"][number], r["groups"][number, :, group], at) for at in LEVELS] for r in runs]
        )
        check_band(axes, label, LEVELS, found, number)
    assert [set(y) for _, y in theory(axes)] == [{0.0}] * levels
