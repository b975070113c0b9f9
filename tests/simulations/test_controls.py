"""Controls: each measures another thing, or the same against theory of another; none is the measurement rescaled.

What the checks and controls of all studies saw is in the summaries beside the gallery's pictures. A control that is the
measured value times a constant says nothing but that the constant is not 1.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import simulations
from simulations.verdicts.seen import whole
from simulations.verdicts.settings import indices, records_of

GALLERY = Path(__file__).parents[2] / "figures" / "gallery"

SAME = 1e-7
"""Ratios that differ by less are one: summaries keep nine digits and more."""

ELSEWHERE = {
    "infinite_width: kurtosis": "theory of one layer",
    "infinite_width: kurtosis_constant": "theory of ReLU",
    "infinite_width: tangent_mean": "theory of a layer fewer",
    "infinite_width: tangent_variance": "theory of one layer",
    "particle_count: variance": "theory of linear units",
    "particle_count: fluctuation_start": "theory of t = 2",
    "particle_count: fluctuation_early": "theory of t = 0",
    "langevin: linear_spread": "theory of continuous time",
    "langevin: annealing": "theory of a constant temperature",
    "radial_limit: start": "theory of shorter particles",
    "radial_limit: limit": "theory of half the time",
    "online_learning: error": "theory of small learning rates",
    "online_learning: plateau": "theory of small learning rates",
    "online_learning: symmetry_breaking": "theory of a plateau that does not amplify",
    "best_step: step": "theory of shorter input weights",
    "best_step: bias": "theory of shorter input weights",
    "best_step: variance": "theory of shorter input weights",
    "saddle_escape: noise_rate": "theory of softplus units",
    "saddle_escape: noise_time": "theory of a single neuron",
    "saddle_escape: noise_spread": "theory of a single neuron",
    "depth: sooner": "runs of twice the step",
    "mode_collapse: collision": "theory of a uniform law",
    "mode_collapse: estimator": "theory of a uniform law",
    "mode_collapse: poisson": "the level that the interval states",
    "mode_collapse: disjoint": "theory of another interval",
    "scaling_laws: particles_lazy": "theory of an eighth of the time",
    "scaling_laws: curve_lazy": "theory of twice the ridge",
}
"""Controls in which what was measured is compared with a prediction for another law, depth, time or step, or runs that
differ in a step: where theory is one number a setting, their ratio is one as well, and it is theory's.
"""


def measured(told, settings):
    """Return {setting: {seed: outcomes}} of the value that a check or a control saw."""
    value = told["asked"].get("value", {})
    found: dict = {}
    for run, seen in zip(indices(value.get("runs", "")), value.get("outcomes", ()), strict=True):
        if isinstance(seen, int | float | list) and run < len(settings):
            setting, seed = settings[run]
            found.setdefault(setting, {})[seed] = np.ravel(np.array(seen, float))
    return found


def rescaled(claim, settings):
    """Return True if, in every setting that tells, the control is the measurement times or plus one number.

    A setting tells where at least three seeds of both have outcomes that differ.
    """
    check, control = (measured(told, settings) for told in whole(claim))
    constant = []
    for setting, of_check in check.items():
        of_control = control.get(setting, {})
        seeds = [seed for seed, one in of_check.items() if len(of_control.get(seed, ())) == len(one) > 0]
        if len(seeds) < 3:
            continue
        one, other = (np.concatenate([of[seed] for seed in seeds]) for of in (of_check, of_control))
        with np.errstate(divide="ignore", invalid="ignore"):
            changes = other / one, other - one
        if np.ptp(one) > SAME * np.abs(one).max():
            constant.append(any(np.ptp(change) <= SAME * np.abs(change).max() < np.inf for change in changes))
    return bool(constant) and all(constant)


def claims(summary):
    """Return what was seen of every claim and sanity check that compares numbers: of shares successes are counted."""
    every = {**summary["claims"], **summary["sanity"]}
    return {name: one for name, one in every.items() if not one["check"].get("statistic", "").endswith(COUNTED)}


COUNTED = (".share", ".more_often")


def read(path):
    summary = json.loads(path.read_text(encoding="utf-8"))
    runs = [record.parameters for record in records_of(summary["runs"])]
    settings = [(tuple((k, v) for k, v in sorted(one.items()) if k != "seed"), one.get("seed")) for one in runs]
    return summary, settings


@pytest.mark.parametrize("name", simulations.STUDIES)
def test_no_control_is_the_measurement_rescaled(name):
    summary, settings = read(GALLERY / f"{name}.json")
    found = {f"{name}: {claim}" for claim, seen in claims(summary).items() if rescaled(seen, settings)}
    assert found == {one for one in ELSEWHERE if one.startswith(f"{name}: ")}


@pytest.mark.parametrize("name", simulations.STUDIES)
def test_no_control_is_nothing(name):
    summary, settings = read(GALLERY / f"{name}.json")
    for claim, seen in claims(summary).items():
        found = measured(whole(seen)[1], settings)
        outcomes = [one for of in found.values() for one in of.values()]
        assert not outcomes or np.any(np.concatenate(outcomes) != 0), claim


@pytest.mark.parametrize(("change", "told"), [
    (lambda y: 2 * y, True), (lambda y: y + 1, True), (lambda y: y**2, False), (lambda y: 1 / y, False),
])  # fmt: skip
def test_what_is_rescaled_is_told(change, told):
    outcomes = [1.1, 0.9, 1.05, 2.3]
    settings = [((("m", 1),), seed) for seed in range(4)]
    value = {"runs": "0-3", "outcomes": outcomes}
    other = {"runs": "0-3", "outcomes": [change(one) for one in outcomes]}
    claim = {"check": {"asked": {"value": value}}, "control": {"asked": {"value": other}}}
    assert rescaled(claim, settings) is told
    assert not rescaled({**claim, "control": {"asked": {"value": {**other, "runs": "1-4"}}}}, settings)
