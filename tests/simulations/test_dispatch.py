"""Batches go where their program is compiled: places keep to a program, to an experiment, to a study."""

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

import simulations
from simulations.sweeps.batches import batches
from simulations.sweeps.dispatch import Dispatch, Waiting
from simulations.sweeps.executors import Engine
from simulations.sweeps.pool import Pool
from tests.simulations.quick import quick_study

pytestmark = pytest.mark.fast


def waiting(kinds):
    """Tasks of these studies, experiments and programs."""
    tasks = Waiting()
    for i, (study, *kind) in enumerate(kinds):
        sweep = SimpleNamespace(study=SimpleNamespace(name=study))
        tasks.add([SimpleNamespace(sweep=sweep, batch=SimpleNamespace(kind=tuple(kind)), number=i)])
    return tasks


KINDS = [
    ("s", "a", 1), ("s", "a", 2), ("s", "b", 1), ("t", "a", 1), ("s", "a", 1), ("t", "a", 2), ("t", "a", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("last", "busy", "order"),
    [
        (None, [], [0, 1, 2, 3, 5]),  # the first of every kind, as they came
        (("s", "a", 2), [], [1, 0, 2, 3, 5]),  # the same program, experiment, study
        (("t", "a", 9), [], [3, 5, 0, 1, 2]),
        (None, [("s", "a", 1)], [3, 5, 2, 1, 0]),  # what nobody is at: a study, an experiment, a program
        (("s", "b", 1), [("s", "a", 1), ("t", "a", 1)], [2, 1, 0, 5, 3]),
        (("u", "a", 1), [("s", "a", 1), ("s", "b", 1)], [3, 5, 1, 0, 2]),
    ],
)
def test_the_next_is_near_to_the_last_and_far_from_the_others(last, busy, order):
    """In the worked examples a place goes on from what it was at, with one task of every kind."""
    tasks, taken = waiting(KINDS), []
    seen = set()
    while tasks:
        task = tasks.take(last, set(busy))
        kind = (task.sweep.study.name, *task.batch.kind)
        last = kind
        if kind not in seen:
            taken.append(task.number)
            seen.add(kind)
    assert taken == order


class Two(Engine):
    """Two places, each a thread of its own."""

    elsewhere = False

    def __init__(self, threads):
        self.threads = threads

    def room(self):
        return 2

    def places(self):
        return self.threads


def test_a_place_keeps_to_its_program_while_there_is_work():
    """Of 2 × 6 runs that take turns in the grid each place begins with a program of its own, and changes at most once:
    to help the other when nothing else is left.
    """

    class Named(ThreadPoolExecutor):
        def submit(self, fn, /, *args, **kwargs):
            asked.setdefault(self, []).append(args[1])
            return super().submit(fn, *args, **kwargs)

    asked = {}
    study = quick_study(lambda run: ({"risk": np.array([time.sleep(0.01) or 1.0])}, "done"))
    with Named(1) as one, Named(1) as other:
        grid = {"seed": range(6), "particles": [10, 20]}
        records = simulations.sweep(study, grid, executor=Two([one, other]))
        assert len(records) == 12
        texts = [["10" if '"particles":10' in text else "20" for (text,) in asked[place]] for place in (one, other)]
    assert texts[0][0] != texts[1][0]
    changes = sum(a != b for row in texts for a, b in itertools.pairwise(row))
    assert changes <= 1


def test_each_process_of_a_pool_is_a_place():
    """Two seats have processes of their own, each the same for all that it is given; either does what the pool gets."""
    pool = Pool(2)
    one, other = pool.places()
    seats = [{seat.submit(os.getpid).result() for _ in range(3)} for seat in (one, other)]
    assert [len(pids) for pids in seats] == [1, 1]
    assert seats[0] != seats[1]
    assert {pool.submit(os.getpid).result() for _ in range(4)} <= seats[0] | seats[1]
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        one.submit(os.getpid)


def test_plans_together_give_what_each_gives_alone(tmp_path):
    """Records and their order are those of each plan alone; progress counts all runs."""
    study = quick_study()
    plans = [
        simulations.prepare(study, alpha=[1.0, 2.0], seed=[3, 1], out=tmp_path),
        simulations.prepare(study, seed=7),
    ]
    told = []
    found = simulations.execute(plans, lambda now: told.append((now.total, now.done, now.computed)))
    for plan, records in zip(plans, found, strict=True):
        alone = plan.execute()
        assert [one.parameters for one in records] == [one.parameters for one in alone]
        assert [one["risk"].tolist() for one in records] == [one["risk"].tolist() for one in alone]
    assert {total for total, _, _ in told} == {5}
    assert max(told) == (5, 5, 5)
    assert simulations.execute([]) == []
    for wrong in (plans[0], [study]):
        with pytest.raises(ValueError, match="expected a list of plans"):
            simulations.execute(wrong)


def test_kinds_of_batches_are_experiment_and_program():
    """Runs that differ in numbers and seed share a program; a count is another program."""
    study = quick_study()
    runs = study.combinations({"particles": [10, 20], "alpha": [1.0, 2.0], "seed": [0, 1]})
    made = batches({str(i): run for i, run in enumerate(runs)})
    assert len({batch.kind for batch in made}) == 2
    assert {batch.kind[0] for batch in made} == {"quick"}


def test_what_runs_share_need_be_no_run():
    """Their numbers' defaults may be refused with the rest: a buffer of the smaller root without momentum, here."""
    plan = simulations.prepare("exponential_rate", momentum=[0.5, 0.9], strength=0.001, start="smaller")
    assert len({batch.kind for batch in plan.batches}) == 1
    with pytest.raises(ValueError, match="start='smaller'"):
        simulations.prepare("exponential_rate", strength=0.001, start="smaller")


def test_there_are_as_many_places_as_runs_at_most():
    """Not as batches: one that fails is taken apart, and its runs go out at once."""
    sweep = SimpleNamespace(progress=SimpleNamespace(total=5), batches=["a batch of five"])
    assert [Dispatch([sweep], None, asked).in_flight for asked in (None, 3, 10**18)] == [None, 3, 5]
