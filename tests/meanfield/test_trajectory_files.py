"""A trajectory comes back from its file as it was; what is there already, damaged or another's is left and named."""

import os
import signal
import subprocess
import sys
import textwrap
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.checkpoints.identity import behaviour
from meanfield.simulation import trajectory_file as file

KEY = jax.random.key(0)


def quadratic(theta):
    return theta @ theta


OBJECTIVES = {
    "plain": mf.Objective(mf.Neuron("relu"), mf.Square(), np.eye(2), np.ones(2)),
    "penalised": mf.Objective(mf.Neuron("tanh"), mf.Logistic(), np.eye(2), np.ones(2), 3.0, mf.WeightDecay(0.1)),
    "centred": mf.Objective(mf.Neuron("softplus"), mf.losses.Power(3.0), np.eye(2), np.ones(2), centred=True),
    "kernel": mf.Objective(mf.Neuron("gelu"), mf.Square(), np.eye(2), np.ones(2), kernel=mf.integrals.Blocked(2)),
    "sorted": mf.Objective(mf.Neuron("leaky_relu"), mf.Square(), np.eye(2), np.ones(2), kernel=mf.integrals.Sorted()),
    "function of JAX": mf.Objective(mf.Neuron(jax.nn.silu), mf.Square(), np.eye(2), np.ones(2)),
    "normalised": mf.Objective(mf.units.NormalisedNeuron("relu"), mf.Square(), np.eye(2), np.ones(2)),
}
OWN = {
    "a penalty": mf.Objective(mf.Neuron("relu"), mf.Square(), np.eye(2), np.ones(2), penalty=quadratic),
    "an activation": mf.Objective(mf.Neuron(lambda z: z**3), mf.Square(), np.eye(2), np.ones(2)),
}


def simulated(objective, flow=None, **more):
    mu = mf.Particles.gaussian(KEY, objective.unit, m=4, d=2)
    watched = {"risk": mf.Risk(), "a/b θ": mf.Positions(), "few": lambda o, mu: mu.mass.astype(jnp.bfloat16)}
    watched |= {"sign": lambda o, mu: mu.position[0] > 0, "none": lambda o, mu: jnp.zeros((0, 2))}
    options = {"times": [0, 0.3, 1.0], "observables": watched}
    return mf.simulate(objective, flow or mf.GradientFlow(0.25), mu, **options | more)


def assert_same(one, other):
    assert (one.status, one.stats) == (other.status, other.stats)
    assert list(one.values) == list(other.values)
    pairs = [(one.times, other.times), *((one.values[name], other.values[name]) for name in one.values)]
    pairs += [(one.particles.position, other.particles.position), (one.particles.mass, other.particles.mass)]
    for left, right in pairs:
        assert type(left) is type(right)
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert np.asarray(left).tobytes() == np.asarray(right).tobytes()


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.turns(4)
def test_all_comes_back(tmp_path, name):
    run = simulated(OBJECTIVES[name])
    run.save(tmp_path / "run.npz")
    again = mf.Trajectory.load(tmp_path / "run.npz")
    assert_same(again, run)
    assert behaviour(again.objective) == behaviour(run.objective)
    assert float(again.objective.value(again.particles)) == float(run.objective.value(run.particles))
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


def test_linearised_and_stopped_and_diverged(tmp_path):
    objective, flow = OBJECTIVES["plain"], mf.TangentFlow(0.25)
    for run in (
        simulated(objective, flow),
        simulated(objective, time_limit=0.0),
        simulated(objective, mf.GradientFlow(1e20), times=[0, 1e22]),
    ):
        run.save(tmp_path / "run.npz")
        again = mf.Trajectory.load(str(tmp_path / "run.npz"))
        assert_same(again, run)
        assert type(again.objective) is type(run.objective)


@pytest.mark.parametrize("name", OWN)
def test_what_is_the_users_own_is_given_again(tmp_path, name):
    path = tmp_path / "run.npz"
    run = simulated(OWN[name])
    run.save(path)
    alone = mf.Trajectory.load(path)
    assert_same(alone, run)
    assert alone.objective is None
    assert mf.Trajectory.load(path, objective=run.objective).objective is run.objective
    with pytest.raises(ValueError, match=r"^objective: it is another one than that of the trajectory"):
        mf.Trajectory.load(path, objective=OBJECTIVES["plain"])
    alone.save(tmp_path / "more.npz")  # without an objective
    assert_same(mf.Trajectory.load(tmp_path / "more.npz"), run)


def test_double_precision_asks_for_64_bits(tmp_path, x64):
    run = simulated(mf.Objective(mf.Neuron("relu"), mf.Square(), np.eye(2), np.ones(2)))
    assert run.particles.dtype == np.float64
    run.save(tmp_path / "run.npz")
    assert_same(mf.Trajectory.load(tmp_path / "run.npz"), run)
    with (
        jax.enable_x64(False),
        pytest.raises(ValueError, match=r"holds float64 numbers: load it under jax\.enable_x64"),
    ):
        mf.Trajectory.load(tmp_path / "run.npz")


def test_numpy_opens_it_and_nothing_is_pickled(tmp_path):
    run = simulated(OBJECTIVES["plain"])
    run.save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz", allow_pickle=False) as archive:
        arrays = [archive[name] for name in archive.files]
    assert any(np.array_equal(array, run.particles.position) for array in arrays)
    assert str(tmp_path).encode() not in (tmp_path / "run.npz").read_bytes()


