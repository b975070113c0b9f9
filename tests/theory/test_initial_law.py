"""Exact laws of the untrained network, against drawn networks with their error bars."""

import numpy as np
import pytest

from theory.arc_cosine import tangent_fluctuation, tangent_kernel
from theory.initial_law import output_covariance, output_kurtosis

pytestmark = pytest.mark.fast

# Five standard errors in some 30 comparisons: a false alarm of 2e-5 in all.
Z = 5.0


def draw(rng, nets, m, d, signs=False):
    a = rng.choice([-1.0, 1.0], size=(nets, m)) if signs else rng.normal(size=(nets, m))
    return a, rng.normal(size=(nets, m, d))


def score(sample, exact):
    """(mean − exact) in standard errors."""
    return (sample.mean(axis=0) - exact) / (sample.std(axis=0) / np.sqrt(len(sample)))


def test_covariance_of_outputs():
    rng = np.random.default_rng(1)
    x, m, alpha = rng.normal(size=(3, 3)), 5, 4.0
    a, w = draw(rng, 40_000, m, 3)
    f = alpha / m * np.einsum("km,kmn->kn", a, np.maximum(w @ x.T, 0))
    products = f[:, :, None] * f[:, None, :]
    exact = output_covariance(x, m, alpha)
    assert np.all(np.abs(score(products, exact)) < Z)
    # Control: α for α².
    assert np.abs(score(products, exact / alpha)).max() > 4 * Z


@pytest.mark.parametrize(("signs", "fourth"), [(False, 3.0), (True, 1.0)])
@pytest.mark.parametrize("m", [1, 4])
def test_kurtosis_of_outputs(m, signs, fourth):
    """Given w, E f⁴ = 3 S² + (E a⁴ − 3) Q for S = Σ s²/m², Q = Σ s⁴/m⁴: far less spread than f⁴ itself."""
    rng = np.random.default_rng(2)
    x = np.array([0.6, -1.2, 0.4])
    _, w = draw(rng, 100_000, m, 3, signs)
    s = np.maximum(w @ x, 0)
    fourth_of_f = 3 * np.sum(s**2, axis=1) ** 2 + (fourth - 3) * np.sum(s**4, axis=1)
    variance = m * (x @ x) / 2
    sample = fourth_of_f / variance**2 - 3
    assert abs(score(sample, output_kurtosis(m, fourth_moment=fourth).value)) < Z
    other = output_kurtosis(m, fourth_moment=4 - fourth).value
    assert abs(score(sample, other)) > 2 * Z


def tangent_errors(x, a, w, slope=0.0):
    """m ‖K_m − K‖²_F of each net, K_m from the gradients of its units."""
    z = w @ x.T
    features, derivative = np.where(z > 0, z, slope * z), np.where(z > 0, 1.0, slope) * a[:, :, None]
    kernels = (
        features.transpose(0, 2, 1) @ features + (derivative.transpose(0, 2, 1) @ derivative) * (x @ x.T)
    ) / a.shape[1]
    limit = tangent_kernel(x, activation="leaky_relu" if slope else "relu")
    return a.shape[1] * np.sum((kernels - limit) ** 2, axis=(1, 2))


@pytest.mark.parametrize("m", [1, 16, 128])
@pytest.mark.parametrize(
    ("activation", "slope", "signs"),
    [("relu", 0.0, False), ("relu", 0.0, True), ("leaky_relu", 0.01, False)],
)
def test_fluctuation_of_the_tangent_kernel_is_exact_at_every_width(activation, slope, signs, m):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(5, 3))
    constant = tangent_fluctuation(x, activation, fourth_moment=1.0 if signs else 3.0).value
    sample = tangent_errors(x, *draw(rng, 4000, m, 3, signs), slope)
    assert abs(score(sample, constant)) < Z


def test_fluctuation_tells_laws_and_doubling_apart():
    rng = np.random.default_rng(4)
    x, m = rng.normal(size=(5, 3)), 32
    gaussian, signs = (tangent_fluctuation(x, fourth_moment=fourth).value for fourth in (3.0, 1.0))
    doubled = tangent_fluctuation(x, doubled=True).value
    assert doubled == 2 * gaussian

    a, w = draw(rng, 4000, m // 2, 3)
    sample = tangent_errors(x, np.hstack([a, -a]), np.hstack([w, w]))
    assert abs(score(sample, doubled)) < Z
    assert score(sample, gaussian) > 2 * Z

    sample = tangent_errors(x, *draw(rng, 4000, m, 3, signs=True))
    assert abs(score(sample, signs)) < Z
    assert score(sample, gaussian) < -2 * Z


def test_fluctuation_of_one_input_by_hand():
    # k = |x|²(z² + a²) 1{z > 0}: E k² = |x|⁴ (3 + 2 + 3)/2 and K = |x|².
    assert tangent_fluctuation([[0.0, 2.0]]).value == pytest.approx(16 * 3, rel=1e-14)
    assert tangent_fluctuation([[0.0, 0.0]]).value == 0.0
    assert tangent_fluctuation([[1.0]]).relation == "="
    # Leaky, slope s: (z² + a²) times 1 or s² on the diagonal, times −s between x and −x.
    s = 0.01
    exact = 2 * (4 * (1 + s**4) - (1 + s**2) ** 2) + 2 * (8 - 4) * s**2
    assert tangent_fluctuation([[1.0], [-1.0]], "leaky_relu").value == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tangent_fluctuation([1.0]), r"x must be an array of shape \[n, d\], got shape \(1,\)"),
        (lambda: tangent_fluctuation([[1e100]]), "x must be small enough for float64"),
        (
            lambda: tangent_fluctuation([[1.0]], "tanh"),
            "activation must be one of relu, leaky_relu, got 'tanh'",
        ),
        (
            lambda: tangent_fluctuation([[1.0]], fourth_moment=0.5),
            "fourth_moment must be a finite number >= 1",
        ),
        (lambda: output_kurtosis(0), "m must be an integer >= 1, got 0"),
        (lambda: output_kurtosis(2.5), "m must be an integer >= 1, got 2.5"),
        (
            lambda: output_kurtosis(2, fourth_moment=np.nan),
            "fourth_moment must be a finite number >= 1, got nan",
        ),
        (lambda: output_covariance([[1.0]], -3), "m must be an integer >= 1, got -3"),
        (lambda: output_covariance([[1.0]], 3, 0.0), "scale must be a finite number > 0, got 0"),
        (lambda: output_covariance([[1.0]], 3, 1e200), "scale must be small enough for float64"),
        (lambda: output_covariance([1.0], 3), r"x must be an array of shape \[n, d\], got shape \(1,\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
