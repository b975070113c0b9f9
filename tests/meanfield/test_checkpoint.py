"""A simulation that was killed goes on to the uninterrupted one's numbers; what is on disk is not half-trusted."""

import functools
import logging
import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf
from meanfield.checkpoints import checkpoint as module
from meanfield.checkpoints import folder as folders
from meanfield.checkpoints.identity import digest
from meanfield.devices.placement import Placement

pytestmark = pytest.mark.turns(4)

HERE = Path(__file__).parent
CASES = runpy.run_path(str(HERE / "killed.py"))
FLOWS, At, case = CASES["FLOWS"], CASES["At"], CASES["case"]


def command(folder, *names):
    return [sys.executable, str(HERE / "killed.py"), str(folder), *names]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Checkpoints of four simulations in a process that was killed when all of them were midway."""
    folder = tmp_path_factory.mktemp("killed")
    process = subprocess.run(command(folder, *FLOWS), cwd=HERE.parents[1], capture_output=True, text=True, timeout=240)
    assert process.returncode == -signal.SIGKILL, process.stderr[-3000:]
    return folder


@pytest.fixture
def gradient(killed, tmp_path):
    """A copy of the gradient flow's checkpoints, to be spoiled."""
    return Path(shutil.copytree(killed / "gradient", tmp_path / "gradient"))


def run(name="gradient", **more):
    arguments, options = case(name)
    return mf.simulate(*arguments, **options | more)


def steps_at(folder):
    """Steps of the state from which a simulation would go on."""
    return run(checkpoint=folder, time_limit=0.0).stats["steps"]


def assert_same(one, other):
    """Bit for bit, all that a trajectory holds but the seconds."""
    assert one.status == other.status
    assert one.stats["steps"] == other.stats["steps"]
    assert one.stats["evaluations"] == other.stats["evaluations"]
    assert list(one.values) == list(other.values)
    pairs = [(one.times, other.times), *((one.values[name], other.values[name]) for name in one.values)]
    pairs += [(one.particles.position, other.particles.position), (one.particles.mass, other.particles.mass)]
    for left, right in pairs:
        left, right = np.asarray(left), np.asarray(right)
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert left.tobytes() == right.tobytes()


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.turns(4)
def test_killed_and_gone_on_is_as_never_killed(killed, tmp_path, name, caplog):
    folder = Path(shutil.copytree(killed / name, tmp_path / name))
    assert len(list(folder.glob("checkpoint-*"))) == 2  # no more than the last two
    with caplog.at_level(logging.INFO, "meanfield"):
        again = run(name, checkpoint=folder)
    assert "goes on from" in caplog.text
    assert_same(again, run(name))
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops(tmp_path, number):
    folder, before = tmp_path / "new" / "run", signal.getsignal(number)

    def after_a_while():
        time.sleep(0.5)
        signal.raise_signal(number)

    stopped = run(chunk=5, checkpoint=mf.Checkpoint(folder), progress=At(4, after_a_while))
    assert stopped.status == f"stopped at t = 4, to go on from {folder}: interrupted"
    assert stopped.stats["steps"] == 16  # 5 + 1 to the second time, 5 + 5 to the third
    assert signal.getsignal(number) is before
    assert [path.name for path in folder.iterdir()] == ["checkpoint-000001"]
    began = time.monotonic()
    again = run(checkpoint=folder)
    assert again.stats["seconds"] > time.monotonic() - began  # those of the first call as well
    assert_same(again, run())
    assert_same(run(checkpoint=folder), again)  # after the end, from the start
    assert not folder.exists()


