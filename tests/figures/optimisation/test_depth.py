"""What the figure of depth shows: paths of W, distances from the rule, races, and what theory has for each."""

import numpy as np
import pytest

from simulations.optimisation import depth as study
from tests.figures.artists import bars, halves, line, panel, theory
from theory import depth as exact

STUDY = "depth"


def along(records, measure):
    """The steps, and a line of the measure for every seed, of one factor count."""
    some = list(records)
    counts, seeds = (sorted({one[name] for one in some}) for name in ("steps", "seed"))
    known = {}
    for one in some:
        known.setdefault((one["seed"], one["steps"]), []).append(measure(one))
    return np.array(counts), np.array([[np.mean(known[seed, count]) for count in counts] for seed in seeds])


def same_points(drawn, x, table):
    """Geometric means over seeds with Student's interval of the logarithms."""
    logs = np.log(table)
    middle, half = logs.mean(axis=0), halves(logs)
    order = np.argsort(x)
    for got, expected in zip(drawn, (x, *map(np.exp, (middle, middle - half, middle + half))), strict=True):
        assert np.allclose(got[np.argsort(drawn[0])], expected[order], rtol=1e-9)


def from_rule(record):
    return np.linalg.norm(record["end"] - record["exact_rule"])


def test_singular_values_follow_the_rule(figure, records):
    """Those of the last seed, and the black lines by the rule from the study's own start, step by step."""
    axes = panel(figure, "Factors move W")
    for start, marker in (("balanced", "o"), ("unbalanced", "x")):
        record = list(records.where(experiment="unit_time", depth=3, start=start))[-1]
        shown = np.array(
            [one.get_ydata() for one in axes.get_lines() if one.get_marker() == marker and one.get_xdata().size]
        )
        assert np.allclose(shown.T, np.linalg.svd(record["path"], compute_uv=False), rtol=1e-9)
    record = list(records.where(experiment="unit_time", depth=3, start="balanced"))[-1]
    run = study.UnitTime(depth=3, steps=record["steps"], seed=record["seed"])
    x, y, matrix = run.regression
    lines = [one for one in theory(axes) if len(one[0])]
    for k, t in enumerate(record["times"]):
        rule = exact.end_to_end(matrix, x, y, 1 / run.steps, round(t * run.steps), 3)
        values = np.linalg.svd(rule, compute_uv=False)
        assert [line[1][k] for line in lines] == pytest.approx(values, rel=1e-9)
        assert {line[0][k] for line in lines} == {t}


def test_orders_of_the_distance(figure, records):
    axes = panel(figure, "Second order a step")
    unit = records.where(experiment="unit_time")
    once = records.where(experiment="one_step")
    steps, table = along(once, from_rule)
    same_points(bars(axes, "one step"), 1 / steps, table)
    at, drawn = line(axes, "theory: second order")
    for eta, height in zip(at, drawn, strict=True):
        norms = []
        for record in once.where(steps=round(1 / eta)):
            x, y, matrix = study.OneStep(depth=3, seed=record["seed"]).regression
            gradient = (matrix @ x.T - y.T) @ x / len(x)
            norms.append(np.linalg.norm(exact.second_order(matrix, gradient, 3)))
        assert height == pytest.approx(eta**2 * np.exp(np.mean(np.log(norms))), rel=1e-9)
    (balanced,) = [one for one in axes.containers if one.get_label() == "unit of time"]
    x, y = (np.asarray(one, float) for one in (balanced.lines[0].get_xdata(), balanced.lines[0].get_ydata()))
    lines = np.log([along(unit.where(start="balanced", depth=n), from_rule)[1] for n in (2, 3)])
    assert np.allclose(np.sort(y), np.sort(np.exp(np.concatenate(lines).mean(axis=0))), rtol=1e-9)
    at, drawn = line(axes, "theory: slope 1")
    assert np.polyfit(np.log(at), np.log(drawn), 1)[0] == pytest.approx(1)
    assert drawn[np.argmin(at)] == pytest.approx(y[np.argmin(x)], rel=1e-9)
    steps, table = along(unit.where(start="unbalanced"), from_rule)
    same_points(bars(axes, "unbalanced"), 1 / steps, table)


def test_layers_are_distances_of_every_run(figure, records):
    axes, some = panel(figure, "Two factors are"), list(records.where(experiment="unit_time", depth=2))
    expected = {
        "s": [from_rule(one) for one in some],
        "_": [float(one["rounding"]) for one in some],
        "o": [max(np.linalg.norm(one["end"] - one["units"]), 1e-17) for one in some],
    }
    for marker, values in expected.items():
        drawn = [one for one in axes.get_lines() if one.get_marker() == marker]
        assert np.allclose([one.get_ydata()[0] for one in drawn], values, rtol=1e-9)
        assert [one.get_xdata()[0] for one in drawn] == [one["steps"] for one in some]


def test_race_counts_what_it_shows(figure, records):
    """Residuals of the largest target, and a black bar that ends where one factor is done, 27/8 times as long."""
    axes = panel(figure, "the small target")
    races = records.where(experiment="race", power=4.0, second=1.0, condition=1.0, initial=1e-5, depth=2)
    record = next(one for one in races if one["target"] == 12)
    for name, words in (("shallow", "one factor"), ("deep", "two factors")):
        for column, which in enumerate(("large", "small")):
            x, y = line(axes, f"{words}, {which} target")
            assert np.array_equal(x, record["times"][1:])
            assert np.allclose(y, np.maximum(record[f"{name}_residuals"][1:, column], 1e-9), rtol=1e-9)
    x, y = line(axes, "theory")
    small = record["shallow_residuals"][:, 1]
    assert x[1] / x[0] == pytest.approx(27 / 8)
    assert y.tolist() == [0.2, 0.2]
    assert np.interp(np.log(x[1]), np.log(record["times"][1:]), np.log(small[1:])) == pytest.approx(
        np.log(0.2), abs=1e-6
    )


def test_speed_and_its_limit(figure, records):
    axes = panel(figure, "27/8")
    races = records.where(experiment="race", power=4.0, second=1.0, condition=1.0, depth=2)
    targets, ratios = (3.0, 6.0, 12.0), {}
    for one in races:
        ratios[one["seed"], one["target"]] = one["shallow_second"][2] / one["deep_second"][2]
    table = np.array([[ratios[seed, target] for target in targets] for seed in range(8)])
    same_points(bars(axes, "N = 2"), np.array(targets), table)
    assert np.allclose(line(axes, "theory")[1], 27 / 8)


def test_best_steps(figure, records):
    axes, races = panel(figure, "At their best"), records.where(experiment="race")
    kinds = ({"power": 4.0, "target": 8.0}, {"power": 4.0, "target": 1.0},
             {"power": 2.0, "target": 10.0}, {"power": 2.0, "target": 1.0})  # fmt: skip
    shown = [one for one in axes.get_lines() if one.get_marker() == "o"]
    drawn = 0
    for at, kind in enumerate(kinds):
        some = races.where(**kind)
        gains = [one["shallow"].min() / one["deep"].min() for one in some]
        gains = [gain for gain in gains if np.isfinite(gain)]
        if not gains:
            continue
        assert np.allclose(shown[drawn].get_ydata(), gains, rtol=1e-9)
        assert np.all(np.abs(shown[drawn].get_xdata() - at) < 0.3)
        drawn += 1
    assert drawn == len(shown) >= 3
    assert np.allclose(line(axes, "theory")[1], 1)
