"""The slow flow along minima, against numerical derivatives, projected descent, and the noisy descent itself."""

import numpy as np
import pytest

from theory import label_noise

pytestmark = pytest.mark.fast

RNG = np.random.default_rng(7)
X = np.linalg.qr(RNG.normal(size=(4, 4)))[0][:2]
START = RNG.normal(size=(5, 5)) * np.array([2.0, 1, 1, 1, 1])


def network(position):
    return np.tanh(X @ position[:, 1:].T) @ position[:, 0] / len(position)


def derivative(function, position, size=1e-5):
    """Central differences, [..., m, d + 1], in the metric (1/m) Σ|θ_j|²: m times the partial derivatives."""
    rows = []
    for index in np.ndindex(*position.shape):
        move = np.zeros_like(position)
        move[index] = size
        rows.append((np.asarray(function(position + move)) - function(position - move)) / (2 * size))
    return len(position) * np.moveaxis(np.array(rows), 0, -1).reshape(*np.shape(rows[0]), *position.shape)


def trace(position):
    return label_noise.curvatures(position, X).sum()


def test_features_are_derivatives_and_give_the_hessian():
    found = label_noise.features(START, X)
    assert np.abs(found - derivative(network, START) / np.sqrt(5)).max() < 1e-8
    hessian = np.einsum("imp,jmp->ij", found, found) / 2
    assert np.abs(label_noise.curvatures(START, X) - np.linalg.eigvalsh(hessian)).max() < 1e-14
    both = label_noise.curvatures(np.stack([START, 2 * START]), X)
    assert np.abs(both[1] - label_noise.curvatures(2 * START, X)).max() < 1e-14


def test_slow_flow_keeps_the_fit_and_follows_the_projected_gradient():
    at = label_noise.slow_flow(START, X, [0.0, 0.01, 0.3])
    assert np.abs(network(at[2]) - network(START)).max() < 1e-7
    assert trace(at[2]) < trace(at[1]) < trace(at[0])
    held = derivative(network, START).reshape(2, -1)
    free = -derivative(trace, START).ravel()
    free -= held.T @ np.linalg.lstsq(held @ held.T, held @ free, rcond=None)[0]
    middle = label_noise.slow_flow(START, X, [0.0, 1e-4])
    assert np.abs((middle[1] - middle[0]).ravel() / 1e-4 - free).max() < 2e-2 * np.abs(free).max()


def test_noisy_descent_drifts_along_it():
    """SGD with fresh label noise, 400 runs: log tr H, extrapolated in the temperature, with error bars."""
    rng, dose, ends = np.random.default_rng(0), 0.1, []
    exact = np.log(trace(label_noise.slow_flow(START, X, [0.0, dose])[1]))
    for step in (0.05, 0.025):
        position, runs, noise = np.repeat(START[None], 400, 0), np.arange(400), 0.7
        for _ in range(round(4 * dose / (noise * step) ** 2)):
            phi = label_noise.features(position, X) * np.sqrt(5)
            f = np.einsum("rim,rm->ri", phi[..., 0], position[..., 0]) / 5
            i = rng.integers(2, size=400)
            residual = f[runs, i] - network(START)[i] - noise * rng.choice([-1.0, 1.0], size=400)
            position = position - step * residual[:, None, None] * phi[runs, i]
        ends.append(np.log(label_noise.curvatures(position, X).sum(axis=-1)))
    found = 2 * ends[1].mean() - ends[0].mean()
    error = np.sqrt(4 * ends[1].var() + ends[0].var()) / np.sqrt(400)
    assert abs(found - exact) < 4 * error < 0.5 * abs(exact - np.log(trace(START)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: label_noise.features(START, X[:, :2]), "columns"),
        (lambda: label_noise.features(START[0], X), "position"),
        (lambda: label_noise.slow_flow(START, X, [1.0, 0.5]), "fall"),
        (lambda: label_noise.slow_flow(START, np.stack([X[0], X[0]]), [1.0]), "span"),
        (lambda: label_noise.slow_flow(START[None], X, [1.0]), "position"),
    ],
)
def test_bad_input_is_one_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
