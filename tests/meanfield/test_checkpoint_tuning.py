"""A simulation goes on with the tiles that it began with, whatever was tuned in between."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.checkpoints import folder
from meanfield.environment import user_cache
from meanfield.integrals import tuning
from meanfield.integrals.tuning import DEFAULT, Tuning, tuned

M, N, D = 66_000, 16, 3  # more particles than one array of pairs may have
OTHER = Tuning(tile_bytes=1 << 16, samples=128)


@pytest.fixture
def switched_on(monkeypatch, tmp_path):
    """A user's folder for this test, in which nothing is yet."""
    monkeypatch.setenv(user_cache.VARIABLE, str(tmp_path / "user"))
    monkeypatch.delenv(tuning.VARIABLE)
    tuning._read.cache_clear()
    yield
    tuning._read.cache_clear()


def softened(z):
    """No activation of ours, of which some have kernels without tiles."""
    return z / (1 + jnp.abs(z))


def run(flow, **more):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(N, D)), rng.normal(size=N)
    mu = mf.Particles(rng.normal(size=(M, D + 1)))
    objective = mf.Objective(mf.Neuron(softened), mf.Square(), x, y)
    return mf.simulate(objective, flow, mu, times=[0.0, 35.0, 100.0], chunk=35, **more)


class Stopped:
    """Progress that presses Ctrl-C after so many steps."""

    def __init__(self, step):
        self.step = step

    def update(self, time, final, steps, risk):
        if steps == self.step:
            raise KeyboardInterrupt

    def close(self):
        pass


FLOWS = {"gradient": mf.GradientFlow(0.5), "minibatch": mf.SGD(0.5, batch=8)}


def options(name):
    return {"key": jax.random.key(3)} if name == "minibatch" else {}


@pytest.mark.parametrize("name", FLOWS)
def test_seventy_steps_and_a_hundred_and_thirty_with_a_tuning_in_between(switched_on, tmp_path, name):
    flow, key, kept = FLOWS[name], options(name), tmp_path / "kept"
    whole = run(flow, **key)
    stopped = run(flow, checkpoint=kept, progress=Stopped(70), **key)
    assert stopped.stats["steps"] == 70
    assert folder.described(kept)["tuning"] == DEFAULT._asdict()
    tuning.store(OTHER)
    tuning._read.cache_clear()  # as in another process
    assert tuning.in_force() == OTHER
    other = run(flow, **key)
    resumed = run(flow, checkpoint=kept, **key)
    assert (resumed.status, resumed.stats["steps"]) == ("done", 200)
    assert resumed.particles.position.tobytes() == whole.particles.position.tobytes()
    assert resumed.values["risk"].tobytes() == whole.values["risk"].tobytes()
    assert resumed.objective.kernel.label() == whole.objective.kernel.label() != other.objective.kernel.label()
    # It would have made a difference.
    assert other.particles.position.tobytes() != whole.particles.position.tobytes()
    assert tuning.in_force() == OTHER


def test_what_began_tuned_goes_on_tuned_without_the_file(tmp_path):
    flow = FLOWS["gradient"]
    with tuned(OTHER):
        whole = run(flow)
        run(flow, checkpoint=tmp_path / "kept", progress=Stopped(70))
    resumed = run(flow, checkpoint=tmp_path / "kept")
    assert resumed.particles.position.tobytes() == whole.particles.position.tobytes()
    assert resumed.objective.kernel.label() == whole.objective.kernel.label()


def test_a_seal_that_is_broken_says_nothing(tmp_path):
    """The one before it has the same sizes; without any, what is in force now holds."""
    for step in (35, 70):
        run(FLOWS["gradient"], checkpoint=mf.Checkpoint(tmp_path / "kept", minutes=0.0), progress=Stopped(step))
    seals = sorted((tmp_path / "kept").rglob("seal"))
    assert len(seals) == 2
    seals[-1].write_bytes(b"")
    assert folder.described(tmp_path / "kept")["tuning"] == DEFAULT._asdict()
    seals[0].unlink()
    assert folder.described(tmp_path / "kept") is None
    assert folder.described(tmp_path / "nowhere") is None
