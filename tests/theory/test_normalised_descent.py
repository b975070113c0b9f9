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


def followed(theta, x, y, **kinds):
    """The path in double precision, the distance of one in single from it, and the covariance of rounding."""
    theta, x, y = (np.float32(value).astype(float) for value in (theta, x, y))
    fine, moved = descended(theta, x, y, np.float64, **kinds)
    coarse, _ = descended(theta, x, y, np.float32, **kinds)
    steps, given = len(fine) - 1, {"rate": 0.1, "momentum": 0.5, "decay": 0.1, **kinds}
    rates = np.full(steps, given["rate"])
    path = exact.Path(fine, moved, np.tile(x, (steps, 1, 1)), np.tile(y, (steps, 1)), rates, given["momentum"], 0.1)
    return fine, coarse, exact.rounding_covariance(path, np.ones(steps + 1), HALF)


@pytest.mark.parametrize("kinds", [{}, {"momentum": 0.0}, {"momentum": 0.9, "rate": 0.25}])
def test_rounding_of_single_precision_is_a_share_of_the_bound(kinds):
    """Of thirty descents in 24 bits beside the same in 53 none is further off than the bound, and some by a tenth."""
    shares, gaps = [], []
    for seed in range(30):
        random = np.random.default_rng(seed)
        theta = random.normal(size=(3, 3))
        theta[:, 1:] *= 2
        fine, coarse, spread = followed(theta, random.normal(size=(6, 2)), random.normal(size=6), **kinds)
        apart = np.linalg.norm(fine - coarse, axis=(1, 2))
        shares.append(np.max(apart[1:] / exact.rounding_bound(spread)[1:]))
        fresh = random.normal(size=(20, 2))
        gap = np.abs(exact.outputs(fine, fresh) - exact.outputs(coarse, fresh)).max(axis=1)
        gaps.append(np.max(gap[1:] / exact.prediction_bound(fine, spread, fresh, HALF)[1:]))
    assert 0.1 < np.max(shares) < 1
    assert 0.1 < np.max(gaps) < 1


def test_covariance_of_one_step_by_hand():
    """One relu neuron with f = y = 0: nothing is pushed, and what is left are the roundings of decay and of θ − b."""
    theta = np.array([[[0.0, 3.0, 4.0]], [[0.0, 2.7, 3.6]]])
    moved = np.array([[[0.0, 0.0, 0.0]], [[0.0, 0.3, 0.4]]])
    path = exact.Path(theta, moved, np.zeros((1, 1, 2)), np.zeros((1, 1)), np.array([0.5]), 0.0, 0.2)
    first, second = exact.rounding_covariance(path, [1.0, 0.9], 1.0, "relu")
    assert np.all(first == 0)
    # In units of 1/3: two of λ θ and two of the moved, four of it without decay (which moves 0), two of θ, two of c θ̃.
    expected = [2 * m**2 + 2 * m**2 + 4 * 0.0 + 2 * new**2 + 2 * new**2 for m, new in ((0.3, 2.7), (0.4, 3.6))]
    assert np.allclose(np.diag(second)[1:], np.array(expected) / 3, rtol=1e-6)


def test_covariance_of_kept_buffers_by_hand():
    """The same with momentum at c = 1: both round γ v, add to it, and multiply it."""
    theta = np.array([[[0.0, 4.0, 3.0]], [[0.0, 3.0, 3.0]], [[0.0, 2.5, 3.0]]])
    moved = np.array([[[0.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], [[0.0, 0.5, 0.0]]])
    path = exact.Path(theta, moved, np.zeros((2, 1, 2)), np.zeros((2, 1)), np.array([1.0, 1.0]), 0.5, 0.0)
    *_, last = exact.rounding_covariance(path, np.ones(3), 1.0, "relu")
    # After one step (e_w, e_b) has w: 6·1² + 2·3² and b: 6·1², cov −6; after another e_w − e_b/2 and what is new.
    carried = (6 + 18) + 6 / 4 + 6
    assert last[1, 1] * 3 == pytest.approx(carried + 2 * 0.5**2 + 6 * 0.5**2 + 2 * 2.5**2 + 2 * 2.5**2, rel=1e-6)


def test_bounds_are_six_deviations():
    spread = np.diag([1.0, 4.0, 4.0])[None]
    assert exact.rounding_bound(spread).tolist() == [18.0]
    # f = a relu(w·x/|w|) at w = (3, 4), x = (1, 0): ∂f = (0.6, 2/5 (1 − 0.36), −2/5 0.48).
    by = np.array([0.6, 0.256, -0.192])
    found = exact.prediction_bound(np.array([[[2.0, 3.0, 4.0]]]), spread, np.array([[1.0, 0.0]]), 1e-30, "relu")
    assert found == pytest.approx([6 * np.sqrt(by**2 @ [1, 4, 4])], rel=1e-12)


def test_bound_grows_with_an_instability():
    """A saddle of the angle: what rounding adds grows as the linear dynamics say."""
    theta = np.tile(np.array([[1.0, 0.6, 0.8]]), (121, 1, 1))
    x, y = np.tile([[0.6, 0.8]], (120, 1, 1)), np.full((120, 1), -9.0)
    path = exact.Path(theta, 0 * theta, x, y, np.full(120, 0.1), 0.0, 0.0)
    bound = exact.rounding_bound(exact.rounding_covariance(path, np.ones(121), 1e-16))
    slope = (1 - np.tanh(1) ** 2) * (np.tanh(1) + 9)
    assert bound[-1] / bound[-2] == pytest.approx(1 + 0.1 * slope, rel=1e-4)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: exact.outputs([[1.0, 1.0]], [[1.0]], "sine"), "activation must be one of"),
        (lambda: exact.gradient([[1.0, 1.0]], [[1.0]], [1.0], "sine"), "activation must be one of"),
        (lambda: exact.prediction_bound(np.ones((1, 1, 2)), np.eye(2)[None], np.ones((1, 1)), 0.0), "roundoff must be"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ValueError, match=says):
        call()
