"""The figure of finite sums shows the records, the bounds of the theorems, and the moments that theory has for them."""

import jax
import numpy as np

import simulations
from tests.figures.artists import line, panel, theory
from theory import finite_sums, temperature
from theory.finite_sums import LeastSquares

STUDY = simulations.find("finite_sums")
LABELS = {"saga": "SAGA", "adapted": "SAGA, 1/2(λn + L)", "sag": "SAG", "svrg": "SVRG"}


def network(record):
    with jax.enable_x64(True):
        return STUDY.make(record.parameters).network


def theorem(record):
    """The rate that is proved for the method of a record."""
    own, method = network(record), record["experiment"]
    if method == "svrg":
        return finite_sums.svrg(own.problem, own.start, 2.0 * record["samples"])
    if method == "sag":
        return finite_sums.sag(own.problem, own.start)
    return finite_sums.saga(own.problem, own.start, adapted=method == "adapted")


def exactly(axes, label):
    """x and y of the line with this label and no more."""
    (found,) = [one for one in axes.get_lines() if one.get_label() == label]
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def test_every_method_is_drawn_over_the_gradients_it_paid(figure, records):
    axes = panel(figure, "a  Memory")
    paid = {"saga": (1.0, 1.0), "adapted": (1.0, 1.0), "sag": (0.0, 1.0), "svrg": (1.0, 2.5), "sgd": (0.0, 1.0)}
    for name, (first, rate) in paid.items():
        (record,) = records.where(experiment=name, seed=0)
        x, y = exactly(axes, LABELS.get(name, "SGD, step 1/2L"))
        cost = first + rate * record["steps"] / 16
        np.testing.assert_allclose(x, cost[cost <= 2.6 * 40])
        np.testing.assert_allclose(y, np.maximum(record["excess"].mean(axis=0), 1e-18)[cost <= 2.6 * 40])
    x, y = line(axes, "SGD, steps")
    (record,) = records.where(experiment="decaying", seed=0, decay=2.0)
    np.testing.assert_allclose(y, record["excess"].mean(axis=0)[: len(y)])
    own = network(record).problem.reduced
    floor = temperature.excess(own, temperature.stationary(own, 1 / (2 * own.smoothness), 1))
    np.testing.assert_allclose(theory(axes)[0][1], floor, rtol=1e-9)


def test_bounds_are_those_of_the_theorems(figure, records):
    axes = panel(figure, "b  Each")
    for name, label in LABELS.items():
        (record,) = records.where(experiment=name, seed=0)
        x, y = exactly(axes, f"_bound, {label}")
        np.testing.assert_array_equal(x, record["steps"])
        np.testing.assert_allclose(y, theorem(record).bound(record["steps"]), rtol=1e-9)
        x, y = exactly(axes, label)
        values = record["excess" if name == "sag" else "distance"].mean(axis=0)
        np.testing.assert_allclose(y, np.maximum(values, 1e-18))


def test_rates_are_fitted_from_n_steps_on(figure, records):
    axes = panel(figure, "c  Twice")
    (x, y), (_, twice) = theory(axes)
    np.testing.assert_allclose((y, twice), (x, 2 * x))
    for name, label in LABELS.items():
        proved, seen = [], []
        for record in records.where(experiment=name):
            proved.append(-np.log(1 - theorem(record).rate))
            steps, values = record["steps"], record["excess" if name == "sag" else "distance"].mean(axis=0)
            first, last = np.flatnonzero(steps >= 16)[0], np.flatnonzero(values > 1e-11 * values[0])[-1]
            seen.append(-np.log(values[last] / values[first]) / (steps[last] - steps[first]))
        x, y = exactly(axes, label)
        np.testing.assert_allclose(x, proved, rtol=1e-9)
        np.testing.assert_allclose(y, seen, rtol=1e-9)


def test_floors_are_stationary_moments(figure, records):
    axes = panel(figure, "d  The floor")
    np.testing.assert_array_equal(theory(axes)[0][1], 1)
    for record in records.where(experiment="sgd"):
        own = network(record).problem.reduced
        floor = temperature.excess(own, temperature.stationary(own, 1 / (2 * own.smoothness), 1))
        x, y = line(axes, f"_seed {record['seed']}") if record["seed"] else line(axes, "SGD, each")
        np.testing.assert_array_equal(x, record["steps"])
        np.testing.assert_allclose(y, record["excess"].mean(axis=0) / floor, rtol=1e-9)


def test_decays_are_the_exact_ones_and_end_in_powers(figure, records):
    axes = panel(figure, "e  Steps")
    for number, (c, power) in enumerate(((2.0, -1.0), (0.25, -0.5))):
        (record,) = records.where(experiment="decaying", decay=c, seed=0)
        own, late = network(record), record["steps"] + c / 2 * finite_sums.decaying_offset(network(record).problem)
        steps = c / (own.problem.convexity * (np.arange(record["steps"][-1]) + late[0]))
        exact = temperature.excess(
            own.problem, temperature.varying(own.problem, own.start, steps, record["steps"]).second
        )
        (x, y), (_, straight) = theory(axes)[2 * number : 2 * number + 2]
        np.testing.assert_allclose(x, late)
        np.testing.assert_allclose(y, exact, rtol=1e-6)
        np.testing.assert_allclose(straight, exact[-1] * (late / late[-1]) ** power, rtol=1e-6)
        x, y = line(axes, f"c = {c:g}")
        np.testing.assert_allclose(x, late)
        np.testing.assert_allclose(y, record["excess"].mean(axis=0))


def test_fitted_samples_have_no_floor(figure, records):
    axes = panel(figure, "f  Fitted")
    record = min(records.where(experiment="fitted"), key=lambda one: one["excess"][:, -1].mean())
    own, steps = network(record), record["steps"]
    inner = LeastSquares(own.problem.reduced.features, np.zeros(16), 0.0)
    away = own.problem.span.T @ (own.start - own.problem.minimum)
    moments = temperature.moments(inner, away, 1 / (2 * inner.smoothness), 1, steps)
    exact = temperature.excess(inner, moments.second)
    ((x, y),) = theory(axes)
    np.testing.assert_array_equal(x, steps)
    np.testing.assert_allclose(y, exact / exact[0], rtol=1e-6)
    lines = [np.asarray(one.get_ydata(), float) for one in axes.get_lines()[: record["replicas"]]]
    np.testing.assert_allclose(lines, record["excess"] / record["excess"][0, 0])
    (other,) = records.where(experiment="sgd", seed=record["seed"])
    _, y = line(axes, "labels with noise")
    np.testing.assert_allclose(y, other["excess"].mean(axis=0) / other["excess"][0, 0])
