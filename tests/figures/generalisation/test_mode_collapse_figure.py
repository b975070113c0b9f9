"""The figure of mode collapse shows the records, their intervals, and what the birthday paradox says of them."""

import numpy as np
import pytest
from scipy import stats

import simulations
from simulations.verdicts.checks import LEVEL, half_width
from tests.figures.artists import bars, line, panel, theory
from theory import birthday

STUDY = simulations.find("mode_collapse")


def effective(record):
    """1/Σq² of the points on modes; 1 where none is on any."""
    share = record["counts"] / max(record["counts"].sum(), 1)
    return 1 / np.sum(share**2) if share.any() else 1.0


def known(records, *setting):
    return [*records.where(experiment="known", law=setting[0], kinds=setting[1], drawn=setting[2])]


def law(name, kinds):
    numbers = np.ones(kinds) if name == "uniform" else np.array([round(kinds / k) for k in range(1, kinds + 1)])
    return numbers / numbers.sum()


@pytest.mark.parametrize(("title", "critic"), [("a  Strong", 128), ("b  Weak", 4)])
def test_points_and_data_lie_about_the_modes(figure, records, title, critic):
    axes = panel(figure, title)
    record = next(iter(records.where(experiment="network", critic=critic)))
    np.testing.assert_array_equal(np.transpose(line(axes, "data")), record["data"])
    np.testing.assert_array_equal(np.transpose(line(axes, f"{critic} neurons")), record["points"])
    angles = np.arange(8) * np.pi / 4
    centres = [circle.get_center() for circle in axes.patches]
    np.testing.assert_allclose(centres, np.column_stack([np.cos(angles), np.sin(angles)]), atol=1e-12)
    np.testing.assert_allclose([circle.get_radius() for circle in axes.patches], 4 * 0.05)


def test_modes_covered_have_means_and_intervals(figure, records):
    axes = panel(figure, "c  Modes")
    np.testing.assert_array_equal([y for _, y in theory(axes)], [[8, 8], [7, 7]])
    for part in ("network", "kernel"):
        rows = [[*records.where(experiment=part, critic=critic)] for critic in (4, 128)]
        measures = {"1/Σq²": effective, "modes with half": lambda record: np.sum(record["counts"] >= 4)}
        for label, value in measures.items():
            values = np.array([[value(record) for record in some] for some in rows], float)
            x, y, low, high = bars(axes, f"{part}: {label}")
            halves = [half_width(row) for row in values]
            np.testing.assert_array_equal(x, [4, 128])
            np.testing.assert_allclose(y, values.mean(axis=1))
            np.testing.assert_allclose((high - y, y - low), (halves, halves), atol=1e-9)


def test_diversity_is_told_by_one_set_of_samples(figure, records):
    axes = panel(figure, "d  Diversity")
    ((x, y),) = theory(axes)
    np.testing.assert_array_equal(x, y)
    for part in ("network", "kernel"):
        rows = [*records.where(experiment=part)]
        x, y, low, high = bars(axes, part)
        estimates = np.array([40 * 39 / 2 / record["mode_pairs"][0] for record in rows])
        np.testing.assert_allclose(x, [effective(record) for record in rows])
        np.testing.assert_allclose(y, estimates)
        np.testing.assert_allclose(low, [record["mode_moment_low"][0] for record in rows])
        np.testing.assert_allclose(high, np.minimum([r["mode_moment_high"][0] for r in rows], estimates + 100))


def test_no_coincidence_is_as_probable_as_the_paradox_says(figure, records):
    axes = panel(figure, "e  The birthday")
    for name, kinds, sizes in (("uniform", 100, (15, 40)), ("zipf", 400, (10, 60))):
        p = law(name, kinds)
        x, y = line(axes, f"_exact: {name} {kinds}")
        np.testing.assert_allclose(y, [birthday.no_collision(p, int(s)) for s in x], rtol=1e-9)
        x, y = line(axes, f"{name}, N = {kinds}: 1/Σp² = {1 / np.sum(p**2):.3g}")
        shares = [np.mean([np.mean(run["pairs"] == 0) for run in known(records, name, kinds, s)]) for s in sizes]
        np.testing.assert_array_equal(x, sizes)
        np.testing.assert_allclose(y, shares)


def test_intervals_hold_as_often_as_is_exact(figure, records):
    axes = panel(figure, "f  How often")
    laws = (("uniform", 100, 40), ("zipf", 400, 60))
    for shift, name, label in ((-0.2, "poisson", "Poisson"), (0, "moment", "U-st"), (0.2, "disjoint", "disjoint")):
        held = [np.concatenate([run[f"{name}_holds"] for run in known(records, *one)]) for one in laws]
        x, y, low, high = bars(axes, label)
        np.testing.assert_allclose(x, np.arange(2) + shift)
        np.testing.assert_allclose(y, [one.mean() for one in held])
        ends = [stats.binomtest(int(one.sum()), len(one)).proportion_ci(1 - 2 * LEVEL, method="exact") for one in held]
        np.testing.assert_allclose(low, [end.low for end in ends], rtol=1e-6)
        np.testing.assert_allclose(high, [end.high for end in ends], rtol=1e-6)
    x, y = line(axes, "Poisson: holds N")
    support = [np.mean([run["poisson_holds_support"].mean() for run in known(records, *one)]) for one in laws]
    np.testing.assert_allclose((x, y), ([-0.2, 0.8], support))
    *exact, (_, said) = theory(axes)
    expected = [
        function(law(name, kinds), s)
        for name, kinds, s in laws
        for function in (birthday.poisson_coverage, birthday.disjoint_coverage)
    ]
    np.testing.assert_allclose([y[0] for _, y in exact], expected, rtol=1e-9)
    np.testing.assert_array_equal(said, 0.95)
