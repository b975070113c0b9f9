"""Deep networks: kernels against all derivatives written out, layers by hand, and the two-layer network."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast

X = np.random.default_rng(0).normal(size=(4, 3))


@pytest.fixture(scope="module")
def network():
    with jax.enable_x64(True):
        yield mf.units.DeepNetwork.gaussian(
            jax.random.key(0),
            width=6,
            depth=3,
            d=3,
            activation="tanh",
            weight_scale=1.3,
            bias_scale=0.4,
            dtype="float64",
        )


def test_layers_and_output_by_hand(network):
    h = X
    for layer in range(3):
        weights = np.asarray(network.first if layer == 0 else network.hidden[layer - 1])
        fan = 1 if layer == 0 else 6
        h = np.tanh(1.3 / np.sqrt(fan) * h @ weights.T + 0.4 * np.asarray(network.biases[layer]))
        np.testing.assert_allclose(network.layers(X)[layer], h, rtol=1e-12)
        np.testing.assert_allclose(network.conjugate_kernels(X)[layer], h @ h.T / 6, rtol=1e-12)
    np.testing.assert_allclose(network.predict(X), h @ np.asarray(network.output) / np.sqrt(6), rtol=1e-12)
    assert (network.depth, network.width) == (3, 6)


def test_tangent_kernel_is_the_gram_matrix_of_all_derivatives(network):
    weights, rest = eqx.partition(network, lambda leaf: eqx.is_array(leaf) and leaf.ndim > 0)

    @jax.jit
    def both(weights):
        derivatives = jax.jacrev(lambda weights: eqx.combine(weights, rest).predict(X))(weights)
        oblong = network.tangent_kernel(X[:2], X), network.conjugate_kernels(X[:2], X)
        return derivatives, network.tangent_kernel(X), *oblong

    derivatives, square, oblong, conjugate = both(weights)
    rows = np.concatenate([np.asarray(part).reshape(4, -1) for part in jax.tree.leaves(derivatives)], axis=1)
    np.testing.assert_allclose(square, rows @ rows.T, rtol=1e-11)
    np.testing.assert_allclose(oblong, rows[:2] @ rows.T, rtol=1e-11)
    np.testing.assert_allclose(conjugate, network.conjugate_kernels(X)[:, :2], rtol=1e-12)


def test_many_networks_in_one_program_with_one_hidden_layer_each():
    """Each is the two-layer network of the same weights."""

    @jax.jit
    @jax.vmap
    def look(key):
        net = mf.units.DeepNetwork.gaussian(key, 8, 1, 3)
        again = mf.units.DeepNetwork(net.first, [], net.biases, net.output, jax.nn.relu)
        return net.output, net.first, net.tangent_kernel(X), net.predict(X), again.predict(X)

    output, first, kernels, f, same = look(jax.random.split(jax.random.key(2), 3))
    np.testing.assert_array_equal(f, same)
    assert jnp.abs(kernels[0] - kernels[1]).max() > 1e-3
    mu = mf.Particles(jnp.concatenate([output[1][:, None], first[1]], axis=1))
    exact = mf.tangent_kernel(mf.Neuron("relu"), mu, X.astype(first.dtype))
    np.testing.assert_allclose(kernels[1], exact, rtol=1e-4, atol=1e-5)


GOOD = {"first": np.ones((2, 3)), "hidden": np.ones((1, 2, 2)), "biases": np.ones((2, 2)), "output": np.ones(2)}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hidden": np.ones((2, 2, 2))}, r"hidden has shape \(2, 2, 2\): expected \(1, 2, 2\)"),
        ({"biases": np.ones((2, 3))}, r"biases has shape \(2, 3\): expected \(2, 2\)"),
        ({"output": np.ones(3)}, r"output has shape \(3,\): expected \(2,\)"),
        ({"first": np.full((2, 3), np.nan)}, "first holds 6 non-finite"),
        ({"weight_scale": 0.0}, "weight_scale=0.0: expected a finite number above 0"),
        ({"bias_scale": -1.0}, "bias_scale=-1.0: expected a finite number at least 0"),
        ({"activation": "rleu"}, "Did you mean 'relu'"),
    ],
)
def test_bad_networks(changed, message):
    with pytest.raises(ValueError, match=message):
        mf.units.DeepNetwork(**(GOOD | changed))


def test_bad_inputs():
    with pytest.raises(ValueError, match="depth=0: expected a whole number"):
        mf.units.DeepNetwork.gaussian(jax.random.key(0), 4, 0, 3)
    with pytest.raises(ValueError, match="x has 2 columns: the network has 3 inputs"):
        mf.units.DeepNetwork(**GOOD).predict(np.ones((1, 2)))