OTHERS = {
    "text": lambda path: path.write_text("mine"),
    "nothing": lambda path: path.write_bytes(b""),
    "an array": lambda path: np.save(open(path, "wb"), np.ones(3)),  # noqa: SIM115
    "arrays": lambda path: np.savez(path, about=np.zeros(3, np.uint8)),
    "a record": lambda path: np.savez(path, a=np.ones(3)),
    "an archive": lambda path: zipfile.ZipFile(path, "w").close(),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("other", OTHERS)
def test_what_it_did_not_write_is_left(tmp_path, other):
    path = tmp_path / "run.npz"
    OTHERS[other](path)
    before = path.read_bytes() if path.is_file() else sorted(path.iterdir())
    with pytest.raises(ValueError, match=r"^path='.*run\.npz': something else is there, which is left as it is \("):
        simulated(OBJECTIVES["plain"]).save(path)
    with pytest.raises(ValueError, match=r"^path='.*run\.npz': (expected a trajectory|cannot be read)"):
        mf.Trajectory.load(path)
    assert (path.read_bytes() if path.is_file() else sorted(path.iterdir())) == before
    assert [one.name for one in tmp_path.iterdir()] == ["run.npz"]


def test_damage_is_noticed_anywhere(tmp_path):
    path, run = tmp_path / "run.npz", simulated(OBJECTIVES["plain"])
    run.save(path)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="whole"):
            mf.Trajectory.load(path)
    draw = np.random.default_rng(0)
    for at in draw.choice(len(whole), 300, replace=False):
        spoiled = bytearray(whole)
        spoiled[at] ^= 1 << draw.integers(8)
        path.write_bytes(bytes(spoiled))
        try:
            found = mf.Trajectory.load(path)
        except ValueError as problem:
            assert str(problem).startswith(f"path={str(path)!r}: ")  # noqa: PT017
            continue
        assert_same(found, run)  # a bit that says nothing, such as one of the time of an entry


def test_bad_paths(tmp_path):
    run = simulated(OBJECTIVES["plain"])
    for path, sentence in [
        ("", "path='': expected the path of a file."),
        (None, "path=None: expected the path of a file."),
        (tmp_path / "no" / "run.npz", f"path='{tmp_path}/no/run.npz': cannot write there (No such file or directory)."),
    ]:
        with pytest.raises(ValueError) as raised:  # noqa: PT011  (the whole sentence is compared)
            run.save(path)
        assert str(raised.value) == sentence
    with pytest.raises(ValueError, match=r"run\.npz': there is no such file\.$"):
        mf.Trajectory.load(tmp_path / "run.npz")


def test_its_own_file_is_replaced(tmp_path):
    first, second = simulated(OBJECTIVES["plain"]), simulated(OBJECTIVES["penalised"])
    first.save(tmp_path / "run.npz")
    second.save(tmp_path / "run.npz")
    assert_same(mf.Trajectory.load(tmp_path / "run.npz"), second)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    first = simulated(OBJECTIVES["plain"])
    first.save(tmp_path / "run.npz")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file.os, "fsync", full)
    with pytest.raises(ValueError, match=r"cannot write there \(No space left on device\)\.$"):
        simulated(OBJECTIVES["penalised"]).save(tmp_path / "run.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    assert_same(mf.Trajectory.load(tmp_path / "run.npz"), first)


def test_killed_while_it_saves(tmp_path):
    """The file is the old one, whole, wherever the process dies."""
    first = simulated(OBJECTIVES["plain"])
    first.save(tmp_path / "run.npz")
    code = """
        import os, signal, sys
        import meanfield as mf
        run = mf.Trajectory.load(sys.argv[1])
        os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
        run.save(sys.argv[1])
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "run.npz")]
    assert (
        subprocess.run(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}).returncode
        == -signal.SIGKILL
    )
    assert_same(mf.Trajectory.load(tmp_path / "run.npz"), first)


def test_to_xarray():
    run = simulated(OBJECTIVES["plain"])
    table = run.to_xarray()
    assert dict(table["risk"].sizes) == {"time": 3}
    assert table["a/b θ"].dims == ("time", "a/b θ_0", "a/b θ_1")
    assert table["final_position"].dims == ("particle", "parameter")
    assert table["time"].values.tolist() == run.times.tolist() == [0, 0.25, 1.0]
    assert table.attrs["status"] == "done"
    assert table.attrs["steps"] == 4
    for name, value in run.values.items():
        assert np.array_equal(table[name].values, value)


def test_a_value_that_is_called_time():
    run = simulated(OBJECTIVES["plain"], observables={"time": lambda objective, mu: jnp.sum(mu.position)})
    table = run.to_xarray()
    assert table["time"].dims == ("observation",)
    assert table["observation"].values.tolist() == run.times.tolist()


def test_a_trajectory_without_values():
    step = 1e20 if jnp.finfo(jnp.result_type(float)).bits == 32 else 1e200  # whose square leaves the type's range
    run = simulated(OBJECTIVES["plain"], mf.GradientFlow(step), times=[10 * step, 100 * step])
    assert not run.done
    assert run.times.shape == (0,)
    assert dict(run.to_xarray()["risk"].sizes) == {"time": 0}


def test_without_xarray(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"^to_xarray needs xarray: pip install xarray \(the extra `data`\)\.$"):
        simulated(OBJECTIVES["plain"]).to_xarray()
