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


def test_one_factor_descends_by_its_steps():
    """e ← e − η e³ for the large target, η a quarter of the monotone one; the recorded residuals are these."""
    (record,) = simulations.run("depth", experiment="race", target=3.0, patience=8.0)
    step, error, k = 0.25 / 3.0**2, record["shallow_residuals"][0, 0], 0
    for at, seen in zip(record["times"], record["shallow_residuals"][:, 0], strict=True):
        while k < at:
            error, k = error - step * error**3, k + 1
        assert seen == pytest.approx(error, rel=1e-9)
    assert deep.SHARES[deep_linear_measures.SLOW] == 0.25


def test_networks_start_at_two_normals():
    """The largest curvature of those that are linearised is that of numerical differences of their outputs."""
    for draw in (
        lambda seed: large_step.Edge(seed=seed).start().position,
        lambda seed: large_step.Linear(seed=seed).theta,
    ):
        draws = np.concatenate([np.asarray(draw(seed)).ravel() for seed in range(40)])
        assert abs(draws.std() - 2) < 0.1
        assert np.abs(draws).max() < 12
    run = large_step.Linear()
    (x, _), theta, width = run.data, run.theta, 1e-6

    def outputs(theta):
        return np.mean(theta[:, 0] * np.tanh(x * theta[:, 1] + theta[:, 2]), axis=1)

    shifts = width * np.eye(theta.size).reshape(-1, *theta.shape)
    features = np.array([(outputs(theta + one) - outputs(theta - one)) / (2 * width) for one in shifts])
    largest = np.linalg.norm(features, 2) ** 2 * len(theta) / len(x)
    assert run.spectrum[0][-1] == pytest.approx(largest, rel=1e-6)


def test_the_least_risk_of_symmetry_is_asked_while_symmetry_lasts():
    """Looks at which the exactly mirrored start is tilted by rounding do not count, for no start."""
    tilt = np.array([[0.1, 0.2, 0.3], [1e-3, 1e-2, 0.1], [0.0, 0.0, 0.0], [0.0, 1e-9, 1e-3]])
    risk = np.array([[2.0, 1.0, 0.5], [2.0, 2.0, 2.0], [4.0, 4.0, 4.0], [3.0, 2.0, 1.0]])
    values = {"tilt": tilt, "risk": risk, "exact_risk": 4.0, "exact_symmetric_risk": 2.0}
    record = Record({"samples": 12, "particles": 6, "dimension": 3}, values)
    assert saddle_measures.least_symmetric(record) == pytest.approx([1.5, 1.0])
    assert saddle_measures.least_symmetric(record, level=0) == pytest.approx([1.0, 0.5])
    assert saddle_measures.largest_size(Record({}, {"size": np.arange(8.0).reshape(4, 2)})) == 5


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
