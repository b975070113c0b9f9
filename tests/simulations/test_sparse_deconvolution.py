"""What the study of sparse deconvolution promises beyond what every study does."""

import dataclasses

import numpy as np
import pytest

import figures
import simulations
from simulations.optimisation import sparse_modes as modes
from simulations.optimisation.sparse_deconvolution import STUDY, Local, Uniform
from simulations.optimisation.sparse_spikes import slowest
from theory import sparse_rates

pytestmark = pytest.mark.fast


def test_the_screen_asks_theory_alone(x64):
    """Same instance for every m, start and control; another seed has another; each holds what it is screened on."""
    for seed in range(3):
        run = Uniform(particles=24, seed=seed)
        for change in ({"particles": 6}, {"moving": False}, {"signs": "plus"}):
            assert dataclasses.replace(run, **change).one is run.one
        near = {"growth": run.growth, "transport": run.transport, "steps": run.steps, "folds": run.folds}
        for metric in ("mass", "plain"):
            assert Local(**near, metric=metric, seed=seed).one is run.one
        assert run.one.optimum.proved
        assert slowest(run.one, run.growth, run.transport) * run.steps >= run.folds
        assert abs(Uniform(seed=seed + 1).one.truth[0, 1] - run.one.truth[0, 1]) > 1e-6


def test_excess_is_the_difference_of_objectives(x64):
    """The identity without cancellation against J − min J itself, at random measures."""
    one = Uniform().one
    rng = np.random.default_rng(0)
    mass, sign = rng.uniform(size=(3, 8)), rng.choice([-1.0, 1.0], (3, 8))
    place = rng.uniform(size=(3, 8, 1))
    seen = modes.excess(one.optimum, mass, np.concatenate([sign[..., None], place], axis=2))
    plain = [one.problem.objective(s * p, x) - one.optimum.value for s, p, x in zip(sign, mass, place, strict=True)]
    assert np.abs(seen - plain).max() < 1e-12


def test_a_local_start_excites_every_mode(x64):
    """Collective modes of the same largest entry, clusters that scatter, far masses too small to feel."""
    run = Local(particles=24)
    optimum, (position, mass, cluster) = run.one.optimum, run.clusters
    collective, k = sparse_rates.collective(optimum, run.growth, run.transport), len(optimum.weights)
    z = np.empty(2 * k)
    for i in range(k):
        p, x = mass[cluster == i], position[cluster == i, 1]
        z[i] = np.sign(optimum.weights[i]) * p.sum() - optimum.weights[i]
        z[k + i] = p @ x / p.sum() - optimum.positions[i, 0]
        assert x.std() > 1e-7
    unit = np.concatenate([np.abs(optimum.weights), np.full(k, 1 / (2 * np.pi * 7))])
    each = np.abs(collective.right * (collective.left @ z) / unit[:, None]).max(axis=0)
    assert np.abs(each / 1e-4 - 1).max() < 1e-6
    assert mass[cluster < 0].max() < 1e-8


def test_runs_of_ones_own_decide_what_they_can():
    """One seed, few particles, other settings: verdicts and a figure, nothing raised; an empty screen is a status."""
    records = simulations.run(STUDY, experiment="uniform", particles=2, steps=40, folds=0.5, seed=5)
    verdicts = {entry.claim.name: entry.verdict.passed for entry in simulations.verify(STUDY, records)}
    assert verdicts["certificate"] is True
    assert verdicts["collective"] is verdicts["width"] is verdicts["enough_particles"] is None
    assert all(entry.verdict.passed is None for entry in simulations.verify(STUDY, records, sanity=True))
    assert len(figures.draw(STUDY, records).axes) == 8
    (record,) = simulations.run(STUDY, experiment="uniform", particles=2, steps=1, folds=1000.0)
    assert record.status.startswith("failed: ValueError: folds=1000: none of 64 instances passes the screen, expected")
    assert record.values == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dimension": 3}, "dimension=3: expected a whole number from 1 to 2."),
        ({"experiment": "local", "particles": 4}, "particles=4: expected at least one particle for each of 5 spikes."),
        ({"offset": 0.5}, "offset=0.5: expected a number above 0 and at most 0.1."),
        ({"transport": 0.0}, "transport=0.0: expected a number above 0."),
        ({"signs": "minus"}, "signs='minus': expected one of both, plus."),
        ({"order": 30}, "order=30"),
        ({"separation": 0.2}, "separation=0.2: no room to speak of for 5 spikes"),
        ({"separation": 0.4, "dimension": 2}, "separation=0.4: no room to speak of"),
    ],
)
def test_bad_input(values, message):
    experiment = "local" if "offset" in values else "uniform"
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        STUDY.make({"experiment": experiment} | values)
