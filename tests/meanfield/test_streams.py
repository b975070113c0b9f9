"""One key for everything: no two consumers see the same random numbers, and JAX's checker of key reuse agrees."""

import itertools
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.streams import STREAMS, stream, tag

pytestmark = pytest.mark.turns(4)

KEY = jax.random.key(0)
UNIT = mf.Neuron("tanh")
D, M, N = 4, 100, 8
FLOWS = {
    "langevin": mf.Langevin(0.1, 0.1),
    "sgd": mf.SGD(0.1, 2),
    "fresh": mf.SGD(0.1, 2, sampler=lambda key, batch: (jax.random.normal(key, (batch, D)), jnp.ones(batch))),
    "scheduled": mf.ScheduledSGD(0.1, lambda k: 1 + k, most=4),
    "different": mf.ScheduledSGD(0.1, 3, most=4, replacement=False),
    "heavy ball": mf.HeavyBall(0.1, 0.5, batch=2, interval=0.1),
    "saga": mf.SAGA(0.1),
    "sag": mf.TangentFlow(mf.SAGA(0.1, biased=True)),
    "svrg": mf.SVRG(0.1, 4),
    "birth and death": mf.BirthDeath(0.1, 2.0, spread=0.1),
    "output": mf.OutputFlow(mf.Langevin(0.1, 0.1)),
    "adaptive": mf.AdaptiveFlow(),
}


def everything_with_one_key(flow, key):
    """What the README does: data, particles and the flow's noise from one key."""
    data = mf.datasets.teacher(key, N, D, n_test=10, noise=0.1)
    mu = mf.Particles.doubled(key, UNIT, M, D)
    objective = mf.Objective(UNIT, mf.Square(), data.x, data.y)
    return mf.simulate(objective, flow, mu, times=[0, 0.3, 0.5], key=key, chunk=2)


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.turns(8)
def test_one_key_serves_everything(name):
    """With the checker of key reuse on, and the same numbers as without it."""
    with jax.debug_key_reuse(True):
        run = everything_with_one_key(FLOWS[name], jax.random.key(0))
    other = everything_with_one_key(FLOWS[name], KEY)
    assert run.done
    assert np.array_equal(run.particles.position, other.particles.position)


@pytest.mark.full
def test_laws_data_and_replicas_pass_the_checker():
    with jax.debug_key_reuse(True):
        key = jax.random.key(1)
        for name, draw in LAWS.items():
            if name != "the key itself":
                draw(key)
        objective = mf.Objective(UNIT, mf.Square(), np.eye(D), np.ones(D))
        mu = mf.Particles.gaussian(key, UNIT, 6, D)
        runs = mf.simulate_replicas(objective, FLOWS["langevin"], [mu, mu], times=[0.3], keys=key)
        apart = mf.simulate_replicas(objective, FLOWS["langevin"], mu, times=[0.3], keys=jax.random.split(key, 2))
        assert all(run.done for run in runs + apart)


LAWS = {
    "gaussian": lambda key: mf.Particles.gaussian(key, UNIT, M, D - 1).position,
    "sphere": lambda key: mf.Particles.sphere(key, UNIT, M, D - 1).position,
    "doubled": lambda key: mf.Particles.doubled(key, UNIT, 2 * M, D - 1).position[:M],
    "doubled sphere": lambda key: mf.Particles.doubled(key, UNIT, 2 * M, D - 1, law="sphere").position[:M],
    "on_sphere": lambda key: mf.datasets.on_sphere(key, M, D),
    "teacher's inputs": lambda key: mf.datasets.teacher(key, M, D, n_test=1).x,
    "teacher's neurons": lambda key: mf.datasets.teacher(key, 1, D, n_test=1, neurons=M).truth.position[:, 1:],
    "random labels": lambda key: mf.datasets.random_labels(key, M, D, n_test=1).x,
    "labels": lambda key: mf.datasets.random_labels(key, M * D, D, n_test=1).y,
    "clusters": lambda key: mf.datasets.clusters(key, M, D + 3, n_test=1).x[:, 2:-1],
    "deep": lambda key: mf.units.DeepNetwork.gaussian(key, M, 1, D).first,
    "langevin": lambda key: jax.random.normal(stream(key, "noise of Langevin", 0), (M, D)),
    "the key itself": lambda key: jax.random.normal(key, (M, D)),
    "the user's own": lambda key: jax.random.normal(jax.random.fold_in(key, 1), (M, D)),
}


