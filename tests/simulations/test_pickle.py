"""Everything public goes through the standard pickle; what records lack is told with the names that there are."""

import pickle

import numpy as np
import pytest

import simulations
from simulations import NoWorkers, Record, Records, last, power_law, runs
from simulations.records.record import UnknownName, narrowest, widest
from tests.simulations.test_shipping import Squares, study

pytestmark = pytest.mark.fast


def back(thing):
    return pickle.loads(pickle.dumps(thing))


def test_packaged_studies_claims_and_motions_come_back_as_themselves():
    for name in ("lazy_scaling", "langevin", "depth"):
        packaged = simulations.find(name)
        assert back(packaged) is packaged
        assert [back(claim) for claim in packaged.claims] == list(packaged.claims)
    moving = simulations.motion("lazy_scaling")
    assert back(moving).scene == moving.scene
    assert back(moving.study).experiments == moving.study.experiments
    assert back(moving.study).whole is moving.study.whole is simulations.find("lazy_scaling")
    assert list(back(simulations.STUDIES)) == list(simulations.STUDIES)


def test_claims_of_a_study_have_names_of_their_own():
    for packaged in map(simulations.find, ("lazy_scaling", "langevin", "depth")):
        names = [claim.name for claim in packaged.claims]
        assert len(set(names)) == len(names)
        assert not {"select", "value", "x"} & set(names)


def test_answers_come_back_equal(tmp_path):
    records = simulations.sweep("lazy_scaling", {"samples": 4, "time": 1.0}, seeds=1, out=tmp_path)
    plan = simulations.prepare("lazy_scaling", "smoke", out=tmp_path)
    assert len(back(plan)) == len(plan)
    assert back(plan).study is plan.study
    assert [batch.size for batch in back(plan).batches] == [batch.size for batch in plan.batches]
    (record,) = back(records)
    assert record.parameters == next(iter(records)).parameters
    assert np.array_equal(record["risk"], next(iter(records))["risk"])
    entry = simulations.verify(plan.study, records)[0]
    assert back(entry).claim is entry.claim
    table = np.outer([1.0, 2.0, 4.0], [0.1, 0.01, 0.001])
    for answer in (
        simulations.estimate(plan), *simulations.status(tmp_path), simulations.fit_power_law([1.0, 10.0, 100.0], table),
        simulations.Verdict(True, 1.0, 0.1, 1.0, "a mean"), simulations.Progress(3),
        simulations.Alarms("study", "claim", 3, 0, 0),
    ):  # fmt: skip
        assert back(answer) == answer
    assert str(back(NoWorkers("gone"))) == "gone"


def test_a_study_of_ones_own_is_made_of_its_parts():
    own = back(study(claims=()))
    assert own.experiments == (Squares,)
    selected = Records([Record({"particles": m}, {"risk": np.ones(1)}) for m in (10, 20, 40)])
    for select, count in (
        (runs("risk"), 3),
        (widest(runs("risk")), 1),
        (narrowest(runs("risk", particles=(20, 40))), 1),
    ):
        assert len(back(select)(selected)) == len(select(selected)) == count
    assert back(last("risk"))(next(iter(selected))) == 1.0


def made(seeds=3, sizes=(10, 20, 40)):
    return Records(
        Record({"particles": m, "seed": seed, "problem": "random"}, {"risk": np.array([(1 + seed) / m])})
        for m in sizes
        for seed in range(seeds)
    )


@pytest.mark.parametrize(
    ("records", "changed", "said"),
    [
        (made(sizes=(10, 20)), {}, r"found 3 seeds at 2 values of particles \(10, 20\)\.$"),
        (made(seeds=2), {}, r"found 2 seeds at 3 values of particles \(10, 20, 40\)\.$"),
        (made(seeds=1, sizes=(10,)), {}, r"found 1 seed at 1 value of particles \(10\)\.$"),
        (made(), {"x": "particels"}, r"^x='particels': is no parameter .* Did you mean 'particles'\?$"),
        (made(), {"x": "problem"}, r"^x='problem': holds \['random'\]; expected a parameter that is a number\.$"),
        (made(), {"value": "rsik"}, r"^value='rsik': is no value or parameter .* Did you mean 'risk'\?$"),
        (made(), {"select": runs(particles=30)}, r"^records: 9 of 9 runs .* none of them is selected"),
        (made(), {"select": runs(particels=30)}, r"^particels='?particels'?: is no parameter"),
        (Records([]), {}, r"^records: 0 of 0 runs reached their end"),
    ],
)  # fmt: skip
def test_a_power_law_names_what_is_missing(records, changed, said):
    with pytest.raises(ValueError, match=said):
        power_law(records, **{"x": "particles", "value": "risk", **changed})


def test_lines_without_common_values_are_told():
    apart = [
        Record({**one.parameters, "seed": 2, "particles": m}, one.values)
        for m, one in zip((11, 21, 41), made(1), strict=True)
    ]
    with pytest.raises(ValueError, match=r"found 3 seeds at 6 values .*; those with three or more have 0 in common\.$"):
        power_law(Records([*made(2), *apart]), x="particles", value="risk")


@pytest.mark.parametrize(
    "call",
    [
        lambda records: records.where(particels=10),
        lambda records: records.column("particels"),
        lambda records: records.last("rsik"),
        lambda records: next(iter(records))["rsik"],
        lambda records: records.to_pandas("rsik"),
        lambda records: records.to_xarray("rsik"),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest(call):
    with pytest.raises(ValueError, match=r"Did you mean '(particles|risk)'\?$"):
        call(made())


def test_a_name_that_is_none_is_a_key_error_too():
    with pytest.raises(KeyError):
        next(iter(made()))["rsik"]
    assert str(UnknownName("a sentence")) == "a sentence"


def test_values_are_found_in_whatever_form_they_are_asked_for():
    records = made()
    for wanted in (10, 10.0, np.int64(10), np.array(10), [10], (10,), {10}, np.array([10]), range(10, 11)):
        assert len(records.where(particles=wanted)) == 3
    assert len(records.where(particles=[10, 20])) == 6
    assert len(records.where(particles=11)) == 0