def test_a_signal_in_the_last_chunk_is_not_lost(tmp_path):
    """The sender sees that it was heard; the next call has nothing left to do."""
    full = run()
    last = At(full.stats["steps"] // 5, lambda: signal.raise_signal(signal.SIGINT))
    stopped = run(chunk=5, times=[0, 80], checkpoint=tmp_path, progress=last)
    assert stopped.status == f"stopped at t = 80, to go on from {tmp_path}: interrupted"
    assert stopped.times.tolist() == [0, 80]
    again = run(times=[0, 80], checkpoint=tmp_path)
    assert again.done
    assert again.particles.position.tobytes() == full.particles.position.tobytes()


def test_the_second_signal_acts_as_ever(tmp_path):
    def twice():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise KeyboardInterrupt

    assert run(checkpoint=tmp_path, chunk=5, progress=At(1, twice)).status.endswith(f"{tmp_path}: interrupted")
    assert_same(run(checkpoint=tmp_path), run())


def test_a_signal_before_an_error_is_passed_on(tmp_path):
    def broken():
        signal.raise_signal(signal.SIGINT)
        raise RuntimeError("broken")

    with pytest.raises(KeyboardInterrupt) as raised:
        run(checkpoint=tmp_path, progress=At(1, broken))
    assert isinstance(raised.value.__context__, RuntimeError)


def test_an_ignored_signal_stays_ignored(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run(checkpoint=tmp_path, progress=At(1, lambda: signal.raise_signal(signal.SIGINT))).done
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_without_a_checkpoint_nothing_listens():
    before, heard = signal.getsignal(signal.SIGTERM), []
    run(times=[0, 1], progress=At(1, lambda: heard.append(signal.getsignal(signal.SIGTERM))))
    assert heard == [before]


def test_only_the_main_thread_listens(tmp_path):
    before, heard, found = signal.getsignal(signal.SIGTERM), [], []
    listens = At(1, lambda: heard.append(signal.getsignal(signal.SIGTERM)))
    worker = threading.Thread(target=lambda: found.append(run(checkpoint=mf.Checkpoint(tmp_path, 0), progress=listens)))
    worker.start()
    worker.join()
    assert heard == [before]
    assert_same(found[0], run())


def test_the_time_limit_saves(tmp_path):
    late = run(checkpoint=tmp_path, time_limit=0.0)
    assert late.status == f"stopped at t = 0, to go on from {tmp_path}: the time limit was reached"
    assert_same(run(checkpoint=tmp_path), run())


def test_divergence_removes_what_was_saved(tmp_path):
    options = {"times": [0, 1e6], "chunk": 2}
    arguments, _ = case("gradient")
    arguments = (arguments[0], mf.GradientFlow(1e4), arguments[2])
    full = mf.simulate(*arguments, **options)
    assert full.status.startswith("diverged")
    assert_same(mf.simulate(*arguments, **options, checkpoint=mf.Checkpoint(tmp_path / "run", 0)), full)
    assert not (tmp_path / "run").exists()


def test_what_belongs_to_others_is_left(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "3").mkdir()
    (tmp_path / "checkpoint-000004.partial" / "state").mkdir(parents=True)  # half a save
    assert run(checkpoint=mf.Checkpoint(tmp_path, 0), times=[0, 1]).done
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "notes.txt"]


OTHERS = {
    "objective": lambda a, o: ((mf.Objective(a[0].unit, a[0].loss, a[0].x + 1e-6, a[0].y), *a[1:]), o),
    "flow": lambda a, o: ((a[0], mf.GradientFlow(0.250001), a[2]), o),
    "particles": lambda a, o: ((*a[:2], mf.Particles(a[2].position.at[3, 1].add(1e-6), a[2].mass)), o),
    "key": lambda a, o: (a, o | {"key": jax.random.key(3)}),
    "times": lambda a, o: (a, o | {"times": [0, 1.5, 4, 81]}),
    "observables": lambda a, o: (a, o | {"observables": o["observables"][:2]}),
    "precision": lambda a, o: (a, o),
}


@pytest.mark.parametrize("part", OTHERS)
def test_another_simulation_is_refused(gradient, part):
    arguments, options = OTHERS[part](*case("gradient"))
    there = sorted(gradient.rglob("*"))
    precision = "float32" if part == "precision" else None
    with jax.default_matmul_precision(precision), pytest.raises(ValueError, match="of another simulation") as refused:
        mf.simulate(*arguments, **options, checkpoint=gradient)
    assert str(refused.value).startswith(f"checkpoint='{gradient}': ")
    assert part in str(refused.value).partition("differs in ")[2].partition(";")[0].split(", ")
    assert sorted(gradient.rglob("*")) == there


def largest(folder):
    return max(folder.rglob("state/**/d/*"), key=lambda path: path.stat().st_size)


def flip(path, at=0.5, bit=1):
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= bit
    path.write_bytes(bytes(content))


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


DAMAGES = {
    "a flipped bit in an array": lambda folder: flip(largest(folder)),
    "a truncated array": lambda folder: truncate(largest(folder)),
    "a missing file": lambda folder: largest(folder).unlink(),
    "a file too many": lambda folder: (folder / "state" / "more").write_text(""),
    "a flipped bit in orbax's notes": lambda folder: flip(folder / "state" / "_METADATA"),
    "a flipped bit in the seal": lambda folder: flip(folder / "seal"),
    "a truncated seal": lambda folder: truncate(folder / "seal"),
    "an empty seal": lambda folder: (folder / "seal").write_bytes(b""),
    "no seal": lambda folder: (folder / "seal").unlink(),
    "no arrays": lambda folder: shutil.rmtree(folder / "state"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_set_aside(gradient, damage, caplog):
    older, newer = sorted(gradient.iterdir())
    DAMAGES[damage](newer)
    before = {path.name: path.stat().st_size for path in newer.rglob("*")}
    assert steps_at(gradient) == folders.sealed(older)["step"] > 0
    aside = newer.with_name(f"{newer.name}.damaged")
    assert f"checkpoint {newer}: " in caplog.text
    assert f"set aside as {aside.name}" in caplog.text
    assert {path.name: path.stat().st_size for path in aside.rglob("*")} == before
    assert older.exists()


def test_none_to_be_trusted_is_to_start_anew(gradient):
    undamaged = sorted(gradient.iterdir())
    for path in undamaged:
        flip(largest(path))
    again = run(checkpoint=mf.Checkpoint(gradient, 0), chunk=50)
    assert_same(again, run())
    assert sorted(path.name for path in gradient.iterdir()) == [f"{path.name}.damaged" for path in undamaged]


def test_other_versions_are_named(gradient, monkeypatch, caplog):
    made_with = module.made_with()
    monkeypatch.setattr(module, "made_with", lambda: made_with | {"jax": "9.9"})
    assert steps_at(gradient) > 0
    assert f"was made with jax {made_with['jax']}" in caplog.text


def test_a_full_disk_does_not_end_a_simulation(tmp_path, monkeypatch, caplog):
    def full(self, path, tree):
        path.mkdir()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.Orbax, "save", full)
    assert_same(run(checkpoint=mf.Checkpoint(tmp_path / "run", 0)), run())
    assert "No space left on device" in caplog.text
    assert not (tmp_path / "run").exists()
    late = run(checkpoint=tmp_path / "run", time_limit=0.0)  # what was not saved is not promised
    assert late.status == "stopped at t = 0: the time limit was reached"


def test_values_of_any_shape_and_type(tmp_path):
    """Orbax refuses empty arrays; what was observed comes back as it was all the same."""
    watched = {
        "none/at all": lambda objective, mu: jnp.zeros((0, 3)),
        "count": lambda objective, mu: jnp.int16(7) + jnp.sum(mu.position > 0).astype(jnp.int16),
        "signs": lambda objective, mu: mu.position > 0,
        "half": lambda objective, mu: mu.position[0].astype(jnp.bfloat16),
    }
    stop = At(3, lambda: signal.raise_signal(signal.SIGINT))
    assert not run(observables=watched, chunk=5, checkpoint=tmp_path, progress=stop).done
    assert_same(run(observables=watched, checkpoint=tmp_path), run(observables=watched))


def test_orbax_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match=r"needs orbax: pip install orbax-checkpoint .*extra `checkpoint`"):
        run(checkpoint=tmp_path)


def test_bad_arguments(tmp_path):
    (tmp_path / "file").write_text("")
    for wrong, sentence in [
        ("", "directory='': expected the path of a folder."),
        (tmp_path / "file", f"checkpoint='{tmp_path / 'file'}': cannot write there (File exists)."),
    ]:
        with pytest.raises(ValueError) as raised:  # noqa: PT011  (the whole sentence is compared)
            run(checkpoint=wrong)
        assert str(raised.value) == sentence
    with pytest.raises(ValueError, match=r"checkpoint=3: expected a Checkpoint, or the path of a folder\."):
        module.saves(3, Placement(None), [], {})
    for minutes in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="minutes="):
            mf.Checkpoint(tmp_path, minutes)


