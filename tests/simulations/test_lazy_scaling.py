"""Every claim of the issue's list is there, holds at smoke size, and its control fails the very same check."""

import numpy as np
import pytest

import simulations
from simulations.regimes._network import Parameters, limit
from simulations.regimes._training import train

STUDY = simulations.find("lazy_scaling")
NAMES = [claim.name for claim in STUDY.claims]


def test_there_are_seeds_enough(smoke):
    assert len({record.parameters["seed"] for record in smoke}) >= 5


@pytest.mark.parametrize("claim", STUDY.claims, ids=NAMES)
def test_tolerance_excludes_the_control(claim, smoke):
    """The interval of a claim is too small to hold what its control measured: the check has power at this size."""
    verdict, control = claim.check(smoke), claim.control(smoke)
    if claim.relation in ("slope", "="):
        assert verdict.error < abs(control.measured - verdict.expected)
    else:
        assert not control.measured + control.error < verdict.expected


def test_too_few_records_are_not_a_verdict(smoke):
    few = smoke.where(seed=0)
    for claim in STUDY.claims:
        verdict = claim.check(few)
        if claim.relation != "<=" or claim.name == "teacher_features":
            assert verdict.passed is None, claim.name


def test_sizes_grow_and_default_reaches_a_hundred_thousand():
    runs = {size: STUDY.grid(size, None, 0) for size in ("smoke", "default", "paper")}
    assert len(runs["smoke"]) < len(runs["default"]) < len(runs["paper"])
    assert max(run.particles for run in runs["default"]) == 100_000
    assert len({run.seed for run in runs["default"]}) >= 5


def test_a_run_is_its_parameters():
    """Twice the same run gives the same bits."""
    run = Parameters(particles=20, samples=8, time=4.0, dimension=3)
    (first, status), (second, _) = train(run), train(run)
    assert status == "done"
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_very_wide_lazy_network_is_its_limit():
    """The limit that a record carries is the one that the network approaches: within 5 root-mean-square fluctuations,
    ‖f_m − f_∞‖ ~ m^{-1/2} ‖f_∞‖ as measured at m = 1024 (0.03)."""
    run = Parameters(particles=100_000, exponent=0.5, samples=16, dimension=3, time=20.0, precision="float32")
    values, _ = train(run)
    exact = limit(run)["test_predictions"]
    far = np.sqrt(np.sum((values["test_predictions"] - exact) ** 2) / np.sum(exact**2))
    assert far < 5 * 0.03 * np.sqrt(1024 / 100_000)


def test_divergence_is_a_status_not_an_exception():
    _, status = train(Parameters(particles=20, samples=8, dimension=3, time=4000.0, step=400.0))
    assert status.startswith("diverged at t = ")
    assert "step" in status
