"""A study of one's own goes to workers from wherever it is defined, and what can't go is told once, in one sentence."""

import dataclasses
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import meanfield as mf
import simulations
from simulations import NoWorkers, Study
from simulations.sweeps.executors import InProcess
from simulations.sweeps.shipping import Arrived, NotSendable, Shipped
from simulations.sweeps.work import compute

pytestmark = pytest.mark.turns(4)

OWN = """
import numpy as np
import meanfield as mf
import simulations

SCALE = np.array([2.0])

def half(m):
    return m / SCALE

class Halves(simulations.Experiment):
    particles: int = simulations.count(10, "m", "particles")
    sizes = simulations.grid(smoke={"particles": (10, 20)})

    def run(self):
        assert mf.Neuron("tanh").outputs == 1
        return {"value": half(self.particles)}

STUDY = simulations.Study(
    name="halves", group="limits", summary="halves", experiments=(Halves,),
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


class Squares(simulations.Experiment):
    """Squares of whole numbers."""

    particles: int = simulations.count(10, "m", "particles")
    sizes = simulations.grid(smoke={"particles": (2, 3), "seeds": 2})

    def run(self):
        return {"value": np.array([self.particles**2.0])}


def study(experiment: type[simulations.Experiment] = Squares, claims=None) -> Study:
    nothing = (simulations.Claim("a", "", "", "=", lambda _: None, lambda _: None, ""),)
    return Study("squares", "limits", "", experiments=(experiment,), claims=nothing if claims is None else claims)


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

    class Local(simulations.Experiment):
        """Multiples of whole numbers."""

        name = "squares"
        particles: int = simulations.count(10, "m", "particles")
        sizes = simulations.grid(smoke={"particles": (2, 3)})

        def run(self):
            return {"value": np.array([self.particles * factor])}

    return study(Local)


def batched():
    class Descent(simulations.Simulation):
        """Descents that are computed together."""

        particles: int = simulations.count(10, "m", "particles")
        alpha: float = simulations.number(1.0, "α", "output scale")

        def problem(self):
            return mf.Objective(mf.Neuron("tanh"), mf.Square(), [[1.0], [2.0]], [1.0, 0.0], scale=self.alpha)

        def start(self):
            return mf.Particles.gaussian(self.key("start"), mf.Neuron("tanh"), m=self.particles, d=1)

        def flow(self):
            return mf.GradientFlow(0.1)

        def times(self):
            return [0.0, 1.0]

        def measure(self, run):
            return {"value": run.values["risk"][-1:]}

    return study(Descent)


@pytest.mark.parametrize("make", [study, locally_defined, batched])
def test_what_is_sent_computes_what_the_study_computes(make):
    own, sends = make(), Sends()
    grid = {"particles": [2, 3], "seed": range(20)}
    here = simulations.sweep(own, grid)
    there = simulations.sweep(own, grid, executor=sends)
    assert sends.sent
    assert [record["value"].tolist() for record in there] == [record["value"].tolist() for record in here]
    assert [record.parameters for record in there] == [record.parameters for record in here]


def test_only_what_computes_is_sent():
    lock = threading.Lock()
    holding = simulations.Claim("a", "", "", "=", lambda _: lock, lambda _: lock, "")
    sent = pickle.loads(pickle.dumps(Shipped(study(claims=(holding,))))).study
    assert (sent.experiments, sent.claims, sent.draw, sent.panels) == ((Squares,), (), None, ())
    assert pickle.loads(pickle.dumps(Shipped(simulations.find("langevin")))).study is simulations.find("langevin")


def holds_a_lock():
    lock = threading.Lock()

    class Locked(Squares):
        """Squares that one computes at a time."""

        name = "squares"

        def run(self):
            with lock:
                return super().run()

    return study(Locked)


@pytest.mark.parametrize("executor", ["workers", "processes", "sends"])
def test_what_cannot_be_sent_is_named_once_and_no_run_is_blamed(tmp_path, executor, caplog):
    own = holds_a_lock()
    told = "experiment squares=holds_a_lock.<locals>.Locked can't be sent to other processes"
    message = rf"^study='squares': {told} \(.*lock.*\)"
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
        records = simulations.run(holds_a_lock(), "smoke", out=tmp_path, executor=threads)
    assert [record.status for record in records] == ["done"] * 4


def test_nothing_is_sent_where_all_records_are_there(tmp_path):
    simulations.run(study(), "smoke", out=tmp_path)
    records = simulations.run(holds_a_lock(), "smoke", out=tmp_path, executor=Sends())
    assert [record.status for record in records] == ["done"] * 4


def test_a_worker_that_cannot_load_the_study_ends_the_sweep(tmp_path):
    class Lost(Executor):
        def submit(self, fn, /, sent, *args, **kwargs):
            unknown = pickle.dumps(Squares).replace(b"test_shipping", b"test_shopping")
            return InProcess().submit(fn, Arrived(sent.name, unknown, sent.identity), *args, **kwargs)

    with pytest.raises(
        NoWorkers, match=r"^a worker can't load the study 'squares' \(ModuleNotFoundError: .*shopping.*"
    ):
        simulations.run(study(), "smoke", out=tmp_path, executor=Lost())
    assert not list((tmp_path / "records" / "squares").glob("*.npz"))


def test_processes_of_the_standard_library_are_given_what_they_can_load():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        records = simulations.run(locally_defined(), "smoke", executor=processes)
    assert [record.values["value"].tolist() for record in records] == [[6.0], [9.0]]


def test_a_study_made_of_a_packaged_one_is_not_taken_for_it():
    changed = dataclasses.replace(simulations.find("lazy_scaling"), experiments=(Squares,), usual=None, claims=())
    assert pickle.loads(pickle.dumps(Shipped(changed))).study.experiments == (Squares,)
    text = '{"experiment":"squares","particles":10,"seed":0}'
    assert compute(Shipped(changed), [text])[0].values["value"].tolist() == [100.0]
