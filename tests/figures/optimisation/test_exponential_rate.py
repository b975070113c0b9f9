"""What the figure of exponential_rate shows: rates by their recursion, the runs themselves, and where it ends."""

import numpy as np

import figures
import simulations
from tests.figures.artists import line, panel, theory

STUDY = "exponential_rate"


def first(records, **parameters):
    return next(iter(records.where(**parameters)))


def recursion(rates, decay, momentum, before=1.0):
    """c of a weight without a gradient: c ← c − η v, v ← γ v + λ c, from a buffer that c_{−1} decides."""
    c, moved, path = 1.0, before - 1.0, [1.0]
    for last, rate in zip([rates[0], *rates[:-1]], rates, strict=True):
        moved = momentum * rate / last * moved + rate * decay * c
        c -= moved
        path.append(c)
    return np.array(path)


def test_rates_grow_as_powers_of_the_roots(figure, records):
    """Dots are η/(c_t c_{t+1}) by the recursion; black lines, for a root, the exponential."""
    axes = panel(figure, "a rate that grows")
    black = [(x, y) for x, y in theory(axes) if len(x)]
    assert len(black) == 3
    roots = []
    for label, start, momentum, strength in (
        ("γ = 0, from rest", "rest", 0.0, 0.01),
        ("γ = 0.5, larger root", "larger", 0.5, 0.01),
        ("γ = 0.5, smaller root", "smaller", 0.5, 0.01),
    ):
        both = np.roots([1, -(1 + momentum - strength), momentum])
        root = max(both) if start != "smaller" else min(both)
        roots.append(root)
        c = recursion(np.full(100, 0.1), strength / 0.1, momentum, 1.0 if start == "rest" else 1 / root)
        _, y = line(axes, label)
        assert np.allclose(y[:30], 0.1 / c[:30] / c[1:31], rtol=1e-3)
    for root, (t, exact) in zip(roots, black, strict=True):
        assert np.allclose(np.log(exact), np.log(0.1) - (2 * t + 1) * np.log(root), rtol=1e-9)
    assert np.all(line(axes, "with decay")[1] == 0.1)


def test_effective_rates_and_losses_are_those_of_one_run(figure, records):
    record = first(records, momentum=0.0, schedule="constant", batch=0)
    rates, losses = panel(figure, "effective rate"), panel(figure, "So is the function")
    grown = record["equivalent_rates"]
    for label, name, eta in (
        ("no decay, constant", "plain", np.full(101, 0.1)),
        ("decay, constant rate", "decay", np.full(101, 0.1)),
        ("no decay, exponential", "same", np.append(grown, grown[-1])),
    ):
        for axes, values in ((rates, eta / record[f"{name}_norm"] ** 2), (losses, record[f"{name}_risk"])):
            drawn = [one for one in axes.get_lines() if str(one.get_label()).startswith(label)]
            assert np.allclose(drawn[0].get_ydata(), values, rtol=1e-12)
    norm = record["decay_norm"][0]
    assert np.allclose(line(rates, "theory")[1], 0.1 / norm**2 / 0.99 ** (2 * np.arange(101)), rtol=1e-9)


def test_distances_of_the_first_run_from_a_larger_root(figure, records):
    axes, record = panel(figure, "To rounding"), first(records, start="larger")
    for label, name in (
        ("neither decay", "plain_gap"), ("decay after momentum", "decoupled_gap"), ("rates η/", "half_gap"),
        ("no buffer", "unbuffered_gap"), ("the right rates", "same_gap"), ("theory", "gap_bound"),
    ):  # fmt: skip
        assert np.allclose(line(axes, label)[1], np.clip(record[name], 1e-17, 1e6), rtol=1e-12)


def test_schedules_have_the_rates_of_the_recursion(figure, records):
    axes, record = panel(figure, "Every schedule"), first(records, schedule="drop")
    eta = np.where(np.arange(100) < 50, 0.1, 0.01)
    c = recursion(eta, 0.1, 0.5)
    assert np.allclose(line(axes, "drop, with decay")[1], eta, rtol=1e-12)
    assert np.allclose(line(axes, "drop, without")[1], record["equivalent_rates"], rtol=1e-12)
    ((t, exact),) = [(x, y) for x, y in theory(axes) if len(x)]
    assert np.allclose(exact, eta / c[:-1] / c[1:], rtol=1e-9)
    assert np.array_equal(t, np.arange(100))


def test_ends_are_where_the_factor_turns(figure, records):
    """Dots: the first step at which functions differ by more than rounding; lines: the recursion's first c ≤ 0."""
    axes = panel(figure, "it ends")
    black = [(x, y) for x, y in theory(axes) if len(x)]
    for (momentum, strength), (ratio, steps) in zip(((0.5, 0.12), (0.9, 0.01)), black, strict=True):
        some = list(records.where(momentum=momentum, strength=strength))
        largest = (1 - np.sqrt(momentum)) ** 2
        seen = [np.flatnonzero(one["same_gap"] > one["gap_bound"])[0] for one in some]
        x, y = line(axes, f"γ = {momentum:g}")
        assert np.allclose(x, strength / largest)
        assert y.tolist() == seen
        for at in (50, 200, 350):
            c = recursion(np.full(400, 1.0), ratio[at] * largest, momentum)
            assert steps[at] == np.flatnonzero(c <= 0)[0]


def test_panels_stand_in_their_order(figure):
    assert [axes.get_title(loc="left")[0] for axes in figure.axes] == list("abcdef")


def test_from_rest_with_momentum_no_exponential_is_drawn():
    """There the rates are none, but for the roots of a buffer."""
    record = simulations.sweep("exponential_rate", {"momentum": 0.5, "steps": 20}, seeds=1)
    axes = panel(figures.draw(simulations.find("exponential_rate"), record), "a rate that grows")
    assert len(line(axes, "γ = 0.5, from rest")[0]) == 20
    assert not [x for x, _ in theory(axes) if len(x)]
