"""Factors of a user's own: each is one short class, and a flow of them runs, resumes and replicates like any other."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.flows import AbstractChecked
from meanfield.streams import stream


class AdamsBashforth(mf.steppers.AbstractStepperWithMemory):
    """θ ← θ + h (3/2 v_k − 1/2 v_{k−1}): order two for one velocity a step."""

    length: jax.Array

    def init(self, field, position):
        return field.velocity()

    def step(self, field, position, memory, time, number):
        v = field.velocity()
        return mf.steppers.Move(position + self.length * (1.5 * v - 0.5 * memory), self.length, v)


class Every(mf.gradients.AbstractGradient, AbstractChecked):
    """Every other sample, even or odd ones by the toss of a coin."""

    draws = "parity"

    def prepare(self, start):
        if start.problem.y.shape[0] % 2:
            raise ValueError("y has an odd number of rows: expected an even one.")

    def estimate(self, problem, slopes, mu, memory, key, step):
        n = problem.y.shape[0]
        odd = jax.random.bernoulli(stream(key, "parity", step)).astype(int)
        return mf.gradients.of_problem(problem.subset(mu, 2 * jnp.arange(n // 2) + odd), slopes, mu)


class Uniform(mf.noises.AbstractNoise):
    """Noise of two values."""

    draws = "signs"
    size: jax.Array

    def increment(self, key, step, position, length):
        signs = jax.random.rademacher(stream(key, "signs", step), position.shape, position.dtype)
        return self.size * jnp.sqrt(length) * signs


class Replicator(mf.reactions.AbstractReaction):
    """p_j' = −r p_j (F'(θ_j) − ∫ F' dp)."""

    draws = ""
    rate: jax.Array

    def react(self, before, moved, potential, length, key, step):
        p = before.mass * jnp.exp(-self.rate * length * potential)
        return mf.reactions.Reacted(eqx.tree_at(lambda mu: mu.mass, moved, before.mass.sum() * p / p.sum()), None)


KEY, M, N, H = jax.random.key(3), 6, 4, 0.05
UNIT = mf.Neuron("tanh")
X, Y = np.array([[1.0, 0.2], [-0.5, 1.0], [0.3, -0.7], [2.0, 0.1]]), np.array([0.5, -0.2, 0.1, 0.9])


def problem():
    return mf.Objective(UNIT, mf.Square(), X, Y)


def start(key=KEY):
    return mf.Particles.gaussian(key, UNIT, m=M, d=2)


def flow(rate=0.7, size=0.01, **options):
    reaction, noise = Replicator(jnp.asarray(rate)), Uniform(jnp.asarray(size))
    return mf.Flow(AdamsBashforth(jnp.asarray(H)), Every(), noise, reaction, **options)


def test_two_steps_by_hand():
    """Everything at once, against NumPy: which samples, which signs are asked of the streams."""
    mu = start()
    run = mf.simulate(problem(), flow(), mu, times=[0, H, 2 * H], key=KEY)
    theta, p = np.asarray(mu.position, float), np.full(M, 1 / M)

    def slopes(rows):
        hidden = np.tanh(theta[:, 1:] @ X[rows].T)
        r = (p * theta[:, 0]) @ hidden - Y[rows]
        potential = theta[:, 0] * (hidden @ r) / len(rows)
        inner = theta[:, :1] * (1 - hidden**2)
        return potential, -np.column_stack([hidden @ r, (inner * r) @ X[rows]]) / len(rows)

    before = slopes(np.arange(N))[1]
    for k in range(2):
        odd = int(jax.random.bernoulli(stream(KEY, "parity", k)))
        potential, v = slopes(2 * np.arange(2) + odd)
        signs = np.asarray(jax.random.rademacher(stream(KEY, "signs", k), (M, 3), run.particles.dtype), float)
        theta, before = theta + H * (1.5 * v - 0.5 * before) + 0.01 * np.sqrt(H) * signs, v
        weight = p * np.exp(-0.7 * H * potential)
        p = weight / weight.sum()
    np.testing.assert_allclose(run.particles.position, theta, rtol=0, atol=3e-6)
    np.testing.assert_allclose(run.particles.mass, p, rtol=3e-6)
    assert run.stats["evaluations"] == 2


def test_order_two():
    """Halving the step divides the error by four: the memory is the velocity of the step before, and no other."""
    with jax.enable_x64(True):
        exact = mf.simulate(problem(), mf.AdaptiveFlow(1e-12, 1e-13), start(), times=1.0).particles.position
        errors = []
        for h in (0.02, 0.01):
            own = mf.Flow(AdamsBashforth(jnp.asarray(h)))
            errors.append(np.abs(mf.simulate(problem(), own, start(), times=1.0).particles.position - exact).max())
    assert 3.6 < errors[0] / errors[1] < 4.4


def test_resumed_from_a_chunk_and_replicated():
    whole = mf.simulate(problem(), flow(), start(), times=[0, 200 * H], key=KEY)
    parts = mf.simulate(problem(), flow(), start(), times=[0, 70 * H, 200 * H], key=KEY)
    assert np.array_equal(whole.particles.position, parts.particles.position)
    keys = [jax.random.key(i) for i in range(2)]
    flows = [flow(rate=0.7), flow(rate=0.1)]
    runs = mf.simulate_replicas([problem()] * 2, flows, [start(key) for key in keys], times=[0, 20 * H], keys=keys)
    for key, one, run in zip(keys, flows, runs, strict=True):
        alone = mf.simulate(problem(), one, start(key), times=[0, 20 * H], key=key)
        np.testing.assert_allclose(run.particles.position, alone.particles.position, rtol=0, atol=1e-5)
        np.testing.assert_allclose(run.particles.mass, alone.particles.mass, rtol=1e-5)


def test_only_what_is_trained_moves():
    own = mf.OutputFlow(flow())
    run = mf.simulate(problem(), own, start(), times=[0, 5 * H], key=KEY)
    assert np.array_equal(run.particles.position[:, 1:], start().position[:, 1:])
    assert not np.array_equal(run.particles.position[:, 0], start().position[:, 0])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: mf.simulate(mf.Objective(UNIT, mf.Square(), X[:3], Y[:3]), flow(), start(), times=H, key=KEY), "odd"),
        (lambda: mf.simulate(problem(), flow(), start(), times=H), "key=None: Every draws parity"),
        (lambda: mf.Flow(mf.steppers.RKC(), Every()), "gradient=Every: RKC chooses its steps"),
        (lambda: mf.simulate(problem(), mf.TangentFlow(flow()), start(), times=H, key=KEY), "linearised"),
    ],
)
def test_refused(made, words):
    with pytest.raises(ValueError, match=words):
        made()


def test_advice_names_the_step():
    assert flow().advice() == "lower the step (now 0.05)"
