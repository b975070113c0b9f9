"""Sharpness against the whole Hessian, stiffness against gradients of single samples."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.turns(4)

N, D, M = 6, 2, 5


def scene(k=1, loss=None, activation="tanh", equal=False, penalty=0.2, scale=3.0):
    rng = np.random.default_rng(0)
    unit = mf.Neuron(activation, outputs=k)
    y = rng.choice([-1.0, 1.0], size=N) if k == 1 else np.eye(k)[rng.integers(k, size=N)]
    decay = mf.WeightDecay(penalty) if penalty else None
    objective = mf.Objective(unit, loss or mf.Square(), rng.normal(size=(N, D)), y, scale, decay)
    mass = np.full(M, 1 / M) if equal else rng.uniform(0.5, 1.5, M) / M
    return objective, mf.Particles(rng.normal(size=(M, k + D)), mass)


def whole(objective, mu):
    """λ_max of P^−½ ∇²F P^−½."""

    def value(flat):
        return objective.value(mu.moved(flat.reshape(mu.position.shape)))

    hessian = np.asarray(jax.jit(jax.hessian(value))(mu.position.ravel()))
    root = np.repeat(np.sqrt(np.asarray(mu.mass)), mu.position.shape[1])
    return np.linalg.eigvalsh(hessian / root / root[:, None])[-1]


@pytest.mark.parametrize(
    ("k", "loss", "activation"),
    [(1, mf.Square(), "tanh"), pytest.param(3, mf.Logistic(), "relu", marks=pytest.mark.full)],
)
def test_sharpness_is_the_largest_eigenvalue(x64, k, loss, activation):
    objective, mu = scene(k, loss, activation)
    expected = whole(objective, mu)
    few, all_of_them = eqx.filter_jit(
        lambda o, mu: [mf.observables.Sharpness(count)(o, mu, None) for count in (3, 64)]
    )(objective, mu)
    assert float(all_of_them) == pytest.approx(expected, rel=1e-12)
    assert 0.5 * expected < float(few) <= expected * (1 + 1e-12)


def test_sharpness_of_the_tangent_model(x64):
    """λ_max(K/n), for ever; and half of 2/h is where steps of h stop converging."""
    objective, mu = scene(penalty=0)
    kernel = np.asarray(mf.tangent_kernel(objective.unit, mu, objective.x))
    expected = np.linalg.eigvalsh(kernel / N)[-1]
    for share, grows in ((0.99, False), (1.01, True)):
        times = np.array([0, 300, 600]) * share * 2 / expected
        flow = mf.TangentFlow(share * 2 / expected)
        run = mf.simulate(objective, flow, mu, times=times, observables=[mf.observables.Sharpness(8), mf.Risk()])
        np.testing.assert_allclose(run.values["sharpness"], expected, rtol=1e-12)
        assert (run.values["risk"][2] > run.values["risk"][1]) == grows


def test_sharpness_where_all_directions_are_alike():
    """A multiple of the identity: one Lanczos vector spans all, also in single precision."""
    objective = mf.Objective(
        mf.Neuron("linear"), mf.Square(), jnp.zeros((1, 2)), jnp.zeros(1), 1.0, mf.WeightDecay(0.3)
    )
    mu = mf.Particles(jnp.ones((4, 3)), jnp.array([0.5, 0.5, 0.0, 0.0]))
    assert float(eqx.filter_jit(mf.observables.Sharpness())(objective, mu, None)) == pytest.approx(0.3, rel=1e-5)


@pytest.mark.parametrize(
    ("k", "loss", "penalty"),
    [
        (1, mf.Square(), True),
        (3, mf.Logistic(), False),
        pytest.param(1, mf.Exponential(), False, marks=pytest.mark.full),
    ],
)
def test_stiffness_is_the_cosine_of_gradients(x64, k, loss, penalty):
    """`jax.grad` of the objective on one sample alone, equal masses."""
    objective, mu = scene(k, loss, equal=True)
    decay = objective.penalty if penalty else None

    @jax.jit
    def gradient(x, y):
        one = mf.Objective(objective.unit, loss, x[None], y[None], 3.0, decay)
        return jax.grad(lambda position: one.value(mu.moved(position)))(mu.position)

    rows = [np.ravel(gradient(*sample)) for sample in zip(objective.x, objective.y, strict=True)]
    rows = np.array(rows) / np.linalg.norm(rows, axis=1, keepdims=True)
    found = eqx.filter_jit(mf.observables.stiffness)(objective, mu, penalty=penalty)
    np.testing.assert_allclose(found, rows @ rows.T, rtol=0, atol=1e-13)


def test_stiffness_of_other_samples_and_masses(x64):
    """r K r in the metric of the masses; labels or their one-hot rows; the same inside a simulation."""
    objective, mu = scene(3, mf.Logistic(), penalty=0)
    x, label = np.random.default_rng(1).normal(size=(4, D)), np.array([0, 2, 1, 1])
    kernel = np.asarray(mf.tangent_kernel(objective.unit, mu, x))
    f = np.asarray(mf.Predictions(jnp.asarray(x))(objective, mu, None))
    r = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True) - np.eye(3)[label]
    gram = np.einsum("ic,icle,le->il", r, kernel, r)
    expected = gram / np.sqrt(np.outer(np.diag(gram), np.diag(gram)))
    watch = jax.tree_util.Partial(mf.observables.stiffness, x=x, y=np.eye(3)[label])
    run = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=[0.0, 0.1], observables={"stiffness": watch})
    np.testing.assert_allclose(run.values["stiffness"][0], expected, rtol=0, atol=1e-13)
    linear = mf.TangentFlow(0.1).prepare(objective, mu)
    found = eqx.filter_jit(lambda o, mu: mf.observables.stiffness(o, mu, x, label))(linear, mu)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_bad_input():
    objective, mu = scene()
    with pytest.raises(ValueError, match="iterations=0: expected a whole number"):
        mf.observables.Sharpness(0)
    with pytest.raises(ValueError, match="expected x and y together"):
        mf.observables.stiffness(objective, mu, objective.x)
    with pytest.raises(ValueError, match="expected one target an input"):
        mf.observables.stiffness(objective, mu, objective.x, objective.y[:2])
