"""Constants of the kernel's fluctuation: against closed forms, and against drawn units with their error bars."""

import numpy as np
import pytest
from scipy import special

from theory.arc_cosine import tangent_fluctuation, tangent_kernel
from theory.kernel_fluctuation import kernel_fluctuation

pytestmark = pytest.mark.fast

RNG = np.random.default_rng(3)
X = RNG.normal(size=(4, 3))
X *= [[0.3], [1.5], [1.0], [1.0]] / np.linalg.norm(X, axis=1, keepdims=True)
# Five standard errors in some 20 comparisons: a false alarm of 1e-5 in all.
Z = 5.0

UNITS = {
    "relu": (lambda z: z * (z > 0), lambda z: 1.0 * (z > 0)),
    "squared_relu": (lambda z: z * z * (z > 0), lambda z: 2 * z * (z > 0)),
    "erf": (special.erf, lambda z: 2 * np.exp(-(z**2)) / np.sqrt(np.pi)),
    "cosine": (np.cos, lambda z: -np.sin(z)),
}


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("fourth", [1.0, 3.0])
def test_arc_cosine_forms(activation, fourth):
    exact = tangent_fluctuation(X, activation, fourth_moment=fourth).value
    assert kernel_fluctuation(X, activation, fourth_moment=fourth).value == pytest.approx(exact, rel=1e-12)


def test_linear_units_by_moments_of_normal_numbers():
    """E u²v² = r²r'² + 2c², E uv = c."""
    inner = X @ X.T
    squares = np.outer(np.diag(inner), np.diag(inner))
    output = np.sum(squares + 2 * inner**2 - inner**2)
    whole = np.sum(squares + 2 * inner**2 + 2 * inner * inner + 3 * inner**2 - 4 * inner**2)
    assert kernel_fluctuation(X, "linear", "output").value == pytest.approx(output, rel=1e-12)
    assert kernel_fluctuation(X, "linear", "input").value == pytest.approx(2 * np.sum(inner**2), rel=1e-12)
    assert kernel_fluctuation(X, "linear").value == pytest.approx(whole, rel=1e-12)


def test_cosine_by_characteristic_functions():
    """E cos²u cos²v from E cos of sums of normal numbers."""
    inner = X @ X.T
    lengths = np.diag(inner)

    def cosine(p, q):
        return np.exp(-(p**2 * lengths[:, None] + q**2 * lengths + 2 * p * q * inner) / 2)

    second = (1 + cosine(2, 0) + cosine(0, 2) + (cosine(2, 2) + cosine(2, -2)) / 2) / 4
    exact = np.sum(second) - np.sum(tangent_kernel(X, activation="cosine", layers="output") ** 2)
    assert kernel_fluctuation(X, "cosine", "output").value == pytest.approx(exact, rel=1e-10)


def test_the_longest_inputs():
    """Where erf is steepest and the cosine fastest, the nodes still suffice: doubling them changes nothing."""
    from theory import kernel_fluctuation as module

    x = np.array([[2.0, 0.0], [1.4, 1.4], [-1.9, 0.3]])
    for activation in ("erf", "cosine"):
        value = module.kernel_fluctuation(x, activation).value
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_RADII", 2 * module._RADII)
            patch.setattr(module, "_ANGLES", 2 * module._ANGLES)
            assert module.kernel_fluctuation(x, activation).value == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("activation", UNITS)
def test_drawn_units(activation):
    """‖k − K‖² of single units has mean C (m = 1), in either layer and in both; pairs of twins have twice that."""
    sigma, slope = UNITS[activation]
    rng = np.random.default_rng(5)
    a, z = rng.normal(size=60_000), rng.normal(size=(60_000, 3)) @ X.T
    output = sigma(z)[:, :, None] * sigma(z)[:, None, :]
    inner = a[:, None, None] ** 2 * slope(z)[:, :, None] * slope(z)[:, None, :] * (X @ X.T)
    for layers, kernels in (("output", output), ("input", inner), ("both", output + inner)):
        limit = tangent_kernel(X, activation=activation, layers=layers)
        sample = np.sum((kernels - limit) ** 2, axis=(1, 2))
        error = sample.std() / np.sqrt(len(sample))
        exact = kernel_fluctuation(X, activation, layers).value
        assert abs(sample.mean() - exact) < Z * error
        # Control: the constant of doubled units.
        twice = kernel_fluctuation(X, activation, layers, doubled=True).value
        assert abs(sample.mean() - twice) > 2 * Z * error


def test_bad_input():
    with pytest.raises(ValueError, match="x must have rows of length at most 2, got 5"):
        kernel_fluctuation([[3.0, 4.0]])
    with pytest.raises(ValueError, match="activation must be one of"):
        kernel_fluctuation([[1.0]], "tanh")
    with pytest.raises(ValueError, match="layers must be one of"):
        kernel_fluctuation([[1.0]], layers="inputs")
    with pytest.raises(ValueError, match="fourth_moment must be"):
        kernel_fluctuation([[1.0]], fourth_moment=0.5)
