"""The parts of the global-convergence study, each against another computation."""

import numpy as np
import pytest

import meanfield as mf
import simulations
from simulations.optimisation import shares_of_success as success
from simulations.optimisation.global_convergence import STUDY, Paths, Relu
from simulations.optimisation.nesterov_descent import descent
from simulations.optimisation.screened_teachers import own_gap
from theory import convex

SMALL = Paths(particles=5, updates=60)


def test_descent_without_momentum_is_gradient_descent(x64):
    run = Relu(momentum=0.0, step=0.05, updates=40, atoms=0)
    objective, start = run.problem(), run.start()
    mine = mf.simulate(objective, run.flow(), start, times=[20.0])
    plain = mf.simulate(objective, mf.GradientFlow(0.05), start, times=[1.0])
    np.testing.assert_allclose(mine.particles.position, plain.particles.position, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("layers", ["output", "positive", "both"])
def test_layers_and_massless_particles(x64, layers):
    run = Relu(particles=5, updates=200, layers=layers, atoms=0)
    objective, first = mf.Objective(mf.Neuron("relu"), mf.Square(), run.instance.x, run.instance.y), run.start()
    last = mf.simulate(objective, run.flow(), first, times=[200.0]).particles
    moved = np.asarray(last.position - first.position)
    assert np.all(moved[5:] == 0)
    assert np.any(moved[:5, 0] != 0)
    assert np.all(moved[:, 1:] == 0) == (layers == "output")
    assert np.all(np.asarray(last.position)[:5, 0] >= 0) or layers != "positive"


def test_padding_does_not_change_a_run(x64):
    values, status = SMALL.run()
    # As many places as particles.
    flow = descent(5, 5, 3, SMALL.step, SMALL.momentum, SMALL.updates)
    last = mf.simulate(SMALL.problem(), flow, mf.Particles(SMALL.position[:5]), times=[60.0]).particles
    assert status == "done"
    np.testing.assert_allclose(values["positions"][-1][:5], last.position, rtol=1e-9, atol=1e-11)
    assert values["energy"][-1] == pytest.approx(float(values["final"]), rel=1e-10)


def test_instances_are_screened_shared_between_widths_and_fresh_for_every_seed():
    some = [Relu(particles=5, seed=seed).instance for seed in range(3)]
    for one in some:
        c = one.minimum.measure[:, 0]
        assert len(c) >= 3
        assert c.min() < 0 < c.max()
    assert all(Relu(particles=7, layers="output", seed=seed).instance is one for seed, one in enumerate(some))
    assert not np.isin(some[0].x, [one.x for one in some[1:]]).any()
    assert not np.isin(Relu(seed=2).position[:, 1:], Relu(seed=1).position[:, 1:]).any()


def test_own_gap_is_exact_for_one_neuron_at_the_optimum():
    """One sample: the optimum's neuron points along it, and its own slope is the largest there is."""
    minimum = convex.planar_minimum([[3.0, 4.0]], [2.0], 0.1)
    theta = convex.network(minimum.measure)
    assert abs(own_gap(theta, np.array([[3.0, 4.0]]), np.array([2.0]), 0.1)) < 1e-15


@pytest.mark.parametrize(
    ("wins", "others", "passed"), [((20, 20), (4, 20), True), ((12, 20), (10, 20), False), ((4, 20), (20, 20), False)]
)
def test_more_often_asks_the_interval_of_a_difference(wins, others, passed):
    from scipy.stats import beta

    records = simulations.Records(
        simulations.Record({"m": m, "seed": 0}, {"won": np.arange(count) < number})
        for m, (number, count) in ((2, wins), (1, others))
    )
    settings = {"value": lambda record: record["won"], "predicted": 0.0, "what": "won"}
    verdict = success.more_often(records, select=lambda r: r.where(m=2), fewer=lambda r: r.where(m=1), **settings)
    assert verdict.passed is passed
    one, other = wins[0] / wins[1], others[0] / others[1]
    low = beta.ppf(1e-3, wins[0], wins[1] - wins[0] + 1)
    high = beta.ppf(1 - 1e-3, others[0] + 1, others[1] - others[0]) if others[0] < others[1] else 1.0
    assert verdict.measured == pytest.approx(one - other)
    assert verdict.error == pytest.approx(np.hypot(one - low, high - other), rel=1e-9)
    nothing = success.more_often(records, select=lambda r: r.where(m=3), fewer=lambda r: r, **settings)
    assert nothing.passed is None


@pytest.mark.parametrize(
    ("experiment", "values", "message"),
    [
        ("relu", {"layers": "input"}, "layers='input': expected one of both, output, positive"),
        ("sigmoid", {"layers": "positive"}, "layers='positive': expected one of both, output"),
        ("relu", {"momentum": 1.0}, "momentum=1.0: expected a number of at least 0 and below 1"),
        ("population", {"particles": 0}, "particles=0: expected a whole number of at least 1"),
        ("relu", {"strength": -1.0}, "strength=-1.0: expected a number above 0"),
        ("relu", {"samples": 100, "dimension": 5}, "samples=100, dimension=5: expected so few"),
    ],
)
def test_bad_parameters_are_named(experiment, values, message):
    with pytest.raises(ValueError, match=message):
        STUDY.make({"experiment": experiment} | values)


def test_screening_gives_up_with_advice(monkeypatch):
    monkeypatch.setattr("simulations.optimisation.screened_teachers.ATTEMPTS", 3)
    (record,) = simulations.run(STUDY, experiment="relu", neurons=1, seed=0)
    assert record.values == {}
    assert "atoms=3: none of 3 instances" in record.status
    assert "expected fewer (0 takes any instance)" in record.status


def test_claims_without_the_runs_they_need_are_not_tested():
    records = simulations.run(STUDY, experiment="relu", particles=5, updates=60, seed=(0, 1, 2))
    for claim in STUDY.claims:
        assert claim.check(records).passed is None or claim.control(records).passed is None, claim.name
        assert claim.check(simulations.Records([])).passed is None
