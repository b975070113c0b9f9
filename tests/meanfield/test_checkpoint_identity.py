"""A checkpoint goes on only with what made it: all that a user can define, the code of the package, the settings."""

import json
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf
from meanfield.checkpoints import checkpoint as module
from meanfield.checkpoints import identity as _identity

pytestmark = pytest.mark.turns(4)

RATE = 0.5


def read_rate(z):
    return RATE * z


class Unit(mf.AbstractUnit):
    outputs: int = eqx.field(static=True, default=1)

    def size(self, d: int) -> int:
        return d + 1

    def __call__(self, theta, x):
        return theta[0] * read_rate(jnp.sin(theta[1:] @ x))


class Loss(mf.AbstractLoss):
    def targets(self, y, outputs, dtype):
        return mf.Square().targets(y, outputs, dtype)

    def risk(self, f, y):
        return read_rate(jnp.mean((f - y) ** 2))

    def residual(self, f, y):
        return 2 * read_rate(f - y)


class Drift(mf.noises.AbstractNoise):
    draws = ""

    def increment(self, key, step, position, length):
        return length * read_rate(position)


class Watch(mf.observables.AbstractSnapshot):
    name = "watch"
    symbol = "w"
    unit = "1"

    def __call__(self, objective, mu, start):
        return read_rate(jnp.sum(mu.position))


def simulate(folder, *, unit=None, loss=None, penalty=None, flow=None, observables=None, **more):
    unit = unit or mf.Neuron("tanh")
    objective = mf.Objective(unit, loss or mf.Square(), np.eye(2), np.ones(2), penalty=penalty)
    mu = mf.Particles(np.linspace(-1, 1, 12).reshape(4, 3))
    options = {"times": [0, 1.0, 30.0], "key": jax.random.key(0), "observables": observables}
    return mf.simulate(objective, flow or mf.GradientFlow(0.25), mu, checkpoint=folder, **options | more)


def sampler(key, batch):
    x = jax.random.normal(key, (batch, 2))
    return x, read_rate(x[:, 0])


CASES = {
    "activation": ("objective", lambda: {"unit": mf.Neuron(read_rate)}),
    "unit": ("objective", lambda: {"unit": Unit()}),
    "loss": ("objective", lambda: {"loss": Loss()}),
    "penalty": ("objective", lambda: {"penalty": lambda theta: read_rate(theta @ theta)}),
    "flow": ("flow", lambda: {"flow": mf.Flow(mf.steppers.Euler(0.25), noise=Drift())}),
    "schedule": ("flow", lambda: {"flow": mf.GradientFlow(lambda k: read_rate(0.5))}),
    "sampler": ("flow", lambda: {"flow": mf.SGD(0.25, batch=2, sampler=sampler)}),
    "optimiser": ("flow", lambda: {"flow": mf.OptimiserFlow(optax.sgd(lambda k: read_rate(0.5)), 0.25)}),
    "observable": ("observables", lambda: {"observables": [Watch()]}),
    "function": ("observables", lambda: {"observables": {"w": lambda o, mu: read_rate(mu.mass)}}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.turns(8)
def test_a_function_that_changed_is_refused(tmp_path, monkeypatch, case):
    """Here by a constant of its module that it reads; the same one goes on."""
    part, options = CASES[case]
    assert simulate(tmp_path, time_limit=0.0, **options()).status.startswith("stopped")
    assert simulate(tmp_path, time_limit=0.0, **options()).status.startswith("stopped")
    with monkeypatch.context() as changed:
        changed.setitem(globals(), "RATE", 0.25)
        jax.clear_caches()
        with pytest.raises(ValueError, match=rf"another simulation, which differs in {part}(, times)?;"):
            simulate(tmp_path, **options())
    jax.clear_caches()
    assert simulate(tmp_path, **options()).done


def test_the_order_of_observables_belongs_to_it(tmp_path):
    simulate(tmp_path, time_limit=0.0, observables=[mf.Risk(), mf.observables.Energy()])
    with pytest.raises(ValueError, match="differs in observables;"):
        simulate(tmp_path, observables=[mf.observables.Energy(), mf.Risk()])


def test_changed_code_of_the_package_is_refused(tmp_path, monkeypatch):
    simulate(tmp_path, time_limit=0.0)
    monkeypatch.setattr(module, "engine", lambda: "0" * 64)
    with pytest.raises(ValueError, match="differs in code of meanfield; expected"):
        simulate(tmp_path)
    assert _identity.engine() != "0" * 64


def test_changed_settings_are_refused_by_name(tmp_path, monkeypatch):
    for name in ("NVIDIA_TF32_OVERRIDE", "XLA_FLAGS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    simulate(tmp_path, time_limit=0.0)
    with jax.threefry_partitionable(False):
        sentence = re.escape("differs in jax_threefry_partitionable (True then, False now); expected")
        with pytest.raises(ValueError, match=sentence):
            simulate(tmp_path)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    with pytest.raises(ValueError, match=r"differs in NVIDIA_TF32_OVERRIDE \(not set then, 0 now\); expected"):
        simulate(tmp_path)


def test_another_number_of_threads_is_told(tmp_path, monkeypatch, caplog):
    """As another machine is."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    simulate(tmp_path, time_limit=0.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert simulate(tmp_path).done
    assert "was made with OMP_NUM_THREADS 1: last digits may differ" in caplog.text


def test_another_python_is_named_in_the_refusal(tmp_path, monkeypatch):
    """Its instructions are others, so that functions look changed that are not."""
    made_with = module.made_with()
    with monkeypatch.context() as old:
        old.setattr(module, "made_with", lambda: made_with | {"python": "3.9"})
        old.setattr(module, "engine", lambda: "0" * 64)
        simulate(tmp_path, time_limit=0.0)
    with pytest.raises(ValueError, match=r"code of meanfield \(it was made with python 3\.9\); expected"):
        simulate(tmp_path)


def test_what_is_written_is_text_without_a_path(tmp_path):
    simulate(tmp_path, time_limit=0.0)
    (seal,) = tmp_path.rglob("seal")
    said = json.loads(seal.read_bytes().partition(b"\n")[2])["said"]
    assert str(tmp_path) not in json.dumps(said)
    assert set(said["settings"]) <= set(module.observed())