def test_no_two_consumers_see_the_same_numbers():
    """Correlations of what all draw from one key are those of independent draws: below 5/√N for N numbers each."""
    rows = {}
    for name, draw in LAWS.items():
        values = np.asarray(draw(KEY), float).ravel()
        assert values.size == M * D
        rows[name] = (values - values.mean()) / values.std()
    for one, other in itertools.combinations(rows, 2):
        if {one, other} != {"doubled", "doubled sphere"}:  # one function, of two options
            assert abs(np.mean(rows[one] * rows[other])) < 5 / np.sqrt(M * D), (one, other)


def test_streams_and_steps_have_keys_of_their_own():
    """All streams at steps 0 to 9, the key itself, its split and what users fold in: no key twice."""
    keys = [stream(KEY, name, k) for name in STREAMS for k in range(10)] + [stream(KEY, name) for name in STREAMS]
    keys += [KEY, *jax.random.split(KEY, 30), *(jax.random.fold_in(KEY, k) for k in range(30, 60))]
    assert len({tuple(np.asarray(jax.random.key_data(key)).tolist()) for key in keys}) == len(keys)


def test_tags_are_distinct_and_beyond_what_users_fold_in():
    tags = [tag(name) for name in STREAMS]
    assert len(set(tags)) == len(tags)
    assert all(2**31 <= number < 2**32 for number in tags)


def test_the_list_of_streams_is_what_the_package_draws_from():
    root = Path(mf.__file__).parent
    files = [path for path in root.rglob("*.py") if path.name != "streams.py"]
    used = [name for path in files for name in re.findall(r"\bstream\([^\"()]+, \"([^\"]+)\"", path.read_text("utf-8"))]
    documented = {"a name", "a name of its own"}
    assert sorted(set(used) - documented) == sorted(STREAMS)


def test_noise_of_langevin_is_not_the_teachers():
    """Inputs, neurons and errors of a teacher have nothing to do with the noise of the first steps."""
    data = mf.datasets.teacher(KEY, 8, 3, n_test=1, neurons=3)
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), data.x, data.y)
    mu, flow = mf.Particles(np.zeros((200, 4))), mf.Langevin(0.5, 1.0)
    run = mf.simulate(objective, flow, mu, times=[0.5], key=KEY)
    noise = np.asarray(run.particles.position).ravel()[:9].reshape(3, 3)
    cosines = np.sum(noise * np.asarray(data.truth.position)[:, 1:], axis=1) / np.linalg.norm(noise, axis=1)
    assert np.abs(cosines).min() < 0.9
    assert np.array_equal(run.particles.position, jax.random.normal(stream(KEY, "noise of Langevin", 0), (200, 4)))


KINDS = {
    "a plain array": jax.random.PRNGKey,
    "rbg": lambda seed: jax.random.key(seed, impl="rbg"),
    "unsafe_rbg": lambda seed: jax.random.key(seed, impl="unsafe_rbg"),
    "a plain array of rbg": lambda seed: jax.random.key_data(jax.random.key(seed, impl="rbg")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flow", ["langevin", "sgd"])
@pytest.mark.turns(4)
def test_replicas_draw_what_they_draw_alone_whatever_the_kind_of_key(kind, flow):
    with jax.default_prng_impl("rbg" if "array of rbg" in kind else "threefry2x32"):
        objective = mf.Objective(UNIT, mf.Square(), np.eye(D), np.ones(D))
        mu = mf.Particles(np.random.default_rng(0).normal(size=(6, 1 + D)))
        keys = [KINDS[kind](seed) for seed in range(3)]
        together = mf.simulate_replicas(objective, FLOWS[flow], mu, times=[0, 1.0], keys=keys)
        shared = mf.simulate_replicas(objective, FLOWS[flow], [mu, mu], times=[0, 1.0], keys=keys[0])
        alone = [mf.simulate(objective, FLOWS[flow], mu, times=[0, 1.0], key=key) for key in keys]
        for run, other in zip(together + shared, alone + [alone[0]] * 2, strict=True):
            # 10 steps in single precision, of which each adds some roundings
            assert np.abs(run.particles.position - other.particles.position).max() < 1e-5


@pytest.mark.parametrize("kind", ["rbg", "a plain array"])
def test_a_checkpoint_goes_on_with_such_a_key(kind, tmp_path):
    objective = mf.Objective(UNIT, mf.Square(), np.eye(D), np.ones(D))
    mu, key = mf.Particles(np.random.default_rng(0).normal(size=(6, 1 + D))), KINDS[kind](3)
    whole = mf.simulate(objective, FLOWS["langevin"], mu, times=[0, 1.0], key=key)
    stopped = {"checkpoint": tmp_path / "run", "key": key, "times": [0, 1.0]}
    first = mf.simulate(objective, FLOWS["langevin"], mu, time_limit=0.0, **stopped)
    again = mf.simulate(objective, FLOWS["langevin"], mu, **stopped)
    assert not first.done
    assert np.array_equal(again.particles.position, whole.particles.position)
