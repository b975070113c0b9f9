"""The figure of throughput, from times that are made up: every point, bar and line is where it has to be."""

import numpy as np
import pytest

import figures
import simulations
from simulations import Record, Records
from tests.figures.artists import assert_geometric, bars, panel, theory

RATE, BANDWIDTH = 4e10, 1e10
SHAPES = ((5000, 1000, 2), (5000, 1000, 10))
LINES = {
    "particles": ({"samples": 100, "dimension": 10}, lambda m: 3e-7 * m),
    "plane": ({"samples": 1000}, lambda m: 1e-7 * m),
    "sorted": ({"kernel": "sorted"}, lambda m: 1e-8 * m * np.log(m)),
    "blocked": ({"kernel": "blocked"}, lambda m: 1e-10 * m**2),
}


def made():
    """Records of five seeds whose calls are disturbed by some per cent, upwards."""
    random = np.random.default_rng(0)
    for seed in range(5):
        for k, (m, n, d) in enumerate(SHAPES):
            values = {
                "shape": np.array([m, n, d]), "rate": np.array([RATE]), "bandwidth": np.array([BANDWIDTH]),
                "operations": np.array([4e9 * 10**k]), "traffic": np.array([1e9]),
                "label": np.array(["sorted", "blocked"][k : k + 1]),
                "seconds": 0.02 * (1 + 0.1 * random.exponential(size=7)),
                "plain_seconds": 0.1 * (1 + 0.1 * random.exponential(size=7)),
            }  # fmt: skip
            yield Record({"experiment": "panel", "particles": m, "samples": n, "dimension": d, "seed": seed}, values)
        for name, (parameters, law) in LINES.items():
            for m in (1000, 3000, 9000):
                seconds = law(m) * (1 + 0.05 * random.exponential(size=3))
                kind = {"experiment": "square" if name in ("sorted", "blocked") else name}
                yield Record({**kind, "particles": m, "seed": seed, **parameters}, {"seconds": seconds})


@pytest.fixture(scope="module")
def records():
    return Records(made())


@pytest.fixture(scope="module")
def drawn(records):
    return figures.draw(simulations.find("throughput"), records)


def test_roofline(drawn, records):
    axes = panel(drawn, "a  Every shape")
    ((x, y),) = [curve for curve in theory(axes) if len(curve[0]) > 2]
    np.testing.assert_allclose(y, np.minimum(RATE, BANDWIDTH * x) / 1e9)
    points = {
        (float(one.get_xdata()[0]), float(one.get_ydata()[0]))
        for one in axes.get_lines()
        if len(one.get_xdata()) == 1
    }  # fmt: skip
    expected = set()
    for k, (m, n, d) in enumerate(SHAPES):
        for name in ("seconds", "plain_seconds"):
            medians = [np.median(r[name]) for r in records.where(experiment="panel", dimension=d)]
            expected.add((4.0 * 10**k, float(np.median(4 * m * n * d / 1e9 / np.array(medians)))))
    assert {(a, round(b, 9)) for a, b in points} == {(a, round(b, 9)) for a, b in expected}


def check(axes, label, rows, law):
    """Geometric means of the least call of every seed, and the line of theory through the last of them."""
    assert_geometric(
        axes, label, [1000, 3000, 9000], np.transpose([[np.min(r["seconds"]) for r in row] for row in rows])
    )
    at, y, _, _ = bars(axes, label)
    assert any(np.allclose(line, y[-1] * law(at) / law(at[-1])) for x, line in theory(axes) if np.array_equal(x, at))


@pytest.mark.parametrize(
    ("title", "label", "name"),
    [
        ("b  Time", "blocked, d = 10", "particles"), ("b  Time", "sorted, d = 2", "plane"),
        ("c  Sorting", "every pair", "blocked"), ("c  Sorting", "sorted", "sorted"),
    ],
)  # fmt: skip
def test_lines(drawn, records, title, label, name):
    parameters, law = LINES[name]
    kind = {"experiment": "square" if name in ("sorted", "blocked") else name}
    rows = [records.where(**kind, **parameters, particles=m) for m in (1000, 3000, 9000)]
    check(panel(drawn, title), label, rows, law)
