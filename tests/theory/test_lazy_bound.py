"""The bound of the lazy theorem against integrated networks, and against a case that attains it."""

import numpy as np
import pytest
from scipy import integrate, linalg, special

from theory.lazy_bound import lazy_gap_bound

pytestmark = pytest.mark.fast

SIGMA = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "erf": (special.erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
    "cosine": (np.cos, lambda z: -np.sin(z)),
    "linear": (lambda z: z, np.ones_like),
}
RTOL = 1e-11


def jacobian(a, w, x, activation):
    """∇_θ Φ(θ_j; x_i) as [n, m, 1 + d]."""
    sigma, prime = SIGMA[activation]
    z = x @ w.T
    return np.concatenate([sigma(z)[:, :, None], (prime(z) * a)[:, :, None] * x[:, None, :]], axis=2)


def measure(a, w, x, y, alpha, horizon, activation="tanh", centred=False):
    """(sup ‖f − f_lin‖/‖f(0) − y‖, sup ‖θ − θ(0)‖) along θ_j' = −m ∇F, at 33 times up to the horizon."""
    (n, d), m = x.shape, len(a)
    sigma = SIGMA[activation][0]

    def outputs(state):
        a, w = state[:m], state[m:].reshape(m, d)
        return alpha / m * sigma(x @ w.T) @ a

    start = np.concatenate([a, w.ravel()])
    offset = outputs(start) if centred else np.zeros(n)

    def velocity(_, state):
        a, w = state[:m], state[m:].reshape(m, d)
        push = np.einsum("i,ijp->jp", outputs(state) - offset - y, jacobian(a, w, x, activation)) / (n * alpha)
        return -np.concatenate([push[:, 0], push[:, 1:].ravel()])

    times = np.linspace(0, horizon, 33)
    path = integrate.solve_ivp(velocity, (0, horizon), start, "DOP853", times, rtol=RTOL, atol=1e-14).y.T
    grad = jacobian(a, w, x, activation).reshape(n, -1)
    kernel = grad @ grad.T / m
    error = outputs(start) - offset - y
    linear = np.array([y + linalg.expm(-kernel * t / n) @ error for t in times])
    true = np.array([outputs(state) for state in path]) - offset
    size = np.sqrt(np.mean(error**2))
    gap = np.sqrt(np.mean((true - linear) ** 2, axis=1)).max() / size
    # The part of the parameters sums over units and coordinates; the metric is its mean over units.
    return gap, np.sqrt(np.sum((path - start) ** 2, axis=1) / m).max()


