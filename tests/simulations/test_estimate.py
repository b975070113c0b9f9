"""What a sweep would take: as a study says, as records tell, as a few runs take; and what is left while it runs."""

import dataclasses
import io
import math
import time
import types

import pytest

import simulations
from simulations import Progress, Record
from simulations.costs import speed
from simulations.costs.estimate import WORKERS, estimate
from simulations.costs.expected import START, expected, remaining
from simulations.costs.known import BASE, Known, operations
from simulations.costs.measured import measured
from simulations.records.record import canonical_text

pytestmark = pytest.mark.turns(4)

SMALL = {"samples": 4, "dimension": 2, "time": 1.0}
STUDY = simulations.find("lazy_scaling/teacher")


@pytest.fixture(autouse=True)
def as_measured(monkeypatch):
    """The machine on which costs were measured."""
    monkeypatch.setattr("simulations.costs.expected.slowness", lambda: 1.0)


def runs(particles, seeds: int = 1) -> list:
    return [STUDY.make({**SMALL, "particles": m, "seed": seed}) for m in particles for seed in range(seeds)]


def store(plan, seconds) -> None:
    """Records of the plan's runs that took `seconds(run)`."""
    for text, run in plan.runs.items():
        told = {"study": plan.study.name, "status": "done", "seconds": seconds(run)}
        plan.store.save({text: Record(dataclasses.asdict(run), {}, told)})


@pytest.mark.parametrize("size", ["smoke", "default", "large"])
@pytest.mark.parametrize("study", simulations.STUDIES)
@pytest.mark.turns(6)
def test_a_size_takes_what_was_measured(study, size):
    """Of a size that was not, what the largest one that was says by the ratio of operations."""
    plan = simulations.prepare(study, size)
    found, known = simulations.estimate(plan), measured(plan.study)
    assert "smoke" in known
    if size in known:
        assert found.seconds == pytest.approx(known[size])
    else:
        assert found.seconds > 0
    assert found.there == 0
    assert found.batches == len(plan.batches)
    assert found.wall(2) <= found.wall() + WORKERS
    assert f"by what size {size} takes on two cores" in found.lines()[2]


class Draws(simulations.Experiment):
    """Draws of a number."""

    sizes = simulations.grid(smoke={"seeds": 3}, default={"seeds": 30})

    def run(self):
        return {"value": self.generator("value").random()}


DRAWS = simulations.Study("draws", "limits", "draws", experiments=(Draws,))


def test_costs_are_kept_beside_the_study(tmp_path, monkeypatch):
    monkeypatch.setattr("simulations.costs.measured._file", lambda study: tmp_path / "costs.json")
    monkeypatch.setattr("simulations.costs.measured.slowness", lambda: 2.0)
    assert measured(DRAWS) == {}
    assert expected(simulations.prepare(DRAWS, "smoke")) is None
    records = [dataclasses.replace(one, provenance={"seconds": 0.4}) for one in simulations.run(DRAWS, "smoke")]
    simulations.keep_costs(DRAWS, "smoke", simulations.Records(records))
    assert measured(DRAWS) == {"smoke": 0.6}
    # Ten times as many runs, as it was here so far.
    assert expected(simulations.prepare(DRAWS, "default")) == pytest.approx(6.0)
    with pytest.raises(ValueError, match="records=2 runs: expected the 3 runs of size smoke"):
        simulations.keep_costs(DRAWS, "smoke", simulations.Records(records[:2]))


def test_a_study_without_a_file_has_no_costs(monkeypatch):
    monkeypatch.setattr("simulations.costs.measured._file", lambda study: None)
    assert measured(DRAWS) == {}
    with pytest.raises(ValueError, match="study='draws': is in no file"):
        simulations.keep_costs(DRAWS, "smoke", simulations.run(DRAWS, "smoke"))


def test_a_file_that_holds_no_costs_is_named(monkeypatch, tmp_path):
    (tmp_path / "costs.json").write_text("[]")
    monkeypatch.setattr("simulations.costs.measured._file", lambda study: tmp_path / "costs.json")
    with pytest.raises(ValueError, match="is no file of costs; expected seconds by study and size"):
        measured(DRAWS)


