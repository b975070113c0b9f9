"""The conic flow against loops in numpy, the flows it is equivalent to, and bad input."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

import meanfield as mf

pytestmark = pytest.mark.fast

N, D, M = 5, 2, 6
EPS = np.finfo(float).eps


@pytest.fixture
def data(x64):
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, D)), rng.normal(size=N), rng.normal(size=(M, D + 1)), rng.uniform(0.1, 1, size=M)


def potential(theta, mass, x, y, decay, scale):
    """F' at the particles and its gradient by hand, for tanh, the square loss and weight decay."""
    a, z = theta[:, :1], theta[:, 1:] @ x.T
    r = scale * (mass @ (a * np.tanh(z))) - y
    value = (a * np.tanh(z)) @ r / (scale * len(x)) + decay / 2 * np.sum(theta**2, axis=1)
    slope = np.hstack([(np.tanh(z) @ r)[:, None], (a / np.cosh(z) ** 2 * r) @ x]) / (scale * len(x))
    return value, slope + decay * theta


@pytest.mark.parametrize("signed", [False, True])
def test_conic_flow_is_its_formula(data, signed):
    x, y, theta, mass = data
    objective = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y, 2.0, mf.WeightDecay(0.1))
    flow = mf.ConicFlow(0.25, growth=0.3, transport=0.7, signed=signed)
    run = mf.simulate(objective, flow, mf.Particles(theta, mass), times=[0.0, 5.0])
    assert run.done
    assert run.times.tolist() == [0, 5]
    start = theta.copy()
    for _ in range(20):
        value, slope = potential(theta, mass, x, y, 0.1, 2.0)
        mass, theta = mass * np.exp(-4 * 0.3 * 0.25 * value), theta - 0.7 * 0.25 * slope
        if signed:
            theta[:, 0] = start[:, 0]
    # rounding of 20 steps, each of which stretches little
    assert np.abs(run.particles.position - theta).max() < 1e4 * EPS
    assert np.abs(run.particles.mass - mass).max() < 1e4 * EPS


@pytest.mark.parametrize(
    ("unit", "kernel"), [(mf.Neuron("relu"), None), (mf.Neuron("tanh", bias=True, outputs=2), mf.integrals.Blocked(2))]
)
def test_first_variation_comes_with_the_velocity(data, unit, kernel):
    """F' at the particles equals `Objective.first_variation`, for one output and several, whichever kernel."""
    x, y, _, mass = data
    y = y if unit.outputs == 1 else np.stack([y, y**2], axis=1)
    theta = np.random.default_rng(1).normal(size=(M, unit.size(D)))
    objective = mf.Objective(unit, mf.Square(), x, y, 3.0, mf.WeightDecay(0.2), kernel=kernel)
    mu = mf.Particles(theta, mass)
    value, velocity = eqx.filter_jit(lambda o, mu: o.slopes(mu))(objective, mu)
    expected, exact = eqx.filter_jit(lambda o, mu: (o.first_variation(mu, mu.position), o.velocity(mu)))(objective, mu)
    assert np.abs(value - expected).max() <= 1e3 * EPS * np.abs(expected).max()
    assert np.abs(velocity - exact).max() <= 1e3 * EPS * np.abs(exact).max()


