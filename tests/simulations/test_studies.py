"""What every study promises: each claim holds at smoke size, and its control fails the very same check."""

import dataclasses

import pytest

import figures
import simulations
from simulations.study.study import SLACK
from theory.references import keys

STUDIES = [name for name in simulations.STUDIES if name != "throughput"]  # a study of times has tests of its own


@pytest.mark.parametrize("study", STUDIES)
def test_claims_hold_and_controls_fail(study, smoke_of):
    found, records = simulations.find(study), smoke_of(study)
    for claim in (*found.claims, *found.sanity):
        verdict, control = claim.check(records), claim.control(records)
        assert verdict.passed is True, (claim.name, verdict)
        assert control.passed is False, (claim.name, control)


@pytest.mark.parametrize("study", STUDIES)
def test_no_bound_would_let_pass_ten_times_what_is_seen(study, smoke_of):
    """A claim is worth what it would find: bounds are near what they bound, and rounding is as large as it is said."""
    for entry in simulations.verify(simulations.find(study), smoke_of(study)):
        if entry.claim.kind in ("bound", "identity"):
            assert entry.slack is not None, entry
            assert entry.slack <= SLACK, (str(entry), entry.slack)


@pytest.mark.parametrize("study", STUDIES)
def test_claims_are_well_made(study):
    """A control is the same function with other arguments, the prediction not among them; and sources are there."""
    found = simulations.find(study)
    names = [claim.name for claim in (*found.claims, *found.sanity)]
    assert len(set(names)) == len(names)
    for claim in (*found.claims, *found.sanity):
        check, control = claim.check.keywords, claim.control.keywords
        assert claim.check.func is claim.control.func, claim.name
        assert check["predicted"] == control["predicted"], claim.name
        changed = [name for name in check if name != "widest" and check[name] is not control[name]]
        assert changed, f"{claim.name}: a control that changes nothing is no control"
        assert claim.reference in keys(), claim.name
        assert claim.statement, claim.name
        assert claim.wrong, claim.name


@pytest.mark.parametrize("study", STUDIES)
def test_all_records_reached_their_end(study, smoke_of):
    assert {record.status for record in smoke_of(study)} == {"done"}


@pytest.mark.parametrize("study", STUDIES)
def test_one_seed_decides_nothing_statistical(study, smoke_of):
    """A mean, a slope, an interval needs seeds; a bound that is proved is tested by any run."""
    records = smoke_of(study)
    one = records.where(seed=min(records.column("seed")))
    for claim in simulations.find(study).claims:
        if claim.check.func.__name__ in ("mean", "slope", "asymptotic_slope", "median_slope", "limit"):
            assert claim.check(one).passed is None, claim.name


@pytest.mark.parametrize("study", STUDIES)
def test_sizes_and_seeds(study):
    """Sizes grow; every field is documented; another first seed shares no run with this one."""
    found = simulations.find(study)
    runs = {size: found.grid(size, None, 0) for size in ("smoke", "default", "large")}
    assert len(runs["smoke"]) <= len(runs["default"]) <= len(runs["large"])
    assert all(runs.values())
    given = {field.name for field in dataclasses.fields(found.parameters) if field.init}
    assert set(simulations.field_docs(found.parameters)) == given
    assert not {run.seed for run in found.grid("smoke", None, 1000)} & {run.seed for run in runs["smoke"]}


@pytest.mark.parametrize("study", STUDIES)
def test_figure_without_records_says_so(study):
    figure = figures.draw(simulations.find(study), simulations.Records([]))
    assert any("no runs" in text.get_text() for axes in figure.axes for text in axes.texts)
