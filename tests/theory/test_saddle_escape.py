"""Exit times from the saddle at the origin: spectra by differences, an ODE solver, and random numbers."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theory import saddle_escape as exact

pytestmark = pytest.mark.fast

RNG = np.random.default_rng


@pytest.fixture
def data():
    random = RNG(0)
    x = random.normal(size=(12, 3))
    return x, np.tanh(x @ random.normal(size=(3, 2))).sum(axis=1)


@pytest.mark.parametrize("activation", exact.SMOOTH)
def test_mode_is_the_least_eigenvalue_of_the_hessian(data, activation):
    """m∇²F at 0 for m = 2 by differences of the velocity: eigenvalues ±λ and 0, each for every neuron."""
    m, p, width = 2, 4, 1e-5
    columns = []
    for k in range(m * p):
        shift = np.zeros(m * p)
        shift[k] = width
        up, down = (exact.velocity(way * shift.reshape(m, p), *data, activation) for way in (1, -1))
        columns.append((up - down).ravel() / (2 * width))
    values, vectors = np.linalg.eigh(np.array(columns))
    rate, direction = exact.origin_mode(*data, activation)
    assert np.allclose(values, [-rate] * 2 + [0.0] * 4 + [rate] * 2, atol=1e-9)
    assert np.linalg.norm(vectors[:, -2:].T @ np.append(direction, np.zeros(4))) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("activation", exact.ACTIVATIONS)
def test_velocity_is_that_of_the_risk(data, activation):
    theta, width = RNG(1).normal(size=(2, 4)), 1e-6
    found = exact.velocity(theta, *data, activation)
    for k in np.ndindex(2, 4):
        shift = np.zeros((2, 4))
        shift[k] = width
        up, down = (exact.risk(theta + way * shift, *data, activation) for way in (1, -1))
        assert found[k] == pytest.approx(-2 * (up - down) / (2 * width), abs=1e-7)


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_exit_times_against_a_solver(data, activation):
    """Two starts, by scipy's DOP853 with an event; steps of a twentieth are off by their error of order four."""
    rate, _ = exact.origin_mode(*data, activation)
    theta = 0.01 * RNG(2).normal(size=(2, 3, 4))
    goal = 0.95 * np.mean(data[1] ** 2) / 2

    def left(_, flat):
        return float(exact.risk(flat.reshape(3, 4), *data, activation)) - goal

    left.terminal = True
    expected = [
        solve_ivp(
            lambda _, flat: exact.velocity(flat.reshape(3, 4), *data, activation).ravel(),
            (0, 100), one.ravel(), method="DOP853", rtol=1e-10, atol=1e-14, events=left,
        ).t_events[0][0]
        for one in theta
    ]  # fmt: skip
    assert np.allclose(exact.exit_times(theta, *data, 0.05 / rate, activation), expected, rtol=0, atol=2e-5 / rate)


def test_exit_grows_as_the_logarithm(data):
    rate, direction = exact.origin_mode(*data)
    theta = np.array([1e-3, 1e-6])[:, None, None] * direction
    for order in (1, 4):
        early, late = exact.exit_times(theta, *data, 0.05 / rate, order=order)
        growth = exact.step_rate(rate, 0.05 / rate, order)
        assert growth * (late - early) == pytest.approx(np.log(1000), abs=1e-5)


def test_who_never_leaves_has_no_exit_time(data):
    assert exact.exit_times(np.zeros((1, 2, 4)), *data, 0.1, most=50).tolist() == [np.inf]


def test_relu_rates_are_maxima_on_the_circle():
    """In the plane all local maxima are seen on a fine grid of angles."""
    random = RNG(3)
    x, y = random.normal(size=(8, 2)), random.uniform(0.1, 1, size=8)
    angle = np.linspace(0, 2 * np.pi, 200_001)[:-1]
    h = np.maximum(np.column_stack([np.cos(angle), np.sin(angle)]) @ x.T, 0) @ y / 8
    peaks = np.sort(h[(h > np.roll(h, 1)) & (h > np.roll(h, -1))])[::-1]
    assert np.allclose(exact.relu_rates(x, y), peaks, rtol=1e-9)


def test_relu_rates_are_reached_by_ascent():
    random = RNG(4)
    x, y = random.normal(size=(12, 3)), random.uniform(0, 1, size=12)
    u = random.normal(size=(400, 3))
    for _ in range(30):
        u = ((u @ x.T > 0) * y) @ x / 12
    assert np.max(np.linalg.norm(u, axis=1)) == pytest.approx(exact.relu_rates(x, y)[0], rel=1e-12)


def test_crossings_of_cubics_are_exact():
    """t is a cubic of log v: interpolation makes no error."""
    u = np.linspace(-1, 2, 31)
    t = 3 + u + 0.1 * u**3
    values = np.exp(u)
    assert exact.crossings(t, values[None], np.exp(0.637))[0] == pytest.approx(3 + 0.637 + 0.1 * 0.637**3, abs=1e-12)
    assert exact.crossings(t, np.stack([0 * values, values]), 100.0).tolist() == [np.inf, np.inf]
    steps = np.array([[1.0, 1.0, 5.0, 5.0, 5.0]])
    assert exact.crossings(np.arange(5.0), steps, 2.0).tolist() == [2.0]


def test_noise_amplitude_against_the_recursion():
    rate, tau, h, c = 0.7, 0.3, 0.1, 0.0
    for _ in range(400):  # the variance, step by step
        c = (1 + h * rate) ** 2 * c + 2 * tau * h
    assert np.sqrt(c) == pytest.approx(exact.noise_amplitude(rate, tau, h) * (1 + h * rate) ** 400, rel=1e-10)


def test_log_chi_against_samples():
    """Five standard errors of mean and variance."""
    z = np.log(np.linalg.norm(RNG(5).normal(size=(100_000, 6)), axis=1))
    mean, variance = exact.log_chi(6)
    assert abs(z.mean() - mean) < 5 * z.std() / np.sqrt(len(z))
    assert abs(z.var() - variance) < 5 * np.std((z - z.mean()) ** 2) / np.sqrt(len(z))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: exact.origin_mode([[1.0]], [1.0], "relu"), "activation must be one of tanh, linear, softplus"),
        (lambda: exact.origin_mode([[1.0]], [0.0]), "y must be correlated with x"),
        (lambda: exact.origin_mode([[1.0]], [1.0, 2.0]), "y must agree with x"),
        (lambda: exact.relu_rates([[1.0]], [-1.0]), "y must be at least 0"),
        (lambda: exact.relu_rates([[0.0]], [1.0]), "x must not hold a sample that is zero"),
        (lambda: exact.exit_times(np.ones((1, 1, 2)), [[1.0]], [1.0], 0.1, order=2), "order must be 1 or 4"),
        (lambda: exact.step_rate(1.0, 0.1, order=3), "order must be 1 or 4"),
        (lambda: exact.crossings([0.0, 1.0], [[1.0, 2.0]], 1.5), "times must hold at least four"),
        (lambda: exact.velocity([[1.0, 1.0]], [[1.0]], [1.0], "sine"), "activation must be one of"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ValueError, match=says):
        call()
