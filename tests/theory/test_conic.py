"""The flow on the sphere against particles in space, closed forms, and itself in two descriptions."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theory.conic import balanced_flow, first_variation, sphere_flow
from theory.neurons import Network

pytestmark = pytest.mark.fast

M, N, D = 4, 5, 2
RTOL = 1e-9


@pytest.fixture
def data():
    """(θ with 2|a| = |w|, x, y)."""
    rng = np.random.default_rng(0)
    theta = rng.normal(size=(M, 1 + D))
    theta[:, 0] = np.sign(theta[:, 0]) * np.linalg.norm(theta[:, 1:], axis=1) / 2
    return theta, rng.normal(size=(N, D)), rng.normal(size=N)


def predict(theta, x, smoothing, scale):
    """(α/m) Σ a (z + √(z² + ε²|w|²))/2, one sample and one neuron at a time."""
    f = np.zeros(len(x))
    for i, point in enumerate(x):
        for a, *w in theta:
            z = np.dot(w, point)
            f[i] += scale / len(theta) * a * (z + np.sqrt(z * z + smoothing**2 * np.dot(w, w))) / 2
    return f


def particles(theta, x, y, times, smoothing, strength, scale):
    """Predictions along θ' = −m ∇F in space, the gradient by central differences: knows nothing of spheres."""

    def energy(flat):
        residual = predict(flat.reshape(theta.shape), x, smoothing, scale) - y
        return np.mean(residual**2) / 2 / scale**2 + strength / 2 * np.sum(flat**2) / len(theta)

    def velocity(_, flat):
        step = 1e-5 * np.eye(flat.size)
        return [-len(theta) * (energy(flat + e) - energy(flat - e)) / 2e-5 for e in step]

    path = solve_ivp(velocity, (0, times[-1]), theta.ravel(), "LSODA", t_eval=times, rtol=1e-9, atol=1e-9)
    return np.array([predict(flat.reshape(theta.shape), x, smoothing, scale) for flat in path.y.T])


# Central differences of 1e-5 leave 1e-10 of truncation and 1e-11 of rounding a unit of time.
NEAR = 1e-7


@pytest.mark.parametrize(("strength", "scale"), [(0.0, 1.0), (0.1, 3.0)])
def test_sphere_is_space(data, strength, scale):
    theta, x, y = data
    times = np.array([0.0, 0.5, 2.0])
    options = {"smoothing": 0.5, "strength": strength, "scale": scale}
    expected = particles(theta, x, y, times, **options)
    flow = sphere_flow(theta, x, y, times, **options)
    assert np.abs(flow.predictions - expected).max() < NEAR
    assert np.allclose(np.linalg.norm(flow.direction, axis=-1), 1, atol=1e-8)
    wrong = sphere_flow(theta, x, y, times, growth=1.0, **options)
    assert np.abs(wrong.predictions - expected).max() > 1e3 * NEAR


def test_balanced_start_needs_input_weights_only(data):
    theta, x, y = data
    times, options = [0.0, 1.0, 3.0], {"smoothing": 0.5, "strength": 0.05, "scale": 2.0}
    theta[:, 0] *= 2
    whole, inner = (flow(theta, x, y, times, **options) for flow in (sphere_flow, balanced_flow))
    assert np.abs(whole.predictions - inner.predictions).max() < RTOL
    # r² = a² + |w|² is twice c = a².
    assert np.allclose(whole.mass, 2 * inner.mass, rtol=1e-8)
    theta[:, 0] *= 0.9
    whole = sphere_flow(theta, x, y, times, **options)
    assert np.abs(whole.predictions - inner.predictions)[1:].max() > 1e-3


def test_one_neuron_by_hand():
    """f = c with c' = −2c(c − y + λ): the logistic equation."""
    c0, y, decay, times = 0.25, 2.0, 0.5, np.array([0.0, 0.7, 1.5])
    goal = y - decay
    exact = goal / (1 + (goal / c0 - 1) * np.exp(-2 * goal * times))
    start = [[np.sqrt(c0), np.sqrt(c0)]]
    for flow in (sphere_flow, balanced_flow):
        for how in ({}, {"step": 1e-2}):
            seen = flow(start, [[1.0]], [y], times, strength=decay, **how)
            assert np.abs(seen.predictions[:, 0] - exact).max() < 1e-7


