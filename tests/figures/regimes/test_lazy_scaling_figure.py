"""What the figure of lazy_scaling shows, against the records and against theory."""

import numpy as np
import pytest

import simulations
from figures.style import LAZY, MEAN_FIELD
from simulations.verdicts.checks import half_width
from tests.figures.artists import assert_geometric, bars, halves, line, panel, theory
from theory import kernel_flow
from theory.neurons import Network


@pytest.fixture(scope="module")
def shown(smoke_of, figure_of):
    records = smoke_of("lazy_scaling")
    return records, figure_of("lazy_scaling")


def table(records, x, value, **where):
    """x, and what was measured: a row for every seed."""
    chosen = records.where(**where)
    points = sorted(set(chosen.column(x)))
    return np.array(points), np.array(
        [[value(record) for at in points for record in chosen.where(seed=int(seed), **{x: at})]
         for seed in sorted(set(chosen.column("seed")))]
    )  # fmt: skip


def gap(record):
    """The largest distance, over time, to the flow of the network's own kernel, by an explicit loop."""
    network, n = Network(start_of(record), "tanh"), len(record["y"])
    kernel, f, far = network.tangent_kernel(record["x"])[:, 0, :, 0], record["predictions"][0], []
    steps = np.rint(record["times"] / record["step"]).astype(int)
    for k in range(steps[-1] + 1):
        if k in steps:
            far.append(np.sqrt(np.mean((record["predictions"][list(steps).index(k)] - f) ** 2)))
        f = f - record["step"] / n * kernel @ (f - record["y"])
    return max(far)


def start_of(record):
    experiment = simulations.find("lazy_scaling").make(dict(record.parameters))
    return experiment.theta


def test_panel_a(shown):
    records, figure = shown
    axes, exponents = panel(figure, "a  "), []
    for label, initial, value, exponent in (
        ("movement", "doubled", lambda record: record["displacement"][-1], -1),
        ("gap, centred", "centred", gap, -1),
        ("gap, doubled", "doubled", gap, -2),
    ):
        where = {"experiment": "smooth", "initial": initial, "exponent": 0.0, "alpha": (10.0, 100.0, 1000.0, 10000.0)}
        points, values = table(records, "alpha", value, **where)
        x, centre, low, high = bars(axes, label)
        np.testing.assert_allclose(x, points)
        # The gap at the largest α is no more than rounding leaves of it: the loop agrees to four digits.
        np.testing.assert_allclose(np.log(centre), np.log(values).mean(axis=0), atol=1e-3)
        half = halves(np.log(values))
        np.testing.assert_allclose(np.log(high / centre), half, atol=1e-3)
        np.testing.assert_allclose(np.log(centre / low), half, atol=1e-3)
        exponents.append((exponent, centre[-1]))
    for (exponent, end), (x, y) in zip(exponents, theory(axes), strict=True):
        np.testing.assert_allclose(y, end * (x / x[-1]) ** exponent)


def test_panel_b(shown):
    records, figure = shown
    axes, ends = panel(figure, "b  "), []
    for label, name, power, exponent in (
        ("kernel change, α = 1", "kernel_drift", 0.0, 0),
        ("movement, α = 1", "displacement", 0.0, 0),
        ("kernel change, α = √m", "kernel_drift", 0.5, -1),
        ("movement, α = √m", "displacement", 0.5, -0.5),
    ):
        where = {"experiment": "smooth", "initial": "doubled", "exponent": power, "alpha": 1.0}
        points, values = table(records, "particles", lambda record, name=name: record[name][-1], **where)
        assert_geometric(axes, label, points, values)
        ends.append((exponent, np.exp(np.log(values[:, -1]).mean())))
    for (exponent, end), (x, y) in zip(ends, theory(axes), strict=True):
        np.testing.assert_allclose(y, end * (x / x[-1]) ** exponent)


