"""What the figure of tangent_kernel shows, against the records and against theory."""

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from simulations.verdicts.checks import half_width
from tests.figures.artists import assert_geometric, bars, halves, line, panel, theory
from theory.kernel_fluctuation import kernel_fluctuation

METHODS = ("linear", "features_256", "features_4096", "arc_cosine", "tangent", "gaussian", "lazy", "mean_field")


@pytest.fixture(scope="module")
def shown(smoke_of, figure_of):
    records = smoke_of("tangent_kernel")
    return records, figure_of("tangent_kernel")


def table(records, value, **where):
    """Numbers of particles, and what was measured: a row for every seed."""
    chosen = records.where(**where)
    points, seeds = sorted(set(chosen.column("particles"))), sorted(set(chosen.column("seed")))
    rows = [[value(*chosen.where(seed=int(seed), particles=m)) for m in points] for seed in seeds]
    return np.array(points), np.array(rows)


def test_panel_a(shown):
    """Mean squared distances, and C/m with the constant of the inputs of every seed."""
    records, figure = shown
    axes, curves = panel(figure, "a  "), theory(panel(figure, "a  "))
    for activation, (x, y) in zip(("relu", "erf", "cosine"), curves, strict=True):
        where = {"experiment": "start", "initial": "plain", "activation": activation}
        points, values = table(records, lambda record: np.mean(record["distance_both"]), **where)
        assert_geometric(axes, activation, points, values)
        inputs = [record["x"] for record in records.where(**where, particles=16)]
        constant = np.mean([kernel_fluctuation(one, activation).value for one in inputs])
        np.testing.assert_allclose(y, constant / x, rtol=1e-9)
        np.testing.assert_allclose(x, points)


def residuals(record):
    """Along every eigenvector (1 − hλ/n)^k of what is there at the start, h = share · n / λ_max."""
    kept = 1 - record["share"] * record["eigenvalues"] / record["eigenvalues"].max()
    start = record["residuals"][0]
    return np.array([start * kept**k for k in record["steps"]])


def test_panel_b(shown):
    records, figure = shown
    axes, curves = panel(figure, "b  "), theory(panel(figure, "b  "))
    for (labels, name), (x, y) in zip((("true", "odd or even"), ("even", "all dir")), curves, strict=True):
        (record,) = records.where(experiment="directions", labels=labels, particles=1024, seed=0)
        at, loss = line(axes, name)
        power = np.sum(record["y"] ** 2)
        np.testing.assert_array_equal(at, record["steps"][1:])
        np.testing.assert_allclose(loss, np.sum(record["residuals"] ** 2, axis=1)[1:] / power)
        np.testing.assert_allclose(x, at)
        np.testing.assert_allclose(y, np.sum(residuals(record) ** 2, axis=1)[1:] / power, rtol=1e-4)


def crossing(steps, along):
    """Steps until |along| is 1/e of its start, geometric between two looks."""
    logs = np.log(np.abs(along / along[0]))
    after = int(np.argmax(logs <= -1)) if np.any(logs <= -1) else len(steps) - 1
    before = after - 1 if np.any(logs <= -1) else 0
    return steps[before] + (-1 - logs[before]) / (logs[after] - logs[before]) * (steps[after] - steps[before])


def test_panel_c(shown):
    records, figure = shown
    axes = panel(figure, "c  ")
    clouds = [one.get_data() for one in axes.get_lines() if one.get_marker() == "."]
    chosen = [records.where(experiment="directions", labels="even", particles=m) for m in (64, 1024)]
    every = [record for some in chosen for record in some]
    assert len(clouds) == len(every) == 32
    ends = []
    for record, (x, y) in zip(every, clouds, strict=True):
        decay = -np.log(np.abs(1 - record["share"] * record["eigenvalues"] / record["eigenvalues"].max()))
        seen = np.flatnonzero(3 / decay <= record["steps"][-1])[:30]
        np.testing.assert_allclose(x, 1 / decay[seen])
        np.testing.assert_allclose(y, [crossing(record["steps"], record["residuals"][:, i]) for i in seen])
        ends += [x.min(), x.max()]
    ((x, y),) = theory(axes)
    np.testing.assert_array_equal(x, [min(ends), max(ends)])
    np.testing.assert_array_equal(y, x)