def test_digests_tell_functions_apart():
    def scaled(by):
        return lambda z: by * z

    class Law:
        def __init__(self, power):
            self.power = power

        def __call__(self, z):
            return z**self.power

    different = [
        scaled(2.0),
        scaled(3.0),
        scaled(np.ones(2)),
        lambda z: z + 1,
        lambda z: z + 2,
        lambda z, by=2: z + by,
        lambda z, by=3: z + by,
        jax.jit(scaled(2.0)),
        jax.grad(scaled(2.0)),
        Law(2),
        Law(3),
        Law(3).__call__,
        jax.nn.relu,
        jnp.tanh,
        jnp.cos,
        jax.nn.silu,
        optax.adam(1e-3),
        optax.adam(1e-2),
        optax.sgd(optax.linear_schedule(1.0, 0.0, 10)),
        optax.sgd(optax.linear_schedule(1.0, 0.0, 20)),
        jax.random.key(0),
        jax.random.key(0, impl="rbg"),
        np.zeros(3, np.float32),
        np.zeros((3, 1), np.float32),
        np.zeros(3, np.int32),
        -np.zeros(3, np.float32),
        [1, [2]],
        [[1], 2],
        {1, 2},
        frozenset((1, 2)),
    ]
    assert len({digest(value) for value in different}) == len(different)
    assert digest(scaled(2.0)) == digest(scaled(2.0))
    assert digest(optax.adam(1e-3)) == digest(optax.adam(1e-3))
    assert digest(Law(2)) == digest(Law(2))
    assert digest({1, 2, "3"}) == digest({"3", 2, 1})
    around: list = [1]
    around.append(around)
    assert digest(around) != digest([1, [1]])


