"""What the figure of splines shows, against the records and against theory."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from figures.style import GREEN, GREY, LAZY, MEAN_FIELD
from tests.figures.artists import line, panel, theory
from theory import convex, kernel_flow, splines

GRID = np.linspace(-1, 1, 101)


@pytest.fixture(scope="module")
def shown(smoke_of, figure_of):
    records = smoke_of("splines")
    return records, figure_of("splines")


def value(record, x):
    """The linear spline of a record: a line, and a bend at every knot."""
    offset, slope = record["line"]
    bends = zip(record["knots"], record["bends"], strict=True)
    return offset + slope * x + sum(bend * np.clip(x - knot, 0, None) for knot, bend in bends)


def one(records, **where):
    """The record of the first seed."""
    (record,) = records.where(seed=0, **where)
    return record


def test_panel_a(shown):
    records, figure = shown
    axes = panel(figure, "a  ")
    cubic = one(records, experiment="output", sides="both")
    linear = one(records, experiment="adaptive", decay="input")
    x, y = np.array(cubic["x"]), np.array(cubic["y"])
    (at, curve), _ = theory(axes)
    np.testing.assert_allclose(curve, splines.natural_spline(x, y)(at), atol=1e-12)
    for label, record in (("output layer alone", cubic), ("both layers", linear)):
        at, f = line(axes, label)
        assert set(GRID) | set(record["knots"]) <= set(at)
        np.testing.assert_allclose(f, value(record, at), atol=1e-12)
    # Its knots are those without which 99 % of the bending is still there.
    knots, heights = line(axes, "its knots")
    order = np.argsort(-np.abs(linear["bends"]))
    kept = np.cumsum(np.abs(linear["bends"])[order]) / np.abs(linear["bends"]).sum()
    many = int(np.searchsorted(kept, 0.99)) + 1
    np.testing.assert_array_equal(knots, np.sort(linear["knots"][order[:many]]))
    np.testing.assert_allclose(heights, value(linear, knots), atol=1e-12)
    at, least = line(axes, "least F")
    np.testing.assert_allclose(least, splines.variation_minimum(x, y, linear["strength"]).values, atol=1e-9)
    np.testing.assert_array_equal(at, x)
    (samples,) = [drawn for drawn in axes.get_lines() if drawn.get_label() == "samples"]
    np.testing.assert_array_equal(samples.get_data(), [x, y])


def test_panel_b(shown):
    """Shares of the bending left of x, from 0 to 1."""
    records, figure = shown
    axes = panel(figure, "b  ")
    for label, where in (
        ("random", {"experiment": "random"}),
        ("output", {"experiment": "output", "sides": "both"}),
        ("both layers", {"experiment": "adaptive", "decay": "input"}),
    ):
        record = one(records, **where)
        x, y = line(axes, label)
        bends = np.abs(record["bends"])
        np.testing.assert_array_equal(x, [-1, *record["knots"], 1])
        np.testing.assert_allclose(y, [0, *(bends[: k + 1].sum() / bends.sum() for k in range(len(bends))), 1])
    inner = [at[0] for at, _ in theory(axes)]
    np.testing.assert_array_equal(inner, record["x"][1:-1])


def test_panel_c(shown):
    records, figure = shown
    axes = panel(figure, "c  ")
    record = one(records, experiment="tangent")
    x, y = record["x"], record["y"]
    curves = [curve for curve in theory(axes) if len(curve[0])]
    (at, natural), (points, interpolant) = curves
    np.testing.assert_allclose(natural, splines.natural_spline(x, y)(at), atol=1e-12)
    kernels = (splines.tangent_kernel(z, x, record["reach"], record["output"]) for z in (x, points))
    known, cross = kernels
    np.testing.assert_allclose(interpolant, kernel_flow.test(known, cross, y, [np.inf])[0], atol=1e-9)
    at, f = line(axes, "κ = 1")
    np.testing.assert_array_equal(at, points)
    np.testing.assert_array_equal(f, record["predictions"][-1])
    np.testing.assert_array_equal(line(axes, "samples"), [x, y])


def test_panel_d(shown):
    records, figure = shown
    axes = panel(figure, "d  ")
    both = list(records.where(experiment="output", sides="both"))
    right = list(records.where(experiment="output", sides="right"))

    def natural(record, reach):
        return splines.natural_spline(record["x"], record["y"])(record["exact_points"])

    def kernel(record, reach):
        x = record["x"]
        known, cross = (splines.breakpoint_kernel(z, x, reach) for z in (x, record["exact_points"]))
        return splines.interpolant(known, cross, record["y"])

    def cubic(record, reach):
        return splines.one_sided_spline(record["x"], record["y"], reach)(record["exact_points"])

    for label, chosen, other, places in (
        ("both orientations − natural", both, natural, (0, 1, 2)),
        ("both orientations − kernel", both, kernel, (0, 1, 2)),
        ("one orientation − natural", right, natural, (0, 1, 2)),
        ("one orientation − its", right, cubic, (2,)),
    ):
        reaches = [record["reach"] / (4, 2, 1)[place] for record in chosen for place in places]
        far = [
            np.abs(record["predictions"][place] - other(record, record["reach"] / (4, 2, 1)[place])).max()
            for record in chosen for place in places
        ]  # fmt: skip
        x, y = line(axes, label)
        np.testing.assert_allclose(x, reaches)
        np.testing.assert_allclose(y, far, atol=1e-8)
    x, y = line(axes, "max |δ| / L")
    size = [np.abs(splines.finite_reach_correction(one["x"], one["y"])(one["exact_points"])).max() for one in both]
    np.testing.assert_allclose(y, np.exp(np.mean(np.log(size))) / x)


def test_panel_e(shown):
    """Excess over the least, its certified gap, and the excess of natural cubic splines, of every seed."""
    records, figure = shown
    axes = panel(figure, "e  ")
    by = {color: [one for one in axes.get_lines() if one.get_color() == color] for color in (MEAN_FIELD, GREEN, LAZY)}
    for decay, color in (("input", MEAN_FIELD), ("all", GREEN)):
        chosen = list(records.where(experiment="adaptive", decay=decay))
        for record, drawn in zip(chosen, by[color], strict=True):
            x, y, strength = record["x"], record["y"], record["strength"]
            solve = splines.variation_minimum if decay == "input" else convex.planar_minimum
            least = solve(x, y, strength, **({} if decay == "input" else {"bias": True})).value
            np.testing.assert_array_equal(drawn.get_xdata(), record["times"][1:])
            np.testing.assert_allclose(drawn.get_ydata(), record["energy"][1:] / least - 1, rtol=1e-4)
        if decay == "all":
            for record, (x, y) in zip(chosen, theory(axes), strict=True):
                np.testing.assert_array_equal(x, record["times"][1:])
                np.testing.assert_allclose(y, record["gap"][1:] / record["exact_minimum"])
        else:
            for record, drawn in zip(chosen, by[LAZY], strict=True):
                spline, least = splines.natural_spline(record["x"], record["y"]), record["exact_minimum"]
                ends = spline(record["x"][[0, -1]], 1)
                cost = max(splines.cubic_variation(spline), abs(ends.sum()))
                np.testing.assert_allclose(drawn.get_ydata(), record["strength"] * cost / least - 1)


def test_panel_f(shown):
    records, figure = shown
    axes = panel(figure, "f  ")
    clouds = [drawn for drawn in axes.get_lines() if drawn.get_marker() in ("x", "o") and len(drawn.get_xdata())]
    kinds = (
        ({"experiment": "random"}, GREY), ({"experiment": "output", "sides": "both"}, LAZY),
        ({"experiment": "adaptive", "decay": "input"}, MEAN_FIELD), ({"experiment": "adaptive", "decay": "all"}, GREEN),
    )  # fmt: skip
    for at, (where, color) in enumerate(kinds):
        for drawn, name, marker, place in zip(
            clouds[2 * at : 2 * at + 2], ("all_pieces", "pieces"), "xo", (at - 0.15, at + 0.15), strict=True
        ):
            assert (drawn.get_marker(), to_hex(drawn.get_color())) == (marker, to_hex(color))
            np.testing.assert_array_equal(drawn.get_ydata(), [int(record[name]) for record in records.where(**where)])
            np.testing.assert_allclose(np.mean(drawn.get_xdata()), place)
    assert set(line(axes, "n − 1")[1]) == {4}
    assert set(line(axes, "m/2 knots")[1]) == {1000 / 2 + 1}
