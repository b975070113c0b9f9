"""Least squares and the rates of theorems, against brute force and independent implementations of the methods."""

import numpy as np
import pytest
from scipy import optimize

from theory import finite_sums
from theory.finite_sums import LeastSquares

pytestmark = pytest.mark.fast


@pytest.fixture
def problem():
    rng = np.random.default_rng(3)
    return LeastSquares(rng.normal(size=(12, 4)), rng.normal(size=12), 0.1)


def risks(problem, b):
    """F_i(b), by definition."""
    return 0.5 * (problem.features @ b - problem.targets) ** 2 + 0.5 * problem.ridge * b @ b


def gradients(problem, b):
    """∇F_i(b), [n, p]."""
    return (problem.features @ b - problem.targets)[:, None] * problem.features + problem.ridge * b


def test_minimum_and_constants_are_those_of_the_definition(problem):
    found = optimize.minimize(lambda b: risks(problem, b).mean(), np.zeros(4), tol=1e-12)
    assert np.abs(found.x - problem.minimum).max() < 1e-5
    b = np.arange(4.0)
    gap = risks(problem, b).mean() - risks(problem, problem.minimum).mean()
    assert float(problem.excess(b)) == pytest.approx(gap, rel=1e-12)
    each = gradients(problem, problem.minimum)
    assert np.abs(problem.gradients - each).max() < 1e-14
    assert np.abs(each.mean(axis=0)).max() < 1e-14
    curvatures = [np.linalg.eigvalsh(np.outer(row, row) + 0.1 * np.eye(4)) for row in problem.features]
    assert problem.smoothness == pytest.approx(np.max(curvatures), rel=1e-12)
    assert problem.convexity == pytest.approx(
        np.linalg.eigvalsh(np.mean([np.outer(r, r) for r in problem.features], 0))[0] + 0.1
    )


def test_reduced_problem_is_the_same_in_the_span():
    rng = np.random.default_rng(0)
    problem = LeastSquares(rng.normal(size=(3, 7)), rng.normal(size=3), 0.2)
    inside = rng.normal(size=3)
    assert problem.span.shape == (7, 3)
    assert float(problem.excess(problem.span @ inside)) == pytest.approx(
        float(problem.reduced.excess(inside)), rel=1e-10
    )
    assert np.trace(problem.noise) == pytest.approx(np.trace(problem.reduced.noise), rel=1e-10)


def run_saga(problem, rate, steps, rng, b, biased=False):
    """SAGA, or SAG from a memory of zeros, in its textbook form; the squared distance and the excess at the end."""
    table = np.zeros((problem.n, len(b))) if biased else gradients(problem, b)
    for _ in range(steps):
        i = rng.integers(problem.n)
        new = gradients(problem, b)[i]
        if biased:
            table[i] = new
            b = b - rate.step * table.mean(axis=0)
        else:
            b = b - rate.step * (new - table[i] + table.mean(axis=0))
            table[i] = new
    return float(problem.distance(b)), float(problem.excess(b))


def run_svrg(problem, rate, steps, rng, b, epoch):
    anchor = b
    for _ in range(steps):
        i = rng.integers(problem.n)
        move = gradients(problem, b)[i] - gradients(problem, anchor)[i] + gradients(problem, anchor).mean(axis=0)
        anchor = b if rng.random() < 1 / epoch else anchor
        b = b - rate.step * move
    return float(problem.distance(b)), float(problem.excess(b))


@pytest.mark.parametrize("name", ["saga", "adapted", "sag", "svrg"])
def test_theorems_hold_for_textbook_methods(problem, name):
    rng, b = np.random.default_rng(1), np.full(4, 2.0)
    steps, repeats = 60, 40
    if name == "svrg":
        rate = finite_sums.svrg(problem, b, 24.0)
        ends = [run_svrg(problem, rate, steps, rng, b, 24.0)[0] for _ in range(repeats)]
    elif name == "sag":
        rate = finite_sums.sag(problem, b)
        ends = [run_saga(problem, rate, steps, rng, b, biased=True)[1] for _ in range(repeats)]
    else:
        rate = finite_sums.saga(problem, b, adapted=name == "adapted")
        ends = [run_saga(problem, rate, steps, rng, b)[0] for _ in range(repeats)]
    bound = float(rate.bound([steps])[0])
    assert np.mean(ends) + 4 * np.std(ends) / np.sqrt(repeats) < bound
    assert bound < rate.constant
    assert bound == pytest.approx(rate.constant * (1 - rate.rate) ** steps, rel=1e-12)


