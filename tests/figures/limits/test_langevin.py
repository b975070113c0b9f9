"""The figure of noisy networks: points are what the records hold, lines are laws of theory called anew."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from simulations.limits import deviations_from_laws as measure
from simulations.limits.langevin import Plane
from simulations.limits.laws_on_the_line import INPUTS, NEURONS, WELLS
from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, halves, line, panel, theory
from theory import euler_law, gibbs, linear_langevin

STUDY = "langevin"

STEP, STRENGTH, TAU = 0.1, 0.25, 0.15
STOPS = [0, 5, 10, 20, 40, 80]


@pytest.fixture(scope="module")
def law():
    """The problem of the two neurons, and the exact law after every step, on nodes of the test's own.

    Those of the figure leave out what is beyond their reach, some 1e-6 of all.
    """
    problem = gibbs.line(INPUTS, NEURONS.y, STRENGTH, reach=6.0, count=120)
    start = gibbs.normal(problem, NEURONS.mean, NEURONS.deviation)
    return problem, euler_law.finite_law(problem, start, STEP, [TAU] * 80, np.arange(81))


def on_the_line(records, m):
    return list(records.where(experiment="line", particles=m))


def shows(drawn, table):
    """Means over seeds with Student's intervals, of `table` [seeds, x]."""
    _, y, low, high = drawn
    mean, half = table.mean(axis=0), halves(table)
    assert y == pytest.approx(mean, rel=1e-9, abs=1e-15)
    assert low == pytest.approx(mean - half, rel=1e-9, abs=1e-15)
    assert high == pytest.approx(mean + half, rel=1e-9, abs=1e-15)


def test_histograms_and_laws(figure, records, law):
    axes, (problem, exact) = panel(figure, "own Gibbs measure"), law
    wide = on_the_line(records, 64)
    for k, (x, y) in zip((1, 3, 5), theory(axes), strict=True):
        counts = np.sum([one["histogram"][k] for one in wide], axis=0)
        nodes, density = line(axes, f"t = {STEP * STOPS[k]:g}")
        assert density == pytest.approx(counts / counts.sum() / (nodes[1] - nodes[0]))
        assert nodes.tolist() == x.tolist()
        assert y == pytest.approx(np.interp(x, problem.nodes, exact.density[STOPS[k]]), abs=4e-3)
        assert np.trapezoid(y, x) == pytest.approx(1, abs=1e-5)
        assert np.tanh(np.outer(INPUTS, x) + 0.5) @ y * (x[1] - x[0]) == pytest.approx(
            exact.predictions[STOPS[k]], abs=1e-5
        )
    x, y = line(axes, "Gibbs measure")
    rest = gibbs.equilibrium(gibbs.line(INPUTS, NEURONS.y, STRENGTH, reach=x[-1], count=len(x)), TAU)
    assert y == pytest.approx(rest, abs=1e-6)


def test_linear_clouds(figure, records):
    axes = panel(figure, "exact at every m")
    first = min(records.column("seed"))
    opened = [one for one in axes.get_lines() if one.get_markerfacecolor() == "white"]
    for m, open_marks, box in zip((10, 100, 1000), opened, axes.containers, strict=True):
        (one,) = records.where(experiment="plane", particles=m, seed=first)
        x, y, low, high = bars(SimpleNamespace(containers=[box]))  # "m = 10" is in other labels, too
        assert box.get_label() == f"m = {m:,}".replace(",", "\u202f")
        variance = m * np.mean((one["means"] - one["exact_mean"][:, None]) ** 2, axis=(1, 2))
        half = norm.isf(5e-4) * variance / np.sqrt(one["replicas"])
        assert x == pytest.approx(one["times"])
        assert y == pytest.approx(variance)
        assert (low, high) == (pytest.approx(variance - half), pytest.approx(variance + half))
        within = np.einsum("tii->t", one["within"]) / 2 * m / (m - 1)
        assert open_marks.get_ydata() == pytest.approx(within)
    x, y = Plane(seed=first).data
    exact = linear_langevin.discrete(x, y, 0.5, 0.3, 0.4, np.arange(41), mean=[2.0, -1.0], deviation=1.0)
    of_mean, spread = theory(axes)
    assert of_mean[0] == pytest.approx(0.4 * np.arange(41))
    assert of_mean[1] == pytest.approx(np.einsum("tii->t", exact.fluctuation) / 2)
    assert spread[1] == pytest.approx(exact.spread)
    assert set(line(axes, "Gibbs")[1]) == {0.6}


