"""What the study of sparse deconvolution promises beyond what every study does."""

import dataclasses

import numpy as np
import pytest

import figures
import simulations
from simulations.optimisation import _modes, _spikes
from simulations.optimisation.sparse_deconvolution import FAST, NEAR, STUDY
from theory import sparse_rates

RUN = _spikes.Parameters(**FAST, particles=24, instances=3)


def test_the_screen_asks_theory_alone():
    """Same instances for every m, start and control; another seed has others; each holds what it is screened on."""
    found, tried = _spikes.screened(RUN)
    assert len(found) == 3 <= tried
    for change in ({"particles": 6}, {"moving": False}, {"signs": "plus"}, {"metric": "plain"}, {"start": "local"}):
        assert _spikes.screened(dataclasses.replace(RUN, **change))[0] is found
    other, _ = _spikes.screened(dataclasses.replace(RUN, seed=1))
    assert abs(other[0].truth[0, 1] - found[0].truth[0, 1]) > 1e-6
    for one in found:
        assert one.optimum.proved
        assert one.slowest * RUN.steps >= RUN.folds


def test_excess_is_the_difference_of_objectives():
    """The identity without cancellation against J − min J itself, at random measures."""
    one = _spikes.screened(RUN)[0][0]
    rng = np.random.default_rng(0)
    mass, sign = rng.uniform(size=(3, 8)), rng.choice([-1.0, 1.0], (3, 8))
    place = rng.uniform(size=(3, 8, 1))
    seen = _modes.excess(one.optimum, mass, np.concatenate([sign[..., None], place], axis=2))
    plain = [one.problem.objective(s * p, x) - one.optimum.value for s, p, x in zip(sign, mass, place, strict=True)]
    assert np.abs(seen - plain).max() < 1e-12


def test_a_local_start_excites_every_mode():
    """Collective modes of the same largest entry, clusters that scatter, far masses too small to feel."""
    run = _spikes.Parameters(**NEAR, particles=24)
    optimum = _spikes.screened(run)[0][0].optimum
    position, mass, cluster = _modes.local_start(optimum, 24, run.growth, run.transport, 1e-4, run.side, 0)
    modes, k = sparse_rates.collective(optimum, run.growth, run.transport), len(optimum.weights)
    z = np.empty(2 * k)
    for i in range(k):
        p, x = mass[cluster == i], position[cluster == i, 1]
        z[i] = np.sign(optimum.weights[i]) * p.sum() - optimum.weights[i]
        z[k + i] = p @ x / p.sum() - optimum.positions[i, 0]
        assert x.std() > 1e-7
    unit = np.concatenate([np.abs(optimum.weights), np.full(k, 1 / (2 * np.pi * 7))])
    each = np.abs(modes.right * (modes.left @ z) / unit[:, None]).max(axis=0)
    assert np.abs(each / 1e-4 - 1).max() < 1e-6
    assert mass[cluster < 0].max() < 1e-8


def test_runs_of_ones_own_decide_what_they_can():
    """One seed, few particles, other settings: verdicts and a figure, nothing raised; an empty screen is a status."""
    records = simulations.run(STUDY, particles=2, instances=1, steps=40, folds=0.5, seed=5)
    verdicts = {entry.claim.name: entry.verdict.passed for entry in simulations.verify(STUDY, records)}
    assert verdicts["certificate"] is True
    assert verdicts["collective"] is verdicts["width"] is verdicts["recovery"] is verdicts["recovery_plane"] is None
    assert len(figures.draw(STUDY, records).axes) == 8
    (record,) = simulations.run(STUDY, particles=2, instances=1, steps=1, folds=1000.0)
    assert record.status == "stopped: none of 8 instances passes the screen"
    assert STUDY.predict(STUDY.make({"instances": 1, "steps": 1, "folds": 1000.0})) == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dimension": 3}, "dimension=3: expected 1 or 2."),
        ({"start": "local", "particles": 4}, "expected moving=true and at least one particle"),
        ({"start": "local", "moving": False}, "expected moving=true"),
        ({"offset": 0.5}, "offset=0.5"),
        ({"transport": 0.0}, "transport=0.0: expected a finite number above 0."),
        ({"signs": "minus"}, "signs='minus'"),
        ({"order": 30}, "order=30"),
        ({"separation": 0.2}, "separation=0.2: no room to speak of for 5 spikes"),
        ({"separation": 0.4, "dimension": 2}, "separation=0.4: no room to speak of"),
    ],
)
def test_bad_input(values, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        STUDY.make(values)
