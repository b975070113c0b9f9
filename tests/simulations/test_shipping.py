"""A study of one's own goes to workers from wherever it is defined, and what can't go is told once, in one sentence."""

import dataclasses
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

import simulations
from simulations import NoWorkers, Study
from simulations.sweeps.executors import InProcess
from simulations.sweeps.shipping import Arrived, NotSendable, Shipped
from simulations.sweeps.work import compute

pytestmark = pytest.mark.turns(2)

OWN = """
from dataclasses import dataclass
import numpy as np
import simulations

@dataclass(frozen=True)
class Parameters:
    particles: int = 10
    seed: int = 0

SCALE = np.array([2.0])

def half(m):
    return m / SCALE

STUDY = simulations.Study(
    name="halves", group="limits", summary="halves", parameters=Parameters,
    grid=lambda size, seeds, first: [Parameters(m) for m in (10, 20)],
    run=lambda run: ({"value": half(run.particles)}, "done"), predict=lambda run: {}, cost={},
    claims=(simulations.Claim("all", "", "", "=", lambda records: None, lambda records: None, ""),),
)
records = simulations.run(STUDY, "smoke", workers=1)
print([(record.status, record.values["value"].tolist()) for record in records])
"""


def python(*arguments, **settings):
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=300, **settings
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


@pytest.mark.once
@pytest.mark.parametrize("way", ["script", "standard input", "command line", "module"])
def test_a_study_of_a_session_runs_with_workers(tmp_path, way, monkeypatch):
    """Neither a guard nor a file is needed; all that `run` looks up goes along."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.getcwd()]))
    (tmp_path / "own.py").write_text(OWN)
    if way == "standard input":
        answer = python("-", input=OWN)
    else:
        answer = python(
            *{"script": ["own.py"], "command line": ["-c", OWN], "module": ["-m", "own"]}[way], cwd=tmp_path
        )
    assert answer == (0, "[('done', [5.0]), ('done', [10.0])]", "")


@dataclass(frozen=True)
class Parameters:
    particles: int = 10
    """m (count)."""
    seed: int = 0
    """Seed."""


def squares(run):
    return {"value": np.array([run.particles**2.0])}, "done"


def study(**parts) -> Study:
    usual = {
        "name": "squares", "group": "limits", "summary": "", "parameters": Parameters, "run": squares, "cost": {},
        "grid": lambda size, seeds, first: [Parameters(m, s) for s in range(seeds or 2) for m in (2, 3)],
        "predict": lambda run: {}, "claims": (simulations.Claim("a", "", "", "=", lambda _: None, lambda _: None, ""),),
    }  # fmt: skip
    return Study(**{**usual, **parts})


class Sends(Executor):
    """Computes here, but on what has been pickled and unpickled, as in another process."""

    def __init__(self):
        self.sent = []

    def submit(self, fn, /, *args, **kwargs):
        self.sent.append(pickle.dumps((fn, args, kwargs)))
        fn, args, kwargs = pickle.loads(self.sent[-1])
        return InProcess().submit(fn, *args, **kwargs)


def locally_defined():
    factor = 3.0

    @dataclass(frozen=True)
    class Local:
        particles: int = 10
        seed: int = 0

    return study(
        parameters=Local,
        grid=lambda size, seeds, first: [Local(m) for m in (2, 3)],
        run=lambda run: ({"value": np.array([run.particles * factor])}, "done"),
    )


def batched():
    return study(
        together=simulations.Together(
            lambda run: 0, lambda runs: [({"value": np.array([len(runs)])}, "done") for _ in runs], lambda run: 1
        )
    )


@pytest.mark.parametrize("make", [study, locally_defined, batched])
def test_what_is_sent_computes_what_the_study_computes(make):
    own, sends = make(), Sends()
    grid = {"particles": range(2, 20), "seed": 0}
    here = simulations.sweep(own, grid)
    there = simulations.sweep(own, grid, executor=sends)
    assert sends.sent
    assert [record.values for record in there] == [record.values for record in here]
    assert [record.parameters for record in there] == [record.parameters for record in here]


def test_only_what_computes_is_sent():
    sent = pickle.loads(pickle.dumps(Shipped(study(predict=holds_a_lock())))).study
    assert (sent.run, sent.parameters, sent.claims) == (squares, Parameters, ())
    with pytest.raises(RuntimeError, match="only what computes was sent"):
        sent.grid("smoke", None, 0)
    assert pickle.loads(pickle.dumps(Shipped(simulations.find("langevin")))).study is simulations.find("langevin")


def holds_a_lock():
    lock = threading.Lock()

    def run(run):
        with lock:
            return squares(run)

    return run


@pytest.mark.parametrize("executor", ["workers", "processes", "sends"])
def test_what_cannot_be_sent_is_named_once_and_no_run_is_blamed(tmp_path, executor, caplog):
    own = study(run=holds_a_lock())
    message = (
        r"^study='squares': run=holds_a_lock.<locals>.run can't be sent to other processes \(TypeError: .*lock.*\)"
    )
    if executor == "workers":
        with pytest.raises(NotSendable, match=message):
            simulations.run(own, "smoke", out=tmp_path, workers=1)
    else:
        made = Sends() if executor == "sends" else ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        with made, pytest.raises(NotSendable, match=message):
            simulations.run(own, "smoke", out=tmp_path, executor=made)
    assert not list((tmp_path / "records" / "squares").glob("*.npz"))
    assert not caplog.records


def test_threads_are_given_the_study_itself(tmp_path):
    with ThreadPoolExecutor(2) as threads:
        records = simulations.run(study(run=holds_a_lock()), "smoke", out=tmp_path, executor=threads)
    assert [record.status for record in records] == ["done"] * 4


def test_nothing_is_sent_where_all_records_are_there(tmp_path):
    simulations.run(study(), "smoke", out=tmp_path)
    records = simulations.run(study(run=holds_a_lock()), "smoke", out=tmp_path, executor=Sends())
    assert [record.status for record in records] == ["done"] * 4


def test_a_worker_that_cannot_load_the_study_ends_the_sweep(tmp_path):
    class Lost(Executor):
        def submit(self, fn, /, sent, *args, **kwargs):
            unknown = pickle.dumps(squares).replace(b"test_shipping", b"test_shopping")
            return InProcess().submit(fn, Arrived(sent.name, unknown, sent.identity), *args, **kwargs)

    with pytest.raises(
        NoWorkers, match=r"^a worker can't load the study 'squares' \(ModuleNotFoundError: .*shopping.*"
    ):
        simulations.run(study(), "smoke", out=tmp_path, executor=Lost())
    assert not list((tmp_path / "records" / "squares").glob("*.npz"))


@pytest.mark.once
def test_processes_of_the_standard_library_are_given_what_they_can_load():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        records = simulations.run(locally_defined(), "smoke", executor=processes)
    assert [record.values["value"].tolist() for record in records] == [[6.0], [9.0]]


def test_a_study_made_of_a_packaged_one_is_not_taken_for_it():
    packaged = simulations.find("lazy_scaling")
    changed = dataclasses.replace(study(run=squares), name=packaged.name, group=packaged.group, claims=())
    assert pickle.loads(pickle.dumps(Shipped(changed))).study.run is squares
    assert compute(Shipped(changed), ['{"particles":10,"seed":0}'])[0].values["value"].tolist() == [100.0]