@pytest.mark.parametrize("size", ["smoke", "large"])
def test_a_slower_machine_takes_as_much_longer(monkeypatch, size):
    plan = simulations.prepare("langevin", size)
    here = expected(plan)
    monkeypatch.setattr("simulations.costs.expected.slowness", lambda: 3.0)
    assert expected(plan) == pytest.approx(3 * here)


def test_the_speed_of_a_machine_is_measured_once(monkeypatch):
    turns = []
    monkeypatch.setattr(speed, "yardstick", lambda: turns.append(1) or 2 * speed.REFERENCE)
    speed.slowness.cache_clear()
    assert (speed.slowness(), speed.slowness(), len(turns)) == (2.0, 2.0, 1)
    for seconds, factor in ((1e9, speed.SLOWEST), (1e-9, 1 / speed.SLOWEST)):
        monkeypatch.setattr(speed, "yardstick", lambda seconds=seconds: seconds)
        speed.slowness.cache_clear()
        assert speed.slowness() == factor
    speed.slowness.cache_clear()
    monkeypatch.undo()
    assert speed.yardstick() > 0


def test_fewer_seeds_take_less():
    whole, few = (expected(simulations.prepare("langevin", "default", seeds=seeds)) for seeds in (None, 2))
    assert few == pytest.approx(whole * 2 / 10)
    assert expected(simulations.prepare("langevin/line", seed=1)) is None


def test_nothing_is_left_of_what_is_there(tmp_path):
    plan = simulations.prepare("lazy_scaling", out=tmp_path, **SMALL, particles=[10, 20], seeds=3)
    store(plan, lambda run: 1.0)
    found = simulations.estimate(plan)
    assert (found.runs, found.there, found.batches, found.seconds) == (6, 6, 0, 0.0)
    assert found.wall(4) == START
    assert "nothing to compute" in found.lines(4)[2]


def test_the_first_run_of_a_setting_compiles_and_the_others_do_not(tmp_path):
    plan = simulations.prepare("lazy_scaling", out=tmp_path, **SMALL, particles=[10, 20], seeds=4)
    store(plan, lambda run: (2.0 if run.seed == 0 else 0.1) * run.particles)
    more = simulations.prepare("lazy_scaling", out=tmp_path, **SMALL, particles=[10, 20], seeds=10)
    found = simulations.estimate(more)
    assert (found.there, found.batches, found.measured) == (8, 12, 8)
    assert found.seconds == pytest.approx((2.0 + 5 * 0.1) * 30)
    assert "(from 8 records)" in found.lines()[2]


def test_of_one_run_it_is_not_known_what_of_it_was_compiling():
    known = Known((run, 3.0) for run in runs([10]))
    assert known.total(runs([10], 4)) == pytest.approx(3.0 * 2)
    assert known.total(runs([40])) == pytest.approx(3.0 * 2)


def test_a_larger_setting_compiles_as_long_and_runs_longer():
    known = Known((run, 2.0 if run.seed == 0 else 0.5) for run in runs([10, 1000], 3))
    assert known.total(runs([20], 3)) == pytest.approx(1.5 + 3 * (BASE + 2 * (0.5 - BASE)))
    assert known.total(runs([500], 3)) == pytest.approx(1.5 + 3 * (BASE + 0.5 * (0.5 - BASE)))
    assert Known([]).total(runs([20])) == pytest.approx(BASE + operations(runs([20])[0]) / 1e9)


def test_twenty_thousand_runs_are_estimated_from_a_thousand_records_at_once():
    known = Known((run, 0.1) for run in runs(range(10, 2010, 2)))
    some = runs(range(4000, 8000, 2), 10)
    began = time.process_time()
    assert known.total(some) > 0
    assert time.process_time() - began < 5.0


def test_what_is_missing_of_a_size_is_its_share(tmp_path):
    """Of two kinds of settings one is there for two seeds; the other takes by number and operations what is left."""
    plan = simulations.prepare("langevin", "smoke", out=tmp_path)
    settings = {canonical_text({**dataclasses.asdict(run), "seed": 0}) for run in plan.runs.values()}
    for text, run in [(text, run) for text, run in plan.runs.items() if run.seed == 0]:  # one seed of all
        told = {"study": "langevin", "status": "done", "seconds": 0.5}
        plan.store.save({text: Record(dataclasses.asdict(run), {}, told)})
    found = simulations.estimate(plan)
    assert found.seconds == pytest.approx(0.5 * math.sqrt(6) * len(settings))
    assert "from 7 records" in found.lines()[2]