def test_sgd_bounds_hold_for_brute_force():
    """Decaying steps with noise, and a constant step on fitted samples, from the mean of many runs."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(6, 3))
    noisy = LeastSquares(features, rng.normal(size=6), 0.3)
    clean = LeastSquares(features, features @ np.ones(3), 0.0)
    start, steps, repeats = np.full(3, 1.5), 200, 300
    rate, offset = finite_sums.fitted(clean, start), finite_sums.decaying_offset(noisy)
    b, c = np.repeat(start[None], repeats, 0), np.repeat(start[None], repeats, 0)
    for k in range(steps):
        rows = features[rng.integers(6, size=repeats)]
        c = c - rate.step * np.sum(rows * (c - 1), axis=1, keepdims=True) * rows
        i = rng.integers(6, size=repeats)
        residual = np.sum(features[i] * b, axis=1) - noisy.targets[i]
        b = b - 2 / noisy.convexity / (k + offset) * (residual[:, None] * features[i] + 0.3 * b)
    assert np.mean(noisy.distance(b)) < finite_sums.decaying_bound(noisy, start, [steps])[0]
    assert np.mean(clean.distance(c)) < rate.bound([steps])[0] < 0.6 * rate.constant


def test_limit_of_decaying_steps_is_that_of_the_recursion():
    """One dimension by hand: e ← (1 − ηa_i) e − η g_i, second moments step by step."""
    problem = LeastSquares([[1.0], [2.0]], [1.0, -1.0], 0.5)
    c, second = 2.0, 0.0
    slope, gradient = problem.features[:, 0] ** 2 + 0.5, problem.gradients[:, 0]
    for k in range(1, 200_001):
        step = c / problem.convexity / (k + 20)
        second = np.mean((1 - step * slope) ** 2) * second + step**2 * np.mean(gradient**2)
    found = 0.5 * problem.convexity * second * 200_021
    assert found == pytest.approx(finite_sums.decaying_limit(problem, c), rel=1e-3)


def test_constants_of_theorems_by_hand():
    """b* = 1, H = μ = 7/2, L = 5, λ = 1, tr C = 1; at b = 3 the distance is 4, the excess 7, and A_i e = 4, 10."""
    by_hand = LeastSquares([[1.0], [2.0]], [1.0, 3.0], 1.0)
    found = {
        "saga": finite_sums.saga(by_hand, [3.0]),
        "adapted": finite_sums.saga(by_hand, [3.0], adapted=True),
        "sag": finite_sums.sag(by_hand, [3.0]),
        "svrg": finite_sums.svrg(by_hand, [3.0], 4.0),
    }
    expected = {
        "saga": (1 / 15, 1 / 15, 4 + 4 / 15 * 7),
        "adapted": (1 / 14, 1 / 14, 4 + 4 / 14 * 7),
        "sag": (1 / 80, 3.5 / 80, 7 + 10 * 4 + 1 / 80),
        "svrg": (1 / 30, 3.5 / 30, 4 + 4 / 900 * 4 * (16 + 100) / 2),
    }
    for name, numbers in expected.items():
        assert (found[name].step, found[name].rate, found[name].constant) == pytest.approx(numbers, rel=1e-12), name
    many = LeastSquares([[1.0], [2.0]] * 20, [1.0, 3.0] * 20, 1.0)
    slow = finite_sums.saga(many, [3.0]), finite_sums.sag(many, [3.0]), finite_sums.svrg(many, [3.0], 80.0)
    assert [one.rate for one in slow] == pytest.approx([1 / 160, 1 / 320, 1 / 160], rel=1e-12)
    offset = 4 * 5 / 3.5
    assert finite_sums.decaying_offset(by_hand) == pytest.approx(offset, rel=1e-12)
    assert finite_sums.decaying_bound(by_hand, [3.0], [0])[0] == pytest.approx(4.0, rel=1e-12)
    assert finite_sums.decaying_bound(by_hand, [1.1], [2])[0] == pytest.approx(8 / 3.5**2 / (2 + offset), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: LeastSquares([[1.0]], [1.0, 2.0], 0.1), "targets"),
        (lambda p: LeastSquares([[1.0]], [1.0], -0.1), "ridge"),
        (lambda p: finite_sums.saga(LeastSquares([[1.0]], [1.0], 0.0), [0.0]), "ridge"),
        (lambda p: finite_sums.svrg(p, np.zeros(4), 0.5), "epoch"),
        (lambda p: finite_sums.fitted(p, np.zeros(4)), "fitted"),
        (lambda p: finite_sums.decaying_limit(p, 0.5), "c must"),
    ],
)
def test_bad_input_is_one_sentence(problem, call, words):
    with pytest.raises(ValueError, match=words):
        call(problem)