def test_free_energy(figure, records, law):
    axes, (problem, exact) = panel(figure, "Free energy"), law
    least = gibbs.free_energy(problem, gibbs.equilibrium(problem, TAU), TAU)
    gaps = gibbs.free_energy(problem, exact.density, TAU) - least
    x, y = line(axes, "exact law")
    assert x == pytest.approx(STEP * np.arange(81))
    assert y == pytest.approx(gaps, rel=1e-3, abs=3e-6)
    oscillations = gibbs.oscillation(problem, exact.predictions)
    rates = [2 * STRENGTH * np.exp(-max(oscillations[k:]) / TAU) for k in range(80)]  # 2τ ρ
    bound = gaps[0] * np.exp(-STEP * np.cumsum([0, *rates]))
    assert line(axes, "log-Sobolev")[1] == pytest.approx(bound, rel=1e-2)  # largest on nodes of the test's own
    table = np.array([measure.gap(one) for one in on_the_line(records, 64)])
    half = halves(table)
    seen = table.mean(axis=0) > half
    drawn = bars(axes, "particles")
    assert drawn[0] == pytest.approx(STEP * np.array(STOPS)[seen])
    shows(drawn, table[:, seen])


@pytest.mark.parametrize("title", ["Fluctuations", "Bias"])
def test_what_particles_add(figure, records, law, title):
    axes, (problem, exact) = panel(figure, title), law
    bias = gibbs.predictions(problem, exact.bias)
    for m, aside in ((8, -0.06), (64, 0.06)):
        table = []
        for one in on_the_line(records, m):
            away = one["mean"] - exact.predictions[STOPS]
            if title == "Bias":
                along = bias[STOPS] / np.maximum(np.linalg.norm(bias[STOPS], axis=1), 1e-300)[:, None]
                table.append(m * np.sum(away * along, axis=1))
            else:
                table.append(m * (np.einsum("tii->t", one["covariance"]) + np.sum(away**2, axis=1)))
        x, *seen = bars(axes, f"m = {m}")
        assert x == pytest.approx(STEP * np.array(STOPS) + aside)
        mean, half = np.mean(table, axis=0), np.array([half_width(column) for column in np.transpose(table)])
        for values, expected in zip(seen, (mean, mean - half, mean + half), strict=True):
            assert values == pytest.approx(expected, rel=1e-3, abs=3e-4)  # m times 1e-6
    if title == "Bias":
        ((x, y),) = theory(axes)
        assert y == pytest.approx(np.linalg.norm(bias, axis=1), abs=1e-5)
    else:
        (x, y), (_, independent) = theory(axes)
        assert y == pytest.approx(np.einsum("tii->t", exact.covariance), rel=1e-4)
        assert independent == pytest.approx(np.einsum("tii->t", exact.sampling), rel=1e-4)
    assert x == pytest.approx(STEP * np.arange(81))


def test_cooling(figure, records):
    axes = panel(figure, "Two wells")
    problem = gibbs.line(INPUTS, WELLS.y, STRENGTH, reach=7.5, count=230)
    start = gibbs.normal(problem, WELLS.mean, WELLS.deviation)
    rest = gibbs.free_energy(problem, gibbs.equilibrium(problem, 0.05), 0.0)
    falling = 0.5 - 0.45 * np.minimum(np.arange(120) / 100, 1)
    kinds = (("= 0.5", np.full(120, 0.5)), ("= 0.05", np.full(120, 0.05)), ("from 0.5 to 0.05", falling))
    for label, temperatures in kinds:
        density = euler_law.euler_law(problem, start, STEP, temperatures, np.arange(121)).density
        x, y = line(axes, f"theory, τ {label}")
        assert x == pytest.approx(STEP * np.arange(121))
        assert y == pytest.approx(gibbs.free_energy(problem, density, 0.0) - rest, rel=2e-3)
    seen = [one for one in axes.get_lines() if one.get_label() == "particles"]
    for name, marks in zip(("wells", "cooled"), seen, strict=True):
        energies = np.mean([one["energy"] for one in records.where(experiment=name)], axis=0)
        assert marks.get_ydata() == pytest.approx(energies - rest, rel=2e-3)
        assert marks.get_xdata() == pytest.approx(next(iter(records.where(experiment=name)))["times"])


def test_every_panel_is_tested(figure):
    assert len(figure.axes) == 6
