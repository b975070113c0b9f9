"""Laws of samples: weights, quadrature, fresh samples, and error bars that are as long as errors are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.streams import stream

pytestmark = [pytest.mark.usefixtures("x64"), pytest.mark.turns(4)]
N, D, COUNTS = 5, 2, np.array([1, 3, 0, 2, 2])


def data(outputs, loss):
    rng = np.random.default_rng(outputs)
    x, theta = rng.normal(size=(N, D)), rng.normal(size=(4, outputs + D + 1))
    y = rng.normal(size=(N, outputs)) if outputs > 1 else rng.normal(size=N)
    if loss == "logistic":
        y = np.argmax(y, axis=1) if outputs > 1 else np.sign(y)
    return x, y, mf.Particles(theta, np.array([0.1, 0.2, 0.3, 0.4]))


def made(x, y, outputs, loss, **options):
    unit = mf.Neuron("tanh", bias=True, outputs=outputs)
    law = mf.Square() if loss == "square" else mf.Logistic()
    return mf.Objective(unit, law, x, y, 2.0, mf.WeightDecay(0.1), **options)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("loss", ["square", "logistic"])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.turns(8)
def test_weights_are_repetitions(outputs, loss, centred):
    """A sample of weight k is k samples: in every number that a problem tells, and in its linearisation."""
    x, y, mu = data(outputs, loss)
    reference = mf.Particles(mu.position[:2] + 1) if centred else False
    heavy = made(x, y, outputs, loss, centred=reference, weights=7.0 * COUNTS)
    often = made(np.repeat(x, COUNTS, axis=0), np.repeat(y, COUNTS, axis=0), outputs, loss, centred=reference)
    assert not jnp.allclose(made(x, y, outputs, loss, centred=reference).risk(mu), often.risk(mu), rtol=1e-3)
    for one, other in ((heavy, often), (heavy.bind(mu), often.bind(mu))):
        for told in ("risk", "value", "velocity", "slopes"):
            for a, b in zip(*map(jax.tree.leaves, (getattr(one, told)(mu), getattr(other, told)(mu))), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
        points = mu.position + 1
        np.testing.assert_allclose(one.first_variation(mu, points), other.first_variation(mu, points), rtol=1e-12)
    anchored = [
        problem.linearised(mf.Particles(mu.position - 0.5, mu.mass)).trained("input") for problem in (heavy, often)
    ]
    np.testing.assert_allclose(anchored[0].velocity(mu), anchored[1].velocity(mu), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["network", "linearised", "trained"])
def test_a_few_samples_of_weights_are_unbiased(kind):
    """The mean over all single samples, as every gradient by samples draws them, is the whole; so it is for batches
    of which only the first ones count."""
    x, y, mu = data(1, "square")
    problem = made(x, y, 1, "square", weights=COUNTS)
    problem = {"network": problem, "linearised": problem.linearised(mu), "trained": problem.trained("output")}[kind]
    bound, moved = problem.bind(mu), mu.moved(mu.position + 0.1)
    single = [bound.subset(mu, jnp.array([i])).velocity(moved) for i in range(N)]
    np.testing.assert_allclose(np.mean(single, axis=0), bound.velocity(moved), rtol=1e-12, atol=1e-14)
    pair = bound.subset(mu, jnp.array([1, 3, 0]), jnp.array(2.0))
    np.testing.assert_allclose(pair.velocity(moved), (single[1] + single[3]) / 2, rtol=1e-12, atol=1e-14)
    few = [float(bound.subset(mu, jnp.array([i])).risk(moved)) for i in (1, 3)]
    np.testing.assert_allclose(pair.risk(moved), np.mean(few), rtol=1e-12)


@pytest.mark.parametrize("gradient", [mf.gradients.SAGA(), mf.gradients.SVRG(3), mf.gradients.Minibatch(2)], ids=repr)
def test_gradients_by_samples_descend_a_weighted_risk(gradient):
    x, y, mu = data(1, "square")
    problem, key = made(x, y, 1, "square", weights=COUNTS), jax.random.key(0)
    end = mf.simulate(problem, mf.Flow(mf.steppers.Euler(0.02), gradient), mu, times=[0, 40.0], key=key).values["risk"]
    exact = mf.simulate(problem, mf.GradientFlow(0.02), mu, times=[0, 40.0]).values["risk"]
    plain = mf.simulate(made(x, y, 1, "square"), mf.GradientFlow(0.02), mu, times=[0, 40.0]).particles
    assert abs(end[1] - exact[1]) < 0.25 * abs(problem.risk(plain) - exact[1])


def test_equal_weights_are_none_to_the_bit():
    x, y, mu = data(1, "square")
    assert made(x, y, 1, "square", weights=np.full(N, 0.3)).weights is None
    shown = jax.jit(lambda w: made(x, y, 1, "square", weights=w).velocity(mu))(jnp.full(N, 0.25))
    np.testing.assert_allclose(shown, made(x, y, 1, "square").velocity(mu), rtol=1e-14, atol=1e-15)


def moment(law, k):
    """E x_1^k of the laws, in closed form."""
    if k % 2:
        return 0.0
    return {
        "gaussian": np.prod(np.arange(1, k, 2, dtype=float)),
        "cube": 1 / (k + 1),
        "circle": np.prod(np.arange(1, k, 2) / np.arange(2, k + 1, 2)),
    }[law]


@pytest.mark.parametrize(("law", "d"), [("gaussian", 1), ("gaussian", 3), ("cube", 2), ("circle", 2)])
@pytest.mark.turns(1)  # each is another formula
def test_quadrature_is_exact_for_polynomials(law, d):
    nodes = 6
    x, w = mf.datasets.quadrature(law, d, nodes)
    degree = nodes - 1 if law == "circle" else 2 * nodes - 1
    for k in range(degree + 1):
        assert w @ x[:, -1] ** k == pytest.approx(moment(law, k), rel=1e-12, abs=1e-14 * (w @ abs(x[:, -1]) ** k))
    first = degree + 1 if law != "circle" else nodes  # and not beyond: the bound is sharp
    assert w @ x[:, -1] ** first != pytest.approx(moment(law, first), rel=1e-6)


def test_quadrature_is_the_risk_of_the_law():
    """A linear network on N(0, I): R = ½|u − v|² and v_j in closed form, u = α Σ p_j a_j w_j, target v·x."""
    x, w = mf.datasets.quadrature("gaussian", 3, 4)
    target = np.array([1.0, -2.0, 0.5])
    problem = mf.Objective(mf.Neuron("linear"), mf.Square(), x, x @ target, scale=3.0, weights=w)
    theta = np.random.default_rng(0).normal(size=(5, 4))
    a, inputs = theta[:, :1], theta[:, 1:]
    apart = 3.0 * np.mean(a * inputs, axis=0) - target
    assert float(problem.risk(mf.Particles(theta))) == pytest.approx(0.5 * apart @ apart, rel=1e-12)
    velocity = -np.concatenate([inputs @ apart[:, None], a * apart], axis=1) / 3.0
    np.testing.assert_allclose(problem.velocity(mf.Particles(theta)), velocity, rtol=1e-12)


TARGET = np.array([0.5, -1.0])


def sampler(key, batch):
    x = jax.random.normal(key, (batch, 2))
    return x, x @ TARGET


def population(**options):
    return mf.Objective.population(mf.Neuron("tanh"), mf.Square(), sampler, key=jax.random.key(1), **options)


@pytest.mark.full
def test_error_bars_are_as_long_as_errors():
    """Over 200 keys errors of risk and velocity, in units of their bars, have variance 1. The truth is quadrature's."""
    x, w = mf.datasets.quadrature("gaussian", 2, 40)
    truth = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, x @ TARGET, weights=w)
    mu = mf.Particles(np.random.default_rng(3).normal(size=(3, 3)))
    problem = population(samples=8)
    found = [mf.objectives.estimate(problem, mu, key, 200) for key in jax.random.split(jax.random.key(2), 200)]
    scores = [(one.risk - truth.risk(mu)) / one.risk_error for one in found]
    slopes = np.array([(one.velocity - truth.velocity(mu)) / one.velocity_error for one in found])
    deviation = np.sqrt(2 / 200)  # of a variance from 200 values
    assert np.mean(np.square(scores)) == pytest.approx(1, abs=5 * deviation)
    np.testing.assert_allclose(np.mean(slopes**2, axis=0), 1, atol=5 * deviation)
    assert found[0].velocity.shape == found[0].velocity_error.shape == (3, 3)


