"""The limit of many particles and its fluctuations, against finite differences, quadrature and drawn networks."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import dblquad

from theory import chaos

pytestmark = pytest.mark.fast

SETTING = {"step": 0.3, "scale": 1.7, "penalty": 0.05}


def small(seed=0, d=2):
    """A few weighted particles, samples, and inputs at which to read the predictor."""
    rng = np.random.default_rng(seed)
    theta, mass = rng.normal(size=(5, d + 2)), rng.random(5)
    return theta, mass, rng.normal(size=(3, d)), rng.normal(size=3), rng.normal(size=(2, d))


def predictor(theta, mass, x, scale=1.0):
    return scale * (mass * theta[:, 0]) @ np.tanh(theta[:, 1:-1] @ x.T + theta[:, -1:])


def objective(theta, mass, x, y):
    """R(f)/α² + (λ/2) ∫ |θ|² dμ."""
    risk = np.mean((predictor(theta, mass, x, SETTING["scale"]) - y) ** 2) / 2
    return risk / SETTING["scale"] ** 2 + SETTING["penalty"] / 2 * mass @ np.sum(theta**2, axis=1)


def test_one_step_is_gradient_descent_on_the_objective():
    """v_j = −∇_{θ_j} F / p_j, by central differences of F."""
    theta, mass, x, y, _ = small()
    path = chaos.descend(theta, mass, x, y, steps=1, **SETTING)
    gradient = np.zeros_like(theta)
    for index in np.ndindex(theta.shape):
        up, down = theta.copy(), theta.copy()
        up[index] += 1e-5
        down[index] -= 1e-5
        gradient[index] = (objective(up, mass, x, y) - objective(down, mass, x, y)) / 2e-5
    assert path.position[1] == pytest.approx(theta - SETTING["step"] * gradient / mass[:, None], abs=1e-8)
    assert path.residual[1] == pytest.approx(predictor(path.position[1], mass, x, SETTING["scale"]) - y, abs=1e-14)


@pytest.mark.parametrize("k", [0, 1, 12])
def test_response_is_the_derivative_in_the_masses(k):
    """Of particles that are there and of one of no mass, by central differences."""
    theta, mass, x, y, z = small()
    new = np.array([[0.7, -0.4, 1.1, 0.2]])
    everyone, masses = np.concatenate([theta, new]), np.append(mass, 0.0)
    psi = chaos.response(chaos.descend(theta, mass, x, y, steps=12, **SETTING), z, k).at(everyone)
    for j in range(len(everyone)):
        ends = []
        for sign in (1, -1):
            moved = masses.copy()
            moved[j] += sign * 1e-5
            path = chaos.descend(everyone, moved, x, y, steps=12, **SETTING)
            ends.append(chaos.predict(path, z, k))
        assert psi[j] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-7)
    if k:  # the direct part alone is another derivative
        assert (
            np.abs(psi - chaos.response(chaos.descend(theta, mass, x, y, steps=0, **SETTING), z, 0).at(everyone)).max()
            > 0.1
        )


def test_responses_of_several_times_share_one_descent():
    """As each alone; of two paths they are refused."""
    theta, mass, x, y, z = small()
    path = chaos.descend(theta, mass, x, y, steps=6, **SETTING)
    several = [chaos.response(path, z, k) for k in (6, 0, 3)]
    for one, value in zip(several, chaos.responses(several, theta), strict=True):
        assert np.array_equal(value, one.at(theta))
    other = chaos.response(chaos.descend(theta, mass, x, y, steps=6, **SETTING), z, 3)
    with pytest.raises(ValueError, match="several must be responses of one path, got"):
        chaos.responses([several[0], other], theta)
    with pytest.raises(ValueError, match="several must be responses of one path, got"):
        chaos.responses([], theta)


def test_of_a_measure_of_its_own_the_constant_is_exact():
    """Particles that are no rule of a box leave no error of quadrature, and any tolerance is kept."""
    theta, mass, x, y, z = small()
    path = chaos.descend(theta, mass / mass.sum(), x, y, steps=6, **SETTING)
    assert chaos.fluctuation_error(path, z, 6) == 0.0
    psi = chaos.response(path, z, 6).at(theta)
    spread = [np.cov(column, aweights=path.mass, ddof=0) for column in psi.T]
    assert chaos.fluctuation(path, z, 6, rtol=1e-9) == pytest.approx(np.mean(spread), rel=1e-12)


def test_nodes_integrate_over_the_box():
    nodes, mass = chaos.box_nodes([1.5, 0.5], [3, 12])
    assert mass.sum() == pytest.approx(1, abs=1e-14)
    exact = dblquad(lambda b, a: a**4 * np.cos(3 * b) / 3, -1.5, 1.5, -0.5, 0.5)[0]
    assert mass @ (nodes[:, 0] ** 4 * np.cos(3 * nodes[:, 1])) == pytest.approx(exact, abs=1e-12)


def test_start_is_the_variance_of_one_unit():
    """C(0) = mean_i Var αΦ, by adaptive quadrature; and fresh draws of the initial law are the network itself."""
    nodes, mass = chaos.box_nodes([1.5, 2.0, 2.0], [2, 24, 24])
    x = np.array([[-0.5], [1.0]])
    path = chaos.descend(nodes, mass, x, [0.0, 0.0], step=0.1, steps=0, scale=3.0)
    squares = [dblquad(lambda b, w, x=x: np.tanh(w * x + b) ** 2 / 16, -2, 2, -2, 2)[0] for x in x[:, 0]]
    assert chaos.fluctuation(path, x, 0) == pytest.approx(9 * 0.75 * np.mean(squares), rel=1e-7)
    assert chaos.resampling_error(path, x, 0) == chaos.fluctuation(path, x, 0)


def test_constant_against_drawn_networks():
    """m E|f_m − f_∞|² of networks drawn and descended here, at m = 256: within five standard errors of C(t), and far
    from C(0). The O(1/m) is some 2 % there, a fifth of a standard error and less."""
    rng = np.random.default_rng(1)
    box, x = np.array([1.5, 2.0, 2.0]), np.array([[-1.5], [0.0], [1.5]])
    y, m, k = 0.3 + 0.5 * np.tanh(x[:, 0]), 256, 8
    nodes, mass = chaos.box_nodes(box.tolist(), [8, 14, 14])
    path = chaos.descend(nodes, mass, x, y, step=0.5, steps=k)
    limit = chaos.predict(path, x, k)
    apart = []
    for _ in range(150):
        theta = rng.uniform(-1, 1, (m, 3)) * box
        network = chaos.descend(theta, np.full(m, 1 / m), x, y, step=0.5, steps=k)
        apart.append(m * np.mean((chaos.predict(network, x, k) - limit) ** 2))
    constant = chaos.fluctuation(path, x, k)
    error = np.std(apart) / np.sqrt(len(apart))
    assert abs(np.mean(apart) - constant) < 5 * error
    assert abs(np.mean(apart) - chaos.fluctuation(path, x, 0)) > 20 * error
    assert constant < chaos.resampling_error(path, x, k)


def test_fluctuations_heal_on_the_samples_alone():
    """Where the limit interpolates; C stays below the error of fresh draws all the way."""
    nodes, mass = chaos.box_nodes([1.5, 2.0, 2.0], [6, 12, 12])
    x, z = np.array([[-1.5], [0.0], [1.5]]), np.array([[-0.75], [0.75]])
    path = chaos.descend(nodes, mass, x, 0.3 + 0.5 * np.tanh(x[:, 0]), step=0.5, steps=120)
    steps = [4, 20, 60, 120]
    on = [chaos.fluctuation(path, x, k) for k in steps]
    between = [chaos.fluctuation(path, z, k) for k in steps]
    assert np.abs(path.residual[-1]).max() < 1e-3
    assert all(later < earlier / 5 for earlier, later in pairwise(on))
    assert on[-1] < 1e-5 < 1e-2 < between[-1]
    assert all(value < chaos.resampling_error(path, x, k) for value, k in zip(on, steps, strict=True))


THETA, MASS, X, Y, Z = small()
PATH = chaos.descend(THETA, MASS, X, Y, steps=2, **SETTING)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chaos.box_nodes([1.0, 0.0], [2, 2]), "half_widths must be a finite number > 0, got 0"),
        (lambda: chaos.box_nodes([1.0], [0]), "counts must be an integer >= 1, got 0"),
        (lambda: chaos.box_nodes([1.0], [2, 2]), "counts must agree with half_widths"),
        (lambda: chaos.descend(THETA, MASS[:2], X, Y, step=0.1, steps=1), "mass must agree with position"),
        (lambda: chaos.descend(THETA, MASS, X, Y[:2], step=0.1, steps=1), "y must agree with x"),
        (lambda: chaos.descend(THETA[:, 1:], MASS, X, Y, step=0.1, steps=1), "columns of position must agree with x"),
        (lambda: chaos.descend(THETA, MASS, X, Y, step=0.0, steps=1), "step must be a finite number > 0, got 0"),
        (lambda: chaos.descend(THETA, MASS, X, Y, step=0.1, steps=-1), "steps must be an integer >= 0, got -1"),
        (lambda: chaos.descend(THETA, MASS, X, Y, step=0.1, steps=1, penalty=-1.0), "penalty must be a finite number"),
        (
            lambda: chaos.descend(THETA, MASS, X, Y, step=1e9, steps=60, penalty=1.0),
            "step and steps must be small enough for float64",
        ),
        (lambda: chaos.predict(PATH, Z, 3), "k must be at most the number of steps 2, got 3"),
        (lambda: chaos.predict(PATH, Z[:, :1], 1), "columns of z must agree with x"),
        (lambda: chaos.response(PATH, Z, -1), "k must be an integer >= 0, got -1"),
        (lambda: chaos.response(PATH, Z, 1).at(THETA[:, 1:]), "columns of theta must agree with position"),
        (lambda: chaos.fluctuation(PATH, [1.0], 1), r"z must be an array of shape \[q, d\], got shape \(1,\)"),
        (lambda: chaos.resampling_error(PATH, Z, 5), "k must be at most"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
