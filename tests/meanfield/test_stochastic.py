"""Stochastic gradient descent: unbiased steps, exact limits, and a random stream that nothing but the key decides."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import meanfield as mf
from meanfield.streams import stream

pytestmark = [pytest.mark.turns(4), pytest.mark.fast]

N, D, M, B = 7, 2, 4, 3
UNIT, KEY = mf.Neuron("tanh"), jax.random.key(5)
LEVEL = 1e-6


@pytest.fixture
def data(x64):
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, D)), rng.normal(size=N), mf.Particles(rng.normal(size=(M, D + 1)))


def network(data, **options):
    x, y, _ = data
    return mf.Objective(UNIT, mf.Square(), x, y, scale=2.0, penalty=mf.WeightDecay(0.1), **options)


@eqx.filter_jit
def walk(flow, objective, mu, key, steps=1):
    """Positions after a few steps, without the machinery of a simulation."""
    state = flow.init(objective, mu, key=key)
    for _ in range(steps):
        state = flow.step(objective, state)
    return state.particles.position


def velocities(flow, objective, mu, draws):
    """(θ_1 − θ_0)/h of one step from `mu`, for as many keys."""

    keys = jax.random.split(KEY, draws)
    ends = jax.vmap(lambda key: walk(flow, flow.prepare(objective, mu), mu, key))(keys)
    return np.asarray(ends - mu.position) / float(flow.stepper.length)


def velocity_of_each(theta, x, y, offset):
    """−∇F'[μ](θ_j) of every sample alone, by hand: [N, M, D + 1], for α = 2 and weight decay 0.1."""
    a, h = theta[:, 0], np.tanh(x @ theta[:, 1:].T)
    r = 2.0 * np.mean(a * h, axis=1) - offset - y
    inner = (a * (1 - h**2))[:, :, None] * x[:, None, :]
    return -r[:, None, None] * np.concatenate([h[:, :, None], inner], axis=2) / 2.0 - 0.1 * theta


@pytest.mark.parametrize(("replacement", "centred"), [(True, False), (False, True)])
def test_velocity_is_unbiased_with_the_variance_of_its_draws(data, replacement, centred):
    """Mean: the full velocity. Variance: S²/B with replacement, S²/B · (N − B)/(N − 1) without, S² over samples."""
    x, y, mu = data
    theta = np.asarray(mu.position)
    offset = 2.0 * np.mean((theta[:, 0] + 0.3) * np.tanh(x @ (theta[:, 1:] + 0.3).T), axis=1) if centred else 0.0
    each = velocity_of_each(theta, x, y, offset)
    full = each.mean(axis=0)
    objective = network(data, centred=mf.Particles(theta + 0.3) if centred else False)
    draws = velocities(mf.SGD(0.1, B, replacement=replacement), objective, mu, 4000)
    error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(axis=0) - full) < stats.norm.isf(LEVEL / 2 / full.size) * error)

    independent = np.mean(np.sum((each - full) ** 2, axis=(1, 2))) / B
    distinct = independent * (N - B) / (N - 1)
    squares = np.sum((draws - full) ** 2, axis=(1, 2))
    scores = [(squares.mean() - one) / (squares.std() / np.sqrt(len(squares))) for one in (independent, distinct)]
    right, wrong = scores if replacement else scores[::-1]
    assert abs(right) < stats.norm.isf(LEVEL / 2) < abs(wrong)


def test_all_samples_without_replacement_are_gradient_descent(data):
    objective, mu = network(data), data[2]
    exact = walk(mf.GradientFlow(0.25), objective, mu, KEY, 2)
    assert np.array_equal(walk(mf.SGD(0.25, N, replacement=False), objective, mu, KEY, 2), exact)
    assert np.abs(walk(mf.SGD(0.25, N), objective, mu, KEY, 2) - exact).max() > 1e-3


def test_steps_follow_from_the_key_alone(data):
    """Chunks of any length give the same bits; another key gives another path; the step counts the draws."""
    runs = [
        mf.simulate(network(data), mf.SGD(0.1, B), data[2], times=[0, 3.0], key=key, chunk=chunk)
        for key, chunk in ((KEY, 7), (KEY, None), (jax.random.key(6), 7))
    ]
    assert np.array_equal(runs[0].particles.position, runs[1].particles.position)
    assert not np.array_equal(runs[0].particles.position, runs[2].particles.position)
    assert runs[0].stats["steps"] == runs[0].stats["evaluations"] == 30


def linear_samples(key, batch):
    x = jax.random.normal(key, (batch, D))
    return x, x[:, 0]


@pytest.mark.parametrize("centred", [False, True])
def test_fresh_samples_come_from_the_sampler(data, centred):
    """One step by hand: the gradient at sampler(key of step 0, B), whatever the objective's own samples are."""
    mu, flow = data[2], mf.SGD(0.5, B, sampler=linear_samples)
    x, y = map(np.asarray, linear_samples(stream(KEY, "fresh samples", 0), B))
    theta = np.asarray(mu.position)
    objective = flow.prepare(network(data, centred=centred), mu)
    offset = 2.0 * np.mean(theta[:, 0] * np.tanh(x @ theta[:, 1:].T), axis=1) if centred else 0.0
    expected = theta + 0.5 * velocity_of_each(theta, x, y, offset).mean(axis=0)
    assert np.abs(walk(flow, objective, mu, KEY) - expected).max() < 1e-13


