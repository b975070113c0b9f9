"""The figure of two Gaussians: its lines are the radial equation's, its points what networks of N particles did."""

import numpy as np
import pytest

from simulations.limits.radial_limit import equation
from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, halves, line, panel, theory
from theory.radial_pde import RadialProblem

STUDY = "radial_limit"

EQUATION = RadialProblem(40, 0.8, 0.8, radii=400, rule="quantiles")


def longest(records):
    return next(record for record in records if record["time"] == 5)


def early(records):
    """The runs along N, by N."""
    return {n: list(records.where(particles=n, time=0.5)) for n in (16, 32, 64)}


def excess(record):
    fine, rough = (record["excess"][level, :, -1].mean() for level in (0, 1))
    return 2 * fine - rough


def deviation(record):
    return np.sqrt(record["square_deviation"][0, :, -1].mean())


def test_risk_in_time(figure, records):
    axes, record = panel(figure, "One curve"), longest(records)
    times = np.linspace(0, 5, 41)
    exact = EQUATION.integrate(times, step=0.05).risk
    ((x, y),) = theory(axes)
    assert np.allclose(x, times)
    assert np.allclose(y, exact, rtol=1e-9)
    x, y = line(axes, "without its factor 2")
    assert np.allclose(x, 2 * times)
    assert np.allclose(y, exact, rtol=1e-9)
    for level, label in enumerate(("1/96", "1/48", "1/24")):
        x, y, low, high = bars(axes, label)
        table = record["excess"][level] + record["euler_risk"][level]
        width = halves(table)
        assert np.allclose(x, record["times"])
        assert np.allclose(y, table.mean(axis=0))
        assert np.allclose([low, high], [table.mean(axis=0) - width, table.mean(axis=0) + width])


def test_radii(figure, records):
    axes, record = panel(figure, "Radii"), longest(records)
    radii = EQUATION.integrate(np.linspace(0, 5, 41), step=0.05).radii
    for (_, y), share in zip(theory(axes), (0.05, 0.25, 0.5, 0.75, 0.95), strict=True):
        assert np.allclose(y, np.quantile(radii, share, axis=1), rtol=1e-9)
    paths = [one.get_ydata() for one in axes.get_lines() if len(one.get_xdata()) == len(record["times"])]
    assert np.allclose(np.transpose(paths), record["radii"])


def test_start(figure, records):
    axes = panel(figure, "At the start")
    exact = EQUATION.variance()
    ((_, y),) = theory(axes)
    assert y == pytest.approx([exact, exact])
    x, y, low, high = bars(axes)
    assert x.tolist() == [16, 32, 64]
    for n, *found in zip((16, 32, 64), y, low, high, strict=True):
        chosen = records.where(particles=n).where(lambda record: record["time"] <= 4)
        samples = np.array([n * record["square_deviation"][0, :, 0].mean() for record in chosen])
        mean, width = samples.mean(), half_width(samples)
        assert found == pytest.approx([mean, mean - width, mean + width], rel=2e-3)  # over a coefficient of 60 nodes


@pytest.mark.parametrize(("label", "value", "slope"), [("R$_N$", excess, -1.0), ("f$_N$", deviation, -0.5)])
def test_along_particles(figure, records, label, value, slope):
    axes = panel(figure, "Risk gains")
    label = {"R$_N$": "$R_N$ − R", "f$_N$": "|$f_N$ − f|"}[label]
    x, y, low, high = bars(axes, label)
    logs = np.log([[value(record) for record in several] for several in seeds_of(records).values()])
    mean, width = logs.mean(axis=1), [half_width(row) for row in logs]
    assert np.allclose(np.log([y, low, high]), [mean, mean - width, mean + width])
    exact = theory(axes)[0 if slope == -1 else 1][1]
    assert np.allclose(exact, y[-1] * (x / 64) ** slope)


def seeds_of(records):
    """The runs of every N of the seeds that all have, where those of one seed and N count as their mean."""
    return early(records)


def test_coefficient(figure, records):
    axes = panel(figure, "What steps take")
    tables = {
        "extrapolated": [[n * excess(one) for one in several] for n, several in early(records).items()],
        "at ε": [[n * one["excess"][0, :, -1].mean() for one in several] for n, several in early(records).items()],
    }
    for label, table in tables.items():
        x, y, low, high = bars(axes, label)
        mean, width = np.mean(table, axis=1), [half_width(np.array(row)) for row in table]
        assert x.tolist() == [16, 32, 64]
        assert np.allclose([y, low, high], [mean, mean - width, mean + width])
    assert theory(axes)[0][1] == pytest.approx([np.mean(tables["extrapolated"])] * 2)


def test_error_of_the_step(figure, records):
    axes = panel(figure, "error of the step")
    (label,) = (one for one in axes.get_legend_handles_labels()[1] if "networks" in one)
    x, y, low, high = bars(axes, label)
    steps = round(2 / x[0])
    several = early(records)[64] if steps == 96 else list(records.where(steps=32))
    levels = np.array([one["euler_risk"][:, -1] + one["excess"][:, :, -1].mean(axis=1) for one in several])
    logs = np.log(np.abs(np.diff(levels, axis=1)))
    mean, width = logs.mean(axis=0), halves(logs)
    assert np.allclose(np.log([y, low, high]), [mean, mean - width, mean + width])
    ((x, exact),) = theory(axes)
    assert exact[0] / exact[1] == pytest.approx(np.sqrt(x[0] / x[1]))
    assert exact[1] == pytest.approx(y[1])


def test_points_of_the_equation_fit_the_time():
    """Gauss points are exact while radii move together, quantiles later."""
    assert (equation(40, 0.8, 0.8, 2.0).rule, equation(40, 0.8, 0.8, 2.0).radii) == ("gauss", 60)
    assert (equation(40, 0.8, 0.8, 5.0).rule, equation(40, 0.8, 0.8, 5.0).radii) == ("quantiles", 400)