def test_two_homogeneous_particles_are_masses_on_the_sphere(data):
    """θ = r u of the gradient flow, integrated by scipy: u and r² of ConicFlow on the sphere, up to O(h)."""
    x, y, theta, _ = data
    objective = mf.Objective(mf.Neuron("linear"), mf.Square(), x, y, penalty=mf.WeightDecay(0.1))

    def field(_, flat):
        at = flat.reshape(M, D + 1)
        a, w = at[:, :1], at[:, 1:]
        r = (a[:, 0] @ w @ x.T) / M - y
        return -(np.hstack([(w @ x.T @ r)[:, None], a * (r @ x)]) / N + 0.1 * at).ravel()

    exact = scipy.integrate.solve_ivp(field, (0, 1), theta.ravel(), rtol=1e-10, atol=1e-12).y[:, -1].reshape(M, D + 1)
    length = np.linalg.norm(theta, axis=1)
    mu = mf.Particles(theta / length[:, None], length**2 / M)
    errors = []
    for h in (0.01, 0.005):
        run = mf.simulate(objective, mf.ConicFlow(h, sphere=True), mu, times=1.0)
        ends = np.sqrt(M * np.asarray(run.particles.mass))[:, None] * run.particles.position
        errors.append(np.abs(ends - exact).max())
        assert np.abs(np.linalg.norm(run.particles.position, axis=1) - 1).max() < 4 * EPS
    assert errors[1] < 0.02
    assert abs(errors[0] / errors[1] - 2) < 0.1  # first order: halved with h, and the next order is h smaller


def test_without_growth_or_transport(data):
    """β = 0 moves no particle, α = 0 is the gradient flow, and mass 0 stays 0."""
    x, y, theta, mass = data
    mass[2] = 0
    objective, mu = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y), mf.Particles(theta, mass)
    still = mf.simulate(objective, mf.ConicFlow(0.1, transport=0), mu, times=2.0)
    assert np.array_equal(still.particles.position, theta)
    assert np.abs(still.particles.mass - mass).max() > 0.01
    assert float(still.particles.mass[2]) == 0
    moved = mf.simulate(objective, mf.ConicFlow(0.1, growth=0), mu, times=2.0)
    plain = mf.simulate(objective, mf.GradientFlow(0.1), mu, times=2.0)
    assert np.array_equal(moved.particles.mass, mass)
    assert np.abs(moved.particles.position - plain.particles.position).max() < 1e3 * EPS


def test_replicas_of_conic_flows(data):
    """Growth and transport are values: replicas share one program and agree with single runs; float32 stays float32."""
    x, y, theta, mass = data
    objective, mu = mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y), mf.Particles(theta, mass)
    flows = [mf.ConicFlow(0.1, growth=g, transport=b) for g, b in ((1.0, 0.5), (0.2, 0.0))]
    together = mf.simulate_replicas(objective, flows, mu, times=1.0)
    for flow, run in zip(flows, together, strict=True):
        alone = mf.simulate(objective, flow, mu, times=1.0)
        assert np.abs(alone.particles.mass - run.particles.mass).max() < 1e3 * EPS
    single = mf.Particles(np.float32(theta), np.float32(mass))
    low = mf.Objective(mf.Neuron("tanh"), mf.Square(), np.float32(x), np.float32(y))
    run = mf.simulate(low, flows[0], single, times=1.0)
    assert (run.particles.mass.dtype, run.particles.position.dtype) == (jnp.float32, jnp.float32)
    assert np.abs(run.particles.mass - together[0].particles.mass).max() < 1e-5


def test_bad_input():
    unit, mu = mf.Neuron("relu"), mf.Particles(2 * jnp.ones((3, 3)))
    objective = mf.Objective(unit, mf.Square(), jnp.eye(2), jnp.ones(2))
    with pytest.raises(ValueError, match="step=0"):
        mf.ConicFlow(0)
    with pytest.raises(ValueError, match="growth=-1"):
        mf.ConicFlow(0.1, growth=-1.0)
    with pytest.raises(ValueError, match="transport="):
        mf.ConicFlow(0.1, transport=jnp.nan)
    with pytest.raises(ValueError, match=r"position has a row of length 3\.46"):
        mf.simulate(objective, mf.ConicFlow(0.1, sphere=True), mu, times=1.0)
    with pytest.raises(ValueError, match="linearised"):
        mf.simulate(mf.objectives.TangentObjective(objective, mu), mf.ConicFlow(0.1), mu, times=1.0)
    assert mf.ConicFlow(0.5).advice() == "lower the step (now 0.5) or lower growth"
