"""The sparse optimum against closed forms, against many local searches, and against its own certificate."""

import numpy as np
import pytest
import scipy.optimize

from theory.deconvolution import Problem, features
from theory.sparse_optimum import solve

pytestmark = pytest.mark.fast


def spikes(weights, positions, order, strength, noise=0.0, seed=0):
    clean = np.asarray(weights) @ features(positions, order)[0]
    noisy = clean + noise * np.random.default_rng(seed).normal(size=clean.shape)
    return Problem(noisy, order, np.shape(positions)[1], strength)


@pytest.mark.parametrize("positions", [[[0.3]], [[0.3, 0.8]]])
def test_one_spike_is_shrunk(positions):
    """Without noise a single spike w stays in its place, with weight w − λ."""
    found = solve(spikes([1.2], positions, 3, 0.2), [0.5], np.array(positions) + 0.05, 64)
    assert found.proved
    assert np.abs(found.weights - 1.0) < 1e-12
    assert np.abs(found.positions - positions).max() < 1e-12


def test_nothing_is_left_of_a_strong_penalty():
    """ν = 0 is optimal if |⟨φ(x), y⟩| ≤ λ everywhere: then the guess dies, and nothing is claimed of no spikes."""
    found = solve(spikes([0.5], [[0.3]], 3, 0.6), [0.2], [[0.25]], 64)
    assert len(found.weights) == 0
    assert not found.proved


def test_a_bad_guess_is_completed_and_cleaned():
    """Two of three spikes missing and one too many: the same optimum as from the truth."""
    weights, positions = np.array([1.0, -0.8, 0.6]), np.array([[0.1], [0.45], [0.8]])
    problem = spikes(weights, positions, 6, 0.05, noise=0.05)
    right = solve(problem, weights, positions, 512)
    poor = solve(problem, [0.7, 0.3], [[0.12], [0.6]], 512)
    assert right.proved
    assert poor.proved
    assert abs(right.value - poor.value) < 1e-14
    order = np.argsort(poor.positions[:, 0])
    assert np.abs(poor.positions[order] - right.positions[np.argsort(right.positions[:, 0])]).max() < 1e-9


@pytest.mark.parametrize("dimension", [1, 2])
def test_no_local_search_finds_less(dimension):
    """scipy's L-BFGS-B from 8 random starts with five spikes: its best is the optimum, and never below."""
    rng = np.random.default_rng(2)
    order = 4 if dimension == 1 else 1
    positions = np.array([[0.1], [0.5], [0.8]]) if dimension == 1 else np.array([[0.1, 0.1], [0.6, 0.5]])
    problem = spikes(rng.choice([-1, 1], len(positions)) * 1.0, positions, order, 0.1, noise=0.1)
    found = solve(problem, rng.normal(size=2), rng.uniform(size=(2, dimension)), 256)
    assert found.proved

    def split(z):
        plus, x = z[:10].reshape(2, 5), z[10:].reshape(10, dimension)
        w = np.concatenate([plus[0], -plus[1]])
        value, slope = features(x, order, 1)
        r = w @ value - problem.y
        by_w = np.concatenate([value[:5] @ r, -(value[5:] @ r)]) / len(r) + problem.strength
        by_x = w[:, None] * np.einsum("lnd,n->ld", slope, r) / len(r)
        return 0.5 * np.mean(r**2) + problem.strength * z[:10].sum(), np.concatenate([by_w, by_x.ravel()])

    bounds = [(0, None)] * 10 + [(None, None)] * (10 * dimension)
    values = [
        scipy.optimize.minimize(
            split,
            rng.uniform(0, 1, 10 * (1 + dimension)),
            jac=True,
            bounds=bounds,
            options={"ftol": 1e-13, "maxiter": 1000},
        ).fun
        for _ in range(8)
    ]
    assert min(values) >= found.value - 1e-13
    assert min(values) <= found.value + 1e-6
    assert 0 <= problem.gap(found.weights, found.positions, 256) <= problem.floor(found.weights, found.positions, 256)


def test_the_search_says_when_it_gives_up():
    """Spikes too close to be told apart, of opposite signs, at nearly no penalty: not proved, and no exception."""
    problem = spikes([1.0, -1.0, 1.0], [[0.5], [0.502], [0.504]], 3, 1e-6, noise=0.5)
    found = solve(problem, [1.0, -1.0, 1.0], [[0.5], [0.502], [0.504]], 64)
    r = problem.residual(found.weights, found.positions)
    assert found.proved == (
        found.gradient <= 1e-15 and np.abs(problem.on_grid(r, 64)).max() <= 1 + 1e-9 and len(found.weights) > 0
    )


def test_bad_input():
    problem = spikes([1.0], [[0.3]], 3, 0.1)
    with pytest.raises(ValueError, match="weights must agree"):
        solve(problem, [1.0, 2.0], [[0.3]], 64)
    with pytest.raises(ValueError, match="positions must agree with dimension"):
        solve(problem, [1.0], [[0.3, 0.1]], 64)