@pytest.mark.parametrize("size", ["smoke", "default", pytest.param("large", marks=pytest.mark.full)])
def test_numbers_that_mean_something_else_are_no_sizes(size):
    """Steps may be a schedule."""
    for name in simulations.STUDIES:
        assert all(math.isfinite(operations(run)) for run in simulations.find(name).grid(size, 1, 0))


def test_trials_time_what_nothing_tells(tmp_path, monkeypatch):
    """Each kind twice, the first with what it takes to compile; and nothing is stored."""
    calls, now = [], [0.0]  # a clock that only runs move: a busy machine has no part in it
    monkeypatch.setattr("simulations.costs.estimate.time", types.SimpleNamespace(perf_counter=lambda: now[0]))

    class Timed(simulations.Experiment):
        """Runs that take a time that is known."""

        particles: int = simulations.count(2, "m", "particles")

        def run(self):
            calls.append((self.particles, self.seed))
            now[0] += 0.2 if self.seed == 0 else 0.005 * self.particles
            if self.particles == 6:
                raise ValueError("no such number of particles")
            return {}

    study = simulations.Study("timed", "limits", "times", experiments=(Timed,))
    plan = simulations.prepare(study, out=tmp_path / "new", write=False, particles=[2, 4, 6, 8], seeds=5)
    found = estimate(plan, trial=30.0)
    assert sorted(calls) == [(m, seed) for m in (2, 4, 6, 8) for seed in (0, 1)]
    truth = 4 * 0.2 + 4 * 0.005 * (2 + 4 + 6 + 8)
    assert found.seconds == pytest.approx(truth)
    assert "(from 8 trials)" in found.lines()[2]
    assert not (tmp_path / "new").exists()
    calls.clear()
    assert "a guess from operations" in simulations.estimate(plan).lines()[2]
    assert calls == []
    estimate(plan, trial=1e-9)
    assert len(set(calls)) == 2, "the smallest is timed whatever it takes, and no other"


def test_what_is_left_goes_from_what_was_expected_to_what_was_seen():
    assert remaining(60.0, 0.0, 0.0) == 60.0
    assert remaining(60.0, 1.0, 200.0) == 0.0
    assert remaining(None, 0.0, 1.0) is None
    assert remaining(None, 0.25, 10.0) == pytest.approx(0.75 * 20**0.75 * 40**0.25)  # from √(10 · 40) to 40
    assert remaining(60.0, 0.5, 120.0) == pytest.approx(0.5 * math.sqrt(60 * 240))
    for done in (0.1, 0.5, 0.9):  # as expected all along
        assert remaining(60.0, done, 60 * done) == pytest.approx(60 * (1 - done))


def test_the_line_of_progress_begins_with_what_a_dry_run_says():
    said = io.StringIO()
    record = Record({"seed": 0}, {}, {"status": "done"})
    with simulations.reporter("mine", 100, said, expected=600.0) as report:
        report._began -= 20.0  # the first run compiled
        report(Progress(100, done=1, computed=1, record=record))
        report(Progress(100, done=100, found=99, computed=1, record=record))
    first, last = said.getvalue().splitlines()
    left = float(first.split(", ")[-1].split()[0])
    assert "min left" in first
    assert left == pytest.approx(remaining(600.0, 0.01, 20.0) / 60, abs=0.1)
    assert 9 < left < 11
    assert last.endswith(", 0.0 s left")


@pytest.mark.full
@pytest.mark.parametrize("study", ["depth", "saddle_escape", "birth_death", "particle_count", "conic_equivalence"])
def test_a_smoke_size_takes_within_three_times_what_is_said(study, tmp_path):
    """By the time of the processor, which other work on the machine does not change; two cores may halve the wall's."""
    plan = simulations.prepare(study, "smoke", out=tmp_path)
    said = simulations.estimate(plan).wall()
    began = time.process_time()
    plan.execute()
    taken = time.process_time() - began + START
    assert said / 3 <= taken <= 2 * 3 * said
