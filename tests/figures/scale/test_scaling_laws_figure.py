"""The figure of scaling_laws: every point, bar and line against records, spectra and expansions."""

import numpy as np
import pytest

from tests.figures.artists import assert_geometric, bars, halves, line, panel, theory
from theory import circle, compute_frontier
from theory.learning_curve import learning_curve
from theory.linear_bound import linear_bound

STUDY = "scaling_laws"

WIDTHS = [16, 23, 32, 45, 64, 91, 128, 181, 256]


@pytest.fixture(scope="module")
def expansion():
    return compute_frontier.circle(256, 1.75)


def table(records, name, values, measure, **parameters):
    """A line of measured values for every seed."""
    rows = [sorted(records.where(**parameters, **{name: one}), key=lambda r: r["seed"]) for one in values]
    return np.array([[measure(record) for record in row] for row in rows]).T


def check_points(axes, label, x, found):
    """Geometric means over seeds with the verdicts' intervals."""
    assert_geometric(axes, label, x, found, rtol=1e-6)
    return bars(axes, label)[:2]


def check_power(curve, at, y, exponent):
    np.testing.assert_allclose(curve[0], at)
    np.testing.assert_allclose(curve[1], y[-1] * (at / at[-1]) ** exponent)


def there(record, time=128.0):
    return int(np.argmin(np.abs(record["times"] - time)))


def test_particles(figure, records, expansion):
    axes = panel(figure, "a  Particles")
    free = table(
        records, "particles", [16, 64, 1024],
        lambda r: r["risk"][-1] - r["limit_risk"][-1] - r["linear"], experiment="mean_field",
    )  # fmt: skip
    lazy = table(
        records, "particles", WIDTHS, lambda r: (r["risk"] - r["limit_risk"] - r["linear"])[there(r)], experiment="lazy"
    )
    curves = theory(axes)
    check_power(curves[0], *check_points(axes, "mean-field", [16, 64, 1024], free), -1)
    check_power(curves[1], *check_points(axes, "lazy, t = 128", WIDTHS, lazy), -1)
    np.testing.assert_allclose(curves[2][1], compute_frontier.variance(expansion, [128.0])[0] / np.array(WIDTHS))


def test_samples(figure, records):
    axes, n = panel(figure, "b  Samples"), np.array([64, 128, 256, 512, 1024])
    check_points(axes, "ridge", n, table(records, "samples", n, lambda r: float(r["excess"]), experiment="samples"))
    k = np.arange(2, 514, 2)
    power = circle.source_power(k, 0.75)
    values = np.concatenate([circle.eigenvalues([0, 1, 1]), np.repeat(circle.eigenvalues(k), 2)])
    powers = np.concatenate([np.zeros(3), np.repeat(power / power.sum() / 2, 2)])
    exact = [learning_curve(values, powers, int(one), 0.3 * one**-0.8, 0.1).excess for one in n]
    curve, slope = theory(axes)
    np.testing.assert_allclose(curve[1], exact, rtol=1e-6)
    check_power(slope, n, np.array(exact), -0.6)


def test_features(figure, records):
    axes, n = panel(figure, "c  A neuron"), [32, 64, 128]
    # One label is the beginning of the other: the lazy network is looked at first, and taken away.
    for alpha in (1000, 1):
        found = table(records, "samples", n, lambda r: r["risk"][-1], experiment="teacher", alpha=float(alpha))
        check_points(axes, f"network, α = {alpha}", n, found)
        axes.containers[:] = [one for one in axes.containers if not str(one.get_label()).endswith(f" {alpha}")]
    for _, y in theory(axes):
        np.testing.assert_allclose(y, [linear_bound(lambda z: np.maximum(z, 0), 16, one) for one in n])


def check_risks(axes, records, x, select):
    """Means over seeds of the risk less its linear part, one line for each m."""
    means = [
        np.mean([r["risk"] - r["linear"] for r in records.where(experiment="lazy", particles=m)], axis=0)
        for m in select
    ]
    lines = [one for one in axes.get_lines() if len(one.get_xdata()) == len(x) and one.get_color() != "black"]
    assert len(lines) == len(means)
    for one, mean in zip(lines, means, strict=True):
        np.testing.assert_allclose(one.get_ydata(), mean, rtol=1e-9)


def test_risk_in_time(figure, records, expansion):
    axes, record = panel(figure, "d  Time"), next(iter(records.where(experiment="lazy")))
    check_risks(axes, records, record["times"], WIDTHS[::2])
    ((x, y),) = theory(axes)
    np.testing.assert_allclose(x, record["times"])
    np.testing.assert_allclose(y, compute_frontier.limit_risk(expansion, x))
    np.testing.assert_allclose(line(axes, "m = 16")[0], x)


def frontier(runs, risks):
    """Least risk and its m by the parabola through five widths about the best, at powers of √2 operations."""
    points = {}
    for power in np.arange(-20, 120):
        at = 2 ** (power / 2)
        logs = np.array([
            np.interp(np.log(at), np.log(r["operations"]), np.log(risk), left=np.nan, right=np.nan)
            for r, risk in zip(runs, risks, strict=True)
        ])  # fmt: skip
        if np.all(np.isnan(logs)):
            continue
        best = int(np.nanargmin(logs))
        near = slice(best - 2, best + 3)
        if best < 2 or best + 2 >= len(runs) or np.any(np.isnan(logs[near])):
            continue
        m = np.log(WIDTHS)
        curve = np.polynomial.Polynomial.fit(m[near], logs[near], 2)
        turn = curve.deriv().roots()
        inside = curve.deriv(2)(0) > 0 and m[near][0] <= turn[0] <= m[near][-1]
        points[at] = (np.exp(curve(turn[0])), np.exp(turn[0])) if inside else None
    return points


def test_frontier(figure, records):
    risks, widths = panel(figure, "e  Operations"), panel(figure, "f  Operations")
    runs = [[next(iter(records.where(experiment="lazy", particles=m, seed=seed))) for m in WIDTHS] for seed in range(7)]
    found = [frontier(one, [r["risk"] - r["linear"] for r in one]) for one in runs]
    at, least, low, high = bars(risks, "least risk")
    assert len(at) >= 5
    inside = [k for k, one in enumerate(at) if all(points[min(points, key=lambda p: abs(p - one))] for points in found)]
    assert len(inside) >= 4
    for axes, kind, label in ((risks, 0, "least risk"), (widths, 1, "particles of")):
        x, y, low, high = bars(axes, label)
        logs = np.log([[p[min(p, key=lambda q: abs(q - x[k]))][kind] for k in inside] for p in found])
        np.testing.assert_allclose(y[inside], np.exp(logs.mean(axis=0)), rtol=1e-6)
        half = halves(logs)
        np.testing.assert_allclose(np.log(high / low)[inside] / 2, half, rtol=1e-6)
    check_power(theory(risks)[0], at, least, -1.75 / 2.25)
    power, (x, y) = theory(widths)
    check_power(power, *bars(widths, "particles of")[:2], 1.25 / 2.25)
    exact = frontier(runs[0], [r["limit_risk"] + r["variance"] / r["particles"] for r in runs[0]])
    for one, m in zip(x, y, strict=True):
        known = exact[min(exact, key=lambda q: abs(q - one))]
        assert known is None or m == pytest.approx(known[1], rel=1e-6)
    check_risks(risks, records, runs[0][0]["times"], WIDTHS)