def test_panel_d(shown):
    records, figure = shown
    axes, ends = panel(figure, "d  "), []

    def error(record):
        gap = np.sum((record["residuals"] - residuals(record)) ** 2, axis=1).max()
        return np.sqrt(gap / np.sum(record["y"] ** 2))

    def scatter(record):
        seen = np.flatnonzero(record["limit_learnt"] * 3 <= record["steps"][-1])[:30]
        times = [crossing(record["steps"], record["residuals"][:, i]) for i in seen]
        return np.sqrt(np.mean(np.log(times / record["limit_learnt"][seen]) ** 2))

    for label, labels, value in (
        ("odd or even", "true", error), ("all directions alike", "even", error), ("scatter", "even", scatter)
    ):  # fmt: skip
        points, values = table(records, value, experiment="directions", labels=labels)
        x, centre, low, high = bars(axes, label)
        half = halves(np.log(values))
        np.testing.assert_allclose(x, points)
        np.testing.assert_allclose(np.log(centre), np.log(values).mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(np.log([high / centre, centre / low]), [half, half], atol=1e-3)
        ends.append(centre[-1])
    for end, (x, y) in zip(ends, theory(axes), strict=True):
        np.testing.assert_allclose(y, end * (x / x[-1]) ** -0.5)


def last(record, method):
    return 100 * np.ravel(record[f"accuracy_{method}"])[-1]


def place_of(point):
    """x and y of a line of one point."""
    return np.array([float(np.ravel(part)[0]) for part in point.get_data()])


def test_panel_e(shown):
    """Means over splits with their intervals, in numbers as well; the infinitely wide network beside the lazy one."""
    records, figure = shown
    first = panel(figure, "e  ")
    place = figure.axes.index(first)
    for axes, data in zip(figure.axes[place : place + 3], ("digits", "breast_cancer", "mnist1d"), strict=True):
        chosen = records.where(experiment="accuracy", data=data)
        drawn = [box.lines for box in axes.containers if isinstance(box, ErrorbarContainer)]
        for row, (method, (points, _, (ends,))) in enumerate(zip(METHODS, drawn, strict=True)):
            values = np.array([last(record, method) for record in chosen])
            half = half_width(values)
            np.testing.assert_allclose(place_of(points), [values.mean(), row])
            (segment,) = ends.get_segments()
            np.testing.assert_allclose(segment[:, 0], [values.mean() - half, values.mean() + half])
            assert axes.texts[row].get_text() == f"{values.mean():.1f} ± {half:.1f}"
        (mark,) = [one for one in axes.get_lines() if one.get_marker() == "|" and one.get_markersize() == 11]
        infinite = np.mean([last(record, "infinite") for record in chosen])
        np.testing.assert_allclose(place_of(mark), [infinite, METHODS.index("lazy")])
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == [
        "linear", "256 features", "4096 features", "arc-cosine kernel", "tangent kernel", "Gaussian kernel",
        "lazy network", "mean-field network",
    ]  # fmt: skip


def test_panel_f(shown):
    records, figure = shown
    axes = panel(figure, "f  ")
    chosen = records.where(experiment="accuracy", data="digits")
    for place, (label, name) in enumerate((("lazy net", "lazy"), ("mean-field", "mean_field"), ("theory", "infinite"))):
        values = 100 * np.array([record[f"accuracy_{name}"] for record in chosen])[:, 1:]
        x, y = line(axes, label)
        np.testing.assert_array_equal(x, next(iter(chosen))["steps"][1:])
        np.testing.assert_allclose(y, values.mean(axis=0))
        half = halves(values)
        corners = axes.collections[place].get_paths()[0].vertices
        for end in (y - half, y + half):
            assert all(np.isclose(corners, point).all(axis=1).any() for point in zip(x, end, strict=True))
    for label, method in (("tangent kernel", "tangent"), ("linear", "linear")):
        level = np.mean([last(record, method) for record in chosen])
        np.testing.assert_allclose(line(axes, label)[1], level)
