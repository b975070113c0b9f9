"""Data and measures of the studies of optimisation: each against numbers that are known another way."""

import numpy as np
import pytest

import simulations
from simulations.optimisation import deep_linear_measures, large_step, saddle_data, saddle_measures
from simulations.optimisation import depth as deep
from simulations.records.record import Record


def test_an_exit_is_found_between_observations():
    """e^{2t} and its crossing of 9; one that is not positive before, one that never arrives, one that starts above."""
    t = np.linspace(0, 3, 31)
    assert saddle_measures.crossing(t, np.exp(2 * t), 9.0) == pytest.approx(np.log(3), abs=1e-9)
    late = np.where(t < 0.7, -1.0, np.exp(2 * t))
    assert saddle_measures.crossing(t, late, 9.0) == pytest.approx(np.log(3), abs=1e-6)
    assert saddle_measures.crossing(t, np.exp(2 * t), 1e4) == np.inf
    assert saddle_measures.crossing(t, np.exp(2 * t), 0.5) == np.inf


def test_data_of_relu_have_one_fastest_direction():
    """No rival above half of the largest rate, and a mean slope that is well below it."""
    for seed in range(40):
        saddle = saddle_data.plain(np.random.default_rng(seed), 12, 3, "relu")
        directions = np.random.default_rng(1).normal(size=(4000, 3))
        for _ in range(20):
            directions = ((directions @ saddle.x.T > 0) * saddle.y) @ saddle.x
        rates = np.unique(np.round(np.linalg.norm(directions, axis=1) / 12, 9))
        assert saddle.rate == pytest.approx(rates[-1], rel=1e-8)
        assert np.all(rates[:-1] <= 0.5 * saddle.rate)
        assert np.linalg.norm(saddle.y @ saddle.x / 12) <= 0.85 * saddle.rate


def test_noise_of_a_gaussian_start_is_measured_as_predicted():
    """T = (const − log |Z|)/λ of 6 neurons: late by nothing, of slope 1 in log(1/√τ), as wide as log χ."""
    rng, sizes, rate = np.random.default_rng(0), np.array([1e-3, 1e-4, 1e-5]), 0.7
    z = np.log(np.linalg.norm(rng.normal(size=(3, 40_000, 6)), axis=2))
    exact = (-np.log(sizes) - z.mean()) / rate
    values = {"sizes": sizes, "exit_times": (-np.log(sizes)[:, None] - z) / rate, "exact_exit_times": exact}
    values |= {"exact_rate": rate, "exact_spread": z.std() / rate, "softplus_rate": rate / 2}
    record = Record({"particles": 6}, values)
    assert saddle_measures.noise_slope(record) == pytest.approx(1, abs=0.01)
    assert saddle_measures.noise_lateness(record) == pytest.approx(0, abs=1e-9)
    assert saddle_measures.noise_spread(record) == pytest.approx(1, abs=0.01)
    # E log χ_1 − E log χ_6 = −0.6352 − 0.8082 and √(π²/8 / 0.0987), by the digamma function.
    assert saddle_measures.noise_lateness(record, neurons=1) == pytest.approx(-1.4424, abs=0.001)
    assert saddle_measures.noise_spread(record, neurons=1) == pytest.approx(0.283, abs=0.004)


def test_steps_of_a_unit_of_time_are_whole():
    study = simulations.find("depth")
    assert study.make({"experiment": "unit_time", "steps": 40}).steps == 40
    with pytest.raises(ValueError, match="whole number"):
        study.make({"experiment": "unit_time", "steps": 40.5})


def test_one_factor_descends_by_its_steps(smoke_of):
    """e ← e − η e³ for the large target, η a quarter of the monotone one; the recorded residuals are these."""
    races = smoke_of("depth").where(experiment="race", power=4.0, second=1.0, condition=1.0, target=3.0)
    for record in races:
        step, error, k = 0.25 / 3.0**2, record["shallow_residuals"][0, 0], 0
        for at, seen in zip(record["times"], record["shallow_residuals"][:, 0], strict=True):
            while k < min(at, 300):
                error, k = error - step * error**3, k + 1
            if at <= 300:
                assert seen == pytest.approx(error, rel=1e-9)
    assert deep.SHARES[deep_linear_measures.SLOW] == 0.25


def test_edge_networks_start_at_two_normals():
    draws = np.concatenate([np.asarray(large_step.Edge(seed=seed).start().position).ravel() for seed in range(40)])
    assert abs(draws.std() - 2) < 0.1
    assert np.abs(draws).max() < 12


def test_hovering_is_the_intercept_of_pairs():
    """Sharpness 2/h (1 + 3 r ± 0.4) at alternate steps has a mean of 1 + 3 r in pairs, and 1 where r is gone."""
    seen = np.arange(100)
    risk = np.linspace(0.2, 0.1, 100)
    edge = 1 + 3 * risk + 0.4 * (-1.0) ** seen
    values = {"seen": seen, "risk": risk, "sharpness": edge * 2 / 0.8}
    record = Record({"step": 0.8}, values)
    assert large_step.measure.hovering(record) == pytest.approx(1, abs=1e-9)


def test_a_height_is_that_of_the_loss():
    record = Record({}, {"output": np.array([1.0, -3.0, 2.0]), "curvature": np.array([4.2, 5.0, 7.0])})
    assert large_step.measure.peak(record) == 4.5
    assert large_step.measure.peak(record, steps=0) == 0.5
    assert large_step.measure.end_curvature(record) == 3.5
    assert large_step.measure.least_curvature(record) == 1.05
    assert large_step.measure.rise(record) == 9.0