def test_tangent_model_on_minibatches(data):
    """Each step of the tangent model is its gradient on the samples drawn: two steps by hand, without penalty."""
    (x, y, mu), flow = data, mf.TangentFlow(mf.SGD(0.5, B))
    objective = flow.prepare(mf.Objective(UNIT, mf.Square(), x, y, scale=2.0), mu)
    start = np.asarray(mu.position)
    a, h = start[:, 0], np.tanh(x @ start[:, 1:].T)
    slopes = np.concatenate([h[:, :, None], (a * (1 - h**2))[:, :, None] * x[:, None, :]], axis=2)
    theta = start.copy()
    for step in range(2):
        rows = np.asarray(jax.random.choice(stream(KEY, "minibatch", step), N, (B,)))
        assert np.array_equal(flow.gradient.rows(KEY, step, N), rows)
        f = 2.0 * np.mean(a * h[rows], axis=1) + 2.0 / M * np.einsum("bmp,mp->b", slopes[rows], theta - start)
        theta = theta - 0.5 / 2.0 * np.einsum("b,bmp->mp", f - y[rows], slopes[rows]) / B
    assert np.abs(walk(flow, objective, mu, KEY, 2) - theta).max() < 1e-13


def test_class_labels_from_a_sampler(data):
    """Rows of classes, as the loss wants them; and steps from a schedule."""
    unit = mf.Neuron("tanh", outputs=2)
    mu = mf.Particles(np.ones((M, D + 2)))
    objective = mf.Objective(unit, mf.Logistic(), data[0], np.arange(N) % 2)

    def sampler(key, batch):
        return jnp.ones((batch, D)), jnp.tile(jnp.array([1.0, 0.0]), (batch, 1))

    flow = mf.SGD(lambda k: 0.5 / (1 + k), 4, sampler=sampler)
    assert flow.clock(np.array([0, 0.75]))[0].tolist() == [0, 2]
    # Equal outputs: r = (−½, ½) at every sample, and the gradient in the output weights is r tanh 2.
    moved = walk(flow, flow.prepare(objective, mu), mu, KEY)
    assert np.allclose(moved[:, :2], 1 + 0.25 * np.tanh(2.0) * np.array([1, -1]), rtol=1e-13)


def test_replicas_draw_their_own_samples(data):
    keys = list(jax.random.split(KEY, 3))
    flows = [mf.SGD(h, B) for h in (0.1, 0.1, 0.2)]
    together = mf.simulate_replicas(network(data), flows, data[2], times=[0, 2.0], keys=keys)
    alone = mf.simulate(network(data), flows[2], data[2], times=[0, 2.0], key=keys[2])
    assert np.abs(together[2].particles.position - alone.particles.position).max() < 1e-12
    assert not np.array_equal(together[0].particles.position, together[1].particles.position)


def test_five_steps_compile_once(data):
    traces = []

    def counted(key, batch):
        traces.append(batch)
        return linear_samples(key, batch)

    for h in (0.1, 0.2, 0.3, 0.4, 0.5):
        mf.simulate(network(data), mf.SGD(h, B, sampler=counted), data[2], times=[0, 5 * h], key=KEY)
    assert len(traces) == 5 + 1  # five looks at the shapes, and one compilation


def test_divergence_is_told_with_advice(data):
    assert mf.SGD(1e3, B).advice() == "lower the step (now 1e+03) or raise the batch (now 3)"
    assert "its schedule" in mf.SGD(lambda k: 1e3, B).advice()


ERRORS = {
    "no key": (
        lambda data: mf.simulate(network(data), mf.SGD(0.1, B), data[2], times=1.0),
        "key=None: Minibatch draws",
    ),
    "no step": (lambda data: mf.SGD(0.0, B), "step=0.0: expected a finite number above 0"),
    "no batch": (lambda data: mf.SGD(0.1, 0), "batch=0: expected a whole number of at least 1"),
    "too many": (
        lambda data: mf.simulate(network(data), mf.SGD(0.1, 8, replacement=False), data[2], times=1.0, key=KEY),
        "batch=8: expected at most n=7 different samples, or replacement=True",
    ),
    "a game": (
        lambda data: mf.SGD(0.1, B).prepare(mf.objectives.AdversarialObjective(UNIT, data[0], generators=2), data[2]),
        r"objective=AdversarialObjective\(…\): expected a mean over samples",
    ),
    "inputs of another shape": (
        lambda data: mf.SGD(0.1, B, sampler=lambda key, batch: (jnp.ones((batch, 5)), jnp.ones(batch))).prepare(
            network(data), data[2]
        ),
        r"sampler returned x of shape \(3, 5\) and type float64: expected floats \(3, 2\)",
    ),
    "targets of another shape": (
        lambda data: mf.SGD(0.1, B, sampler=lambda key, batch: (jnp.ones((batch, D)), jnp.ones(2))).prepare(
            network(data), data[2]
        ),
        r"sampler returned y of shape \(2,\): expected 3 targets",
    ),
    "inputs alone": (
        lambda data: mf.SGD(0.1, B, sampler=lambda key, batch: jnp.ones((batch, D))).prepare(network(data), data[2]),
        r"expected the pair \(x, y\)",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_input_is_named(data, case):
    call, message = ERRORS[case]
    with pytest.raises(ValueError, match=message):
        call(data)