def instance(seed, m=12, n=4, d=3, doubled=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    a, w = rng.normal(size=m), rng.normal(size=(m, d))
    if doubled:
        a, w = np.concatenate([a, -a]), np.concatenate([w, w])
    return a, w, x, rng.normal(size=n)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha", [1.0, 30.0, 1000.0])
@pytest.mark.parametrize("k", [0.5, 4.0])
def test_bound_holds_along_the_flow(seed, alpha, k):
    for doubled, centred in ((False, False), (False, True), (True, False)):
        a, w, x, y = instance(seed, doubled=doubled)
        bound = lazy_gap_bound(a, w, x, y, alpha, k, centred=centred)
        gap, moved = measure(a, w, x, y, alpha, bound.horizon, centred=centred)
        assert gap <= bound.gap
        assert moved <= bound.radius
        assert bound.error == pytest.approx(
            np.sqrt(np.mean(((0 if centred else alpha * np.tanh(x @ w.T) @ a / len(a)) - y) ** 2)), rel=1e-12
        )


@pytest.mark.parametrize("activation", ["erf", "cosine", "linear"])
def test_bound_holds_for_the_other_activations(activation):
    for seed in range(2):
        a, w, x, y = instance(seed)
        bound = lazy_gap_bound(a, w, x, y, 30.0, 2.0, activation, centred=True)
        gap, moved = measure(a, w, x, y, 30.0, bound.horizon, activation, centred=True)
        assert gap <= bound.gap
        assert moved <= bound.radius


@pytest.mark.parametrize("activation", ["linear", "tanh", "erf"])
def test_bound_is_attained(activation):
    """One unit, a ∝ w: the flow moves along the direction in which Dh changes fastest.

    For tanh and erf, a and w are small enough (1e-3) for the unit to be linear. The inequality loses a
    relative O(K) where the residual decays and O(1/α) where the tangent changes; a constant wrong by 2 would
    not survive.
    """
    slope = 2 / np.sqrt(np.pi) if activation == "erf" else 1.0
    # φ = a s w: the two eigenvalues of D²φ are ±s, and its Jacobian (s w, s a) is at 45 degrees.
    a, w, x, y = np.array([1e-3]), np.array([[1e-3]]), np.array([[1.0]]), np.array([1.0])
    k, alpha = 1e-2, 1e9
    bound = lazy_gap_bound(a, w, x, y, alpha, k, activation, centred=True)
    gap, moved = measure(a, w, x, y, alpha, bound.horizon, activation, centred=True)
    # f_lin and f differ by `gap`, far below 1: what the integrator and the subtraction can resolve.
    room = 3 * k + 10 * RTOL / gap
    assert room < 0.1
    assert 1 - room < gap / bound.gap <= 1 + 10 * RTOL / gap
    assert 1 - room < moved / bound.radius <= 1
    assert gap > bound.gap / 2  # control: half the constant would be no bound
    assert bound.curvature == pytest.approx(slope, rel=1e-2)


def test_a_wrong_power_of_alpha_is_caught():
    """1/α² for 1/α: the attained case leaves no slack to hide in."""
    a, w, x, y = np.array([1.0]), np.array([[1.0]]), np.array([[1.0]]), np.array([1.0])
    alpha = 1e3
    bound = lazy_gap_bound(a, w, x, y, alpha, 0.1, "linear", centred=True)
    gap, _ = measure(a, w, x, y, alpha, bound.horizon, "linear", centred=True)
    assert bound.gap / alpha < gap <= bound.gap


@pytest.mark.parametrize("activation", list(SIGMA))
def test_constants_bound_differences_of_jacobians(activation):
    """Lip(h) and Lip(Dh) against random pairs in the ball, in the norms (1/m)Σ and (1/n)Σ."""
    rng = np.random.default_rng(5)
    a, w, x, y = instance(6, m=3, n=3, d=2)
    m, n = len(a), len(x)
    bound = lazy_gap_bound(a, w, x, y, 2.0, 0.5, activation)

    def in_ball():
        step = rng.normal(size=(m, 3))
        step *= bound.radius * rng.uniform() ** 0.1 * np.sqrt(m) / np.linalg.norm(step)
        return a + step[:, 0], w + step[:, 1:]

    for _ in range(300):
        (a1, w1), (a2, w2) = in_ball(), in_ball()
        apart = np.sqrt((np.sum((a1 - a2) ** 2) + np.sum((w1 - w2) ** 2)) / m)
        j1, j2 = (jacobian(p, q, x, activation).reshape(n, -1) / np.sqrt(m * n) for p, q in ((a1, w1), (a2, w2)))
        assert np.linalg.norm(j1, 2) <= bound.slope
        assert np.linalg.norm(j1 - j2, 2) <= bound.curvature * apart


def test_curvature_is_near_the_truth_where_the_second_derivative_peaks():
    """One unit at the peak of |tanh''|: 5 % of slack, because sup|σ'| and sup|σ''| are not at one place."""
    peak = np.arctanh(1 / np.sqrt(3))
    a, w, x = np.array([5.0]), np.array([[peak]]), np.array([[1.0]])
    bound = lazy_gap_bound(a, w, x, [1.0], 1e9, 1e-9, centred=True)
    h = 1e-4
    j1, j2 = (jacobian(a, w + s * h, x, "tanh").ravel() for s in (1, -1))
    assert 0.9 < np.linalg.norm(j1 - j2) / (2 * h) / bound.curvature < 1


def test_fields_are_those_of_the_theorem():
    a, w, x, y = instance(1)
    alpha, k = 7.0, 1.5
    bound = lazy_gap_bound(a, w, x, y, alpha, k)
    grad = jacobian(a, w, x, "tanh").reshape(len(x), -1)
    initial = np.linalg.norm(grad, 2) / np.sqrt(len(a) * len(x))
    largest = np.linalg.norm(x, axis=1).max()
    top = np.abs(a).max() + np.sqrt(len(a)) * bound.radius
    curvature = np.linalg.eigvalsh([[0, largest], [largest, top * largest**2 * 4 / (3 * np.sqrt(3))]])[-1]
    assert bound.radius == pytest.approx(k * bound.error / (alpha * initial), rel=1e-12)
    assert bound.curvature == pytest.approx(curvature, rel=1e-12)
    assert bound.slope == pytest.approx(initial + bound.radius * curvature, rel=1e-12)
    assert bound.horizon == pytest.approx(k / bound.slope**2, rel=1e-12)
    assert bound.gap == pytest.approx(k**2 / alpha * curvature / bound.slope**2 * bound.error, rel=1e-12)
    for prediction, value in ((bound.prediction(), bound.gap), (bound.movement(), bound.radius)):
        assert (prediction.value, prediction.relation) == (value, "<=")
        assert "tanh" in prediction.holds


def test_a_fitted_network_does_not_move():
    a, w, x, _ = instance(2)
    bound = lazy_gap_bound(a, w, x, 3.0 / len(a) * np.tanh(x @ w.T) @ a, 3.0, 1.0)
    # y is the output up to the order of a sum.
    assert bound.error < 1e-14
    assert bound.gap < 1e-13
    assert bound.horizon > 0


A, W, X, Y = [1.0, -1.0], [[1.0], [1.0]], [[1.0]], [1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0]], W, X, Y, 1.0, 1.0), r"output_weights must be an array of shape \[m\], got shape \(1, 1\)"),
        (
            (A, [1.0, 1.0], X, Y, 1.0, 1.0),
            r"input_weights must be an array of shape \[m, d\], got shape \(2,\)",
        ),
        (
            (A, [[1.0]], X, Y, 1.0, 1.0),
            "rows of input_weights must agree with output_weights, got 1 where .* has 2",
        ),
        (
            (A, W, [[1.0, 2.0]], Y, 1.0, 1.0),
            "columns of x must agree with input_weights, got 2 where .* has 1",
        ),
        ((A, W, X, [1.0, 2.0], 1.0, 1.0), "length of y must agree with x, got 2 where x has 1"),
        ((A, [[1.0], [np.nan]], X, Y, 1.0, 1.0), r"input_weights must be finite, got nan at index \(1, 0\)"),
        ((A, W, X, Y, 0.0, 1.0), "alpha must be a finite number > 0, got 0"),
        ((A, W, X, Y, 1.0, -2.0), "k must be a finite number > 0, got -2"),
        ((A, W, X, Y, 1.0, 1.0, "relu"), "activation must be one of tanh, erf, cosine, linear, got 'relu'"),
        ((A, W, X, Y, 1.0, 1.0, "tahn"), "got 'tahn'; did you mean 'tanh'"),
        ((A, W, [[0.0]], Y, 1.0, 1.0), "x must give a tangent kernel that is not zero at these weights"),
        ((A, W, [[1e200]], Y, 1.0, 1.0), "output_weights and input_weights must be small enough for float64"),
        ((A, W, X, Y, 1e-300, 1e300), "alpha must be of a size that float64 can compute with, got 1e-300"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        lazy_gap_bound(*arguments)
