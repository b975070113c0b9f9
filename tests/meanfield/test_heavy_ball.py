"""Heavy-ball descent: each term by hand, its special cases, optax as another implementation, and batches."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast

M, D = 4, 2
KEY = jax.random.key(0)


@pytest.fixture
def problem(x64):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(5, D)), random.normal(size=5)
    return mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y), mf.Particles(random.normal(size=(M, 1 + D)))


def ends(problem, flow, steps=7, key=None):
    objective, mu = problem
    return np.asarray(mf.simulate(objective, flow, mu, times=[0, steps], key=key).particles.position)


def test_steps_by_hand(problem):
    """Both decays, rates of every parameter, a schedule and a buffer at once."""
    objective, mu = problem
    h, lam, delta = np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.1, 0.2]), np.array([0.3, 0.0, 0.1])
    theta, v = np.asarray(mu.position), np.ones((M, 1 + D))
    flow = mf.HeavyBall(lambda k: jnp.asarray(h) / (1 + k), 0.9, decay=lam, decoupled=delta, buffer=v)
    for k in range(3):
        v = 0.9 * v + lam * theta - np.asarray(objective.velocity(mf.Particles(theta)))
        theta = theta - h / (1 + k) * (v + delta * theta)
    assert np.allclose(ends(problem, flow, 3), theta, rtol=0, atol=1e-14)


def test_without_momentum_it_is_gradient_descent(problem):
    flow = mf.HeavyBall(0.1, interval=0.1)
    assert np.allclose(ends(problem, flow, 2.0), ends(problem, mf.GradientFlow(0.1), 2.0), rtol=0, atol=1e-15)


@pytest.mark.parametrize("decoupled", [False, True])
def test_optax_agrees(problem, decoupled):
    decay, trace = optax.add_decayed_weights(0.2), optax.trace(0.8)
    chain = optax.chain(*((trace, decay) if decoupled else (decay, trace)), optax.scale_by_learning_rate(0.1))
    flow = mf.HeavyBall(0.1, 0.8, **{"decoupled" if decoupled else "decay": 0.2})
    assert np.allclose(ends(problem, flow), ends(problem, mf.OptimiserFlow(chain)), rtol=0, atol=1e-14)


def test_batches_are_those_of_sgd(problem):
    flow, sgd = mf.HeavyBall(0.1, batch=2, interval=0.1), mf.SGD(0.1, batch=2)
    assert np.allclose(ends(problem, flow, 0.7, KEY), ends(problem, sgd, 0.7, KEY), rtol=0, atol=1e-15)
    assert np.abs(ends(problem, flow, 0.7, KEY) - ends(problem, mf.HeavyBall(0.1, interval=0.1), 0.7)).max() > 1e-3


def test_chunks_and_replicas_do_not_matter(problem):
    objective, mu = problem
    flows = [mf.HeavyBall(h, 0.9, decay=0.1, batch=2) for h in (0.05, 0.1)]
    runs = mf.simulate_replicas(objective, flows, mu, times=[0, 7], keys=[KEY, KEY])
    for flow, run in zip(flows, runs, strict=True):
        alone = mf.simulate(objective, flow, mu, times=[0, 7], key=KEY, chunk=3)
        assert np.allclose(alone.particles.position, run.particles.position, rtol=0, atol=1e-14)


def test_float32_stays_float32():
    objective = mf.Objective(mf.Neuron("tanh"), mf.Square(), np.eye(D, dtype="f4"), np.ones(D, "f4"))
    mu = mf.Particles(np.ones((M, 1 + D), "f4"))
    run = mf.simulate(objective, mf.HeavyBall(0.1, 0.5, decay=[0.0, 0.1, 0.1]), mu, times=[0, 3])
    assert run.particles.dtype == np.float32


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: mf.HeavyBall(0.0), "step=0.0: expected a finite number above 0"),
        (lambda: mf.HeavyBall([0.1, -0.1, 0.1]), "step holds -0.1: expected numbers of at least 0"),
        (lambda: mf.HeavyBall(0.1, 1.0), "momentum=1.0: expected a number of at least 0 and below 1"),
        (lambda: mf.HeavyBall(0.1, decay=-1.0), "decay=-1.0"),
        (lambda: mf.HeavyBall(0.1, decoupled=np.ones((2, 2))), "decoupled has shape"),
        (lambda: mf.HeavyBall(0.1, batch=0), "batch=0"),
        (lambda: mf.HeavyBall(0.1, interval=0.0), "interval=0.0"),
    ],
)
def test_bad_numbers(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        (mf.HeavyBall([0.1, 0.1]), r"step has shape \(2,\): expected one number, or \(3,\)"),
        (mf.HeavyBall(lambda k: jnp.ones(4)), r"step has shape \(4,\)"),
        (mf.HeavyBall(0.1, buffer=np.ones((2, 3))), r"buffer has shape \(2, 3\): expected \(4, 3\)"),
        (mf.HeavyBall(0.1, batch=2), "key=None"),
        (mf.HeavyBall(0.1, batch=9, replacement=False), "batch=9: expected at most n=5"),
    ],
)
def test_bad_start(problem, flow, says):
    with pytest.raises(ValueError, match=says):
        ends(problem, flow)
