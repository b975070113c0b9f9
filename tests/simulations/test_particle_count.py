"""The ensembles of the study of particle counts: what they hold, what they are compared with, what they refuse."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import meanfield as mf
import simulations
from simulations import Record, Records
from simulations.limits import _fluctuations as measure
from simulations.limits._ensemble import Parameters, predict, simulate
from simulations.limits.particle_count import CLAIMS, STUDY

TRAINING = Parameters(particles=8, replicas=3, time=6.0)
START = Parameters(stage="start", particles=8, replicas=40, samples=2, exponent=0.5)


def test_room_without_mass_changes_nothing():
    """A network in arrays that are too large for it is the network: simulated alone, with its own particles only."""
    theta = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    x, y = np.array([[-1.0], [0.5]]), np.array([0.2, 0.4])
    mass = np.where(np.arange(20) < 5, 1 / 5, 0.0)
    with jax.enable_x64(True):
        objective = mf.Objective(mf.Neuron("tanh", bias=True), mf.Square(), x, y, penalty=mf.WeightDecay(0.1))
        ends = [
            mf.simulate(objective, mf.GradientFlow(0.5), mu, times=[5.0], observables=[mf.Predictions()])
            for mu in (mf.Particles(theta, mass), mf.Particles(theta[:5]))
        ]
    assert ends[0].values["predictions"] == pytest.approx(ends[1].values["predictions"], rel=1e-13)


def test_a_run_is_its_parameters_and_another_seed_is_another():
    (first, status), (second, _) = simulate(TRAINING), simulate(TRAINING)
    assert status == "done"
    assert all(np.array_equal(first[name], second[name]) for name in first)
    other, _ = simulate(replace(TRAINING, seed=1))
    assert other["distance"][0] != first["distance"][0]
    assert np.array_equal(other["limit_constant"], first["limit_constant"])


def test_very_many_particles_are_close_to_the_limit():
    """m|f_m − f_∞|²/C is a mean of squares of mean 1: beyond 5 in one draw of 150, and 2500 at m = 8."""
    values, _ = simulate(replace(TRAINING, particles=20_000, replicas=2, time=2.0))
    assert values["distance"][-1] < 5 * values["limit_constant"][-1] / 20_000


def test_prediction_is_what_the_record_carries():
    for run in (TRAINING, START):
        values, _ = simulate(run)
        for name, value in predict(run).items():
            assert np.array_equal(value, values[name if name == "times" else f"limit_{name}"]), name


def test_kurtosis_is_the_same_from_f_itself():
    """The averaged estimate against E f⁴/(E f²)² − 3 of the outputs: within five standard errors of the latter."""
    run = Parameters(stage="start", particles=16, replicas=20_000, samples=2, exponent=0.5)
    values, _ = simulate(run)
    record = Record({name: getattr(run, name) for name in run.__dataclass_fields__}, values)
    fourth = (values["outputs"].astype(float) ** 2 / values["limit_covariance"][0, 0]) ** 2 - 3
    error = fourth.std() / np.sqrt(len(fourth))
    assert abs(fourth.mean() - measure.excess_kurtosis(record)) < 5 * error
    assert abs(fourth.mean()) > 5 * error  # not Gaussian


def test_diverging_networks_end_with_a_status():
    values, status = simulate(replace(TRAINING, step=40.0, time=40_000.0))
    assert status.startswith("diverged at t = ")
    record = Record(
        {name: getattr(TRAINING, name) for name in TRAINING.__dataclass_fields__}, values, {"status": status}
    )
    assert all(claim.check(Records([record])).passed is None for claim in CLAIMS)


def test_any_grid_can_be_judged():
    """Records that lack what a claim needs leave it untested."""
    records = simulations.sweep(
        STUDY, {"particles": [4, 9, 20], "time": 0.5, "replicas": 2, "samples": 2, "seed": [0, 1]}
    )
    verdicts = {claim.name: claim.check(records).passed for claim in CLAIMS}
    assert set(verdicts.values()) == {None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage": "trainig"}, "stage='trainig': expected one of start, training. Did you mean 'training'?"),
        ({"output": "sign"}, "output='sign': expected one of gaussian, signs."),
        ({"particles": 0}, "particles=0: expected a whole number of at least 1."),
        ({"replicas": 1}, "replicas=1: expected at least 2"),
        ({"samples": 1}, "samples=1: expected at least 2"),
        ({"penalty": -1.0}, "penalty=-1.0: expected a finite number at least 0."),
        ({"exponent": float("nan")}, "exponent=nan: expected a finite number."),
        ({"step": 0.001}, "step=0.001: makes 20000 steps up to time=20; expected 1 to 2000."),
        ({"step": 50.0}, "step=50: makes 0.4 steps up to time=20; expected 1 to 2000."),
    ],
)
def test_bad_parameters_are_named(change, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        Parameters(**change)