@pytest.mark.parametrize("samples", [2, 63, 64, 65, 130])
@pytest.mark.full
def test_error_bars_are_those_of_single_samples(samples):
    mu, key = mf.Particles(np.random.default_rng(3).normal(size=(3, 3))), jax.random.key(5)
    problem = population(samples=8, penalty=mf.WeightDecay(0.3))
    found = mf.objectives.estimate(problem, mu, key, samples)
    x, y = sampler(stream(key, "samples of an estimate"), samples)
    one = [
        mf.Objective(problem.unit, problem.loss, x[i : i + 1], y[i : i + 1], penalty=problem.penalty)
        for i in range(samples)
    ]
    velocities, risks = np.array([o.velocity(mu) for o in one]), np.array([o.risk(mu) for o in one])
    np.testing.assert_allclose(found.velocity, velocities.mean(0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.velocity_error, velocities.std(0, ddof=1) / samples**0.5, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(found.risk_error, risks.std(ddof=1) / samples**0.5, rtol=1e-12)


def test_what_is_looked_at_is_not_what_is_learnt():
    """Risk and its bar come from samples of a stream of their own, whatever key the simulation has."""
    problem, key = population(samples=50), jax.random.key(1)
    flow = mf.Flow(mf.steppers.Euler(0.1), mf.gradients.Stream(batch=50))
    mu = mf.Particles.gaussian(key, problem.unit, m=6, d=2)
    watched = {"risk": mf.Risk(), "error": mf.observables.RiskError()}
    run = mf.simulate(problem, flow, mu, times=[0, 1.0], key=key, observables=watched)
    given = mf.Flow(mf.steppers.Euler(0.1), mf.gradients.Stream(sampler, 50))
    same = mf.simulate(problem, given, mu, times=[0, 1.0], key=key, observables=watched)
    assert np.array_equal(run.particles.position, same.particles.position)
    risks = 0.5 * np.square(problem.predict(mu) - problem.y)
    assert run.values["risk"][0] == pytest.approx(risks.mean(), rel=1e-12)
    assert run.values["error"][0] == pytest.approx(risks.std(ddof=1) / 50**0.5, rel=1e-12)
    assert not np.isin(np.asarray(problem.x), np.asarray(sampler(stream(key, "fresh samples", 0), 50)[0])).any()


def own(**options):
    """Return a problem of its own samples."""
    return made(*data(1, "square")[:2], 1, "square", **options)


def certified(**options):
    unit, loss, penalty = mf.Neuron("relu"), mf.Square(), mf.WeightDecay(0.1)
    problem = mf.Objective(unit, loss, np.eye(2), np.ones(2), penalty=penalty, **options)
    return mf.optimality_gap(problem, mf.Particles(np.ones((2, 3))))


def streamed(problem, sampler=None):
    flow = mf.Flow(mf.steppers.Euler(0.1), mf.gradients.Stream(sampler, batch=2))
    return mf.simulate(problem, flow, data(1, "square")[2], times=1.0, key=jax.random.key(0))


def estimated(problem, samples=4):
    return mf.objectives.estimate(problem, mf.Particles(np.ones((2, 3))), jax.random.key(0), samples)


def no_mean():
    return mf.Objective(mf.Neuron("relu"), mf.Exponential(), np.eye(2), [1, -1], weights=[1.0, 2.0])


def no_pair():
    unit = mf.Neuron("tanh")
    return mf.Objective.population(unit, mf.Square(), lambda key, n: jnp.ones((n, 2)), key=jax.random.key(0))


REFUSED = {
    "no sampler": (lambda: streamed(own()), "sampler=None: expected a function"),
    "nothing to draw from": (lambda: estimated(own()), "problem has no sampler: expected"),
    "one sample": (lambda: estimated(population(), 1), "samples=1: expected at least 2"),
    "no pair": (no_pair, "sampler returned a value of type .*: expected the pair"),
    "negative": (lambda: own(weights=-COUNTS), "weights"),
    "zeros": (lambda: own(weights=0.0 * COUNTS), "weights holds zeros alone"),
    "too few": (lambda: own(weights=[1.0, 2.0]), r"weights has shape \(2,\)"),
    "no mean": (no_mean, "weights: Exponential is no mean"),
    "a bar of weights": (
        lambda: mf.observables.RiskError()(own(weights=COUNTS), data(1, "square")[2], None),
        "weights: expected a problem whose samples weigh the same",
    ),
    "a certificate": (
        lambda: certified(weights=[1.0, 2.0]),
        "weights: expected a problem whose samples weigh the same",
    ),
    "another law": (lambda: mf.datasets.quadrature("cauchy", 1, 3), "law='cauchy'"),
    "a sphere": (lambda: mf.datasets.quadrature("circle", 3, 3), "d=3: expected 2"),
    "too many": (lambda: mf.datasets.quadrature("cube", 12, 8), "nodes=8: expected at most 4 an axis"),
}


def test_what_is_refused_with_weights_is_not_without():
    assert certified().certified
    assert np.isfinite(estimated(population()).risk_error)


@pytest.mark.parametrize("case", REFUSED)
def test_sentences(case):
    call, sentence = REFUSED[case]
    with pytest.raises(ValueError, match=sentence):
        call()
