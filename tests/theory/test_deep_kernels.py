"""Deep kernels: against the closed forms of one layer, a quadrature written anew, and drawn networks."""

import numpy as np
import pytest
from scipy import integrate, special

from theory import arc_cosine
from theory.activations import ACTIVATIONS
from theory.deep_fluctuation import deep_fluctuation, relu_kurtosis, relu_tangent_variance
from theory.deep_kernels import DEGENERATION, cosine_deficits, deep_kernels, deficit_bounds
from theory.kernel_fluctuation import kernel_fluctuation

RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 3))
X /= np.linalg.norm(X, axis=1, keepdims=True)
Z = RNG.normal(size=(2, 3))
UNITS = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: 1.0 * (z > 0)),
    "erf": (special.erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
    "cosine": (np.cos, lambda z: -np.sin(z)),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_layer_is_the_two_layer_network(activation):
    found = deep_kernels(X, Z, (1,), activation)
    np.testing.assert_allclose(found.conjugate[0], arc_cosine.conjugate_kernel(X, Z, activation), rtol=0, atol=1e-14)
    np.testing.assert_allclose(found.tangent[0], arc_cosine.tangent_kernel(X, Z, activation), rtol=0, atol=1e-14)


def _expectation(function, first, mixed, second):
    """E function(u) function(v) by Gauss and Hermite's rule in each half-plane of u and v, where ReLU has its kinks."""
    chol = np.linalg.cholesky([[first, mixed], [mixed, second]])

    def inner(t):
        u, spread = chol[0, 0] * t, chol[1, 1]
        kink = -chol[1, 0] * t / spread
        parts = [
            integrate.fixed_quad(
                lambda s: function(chol[1, 0] * t + spread * s) * np.exp(-(s**2) / 2), low, high, n=60
            )[0]
            for low, high in ((-10.0, np.clip(kink, -10, 10)), (np.clip(kink, -10, 10), 10.0))
        ]
        return function(u) * sum(parts) * np.exp(-(t**2) / 2) / (2 * np.pi)

    halves = ((-10.0, 0.0), (0.0, 10.0))
    return sum(integrate.fixed_quad(np.vectorize(inner), low, high, n=60)[0] for low, high in halves)


@pytest.mark.parametrize("activation", UNITS)
def test_recursion_by_quadrature(activation):
    """Three layers of one pair of inputs, each expectation a double integral."""
    sigma, slope = UNITS[activation]
    gain, shift = 1.3**2, 0.4**2
    kernel, moved = X[:2] @ X[:2].T, np.zeros((2, 2))
    for _ in range(3):
        before = gain * kernel + shift
        tangent = before + gain * moved
        pair = before[0, 0], before[0, 1], before[1, 1]
        same = [(before[i, i], before[i, i] * (1 - 1e-12), before[i, i]) for i in (0, 1)]
        kernel = np.diag([_expectation(sigma, *one) for one in same])
        kernel[0, 1] = kernel[1, 0] = _expectation(sigma, *pair)
        moved = tangent[0, 1] * _expectation(slope, *pair) * np.ones((2, 2))
    found = deep_kernels(X[:2], None, (1, 3), activation, weight_scale=1.3, bias_scale=0.4)
    np.testing.assert_allclose(found.conjugate[1], kernel, rtol=1e-6)
    assert found.tangent[1, 0, 1] == pytest.approx(kernel[0, 1] + moved[0, 1], rel=1e-6)


def test_depths_come_in_the_order_asked_for():
    one, two = deep_kernels(X, Z, (1, 4)), deep_kernels(X, Z, (4, 1))
    np.testing.assert_array_equal(one.tangent[1], two.tangent[0])
    np.testing.assert_allclose(deep_kernels(X, X, (4,)).tangent, deep_kernels(X, None, (4,)).tangent, atol=1e-15)


@pytest.mark.parametrize("activation", ["relu", "erf", "linear"])
def test_tiles_are_parts_of_one_kernel(activation, monkeypatch):
    """Of tiles of any size, and of half of them: every pair is computed for itself."""
    x = RNG.normal(size=(13, 3))
    whole = deep_kernels(x, x, (1, 3), activation, weight_scale=1.2, bias_scale=0.1)
    monkeypatch.setattr("theory.deep_kernels.TILE", 5)
    for tiled in (deep_kernels(x, x, (1, 3), activation, weight_scale=1.2, bias_scale=0.1),
                  deep_kernels(x, None, (1, 3), activation, weight_scale=1.2, bias_scale=0.1)):  # fmt: skip
        np.testing.assert_allclose(tiled.conjugate, whole.conjugate, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(tiled.tangent, whole.tangent, rtol=1e-14, atol=1e-15)
    # Above the diagonal's tiles and below them there are the same numbers.
    np.testing.assert_array_equal(tiled.tangent[:, :5, 5:], np.swapaxes(tiled.tangent[:, 5:, :5], 1, 2))


def test_parallel_inputs_and_zero_stay_exact():
    """2x has twice the kernel of x through ReLU, at any depth; an input of zero has none."""
    x = np.array([[0.6, 0.8], [1.2, 1.6], [0.0, 0.0]])
    for kernel in deep_kernels(x, None, (30,), weight_scale=2**0.5):
        np.testing.assert_allclose(kernel[0, :2, :2], kernel[0, 0, 0] * np.array([[1, 2], [2, 4]]), rtol=1e-12)
        np.testing.assert_array_equal(kernel[0, 2], 0)


def test_deficits_are_those_of_the_kernels():
    kernel = deep_kernels(X, None, (1, 5, 40), weight_scale=2**0.5).conjugate
    for i, depth in enumerate((1, 5, 40)):
        exact = cosine_deficits(np.arccos(X[0] @ X[1]), depth)[depth]
        assert 1 - kernel[i, 0, 1] == pytest.approx(exact, rel=1e-9)


def test_deficits_of_small_angles():
    """Against the map written with cosines, in extended precision."""
    phi = np.longdouble(1e-3)
    wide = (np.sin(phi) + (np.longdouble(np.pi) - phi) * np.cos(phi)) / np.longdouble(np.pi)
    assert cosine_deficits(1e-3, 1)[1] == pytest.approx(float(1 - wide), rel=1e-9)


@pytest.mark.parametrize("angle", [0.01, 0.7, np.pi / 2, 3.0, np.pi])
@pytest.mark.turns(4)
def test_bounds_hold_and_close(angle):
    deficits = cosine_deficits(angle, 20_000)
    for depth in (1, 3, 30, 300, 20_000):
        least, most = deficit_bounds(angle, depth)
        assert least * (1 - 1e-9) <= deficits[depth] <= most * (1 + 1e-9)
    if angle > 0.5:
        assert deficits[-1] * 20_000**2 == pytest.approx(DEGENERATION, rel=0.005)
        assert least * 20_000**2 > 0.98 * DEGENERATION


def test_what_a_layer_adds():
    """The constants of the bounds: u' − u is in √2/3π + [0, 0.11/u] for every cosine."""
    deficits = np.array([cosine_deficits(angle, 1) for angle in np.linspace(1e-3, np.pi, 4001)])
    added = deficits[:, 1] ** -0.5 - deficits[:, 0] ** -0.5 - np.sqrt(2) / (3 * np.pi)
    assert np.all(added >= -1e-9)
    assert np.all(added <= 0.11 * deficits[:, 0] ** 0.5)


def test_one_layer_fluctuates_as_known():
    for activation in ("relu", "erf", "cosine"):
        found = deep_fluctuation(X, (1,), activation)
        assert found.constant[0] == pytest.approx(kernel_fluctuation(X, activation, "output").value, rel=1e-8)
        assert np.abs(found.shift).max() < 1e-6


def test_linear_layers_by_moments():
    """K = xᵀ G x with G a product of Wishart matrices: for one input N Var K = 2L |x|⁴ and E K = |x|²."""
    found = deep_fluctuation(X[:2], (1, 2, 5), "linear")
    np.testing.assert_allclose(found.variance[:, 0, 0], [2, 4, 10], rtol=1e-6)
    np.testing.assert_allclose(found.variance[0, 0, 1], 1 + (X[0] @ X[1]) ** 2, rtol=1e-6)
    assert np.abs(found.shift).max() < 1e-6


@pytest.mark.full
def test_fluctuation_of_drawn_networks():
    """Three layers of 64 units, 8000 networks: five standard errors and the next order, (5L/N)²/2."""
    replicas, width = 8000, 64
    scales = {"relu": (2**0.5, 0.0), "erf": (1.5, 0.3)}
    for activation, (gain, shift) in scales.items():
        sigma = UNITS[activation][0]
        h = gain * RNG.normal(size=(replicas, width, 3)) @ X.T
        h = sigma(h + shift * RNG.normal(size=(replicas, width, 1)))
        for _ in range(2):
            w = RNG.standard_normal((replicas, width, width), np.float32)
            h = gain / np.sqrt(width) * (w @ h.astype(np.float32)) + shift * RNG.normal(size=(replicas, width, 1))
            h = sigma(h)
        kernel = np.einsum("rni,rnk->rik", h, h) / width
        found = deep_fluctuation(X, (3,), activation, weight_scale=gain, bias_scale=shift)
        exact = deep_kernels(X, None, (3,), activation, weight_scale=gain, bias_scale=shift).conjugate[0]
        squares = width * (kernel - exact) ** 2
        wide = 5 * squares.std(axis=0) / np.sqrt(replicas) + found.variance[0] * (0.2 if activation == "relu" else 0.05)
        assert np.all(np.abs(squares.mean(axis=0) - found.variance[0]) < wide)
        error = 5 * width * kernel.std(axis=0) / np.sqrt(replicas)
        assert np.all(np.abs(width * (kernel.mean(axis=0) - exact) - found.shift[0]) < error + 0.2)
        if activation == "relu":
            square = 3 * (kernel[:, 0, 0] - 1) ** 2
            assert abs(square.mean() - relu_kurtosis(3, width)) < 5 * square.std() / np.sqrt(replicas)


def test_variance_of_one_layers_tangent_kernel():
    """E k² − K² of one unit with both layers trained: the constant of `kernel_fluctuation` for |x| = 1."""
    for width in (1, 7, 100):
        one = kernel_fluctuation([[0.6, 0.8]], "relu").value
        assert relu_tangent_variance(1, width) == pytest.approx(one / width, rel=1e-8)
    # First order in 1/N of two layers: (3 · 10 + 4 · (5 + 1) + 2 · 2)/9
    assert relu_tangent_variance(2, 10**7) * 10**7 == pytest.approx(58 / 9, rel=1e-5)


@pytest.mark.parametrize(("layers", "width"), [(2, 4), (3, 6)])
def test_variance_of_drawn_tangent_kernels(layers, width):
    """Θ written out as a sum over layers of what enters times what is derived behind, within five standard errors."""
    replicas, random = 40_000, np.random.default_rng(layers)
    inputs, gates, weights = [np.tile([1.0, 0.0], (replicas, 1))], [], []
    for layer in range(layers):
        w = random.normal(size=(replicas, width, inputs[-1].shape[1])) * (2 / (width if layer else 1)) ** 0.5
        z = np.einsum("rij,rj->ri", w, inputs[-1])
        weights.append(w), gates.append(z > 0), inputs.append(np.maximum(z, 0))
    kernel = np.sum(inputs[-1] ** 2, axis=1) / width
    behind = random.normal(size=(replicas, width)) / width**0.5
    for layer in reversed(range(layers)):
        behind = behind * gates[layer]
        entering = 2 * np.sum(inputs[layer] ** 2, axis=1) / (width if layer else 1)
        kernel = kernel + np.sum(behind**2, axis=1) * entering
        behind = np.einsum("rij,ri->rj", weights[layer], behind)
    share = (kernel / (layers + 1) - 1) ** 2
    assert abs(share.mean() - relu_tangent_variance(layers, width)) < 5 * share.std() / replicas**0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x1": [[1.0]], "x2": [[1.0, 2.0]]}, "columns of x2 must agree with x1"),
        ({"x1": [[1.0]], "depths": ()}, "depths must not be empty"),
        ({"x1": [[1.0]], "depths": (0,)}, "depths must be an integer >= 1"),
        ({"x1": [[1.0]], "activation": "rleu"}, "did you mean 'relu'"),
        ({"x1": [[1.0]], "weight_scale": 0.0}, "weight_scale must be a finite number > 0"),
        ({"x1": [[1.0]], "bias_scale": -1.0}, "bias_scale must be a finite number >= 0"),
        ({"x1": [[1e160]], "depths": (3,)}, "overflows"),
    ],
)
def test_bad_kernels(arguments, message):
    with pytest.raises(ValueError, match=message):
        deep_kernels(**arguments)


def test_bad_fluctuation_and_angles():
    with pytest.raises(ValueError, match="deviation at most 2"):
        deep_fluctuation(X, weight_scale=3.0)
    with pytest.raises(ValueError, match="depths must not be empty"):
        deep_fluctuation(X, ())
    with pytest.raises(ValueError, match="at most pi"):
        cosine_deficits(4.0, 1)
    with pytest.raises(ValueError, match="above 0"):
        deficit_bounds(0.0, 3)
    with pytest.raises(ValueError, match="width must be an integer"):
        relu_kurtosis(2, 0)
