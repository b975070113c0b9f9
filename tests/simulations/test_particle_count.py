"""The ensembles of the study of particle counts: what they hold, what they are compared with, what they refuse."""

from dataclasses import asdict, replace

import jax
import numpy as np
import pytest

import meanfield as mf
import simulations
from simulations import Record, Records
from simulations.limits import fluctuations as measure
from simulations.limits.particle_count import CLAIMS, STUDY, Ensemble, Trained, Untrained
from theory import initial_law

TRAINED = Trained(particles=8, replicas=3, time=6.0)
UNTRAINED = Untrained(particles=8, replicas=40, samples=2, exponent=0.5)


def computed(run: Ensemble) -> Record:
    """The record of a run, in double precision."""
    with jax.enable_x64(True):
        answer = run.run()
    values, status = answer if isinstance(answer, tuple) else (answer, "done")
    return Record(asdict(run), {name: np.asarray(value) for name, value in values.items()}, {"status": status})


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
    first, second = computed(TRAINED), computed(TRAINED)
    assert first.status == "done"
    assert all(np.array_equal(first[name], second[name]) for name in first.values)
    other = computed(replace(TRAINED, seed=1))
    assert other["distance"][0] != first["distance"][0]
    assert np.array_equal(other["limit_constant"], first["limit_constant"])


def test_very_many_particles_are_close_to_the_limit():
    """m|f_m − f_∞|²/C is a mean of squares of mean 1: beyond 5 in one draw of 150, and 2500 at m = 8."""
    record = computed(replace(TRAINED, particles=20_000, replicas=2, time=2.0))
    assert record["distance"][-1] < 5 * record["limit_constant"][-1] / 20_000


def test_theory_is_what_the_record_carries():
    record = computed(TRAINED)
    assert np.array_equal(record["times"], TRAINED.limit.times)
    for name, value in TRAINED.limit.values.items():
        assert np.array_equal(value, record[f"limit_{name}"]), name
    start = computed(UNTRAINED)
    assert np.array_equal(start["limit_covariance"], initial_law.output_covariance(start["x"], 8, np.sqrt(8)))
    assert start["limit_kurtosis"] == initial_law.output_kurtosis(8).value


def test_kurtosis_is_the_same_from_f_itself():
    """The averaged estimate against E f⁴/(E f²)² − 3 of the outputs: within five standard errors of the latter."""
    record = computed(Untrained(particles=16, replicas=20_000, samples=2, exponent=0.5))
    fourth = (record["outputs"].astype(float) ** 2 / record["limit_covariance"][0, 0]) ** 2 - 3
    error = fourth.std() / np.sqrt(len(fourth))
    assert abs(fourth.mean() - measure.excess_kurtosis(record)) < 5 * error
    assert abs(fourth.mean()) > 5 * error  # not Gaussian


def test_diverging_networks_end_with_a_status():
    record = computed(replace(TRAINED, step=40.0, time=40_000.0))
    assert record.status.startswith("diverged at t = ")
    assert all(claim.check(Records([record])).passed is None for claim in CLAIMS)


def test_any_grid_can_be_judged():
    """Records that lack what a claim needs leave it untested."""
    records = simulations.sweep(
        STUDY.only("trained"), {"particles": [4, 9, 20], "time": 0.5, "replicas": 2, "samples": 2, "seed": [0, 1]}
    )
    verdicts = {claim.name: claim.check(records).passed for claim in CLAIMS}
    assert set(verdicts.values()) == {None}


@pytest.mark.parametrize(
    ("experiment", "change", "message"),
    [
        ("trainig", {}, "experiment='trainig': expected one of untrained, trained. Did you mean 'trained'?"),
        ("untrained", {"output": "sign"}, "output='sign': expected one of gaussian, signs."),
        ("untrained", {"replicas": 1}, "replicas=1: expected a whole number of at least 2"),
        ("trained", {"particles": 0}, "particles=0: expected a whole number of at least 1."),
        ("trained", {"replicas": 1}, "replicas=1: expected a whole number of at least 2"),
        ("trained", {"samples": 1}, "samples=1: expected a whole number of at least 2"),
        ("trained", {"penalty": -1.0}, "penalty=-1.0: expected a number of at least 0."),
        ("trained", {"exponent": float("nan")}, "exponent=nan: expected a"),
        ("trained", {"step": 0.001}, "step=0.001: makes 20000 steps up to time=20; expected 1 to 2000."),
        ("trained", {"step": 50.0}, "step=50: makes 0.4 steps up to time=20; expected 1 to 2000."),
    ],
)
def test_bad_parameters_are_named(experiment, change, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        STUDY.make({"experiment": experiment, **change})
