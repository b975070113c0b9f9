"""Each observable against its formula in numpy."""

import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast

N, D, M, SCALE = 6, 2, 5, 3.0
EPS = np.finfo(float).eps


@pytest.fixture
def scene(x64):
    """(objective, μ_0, μ, fresh inputs, fresh targets): tanh, weight decay, unequal masses."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(N, D)), rng.normal(size=N)
    objective = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y, SCALE, mf.WeightDecay(0.2))
    mass = rng.uniform(0.5, 1.5, M) / M
    mu0, mu = (mf.Particles(rng.normal(size=(M, D + 1)), mass) for _ in range(2))
    return objective, mu0, mu, rng.normal(size=(4, D)), rng.normal(size=4)


def observe(observable, objective, mu0, mu):
    return np.asarray(observable(objective, mu, observable.init(objective, mu0)))


def f_of(mu, x):
    theta = np.asarray(mu.position)
    return SCALE * np.einsum("j,ji->i", np.asarray(mu.mass) * theta[:, 0], np.tanh(theta[:, 1:] @ x.T))


def kernel_of(mu, x):
    theta, p = np.asarray(mu.position), np.asarray(mu.mass)
    s = np.tanh(theta[:, 1:] @ x.T)
    d = theta[:, :1] * (1 - s**2)
    return np.einsum("j,ji,jl->il", p, s, s) + np.einsum("j,ji,jl->il", p, d, d) * (x @ x.T)


def test_risk_energy_and_predictions(scene):
    objective, mu0, mu, x_new, y_new = scene
    x, y, theta = np.asarray(objective.x), np.asarray(objective.y), np.asarray(mu.position)
    risk = ((f_of(mu, x) - y) ** 2).sum() / (2 * N)
    energy = risk / SCALE**2 + 0.1 * np.asarray(mu.mass) @ (theta**2).sum(1)
    expected = [
        (mf.Risk(), risk),
        (mf.observables.Energy(), energy),
        (mf.Predictions(), f_of(mu, x)),
        (mf.Predictions(jnp.asarray(x_new)), f_of(mu, x_new)),
        (mf.TestRisk(x_new, y_new), ((f_of(mu, x_new) - y_new) ** 2).sum() / 8),
    ]
    for observable, value in expected:
        # sums of M·D products and N squares
        np.testing.assert_allclose(observe(observable, objective, mu0, mu), value, rtol=0, atol=64 * EPS * SCALE**2 * N)


def test_test_error_of_signs_and_of_classes(scene):
    """Wrong signs over all; with several outputs, largest output against the one-hot row."""
    objective, mu0, mu, x_new, _ = scene
    f = f_of(mu, x_new)
    labels = np.sign(f) * [1, -1, 1, -1]
    assert observe(mf.observables.TestError(x_new, labels), objective, mu0, mu) == 0.5
    assert observe(mf.observables.TestError(x_new, np.sign(f)), objective, mu0, mu) == 0
    rng = np.random.default_rng(1)
    unit = mf.Neuron("tanh", outputs=3)
    classes = mf.Objective(unit, mf.Logistic(), objective.x, rng.integers(0, 3, N))
    nu = mf.Particles(rng.normal(size=(M, unit.size(D))))
    best = np.argmax(np.asarray(classes.predict(nu, x_new)), axis=1)
    wrong = best.copy()
    wrong[0] = (wrong[0] + 1) % 3
    assert observe(mf.observables.TestError(x_new, np.eye(3)[wrong]), classes, nu, nu) == 0.25


def test_displacement_and_positions(scene):
    """Root mean square over the masses, from where the run started."""
    objective, mu0, mu, _, _ = scene
    move = np.asarray(mu.position - mu0.position)
    expected = np.sqrt(np.asarray(mu.mass) @ (move**2).sum(1))
    assert abs(observe(mf.Displacement(), objective, mu0, mu) - expected) <= 16 * EPS * expected
    assert observe(mf.Displacement(), objective, mu0, mu0) == 0
    assert np.array_equal(observe(mf.Positions(), objective, mu0, mu), mu.position)


def test_kernel_drift(scene):
    """Relative in the Frobenius norm; zero for the tangent model, whose kernel is its anchor's."""
    objective, mu0, mu, _, _ = scene
    before, after = (kernel_of(nu, np.asarray(objective.x)) for nu in (mu0, mu))
    expected = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert abs(observe(mf.observables.KernelDrift(), objective, mu0, mu) - expected) <= 256 * EPS * (1 + expected)
    tangent = mf.objectives.TangentObjective(objective, mu0)
    assert observe(mf.observables.KernelDrift(), tangent, mu0, mu) == 0


def test_kernel_alignment(scene):
    """cos(K, yyᵀ), both centred by I − 11ᵀ/n or neither; of the anchor for the tangent model."""
    objective, mu0, mu, _, _ = scene
    kernel, y = kernel_of(mu, np.asarray(objective.x)), np.asarray(objective.y)
    for centred in (True, False):
        h = np.eye(N) - np.ones((N, N)) / N if centred else np.eye(N)
        k, target = h @ kernel @ h, h @ np.outer(y, y) @ h
        expected = np.sum(k * target) / np.linalg.norm(k) / np.linalg.norm(target)
        observable = mf.observables.KernelAlignment(centred=centred)
        assert abs(observe(observable, objective, mu0, mu) - expected) <= 256 * EPS
        tangent = mf.objectives.TangentObjective(objective, mu)
        assert abs(observe(observable, tangent, mu0, mu0) - expected) <= 256 * EPS
        assert -1 <= expected <= 1


def test_changed_signs(scene):
    """Share of neurons with any sign(w·x + b) changed: planted flips, counted among more neurons than one batch."""
    objective, _, _, _, _ = scene
    rng = np.random.default_rng(2)
    theta = rng.normal(size=(3000, D + 1))
    flipped = theta.copy()
    flipped[:700, 1:] *= -1  # every sign flips
    flipped[700:, 1:] *= 2  # none does
    flipped[:, 0] *= -1  # the output weight has no say
    mu0, mu = mf.Particles(theta), mf.Particles(flipped)
    assert abs(observe(mf.observables.ChangedSigns(), objective, mu0, mu) - 700 / 3000) <= 4 * EPS
    assert observe(mf.observables.ChangedSigns(), objective, mu0, mu0) == 0
    # one single sign out of N is enough: a bias that moves over one sample's pre-activation
    biased = mf.Objective(mf.Neuron("relu", bias=True), mf.Square(), [[1.0], [3.0]], [0.0, 0.0])
    one, other = (mf.Particles([[1.0, 1.0, b]]) for b in (-2.0, -0.5))
    assert observe(mf.observables.ChangedSigns(), biased, one, other) == 1


def test_every_observable_has_a_name_a_symbol_and_a_unit():
    """Names are unique, since they are the keys of a trajectory."""
    x, y = np.ones((1, 1)), np.ones(1)
    every = [
        mf.Risk(),
        mf.observables.Energy(),
        mf.Predictions(),
        mf.TestRisk(x, y),
        mf.observables.TestError(x, y),
        mf.Displacement(),
        mf.Positions(),
        mf.observables.KernelDrift(),
        mf.observables.KernelAlignment(),
        mf.observables.ChangedSigns(),
    ]
    assert len({observable.name for observable in every}) == len(every)
    assert all(observable.symbol and observable.unit for observable in every)