@pytest.mark.full
def test_killed_at_any_moment(tmp_path):
    """Two simulations that save after every step, killed at random moments until they have come to their ends."""
    draw, names, kills = np.random.default_rng(0), ("gradient", "minibatches"), 0
    for _ in range(60):
        process = subprocess.Popen(command(tmp_path, "slowly", *names), cwd=HERE.parents[1], stderr=subprocess.PIPE)
        limit = time.monotonic() + 120
        while process.poll() is None and not any(tmp_path.rglob("seal")) and time.monotonic() < limit:
            time.sleep(0.01)
        try:
            process.communicate(timeout=draw.uniform(0.0, 6.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
        if process.returncode == 0 or kills == 20:
            break
    assert kills >= 5
    for name in names:
        assert not list(tmp_path.rglob("*.damaged"))
        assert_same(run(name, checkpoint=tmp_path / name), run(name))


def test_seconds_of_all_calls_are_counted(tmp_path, monkeypatch):
    """The first of three calls takes a thousand seconds by its clock, the others next to none."""
    now = [0.0]
    monkeypatch.setattr(module, "clock", types.SimpleNamespace(monotonic=lambda: now[0]))

    def stop(seconds):
        now[0] += seconds
        signal.raise_signal(signal.SIGINT)

    for place, seconds in ((4, 1000.0), (8, 1.0)):
        run(chunk=5, checkpoint=mf.Checkpoint(tmp_path / "run"), progress=At(place, functools.partial(stop, seconds)))
    assert 1001 <= run(checkpoint=tmp_path / "run").stats["seconds"] < 1100
