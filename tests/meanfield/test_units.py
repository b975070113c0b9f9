"""Units: sizes, homogeneity, and Φ itself against its formula."""

import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf
from meanfield.units.activations import ACTIVATIONS

pytestmark = pytest.mark.fast

NAMED = ["relu", "leaky_relu", "squared_relu", "tanh", "erf", "sigmoid", "softplus", "gelu", "cosine", "linear"]


def test_every_named_activation_is_there():
    assert sorted(ACTIVATIONS) == sorted(NAMED)


@pytest.mark.parametrize("activation", NAMED)
def test_homogeneity_is_as_declared(activation, x64):
    """Φ(sθ; x) = s^κ Φ(θ; x) for s > 0 where κ is declared, and for no κ that fits three scales where it is not."""
    unit = mf.Neuron(activation)
    theta, x = np.array([0.75, 0.5, 1.25]), np.array([1.0, 0.25])
    phi = [float(unit(jnp.asarray(s * theta), jnp.asarray(x))) for s in (1.0, 2.0, 4.0)]
    if unit.homogeneity is None:
        # exponents measured over two octaves differ by far more than rounding
        assert abs(phi[1] / phi[0] - phi[2] / phi[1]) > 1e-3
    else:
        # powers of two are exact in floating point
        assert phi == [phi[0] * s**unit.homogeneity for s in (1.0, 2.0, 4.0)]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
def test_layout_of_parameters(bias, outputs, x64):
    """θ = (a_1 … a_k, w_1 … w_d[, b]): size, split, pre-activation and the unit itself agree on it."""
    unit = mf.Neuron("linear", bias=bias, outputs=outputs)
    p = outputs + 2 + bias
    assert unit.size(2) == p
    theta, x = jnp.arange(1.0, p + 1), jnp.array([2.0, -1.0])
    a, w, b = unit.split(theta[None])
    z = float(2 * theta[outputs] - theta[outputs + 1] + (theta[-1] if bias else 0))
    assert a.shape == (1, outputs)
    assert w.shape == (1, 2)
    assert (b is None) != bias
    assert unit.preactivation(theta[None], x[None]).tolist() == [[z]]
    phi = unit(theta, x)
    assert phi.shape == (() if outputs == 1 else (outputs,))
    assert np.ravel(phi).tolist() == [z * (c + 1) for c in range(outputs)]


def test_gelu_is_the_exact_one(x64):
    """z Φ(z), not the tanh approximation: Φ(1) to all digits of a table."""
    unit = mf.Neuron("gelu")
    assert abs(float(unit(jnp.array([1.0, 1.0]), jnp.array([1.0]))) - 0.8413447460685429) < 4e-16
