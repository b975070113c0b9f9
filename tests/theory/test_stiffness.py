"""Cosines of gradients against finite differences of losses, and rounding against extended precision."""

import numpy as np
import pytest

from theory import stiffness
from theory.neurons import Network

pytestmark = pytest.mark.fast

M, N, D = 12, 5, 3


def loss(name, f, y):
    if name == "square":
        return np.sum((f - y) ** 2) / 2
    if len(f) == 1:
        return np.logaddexp(0, -y * f)[0]
    return np.logaddexp.reduce(f) - y @ f


def scene(k, name, seed=0):
    rng = np.random.default_rng(seed)
    theta, x = rng.normal(size=(M, k + D)), rng.normal(size=(N, D))
    y = rng.choice([-1.0, 1.0], size=(N, 1)) if k == 1 else np.eye(k)[rng.integers(k, size=N)]
    return theta, x, y


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("name", ["square", "logistic"])
def test_cosines_are_those_of_gradients(k, name):
    """Central differences of the loss of each sample: error 1e-8 of a cosine."""
    theta, x, y = scene(k, name)
    step, rows = 1e-5, np.zeros((N, theta.size))
    for p in range(theta.size):
        e = step * np.eye(theta.size)[p].reshape(theta.shape)
        up, down = (Network(theta + s * e, "tanh", k).predict(x) for s in (1, -1))
        rows[:, p] = [(loss(name, up[i], y[i]) - loss(name, down[i], y[i])) / (2 * step) for i in range(N)]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    net = Network(theta, "tanh", k)
    r = stiffness.residual(name, net.predict(x), y)
    found = stiffness.cosines(net.tangent_kernel(x), r)
    np.testing.assert_allclose(found, rows @ rows.T, rtol=0, atol=1e-7)
    if k == 1:
        kernel = net.tangent_kernel(x)[:, 0, :, 0]
        size = np.sqrt(np.diag(kernel))
        np.testing.assert_allclose(found, np.sign(r * r.T) * kernel / np.outer(size, size), rtol=0, atol=1e-14)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("k", [1, 3])
def test_rounding_is_above_that_of_float64(activation, k):
    """Gradients in extended precision, where there is one, against the kernel in double."""
    for seed in range(5):
        theta, x, y = scene(k, "square", seed)
        net = Network(theta, activation, k)
        found = stiffness.cosines(net.tangent_kernel(x), stiffness.residual("square", net.predict(x), y))
        a, w, xl = (part.astype(np.longdouble) for part in (theta[:, :k], theta[:, k:], x))
        z = xl @ w.T
        h, s = (np.tanh(z), 1 - np.tanh(z) ** 2) if activation == "tanh" else (np.maximum(z, 0), z > 0)
        r = h @ a / M - y
        inner = ((r @ a.T) * s)[:, :, None] * xl[:, None, :]
        g = np.concatenate([h[:, :, None] * r[:, None, :], inner], axis=2).reshape(N, -1)
        g = g / np.sqrt(np.sum(g**2, axis=1))[:, None]
        bound = stiffness.rounding(net, x, y, "square")
        assert np.all(np.abs(found - g @ g.T) <= bound)
        assert np.median(bound) < 1e-11


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("name", ["square", "logistic"])
@pytest.mark.parametrize("k", [1, 4])
def test_rounding_is_what_single_precision_does(activation, name, k):
    """Cosines in float32 are off, in root mean square, by 0.2 to 1 of the deviations of which 8 are allowed."""
    shares = []
    for seed in range(12):
        theta, x, y = (part.astype(np.float32) for part in scene(k, name, seed))
        net = Network(theta, activation, k)
        exact = stiffness.cosines(net.tangent_kernel(x), stiffness.residual(name, net.predict(x), y))
        z = x @ theta[:, k:].T
        h, s = (
            (np.tanh(z), 1 - np.tanh(z) ** 2) if activation == "tanh" else (np.maximum(z, 0), (z > 0) * np.float32(1))
        )
        f = h @ theta[:, :k] / np.float32(M)
        if name == "square":
            r = f - y
        elif k == 1:
            r = -y / (1 + np.exp(y * f))
        else:
            up = np.exp(f - f.max(axis=1, keepdims=True))
            r = up / up.sum(axis=1, keepdims=True) - y
        inner = ((r @ theta[:, :k].T) * s)[:, :, None] * x[:, None, :]
        g = np.concatenate([h[:, :, None] * r[:, None, :], inner], axis=2).reshape(N, -1)
        g = g / np.sqrt(np.sum(g**2, axis=1))[:, None]
        bound = stiffness.rounding(net, x, y, name) * float(np.finfo(np.float32).eps) / stiffness.EPS
        pairs = np.triu(bound > 0, 1)  # gradients without a common entry are orthogonal, exactly
        shares.append(stiffness.DEVIATIONS * np.abs(g @ g.T - exact)[pairs] / bound[pairs])
    assert g.dtype == np.float32
    every = np.concatenate(shares)
    assert 0.2 < np.sqrt(np.mean(every**2)) < 1
    assert every.max() < stiffness.DEVIATIONS


def test_unknown_signs_have_no_bound():
    """A residual of nothing, and a ReLU at its kink."""
    net = Network([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]], "relu")
    assert np.isinf(stiffness.rounding(net, [[1.0, 1.0], [1.0, 2.0]], [[1.0], [0.0]], "square")[0, 1])
    assert np.isinf(stiffness.rounding(net, [[1.0, 0.0], [1.0, 2.0]], [[5.0], [0.0]], "square")[0, 1])


def test_vanishing_gradients_and_bad_input():
    kernel = Network([[1.0, 1.0, -1.0]], "relu").tangent_kernel([[1.0, 0.0], [0.0, 1.0]])
    found = stiffness.cosines(kernel, [[1.0], [1.0]])
    np.testing.assert_allclose(found, [[1, 0], [0, 0]], rtol=0, atol=1e-15)
    with pytest.raises(ValueError, match="loss must be one of"):
        stiffness.residual("hinge", [[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="kernel must agree with residuals"):
        stiffness.cosines(kernel, [[1.0]])
    with pytest.raises(ValueError, match="no bias"):
        stiffness.rounding(Network([[1.0, 1.0, 1.0]], bias=True), [[1.0]], [[1.0]], "square")
