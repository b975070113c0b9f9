"""The written-out network against sums over neurons and finite differences."""

import numpy as np
import pytest

from theory.neurons import ACTIVATIONS, Network

pytestmark = pytest.mark.fast

M, N, D = 4, 5, 3


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize(("outputs", "bias"), [(1, False), (3, True)])
def test_predictions_gradients_and_kernel(activation, outputs, bias):
    """Central differences of f, whose error is 1e-9 here; a kink is nowhere near."""
    rng = np.random.default_rng(1)
    theta, x = rng.normal(size=(M, outputs + D + bias)), rng.normal(size=(N, D))
    net = Network(theta, activation, outputs, bias)
    sigma = ACTIVATIONS[activation][0]
    for i in range(N):
        z = [row[outputs : outputs + D] @ x[i] + (row[-1] if bias else 0) for row in theta]
        f = sum(row[:outputs] * sigma(np.array(zj)) for row, zj in zip(theta, z, strict=True)) / M
        np.testing.assert_allclose(net.predict(x)[i], f, rtol=0, atol=1e-14)
    step = 1e-5
    slopes = np.zeros((N, outputs, theta.size))
    for p in range(theta.size):
        e = step * np.eye(theta.size)[p].reshape(theta.shape)
        up, down = (Network(theta + s * e, activation, outputs, bias).predict(x) for s in (1, -1))
        slopes[:, :, p] = (up - down) / (2 * step)
    kernel = M * np.einsum("icp,lep->icle", slopes, slopes)
    np.testing.assert_allclose(net.tangent_kernel(x), kernel, rtol=0, atol=1e-7)
    r = rng.normal(size=(N, outputs))
    gradients = M * np.einsum("ic,icp->ip", r, slopes).reshape(N, M, -1)
    np.testing.assert_allclose(net.gradients(x, r), gradients, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 2.0]], "swish"), "activation must be one of"),
        (([[1.0]], "tanh"), "position must have weights"),
        (([1.0, 2.0], "tanh"), "position must be an array of shape"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        Network(*arguments)
    with pytest.raises(ValueError, match="columns of x"):
        Network([[1.0, 2.0]]).predict([[1.0, 2.0]])
