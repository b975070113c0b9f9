"""Every claim of the issue's list is there, holds at smoke size, and its control fails the very same check."""

import numpy as np
import pytest

import simulations
from simulations.regimes.lazy_scaling import Teacher

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
    runs = {size: STUDY.grid(size, None, 0) for size in ("smoke", "default", "large")}
    assert len(runs["smoke"]) < len(runs["default"]) < len(runs["large"])
    assert max(run.particles for run in runs["default"]) == 100_000
    assert len({run.seed for run in runs["default"]}) >= 5


def test_a_run_is_its_parameters():
    """Twice the same run gives the same bits."""
    first, second = (Teacher(particles=20, samples=8, time=4.0, dimension=3) for _ in range(2))
    (first, status), (second, _) = first.run(), second.run()
    assert status == "done"
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_very_wide_lazy_network_is_its_limit():
    """The limit that a record carries is the one that the network approaches: within 5 root-mean-square fluctuations,
    ‖f_m − f_∞‖ ~ m^{-1/2} ‖f_∞‖ as measured at m = 1024 (0.03)."""
    values, _ = Teacher(particles=100_000, exponent=0.5, samples=16, dimension=3, time=20.0).run()
    exact = values["limit_test_predictions"]
    far = np.sqrt(np.sum((values["test_predictions"] - exact) ** 2) / np.sum(exact**2))
    assert far < 5 * 0.03 * np.sqrt(1024 / 100_000)


def test_divergence_is_a_status_not_an_exception():
    _, status = Teacher(particles=20, samples=8, dimension=3, time=4000.0, step=400.0).run()
    assert status.startswith("diverged at t = ")
    assert "step" in status


def test_parameters_that_several_experiments_have_are_those_of_the_teacher():
    """Unless another experiment alone has all of them; and what no experiment has together is refused."""
    assert {run.experiment for run in STUDY.combinations({"particles": [10, 20], "alpha": [1.0, 10.0]})} == {"teacher"}
    assert {run.experiment for run in STUDY.combinations({"particles": [10], "tolerance": [1e-6]})} == {"flow"}
    with pytest.raises(ValueError, match=r"initial: .* several experiments; expected one of lazy_scaling/smooth, "):
        STUDY.make({"initial": "doubled"})
    with pytest.raises(ValueError, match=r"tangent, tolerance: .* not .* of one experiment; expected one of lazy_sc"):
        STUDY.make({"tangent": True, "tolerance": 1e-6})
