"""Incremental gradients and scheduled batches: steps by hand, exact limits, and a stream that the key alone decides."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.flows.gradients.indices import distinct, drawn
from meanfield.streams import stream

pytestmark = [pytest.mark.turns(4), pytest.mark.fast]

N, D, M = 7, 2, 4
UNIT, KEY = mf.Neuron("tanh"), jax.random.key(5)


@pytest.fixture
def data(x64):
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, D)), rng.normal(size=N), mf.Particles(rng.normal(size=(M, D + 1)))


def network(data, penalty=0.1, **options):
    x, y, _ = data
    return mf.Objective(
        UNIT, mf.Square(), x, y, scale=2.0, penalty=mf.WeightDecay(penalty) if penalty else None, **options
    )


@eqx.filter_jit
def walk(flow, objective, mu, steps):
    """State after some steps, without the machinery of a simulation."""
    state = flow.init(objective, mu, key=KEY)
    return jax.lax.fori_loop(0, steps, lambda _, s: flow.step(objective, s), state)


def velocities(theta, data, penalty, anchor=None):
    """−m∇F_i of every sample, by hand: [N, M, D + 1], for α = 2; of the model linearised at `anchor`, if given."""
    x, y, _ = data
    at = theta if anchor is None else anchor
    a, h = at[:, 0], np.tanh(x @ at[:, 1:].T)
    slopes = np.concatenate([h[:, :, None], (a * (1 - h**2))[:, :, None] * x[:, None, :]], axis=2)
    f = 2.0 * np.mean(a * h, axis=1) + 2.0 / M * np.einsum("imp,mp->i", slopes, theta - at)
    return -(f - y)[:, None, None] * slopes / 2.0 - penalty * theta


def samples(step, flow="SAGA"):
    return int(drawn(stream(KEY, f"sample of {flow}", step), N, 1)[0])


def saga_by_hand(data, steps, step, penalty, biased, lazy):
    """SAGA, or SAG from a memory of zeros, in textbook form: positions after some steps."""
    theta = start = np.asarray(data[2].position)
    anchor = start if lazy else None
    table = np.zeros((N, M, D + 1)) if biased else velocities(theta, data, penalty, anchor)
    for k in range(steps):
        i = samples(k)
        new = velocities(theta, data, penalty, anchor)[i]
        change = new - table[i]
        theta = theta + step * (table.mean(axis=0) + (change / N if biased else change))
        table[i] = new
    return theta


@pytest.mark.parametrize(("biased", "lazy", "penalty"), [(False, False, 0.1), (True, True, 0.1), (False, True, 0.0)])
def test_saga_and_sag_are_the_textbook_s(data, biased, lazy, penalty):
    mu = data[2]
    flow = mf.SAGA(0.3, biased=biased)
    flow = mf.TangentFlow(flow) if lazy else flow
    state = walk(flow, flow.prepare(network(data, penalty), mu), mu, 12)
    assert np.abs(state.particles.position - saga_by_hand(data, 12, 0.3, penalty, biased, lazy)).max() < 1e-12
    (entries,) = jax.tree.leaves(state.memory.gradient.entries)
    assert entries.shape == ((N,) if lazy and not penalty else (N, M, D + 1))
    assert flow.evaluated(state) == 12 + N


def test_svrg_is_the_textbook_s_and_pays_for_its_snapshots(data):
    mu, epoch, flow = data[2], 4, mf.SVRG(0.3, 4)
    state = walk(flow, flow.prepare(network(data), mu), mu, 16)
    theta = anchor = np.asarray(mu.position)
    taken = 1
    for k in range(16):
        i = samples(k, "SVRG")
        v, old = velocities(theta, data, 0.1), velocities(anchor, data, 0.1)
        renewed = float(jax.random.uniform(stream(KEY, "snapshot of SVRG", k))) * epoch < 1
        anchor, taken = (theta if renewed else anchor), taken + renewed
        theta = theta + 0.3 * (v[i] - old[i] + old.mean(axis=0))
    assert np.abs(state.particles.position - theta).max() < 1e-12
    assert taken > 1
    assert flow.evaluated(state) == 2 * 16 + taken * N


@pytest.mark.parametrize("flow", [mf.SAGA(0.1), mf.SVRG(0.1, 2 * N)], ids=["saga", "svrg"])
def test_they_reach_the_minimum_of_the_linearised_model(data, flow):
    """Where the full gradient, by hand, is zero: the noise of their steps has died out."""
    mu, flow = data[2], mf.TangentFlow(flow)
    end = np.asarray(walk(flow, flow.prepare(network(data), mu), mu, 12000).particles.position)
    start = np.asarray(mu.position)
    assert np.abs(velocities(end, data, 0.1, start).mean(axis=0)).max() < 1e-11
    assert np.abs(velocities(end, data, 0.1, start)).max() > 1e-2


def test_replicas_take_the_steps_that_they_take_alone(data):
    flows = [mf.SAGA(0.1), mf.SAGA(0.2)]
    runs = mf.simulate_replicas(network(data), flows, data[2], times=[2.0], keys=[KEY, KEY], chunk=7)
    for run, (steps, step) in zip(runs, ((20, 0.1), (10, 0.2)), strict=True):
        assert run.stats["steps"] == steps
        assert np.abs(run.particles.position - saga_by_hand(data, steps, step, 0.1, False, False)).max() < 1e-12


def test_scheduled_batches_are_means_over_so_many_samples(data):
    """B_k of the drawn samples count, by hand; and all without replacement are gradient descent."""
    mu = data[2]
    growing = mf.ScheduledSGD(lambda k: 0.3 / (1 + k), lambda k: 1 + 2 * k, most=4)
    state = walk(growing, growing.prepare(network(data), mu), mu, 3)
    theta = np.asarray(mu.position)
    for k, count in enumerate((1, 3, 4)):
        rows = np.asarray(drawn(stream(KEY, "minibatch of a schedule", k), N, 4))[:count]
        theta = theta + 0.3 / (1 + k) * velocities(theta, data, 0.1)[rows].mean(axis=0)
    assert np.abs(state.particles.position - theta).max() < 1e-13
    whole = mf.ScheduledSGD(0.3, N, most=N, replacement=False)
    exact = walk(mf.GradientFlow(0.3), network(data), mu, 2).particles.position
    assert np.abs(walk(whole, whole.prepare(network(data), mu), mu, 2).particles.position - exact).max() < 1e-13


def test_draws_are_uniform_and_distinct_ones_differ():
    keys = jax.random.split(KEY, 3000)
    rows = np.asarray(jax.vmap(lambda key: drawn(key, 5, 2))(keys))
    counts = np.bincount((5 * rows[:, 0] + rows[:, 1]), minlength=25)
    assert np.sum((counts - 120) ** 2 / 120) < 65  # χ² of 24 degrees at 1e-5
    rows = np.asarray(jax.vmap(lambda key: distinct(key, 5, 2))(keys))
    assert np.all(rows[:, 0] != rows[:, 1])
    counts = np.bincount((5 * rows[:, 0] + rows[:, 1]), minlength=25)
    expected = 150 * (1 - np.eye(5).ravel())
    assert np.sum((counts - expected) ** 2 / 150) < 58  # 19 degrees


def simulate(flow, loss=None, y=None, **options):
    x = np.ones((3, 2))
    objective = mf.Objective(UNIT, loss or mf.Square(), x, np.ones(3) if y is None else y)
    return mf.simulate(objective, flow, mf.Particles(np.ones((4, 3))), times=1.0, **options)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mf.SAGA(0.0), "step=0.0"),
        (lambda: mf.SVRG(0.1, 0.5), "epoch=0.5"),
        (lambda: mf.ScheduledSGD(0.1, 5, most=4), "batch=5"),
        (lambda: mf.ScheduledSGD(0.1, 1, most=0), "most=0"),
        (lambda: simulate(mf.ScheduledSGD(0.1, 1, most=4, replacement=False), key=KEY), "max_batch=4"),
        (lambda: simulate(mf.SAGA(0.1)), "key=None"),
        (lambda: simulate(mf.SVRG(0.1, 4)), "key=None"),
        (lambda: simulate(mf.ScheduledSGD(0.1, 1, most=4)), "key=None"),
        (lambda: simulate(mf.SAGA(0.1), mf.Exponential(), np.array([1.0, -1.0, 1.0]), key=KEY), "loss=Exponential"),
    ],
)
def test_bad_input_is_one_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_it_works_in_single_precision_and_for_several_outputs():
    unit = mf.Neuron("relu", outputs=2)
    mu = mf.Particles.gaussian(KEY, unit, m=6, d=2, dtype="float32")
    objective = mf.Objective(unit, mf.Square(), np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32))
    for flow in (mf.TangentFlow(mf.SAGA(0.2)), mf.ScheduledSGD(0.2, 1, most=2)):
        end = walk(flow, flow.prepare(objective, mu), mu, 40).particles
        assert objective.risk(end) < objective.risk(mu)
        assert end.position.dtype == jnp.float32


def test_a_batch_that_is_no_whole_number_is_the_nearest():
    rng = np.random.default_rng(0)
    objective = mf.Objective(mf.Neuron("tanh"), mf.Square(), rng.normal(size=(8, 2)), rng.normal(size=8))
    mu = mf.Particles(rng.normal(size=(5, 3)))

    def end(batch):
        flow = mf.Flow(mf.steppers.Euler(0.1), mf.gradients.Minibatch(batch, max_batch=4))
        return np.asarray(mf.simulate(objective, flow, mu, times=1.0, key=jax.random.key(0)).particles.position)

    nearest, above, below = end(3.0), end(2.6), end(2.4)
    np.testing.assert_array_equal(above, nearest)
    np.testing.assert_array_equal(below, end(2.0))
    assert not np.array_equal(above, below)
