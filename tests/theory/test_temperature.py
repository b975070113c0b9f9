"""Exact moments of stochastic gradient descent, against enumeration of all batches and simulation."""

import itertools

import numpy as np
import pytest

from theory import temperature
from theory.finite_sums import LeastSquares

pytestmark = pytest.mark.fast


@pytest.fixture
def problem():
    rng = np.random.default_rng(5)
    return LeastSquares(rng.normal(size=(4, 2)) / 2, rng.normal(size=4), 0.1)


def enumerated(problem, b, step, batch, replacement, count):
    """Mean and second moment of b − b* after `count` steps: every sequence of batches, with its probability."""
    draws = itertools.product(range(4), repeat=batch) if replacement else itertools.combinations(range(4), batch)
    ends = np.asarray(b)[None]
    for rows in [list(draws)] * count:
        moved = []
        for chosen in rows:
            phi, t = problem.features[list(chosen)], problem.targets[list(chosen)]
            gradient = (ends @ phi.T - t) @ phi / batch + problem.ridge * ends
            moved.append(ends - step * gradient)
        ends = np.concatenate(moved)
    away = ends - problem.minimum
    return away.mean(axis=0), away.T @ away / len(away)


@pytest.mark.parametrize(("batch", "replacement"), [(1, True), (2, True), (2, False), (3, False), (4, False)])
def test_moments_are_those_of_all_sequences_of_batches(problem, batch, replacement):
    b = np.array([1.0, -2.0])
    mean, second = enumerated(problem, b, 0.7, batch, replacement, 3)
    found = temperature.moments(problem, b, 0.7, batch, [0, 3], replacement=replacement)
    assert np.abs(found.mean[1] - mean).max() < 1e-13
    assert np.abs(found.second[1] - second).max() < 1e-13
    assert np.abs(found.second[0] - np.outer(b - problem.minimum, b - problem.minimum)).max() < 1e-13


def test_chains_and_varying_steps_are_the_same_recursion(problem):
    b, steps = np.array([1.0, -2.0]), [0.7, 0.7, 0.2, 0.2, 0.2]
    chained = temperature.then(problem, temperature.moments(problem, b, 0.7, 1, [2]), 0.2, 1, [1, 3])
    direct = temperature.varying(problem, b, steps, [3, 5])
    assert np.abs(chained.second - direct.second).max() < 1e-13
    assert np.abs(chained.mean - direct.mean).max() < 1e-13


def test_stationary_law_is_where_the_recursion_ends(problem):
    late = temperature.moments(problem, np.ones(2), 0.5, 2, [5000])
    assert np.abs(late.second[0] - temperature.stationary(problem, 0.5, 2)).max() < 1e-12
    small = temperature.excess(problem, temperature.stationary(problem, 1e-5, 3))
    assert small == pytest.approx(temperature.first_order(problem, 1e-5, 3), rel=1e-4)
    everything = temperature.stationary(problem, 0.5, 4, replacement=False)
    assert np.abs(everything).max() < 1e-15
    with pytest.raises(ValueError, match="step must be small enough"):
        temperature.stationary(problem, 50.0, 1)


def test_contraction_is_the_factor_of_fitted_samples():
    """The ratio of successive second moments, far out, without noise at the minimum; unseen directions do not count."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(3, 5)) / 2
    problem = LeastSquares(features, features @ np.ones(5), 0.0)
    seen = LeastSquares(problem.reduced.features, np.zeros(3), 0.0)
    second = temperature.moments(seen, np.ones(3), 0.5, 1, [400, 401]).second
    ratio = np.trace(second[1]) / np.trace(second[0])
    assert temperature.contraction(problem, 0.5) == pytest.approx(ratio, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: temperature.moments(p, np.zeros(2), 0.0, 1, [1]), "step"),
        (lambda p: temperature.moments(p, np.zeros(2), 0.1, 1, [2, 1]), "fall"),
        (lambda p: temperature.moments(p, np.zeros(2), 0.1, 5, [1], replacement=False), "batch"),
        (lambda p: temperature.varying(p, np.zeros(2), [0.1], [2]), "stops"),
    ],
)
def test_bad_input_is_one_sentence(problem, call, words):
    with pytest.raises(ValueError, match=words):
        call(problem)
