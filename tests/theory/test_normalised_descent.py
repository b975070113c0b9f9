"""Networks of normalised neurons: gradients by differences, and the bound on rounding against coarser arithmetic."""

import numpy as np
import pytest

from theory import normalised_descent as exact

pytestmark = pytest.mark.fast

HALF = float(np.finfo(np.float32).eps) / 2


@pytest.fixture
def problem():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(6, 2)), random.normal(size=6)
    theta = random.normal(size=(3, 3))
    theta[:, 1:] *= 2
    return theta, x, y


@pytest.mark.parametrize("activation", exact.ACTIVATIONS)
def test_gradient_is_that_of_the_risk(problem, activation):
    theta, x, y = problem

    def risk(theta):
        return len(theta) * np.mean((exact.outputs(theta, x, activation) - y) ** 2) / 2

    width, found = 1e-6, exact.gradient(theta, x, y, activation)
    for k in np.ndindex(*theta.shape):
        shift = np.zeros(theta.shape)
        shift[k] = width
        assert found[k] == pytest.approx((risk(theta + shift) - risk(theta - shift)) / (2 * width), abs=1e-8)


def test_gradient_is_orthogonal_and_of_degree_minus_one(problem):
    theta, x, y = problem
    g = exact.gradient(theta, x, y)
    assert np.abs(np.sum(g[:, 1:] * theta[:, 1:], axis=1)).max() < 1e-15
    scaled = theta * np.array([1, 2, 2])
    assert np.allclose(exact.gradient(scaled, x, y)[:, 1:], g[:, 1:] / 2, rtol=1e-13)


def descended(theta, x, y, kind, rate=0.1, momentum=0.5, decay=0.1, steps=60):
    """Heavy-ball descent in arithmetic of another precision: (positions, what was subtracted)."""
    theta, x, y = (np.asarray(value, kind) for value in (theta, x, y))
    v, path, moved = np.zeros_like(theta), [theta], [np.zeros_like(theta)]
    rate, momentum, decay = kind(rate), kind(momentum), np.array([0, decay, decay], kind)
    for _ in range(steps):
        a, w = theta[:, :1], theta[:, 1:]
        norm = np.sqrt(np.sum(w**2, axis=1, keepdims=True))
        z = w / norm @ x.T
        r = np.mean(a * np.tanh(z), axis=0) - y
        s = r * (1 - np.tanh(z) ** 2)
        inner = a / norm * (s @ x - np.sum(s * z, axis=1, keepdims=True) * w / norm) / kind(len(x))
        g = np.concatenate([np.mean(r * np.tanh(z), axis=1, keepdims=True), inner], axis=1)
        v = momentum * v + g + decay * theta
        theta = theta - rate * v
        path.append(theta)
        moved.append(rate * v)
    return np.array(path, float), np.array(moved, float)


def test_rounding_of_single_precision_stays_below_the_bound(problem):
    """Two descents in arithmetics of 24 and 53 bits differ by rounding of the former, and by not much less."""
    theta, x, y = problem
    theta, x, y = (np.float32(value).astype(float) for value in (theta, x, y))
    fine, moved = descended(theta, x, y, np.float64)
    coarse, _ = descended(theta, x, y, np.float32)
    steps = len(fine) - 1
    path = exact.Path(fine, moved, np.tile(x, (steps, 1, 1)), np.tile(y, (steps, 1)), np.full(steps, 0.1), 0.5, 0.1)
    bound = exact.rounding_bound(path, np.ones(steps + 1), HALF)
    apart = np.linalg.norm(fine - coarse, axis=(1, 2))
    assert np.all(apart <= bound)
    assert apart[-1] > 1e-7 * bound[-1]
    fresh = np.random.default_rng(1).normal(size=(20, 2))
    gap = np.abs(exact.outputs(fine, fresh) - exact.outputs(coarse, fresh)).max(axis=1)
    assert np.all(gap <= exact.prediction_bound(fine, bound, fresh, HALF))


def test_bound_grows_with_an_instability():
    """A saddle of the angle: what rounding adds grows as the linear dynamics say."""
    theta = np.tile(np.array([[1.0, 1.0, 0.0]]), (41, 1, 1))
    x, y = np.tile([[1.0, 0.0]], (40, 1, 1)), np.full((40, 1), -9.0)
    path = exact.Path(theta, 0 * theta, x, y, np.full(40, 0.1), 0.0, 0.0)
    bound = exact.rounding_bound(path, np.ones(41), 1e-16)
    slope = (1 - np.tanh(1) ** 2) * (np.tanh(1) + 9)
    assert bound[-1] / bound[-2] == pytest.approx(1 + 0.1 * slope, rel=0.05)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: exact.outputs([[1.0, 1.0]], [[1.0]], "sine"), "activation must be one of"),
        (lambda: exact.gradient([[1.0, 1.0]], [[1.0]], [1.0], "sine"), "activation must be one of"),
        (lambda: exact.prediction_bound(np.ones((1, 1, 2)), [0.0], np.ones((1, 1)), 0.0), "roundoff must be"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ValueError, match=says):
        call()
