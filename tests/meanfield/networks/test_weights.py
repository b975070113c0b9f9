"""Weights of other frameworks as particles: the same function, the same training, and the way back bit for bit."""

import jax
import numpy as np
import pytest

import meanfield as mf

KINDS = {"standard": 1.0, "tangent": 7**-0.5, "mean_field": 1 / 7}


def arrays(k=1, bias=True, m=7, d=3, dtype=np.float32):
    rng = np.random.default_rng(k)
    W, b, a, c = (rng.normal(size=shape).astype(dtype) for shape in ((m, d), (m,), (k, m), (k,)))
    return (W, b, a, c) if bias else (W, None, a, None)


def plain(W, b, a, c, x, s=1.0):
    """The network in float64, [n, k]."""
    z = x.astype(float) @ W.T.astype(float) + (0 if b is None else b)
    return s * np.tanh(z) @ a.T + (0 if c is None else c)


@pytest.mark.fast
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("k", "bias"), [(1, True), (1, False), (3, True)])
def test_it_is_the_same_function_and_comes_back_bit_for_bit(kind, k, bias):
    weights = arrays(k, bias)
    x = np.random.default_rng(9).normal(size=(5, 3)).astype(np.float32)
    network = mf.from_weights(*weights, "tanh", kind)
    f = plain(*weights, x, KINDS[kind])
    np.testing.assert_allclose(np.reshape(network.predict(x), (5, k)), f, rtol=0, atol=40 * 2**-24 * np.abs(f).max())
    back = mf.to_weights(network, parametrisation=kind)
    for value, given in zip(back, weights, strict=True):
        assert (value is None and given is None) or np.array_equal(value, given) or (given is None and not value.any())
    # In another parametrisation the same function has other weights.
    other = "standard" if kind != "standard" else "mean_field"
    moved = mf.to_weights(network, parametrisation=other)
    np.testing.assert_allclose(plain(*moved, x, KINDS[other]), f, rtol=0, atol=40 * 2**-24 * np.abs(f).max())
    assert not np.allclose(moved.a, weights[2])


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_descent_on_the_weights_is_the_flow_with_the_step_of_the_parametrisation(kind):
    """Three steps of NumPy on all weights but c, against `GradientFlow(η m s²)`; another step is told apart."""
    W, b, a, c = (value.astype(float) for value in arrays())
    rng = np.random.default_rng(1)
    x, y, s, rate = rng.normal(size=(6, 3)), rng.normal(size=6), KINDS[kind], 0.05
    with jax.enable_x64(True):
        network = mf.from_weights(W, b, a, c, "tanh", kind)
        problem = mf.Objective(network.unit, mf.Square(), x, y - network.constant, scale=network.scale)
        step = mf.Parametrisation(particles=7, multiplier=s).step(rate)
        run = mf.simulate(problem, mf.GradientFlow(step), network.particles, times=3 * step)
        wrong = mf.simulate(problem, mf.GradientFlow(1.01 * step), network.particles, times=3.03 * step)
        found, other = (
            mf.to_weights(network._replace(particles=one.particles), parametrisation=kind) for one in (run, wrong)
        )
        for _ in range(3):
            h = np.tanh(x @ W.T + b)
            r = (s * (h @ a.T)[:, 0] + c - y) / len(y)
            through = s * np.outer(r, a[0]) * (1 - h**2)
            W, b, a = W - rate * through.T @ x, b - rate * through.sum(0), a - rate * s * (r @ h)[None]
        np.testing.assert_allclose(found.W, W, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.b, b, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.a, a, rtol=0, atol=1e-12)
        assert np.abs(np.asarray(other.a) - a).max() > 1e-6


def test_masses_and_scale_are_in_the_output_weights():
    mu = mf.Particles(np.array([[2.0, 1.0], [3.0, -1.0]]), np.array([0.25, 0.75]))
    W, b, a, c = mf.to_weights(mu, mf.Neuron("relu"), 4.0, 0.5)
    assert (W.tolist(), b, a.tolist(), c.tolist()) == ([[1.0], [-1.0]], None, [[2.0, 9.0]], [0.5])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"W": np.ones((3, 2))}, "W: it holds .* expected those of two dense layers"),
        ({"W": np.ones((2, 3)), "a": np.ones((1, 3))}, "W seems to be transposed"),
        ({"W": np.ones((3, 2)), "a": np.ones((3, 1))}, "a seems to be transposed"),
        ({"W": np.ones((3, 2)), "a": np.ones(3), "b": np.ones(2)}, r"b has shape \(2,\): expected \(3,\)"),
        ({"W": np.ones((3, 2)), "a": np.ones(3), "c": np.ones(2)}, r"c has shape \(2,\): expected \(1,\)"),
        ({"W": np.ones((3, 2)), "a": np.array([1, np.nan, 0])}, "a holds 1 non-finite"),
        ({"W": np.ones((3, 2)), "a": np.ones(3), "activation": "rleu"}, "relu"),
        ({"W": np.ones((3, 2)), "a": np.ones(3), "parametrisation": "ntk"}, "parametrisation='ntk'"),
        (
            {"W": np.ones((3, 2)), "a": np.ones(3), "parametrisation": mf.Parametrisation(particles=4)},
            "4 particles: expected 3",
        ),
        ({"W": {"W": np.ones((3, 2)), "a": np.ones(3)}, "a": np.ones(3)}, "expected no b, a, c beside it"),
    ],
)
def test_what_does_not_fit_is_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        mf.from_weights(**arguments)