def test_panel_c(shown):
    """Losses of one seed, and the exact kernel flow of the data that they share."""
    records, figure = shown
    axes = panel(figure, "c  ")
    for power, scaling, sizes in ((0.5, "√m", (32, 256, 2048)), (0.0, "1", (2048,))):
        for m in sizes:
            (record,) = records.where(
                experiment="teacher", tangent=False, alpha=1.0, exponent=power, seed=0, particles=m
            )
            count = f"{m:,}".replace(",", "\u202f")
            x, y = line(axes, f"α = {scaling}, m = {count}")
            np.testing.assert_array_equal(x, record["times"][1:])
            np.testing.assert_array_equal(y, record["risk"][1:])
    run = simulations.find("lazy_scaling").make(dict(record.parameters))
    kernel = np.asarray(kernel_flow_kernel(run), float)
    steps = np.rint(record["times"] / record["step"]).astype(int)
    f = kernel_flow.train_discrete(kernel, np.asarray(run.data.y, float), record["step"], steps)
    ((x, y),) = theory(axes)
    np.testing.assert_allclose(x, record["times"][1:])
    np.testing.assert_allclose(y, np.mean((f - np.asarray(run.data.y)) ** 2, axis=1)[1:] / 2, rtol=1e-6)
    np.testing.assert_array_equal(y, line(axes, "theory: kernel flow")[1])


def kernel_flow_kernel(run):
    """The arc-cosine kernel of both layers, from its formula."""
    x = np.asarray(run.data.x, float)
    lengths = np.linalg.norm(x, axis=1)
    cosine = np.clip(x @ x.T / np.outer(lengths, lengths), -1, 1)
    angle = np.arccos(cosine)
    output = np.outer(lengths, lengths) * (np.sin(angle) + (np.pi - angle) * cosine) / (2 * np.pi)
    return output + x @ x.T * (np.pi - angle) / (2 * np.pi)


def test_panel_d(shown):
    """Paths from the circles to the marks, and the teacher's directions; the start is that of both networks."""
    records, figure = shown
    axes = panel(figure, "d  ")
    lines = axes.get_lines()
    marks = [one.get_data() for one in lines if one.get_linestyle() == "None"]
    for k, (alpha, color) in enumerate(((1.0, MEAN_FIELD), (100.0, LAZY))):
        (record,) = records.where(experiment="plane", alpha=alpha)
        mine = [one for one in lines if one.get_color() == color]
        paths = np.stack([np.column_stack(one.get_data()) for one in mine if one.get_linestyle() == "-"], axis=1)
        np.testing.assert_array_equal(paths, record["particles"])
        sign = np.sign(record["weights"][0])
        np.testing.assert_array_equal(np.transpose(marks[2 * k]), record["particles"][-1][sign == 1])
        np.testing.assert_array_equal(np.transpose(marks[2 * k + 1]), record["particles"][-1][sign == -1])
        np.testing.assert_array_equal(np.transpose(marks[4]), record["particles"][0])
        rays = [np.transpose(one)[-1] for one in theory(axes)]
        for ray, direction in zip(rays, record["marks"], strict=True):
            np.testing.assert_allclose(ray / np.linalg.norm(ray), direction / np.linalg.norm(direction))
            assert np.linalg.norm(ray) > np.abs(record["particles"]).max()


def test_panel_e(shown):
    records, figure = shown
    axes = panel(figure, "e  ")
    points, values = table(
        records, "alpha", lambda record: record["test_risk"][-1] / record["limit_test_risk"][-1],
        experiment="teacher", tangent=True,
    )  # fmt: skip
    assert values.shape == (20, 3)
    assert_geometric(axes, "network, m = 512", points, values)
    assert set(line(axes, "theory: kernel regression")[1]) == {1}


def test_panel_f(shown):
    records, figure = shown
    axes = panel(figure, "f  ")
    for label, power in (("α = 1", 0.0), ("α = √m", 0.5)):
        points, values = table(
            records, "particles", lambda record: 100 * record["test_error"][-1], experiment="digits", exponent=power
        )
        x, centre, low, high = bars(axes, label)
        half = halves(values)
        np.testing.assert_allclose(x, points)
        np.testing.assert_allclose([centre, high - centre, centre - low], [values.mean(axis=0), half, half])
    _, levels = table(
        records, "particles", lambda record: 100 * record["limit_test_error"][-1], experiment="digits", exponent=0.5
    )
    np.testing.assert_allclose(line(axes, "theory: kernel regression")[1], levels[:, 0].mean())
    (band,) = axes.patches
    ends = [levels[:, 0].mean() + side * half_width(levels[:, 0]) for side in (-1, 1)]
    np.testing.assert_allclose([band.get_y(), band.get_y() + band.get_height()], ends)


def test_narrowest_middle_and_widest_of_many():
    from figures.regimes.lazy_scaling import _spread

    many = [simulations.Record({"particles": m}, {}) for m in (64, 4, 16, 1, 256)]
    assert [record["particles"] for record in _spread(many)] == [1, 16, 256]
