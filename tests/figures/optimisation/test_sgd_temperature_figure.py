"""The figure of SGD's temperature shows the records, their intervals, and the moments that theory has for them."""

import jax
import numpy as np

import simulations
from simulations.verdicts.checks import half_width
from tests.figures.artists import bars, halves, line, panel, theory
from theory import label_noise, temperature

STUDY = simulations.find("sgd_temperature")
LATER = 33  # observations of the later half


def problem(record):
    with jax.enable_x64(True):
        return STUDY.make(record.parameters).network


def over_first_order(record):
    """Late excess risk over (η/4B) tr C, C and η by theory."""
    least_squares = problem(record).problem
    step = 1 / (record["fineness"] * least_squares.smoothness)
    return record["excess"][-LATER:].mean() / (step / (4 * record["batch"]) * np.trace(least_squares.noise))


def exactly_over_first_order(record):
    """The same by the exact moments."""
    own, batch = problem(record), record["batch"]
    step = 1 / (record["fineness"] * own.problem.smoothness)
    late = temperature.moments(own.problem, own.start, step, batch, record["steps"]).second[-LATER:]
    first = step / (4 * batch) * np.trace(own.problem.noise)
    return np.mean(temperature.excess(own.problem, late)) / first


def constant(records, **setting):
    return [*records.where(experiment="constant").where(**setting)]


def test_in_time_one_run_goes_down_to_its_exact_moments(figure, records):
    axes = panel(figure, "a  Down")
    for (x, y), batch, fineness in zip(theory(axes)[:2], (1, 4), (2.0, 2.0), strict=True):
        (record,) = constant(records, seed=0, batch=batch, fineness=fineness, replacement=True)
        network = problem(record)
        step = 1 / (fineness * network.problem.smoothness)
        moments = temperature.moments(network.problem, network.start, step, batch, record["steps"])
        np.testing.assert_allclose(y, temperature.excess(network.problem, moments.second), rtol=1e-9)
        np.testing.assert_allclose(x[1:], record["steps"][1:] * step, rtol=1e-12)
        x, y = line(axes, f"ηL = 1/2, B = {batch}")
        np.testing.assert_allclose(x[1:], record["steps"][1:] * step, rtol=1e-12)
        np.testing.assert_array_equal(y, record["excess"])


def test_all_batches_lie_on_one_line(figure, records):
    axes = panel(figure, "b  η/B")
    ((x, y),) = theory(axes)
    np.testing.assert_allclose(y, x / 4)
    x, y = line(axes, "B = 4")
    rows = constant(records, batch=4, replacement=True)
    np.testing.assert_allclose(x, [1 / (4 * record["fineness"]) for record in rows])
    np.testing.assert_allclose(y, [over_first_order(record) / (16 * record["fineness"]) for record in rows], rtol=1e-9)


def test_large_steps_have_their_means_intervals_and_exact_values(figure, records):
    axes = panel(figure, "c  …")
    x, y, low, high = bars(axes, "B = 4")
    found = [constant(records, batch=4, fineness=fineness, replacement=True) for fineness in (2.0, 4.0, 8.0)]
    values = np.array([[over_first_order(record) for record in rows] for rows in found])
    halves = [half_width(row) for row in values]
    np.testing.assert_allclose(x, [1 / 2, 1 / 4, 1 / 8])
    np.testing.assert_allclose(y, values.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose((high - y, y - low), (halves, halves), rtol=1e-6)
    _, exact = line(axes, "_exact, B = 4")
    np.testing.assert_allclose(exact, [np.mean([exactly_over_first_order(r) for r in rows]) for rows in found])
    np.testing.assert_array_equal(theory(axes)[-1][1], 1)


def test_batches_have_the_variance_of_their_law(figure, records):
    axes = panel(figure, "d  Different")
    (sizes, with_them), (_, without) = theory(axes)
    np.testing.assert_allclose(with_them, 1 / sizes)
    np.testing.assert_allclose(without, [(40 - b) / 39 / b for b in sizes])
    for label, replacement, batches in (("with replacement", True, (1, 4)), ("without", False, (32,))):
        x, y, low, high = bars(axes, label)
        rows = [constant(records, batch=b, fineness=2.0, replacement=replacement) for b in batches]
        values = np.array([[over_first_order(record) / record["batch"] for record in some] for some in rows])
        halves = [half_width(some) for some in values]
        np.testing.assert_array_equal(x, batches)
        np.testing.assert_allclose(y, values.mean(axis=1), rtol=1e-9)
        np.testing.assert_allclose((high - y, y - low), (halves, halves), rtol=1e-6)


def test_schedules_have_their_means_and_exact_values(figure, records):
    axes = panel(figure, "e  Growing")
    rows = [*records.where(experiment="schedule", fineness=4.0)]
    share, exact = np.arange(1, 9) / 8, []
    for record in rows:
        network = problem(record)
        run, step = STUDY.make(record.parameters), 1 / (4 * network.problem.smoothness)
        before = temperature.moments(network.problem, network.start, step, 1, run.stops[-1:])
        ends = (
            temperature.then(network.problem, before, step, 4, record["pauses"]),
            temperature.then(network.problem, before, step / 4, 1, 4 * record["pauses"]),
        )
        level = temperature.excess(network.problem, before.second)
        exact.append([temperature.excess(network.problem, end.second) / level for end in ends])
    levels = [record["exact_before"] for record in rows]
    for (x, y), expected in zip(theory(axes), np.mean(exact, axis=0), strict=True):
        np.testing.assert_allclose(x, share)
        np.testing.assert_allclose(y, expected, rtol=1e-8)
    for label, name in (("batch × q", "grown"), ("as many samples", "decayed"), ("as many steps", "decayed_steps")):
        values = np.array([record[name] / level for record, level in zip(rows, levels, strict=True)])
        x, y, low, high = bars(axes, label)
        np.testing.assert_allclose(x, share)
        np.testing.assert_allclose(y, values.mean(axis=0))
        np.testing.assert_allclose((high - y, y - low), [halves(values)] * 2)


def test_minima_flatten_along_the_slow_flow(figure, records):
    axes = panel(figure, "f  To flat")
    rows, doses = [*records.where(experiment="width")], np.linspace(0, 0.25, 9)
    exact = []
    for record in rows:
        network = problem(record)
        positions = label_noise.slow_flow(network.position, network.x, doses)
        traces = label_noise.curvatures(positions, network.x).sum(axis=-1)
        exact.append(np.log(traces / traces[0]))
    ((x, y),) = theory(axes)
    np.testing.assert_allclose(x, doses)
    np.testing.assert_allclose(y, np.exp(np.mean(exact, axis=0)), rtol=1e-9)
    for label, name in (("η, B, σ", "base"), ("η/2, B/2", "batch"), ("√2", "noise"), ("twice", "cold")):
        logs = np.array([np.log(record[f"{name}_traces"]).mean(axis=0) for record in rows])
        falls = np.exp((logs - logs[:, :1]).mean(axis=0))[:: 2 if name == "cold" else 1]
        x, y = line(axes, label) if name != "base" else line(axes, "η, B, σ")
        np.testing.assert_allclose(x, doses)
        np.testing.assert_allclose(y, falls)