def test_replicas_run_side_by_side(data):
    theta, x, y = data
    both = sphere_flow(np.stack([theta, -theta]), np.stack([x, 2 * x]), np.stack([y, y]), [1.0], smoothing=0.3)
    one = sphere_flow(-theta, 2 * x, y, [1.0], smoothing=0.3)
    assert both.predictions.shape == (1, 2, N)
    assert np.abs(both.predictions[:, 1] - one.predictions).max() < RTOL


def test_steps_for_kinks(data):
    """Steps of order 4 on a smooth unit; for ReLU they get through where steps to a tolerance would not."""
    theta, x, y = data
    exact = sphere_flow(theta, x, y, [2.0], smoothing=0.5).predictions
    errors = [
        np.abs(sphere_flow(theta, x, y, [2.0], smoothing=0.5, step=h).predictions - exact).max() for h in (0.1, 0.05)
    ]
    assert 3.7 < np.log2(errors[0] / errors[1]) < 4.3
    coarse, fine = (sphere_flow(theta, x, y, [2.0], step=h).predictions for h in (4e-2, 1e-2))
    assert np.abs(coarse - fine).max() < 1e-2


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_first_variation_is_the_derivative_in_the_masses(data, smoothing):
    """Of F by central differences in the mass of each particle; and its gradient by differences of itself."""
    theta, x, y = data
    options = {"smoothing": smoothing, "strength": 0.1, "scale": 3.0}
    mass = np.full(M, 1 / M)

    def energy(mass):
        f = sum(p * M * predict(one[None], x, smoothing, 3.0) / M for p, one in zip(mass, theta, strict=True))
        return np.mean((f - y) ** 2) / 2 / 9 + 0.05 * mass @ np.sum(theta**2, axis=1)

    values, gradients = first_variation(theta, x, y, **options)
    for j, e in enumerate(1e-5 * np.eye(M)):
        assert values[j] == pytest.approx((energy(mass + e) - energy(mass - e)) / 2e-5, abs=1e-8)
    for p, e in enumerate(1e-6 * np.eye(1 + D)):
        up, down = (first_variation(theta, x, y, theta + sign * e, **options)[0] for sign in (1, -1))
        assert gradients[:, p] == pytest.approx((up - down) / 2e-6, abs=1e-7)


def test_first_variation_of_relu_neurons_written_out(data):
    theta, x, y = data
    network = Network(theta, "relu")
    residual = (2 * network.predict(x)[:, 0] - y) / (2 * N)
    _, gradients = first_variation(theta, x, y, strength=0.3, scale=2.0)
    assert gradients == pytest.approx(network.gradients(x, residual[:, None]).sum(axis=0) + 0.3 * theta, abs=1e-13)
    twice = first_variation(np.stack([theta, -theta]), np.stack([x, x]), np.stack([y, y]), strength=0.3, scale=2.0)
    assert twice[1][0] == pytest.approx(gradients, abs=1e-13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"position": [[0.0, 0.0, 0.0]]}, "position must have no particle at zero"),
        ({"x": [[1.0], [1.0]]}, "the columns of x must agree with position, got 1 where position has 2"),
        ({"y": [1.0]}, "y must agree with the rows of x"),
        ({"times": [1.0, 1.0]}, r"times must increase from 0 on, got \[1.0, 1.0\]"),
        ({"smoothing": -1.0}, "smoothing must be a finite number >= 0"),
        ({"scale": 0.0}, "scale must be a finite number > 0"),
        ({"step": 0.0}, "step must be a finite number > 0"),
    ],
)
def test_bad_input_is_named(change, message):
    good = {"position": [[1.0, 1.0, 0.0]], "x": [[1.0, 0.0], [0.0, 1.0]], "y": [1.0, 2.0], "times": [0.0, 1.0]}
    with pytest.raises(ValueError, match=message):
        sphere_flow(**(good | change))


def test_balanced_flow_needs_a_sign():
    with pytest.raises(ValueError, match="position must have output weights other than 0"):
        balanced_flow([[0.0, 1.0]], [[1.0]], [1.0], [1.0])
