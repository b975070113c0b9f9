"""Gains of noise by Monte Carlo, norms written out unit by unit, and the compression bound from its definition."""

import numpy as np
import pytest

from theory import noise_stability

pytestmark = pytest.mark.fast


@pytest.fixture
def network():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 3)), rng.normal(size=(1, 5)), rng.normal(size=(7, 3))


def test_gain_is_that_of_drawn_noise(network):
    """20000 draws; the error bar is that of the draws, five standard errors."""
    w, _, x = network
    noise = np.random.default_rng(1).normal(size=(20000, *x.shape)) * np.linalg.norm(x, axis=1)[:, None]
    ratios = np.sum((noise @ w.T) ** 2, axis=2) / np.sum((x @ w.T) ** 2, axis=1)
    error = ratios.std(axis=0) / np.sqrt(len(ratios))
    assert np.all(np.abs(ratios.mean(axis=0) - noise_stability.noise_gain(w, x)) < 5 * error)
    assert np.isinf(noise_stability.noise_gain([[1.0, 0.0]], [[0.0, 1.0]])[0])


@pytest.mark.parametrize("size", [1e-3, 0.1, 2.0])
def test_noise_on_units_by_quadrature(size):
    """Means and second moments of every unit's move by Gauss and Hermite, on either side of the kink by itself."""
    z, a = np.array([[1.0, -0.4, 0.02], [0.0, 0.0, 0.0]]), np.array([1.5, -2.0, 0.7])
    spread = size * np.linalg.norm(z[0])
    node, weight = np.polynomial.legendre.leggauss(400)
    moments = []
    for one in z[0]:
        kink = np.clip(-one / spread, -12, 12)
        sums = np.zeros(2)
        for low, high in ((-12, kink), (kink, 12)):
            at = low + (high - low) * (1 + node) / 2
            law = weight * (high - low) / 2 * np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi)
            move = np.maximum(one + spread * at, 0) - max(one, 0)
            sums += [law @ move, law @ move**2]
        moments.append(sums)
    mean, square = np.array(moments).T
    expected = (a @ mean) ** 2 + a**2 @ (square - mean**2)
    found = noise_stability.relu_noise(z, a, size)
    assert found[0] == pytest.approx(expected, rel=1e-9)
    assert found[1] == 0


def test_least_noise_crosses_no_kink():
    """For s → 0 it is s² |z|² Σ a_j² over the units that are on."""
    found = noise_stability.relu_noise([[3.0, -4.0]], [2.0, 7.0], 1e-9)
    assert found[0] == pytest.approx(1e-18 * 25 * 4, rel=1e-9)


def test_norms_unit_by_unit(network):
    w, a, x = network
    found = noise_stability.norm_bounds(w, a, x, 0.5)
    unit = max(np.sqrt(one @ one) for one in x) / (0.5 * np.sqrt(7))
    lengths = [np.sqrt(row @ row) for row in w]
    assert found.path == pytest.approx(unit * sum(abs(a[0, j]) * lengths[j] for j in range(5)))
    assert found.frobenius == pytest.approx(unit * np.sqrt(np.sum(a**2) * sum(length**2 for length in lengths)))
    size = np.sqrt(np.linalg.eigvalsh(w.T @ w)[-1])
    parts = (sum(lengths) / size) ** (2 / 3) + 1.0 ** (2 / 3)
    assert found.spectral == pytest.approx(unit * np.linalg.norm(a[0]) * size * parts**1.5)
    assert found.parameters == pytest.approx(np.sqrt(5 * 4 / 7))


def test_path_is_the_least_norm_and_scales_move_between_layers(network):
    w, a, x = network
    found = noise_stability.norm_bounds(w, a, x, 0.5)
    assert found.path <= min(found.frobenius, found.spectral)
    scales = np.array([1.0, 2.0, 3.0, 0.5, 0.1])
    assert noise_stability.norm_bounds(w * scales[:, None], a / scales, x, 0.5).path == pytest.approx(found.path)


def test_margins_never_exceed_the_path_norm(network):
    """γ ≤ max |f| ≤ Σ|A_j||w_j| B: so that the bound is at least 1/√n for any margin that is there."""
    w, a, x = network
    f = np.maximum(x @ w.T, 0) @ a[0]
    assert noise_stability.norm_bounds(w, a, x, float(np.abs(f).max())).path >= 7**-0.5


def test_compression_from_its_definition():
    found = noise_stability.compression_bound(3.0, 0.5, 1.4, 0.2, 0.3, 0.05, 100, 50)
    parameters = (1.4 * 2 * 3.0 / 0.5) ** 2 * (1 / (0.2 * 0.05) ** 2 + 1 / 0.3**2)
    assert found == pytest.approx(np.sqrt(parameters / 50))
    # Of an interlayer cushion above 1/√m the theorem takes 1/√m.
    better = [noise_stability.compression_bound(3.0, 0.5, 1.4, 0.2, 0.3, mu, 100, 50) for mu in (0.1, 0.5)]
    assert better[0] == better[1] < found


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: noise_stability.norm_bounds(np.eye(2), [[1.0, 1.0]], np.eye(2), 0.0),
            "margin must be a finite number",
        ),
        (lambda: noise_stability.norm_bounds(np.eye(2), [[1.0]], np.eye(2), 1.0), "columns of a must agree"),
        (lambda: noise_stability.noise_gain(np.eye(2), np.eye(3)), "columns of signal must agree with matrix"),
        (
            lambda: noise_stability.compression_bound(1, 1, 1, 0, 1, 1, 2, 2),
            "input_cushion must be a finite number > 0",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
