"""Runge–Kutta–Chebyshev against its stability polynomial, the matrix exponential, an integrator, and a counter."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

import meanfield as mf
from meanfield.flows.steppers import rkc
from meanfield.flows.steppers.abstract import Field
from meanfield.flows.steppers.chebyshev import INTERVAL, MOST, increment, longest, stages
from meanfield.flows.steppers.spectral_radius import SAFETY, spectral_radius

pytestmark = pytest.mark.turns(4)

N, D, M, DECAY = 5, 2, 6, 0.1
EPS = np.finfo(float).eps


@pytest.fixture
def data(x64):
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, D)), rng.normal(size=N), rng.normal(size=(M, D + 1))


def network(x, y, decay=DECAY, scale=1.0):
    return mf.Objective(mf.Neuron("tanh"), mf.Square(), x, y, scale, mf.WeightDecay(decay) if decay else None)


def velocity_at(objective, mu):
    """position ↦ velocity, with the masses of μ."""
    return lambda position: objective.velocity(mu.moved(position))


def velocity(theta, x, y, decay=DECAY):
    """−m ∇_{θ_j} F by hand, for α = 1."""
    a, z = theta[:, :1], theta[:, 1:] @ x.T
    r = (a * np.tanh(z)).mean(0) - y
    return -np.hstack([(np.tanh(z) @ r)[:, None], (a / np.cosh(z) ** 2 * r) @ x]) / len(x) - decay * theta


def polynomial(s):
    """z ↦ P_s(z) = a_s + b_s T_s(w_0 + w_1 z), as numpy has Chebyshev polynomials; ε = 2/13 as published."""
    t = np.polynomial.Chebyshev.basis(s)
    w0 = 1 + 2 / 13 / s**2
    b = t.deriv(2)(w0) / t.deriv()(w0) ** 2
    w1 = t.deriv()(w0) / t.deriv(2)(w0)
    return lambda z: 1 - b * t(w0) + b * t(w0 + w1 * z)


def linear_step(z, s):
    """One step of θ' = z θ from θ = 1, of length one, for each z."""
    z = jnp.asarray(z)[:, None]
    return np.asarray(1 + increment(lambda theta: z * theta, jnp.ones_like(z), z, jnp.ones(()), jnp.asarray(s)))[:, 0]


@pytest.mark.parametrize("s", [2, 3, 4, 10, 60])
def test_stability_polynomial(x64, s):
    """On θ' = zθ a step is the published polynomial; stages of another number give another one."""
    z = -np.linspace(0, INTERVAL * (s**2 - 1), 200)
    found, expected = linear_step(z, s), polynomial(s)(z)
    # numpy's coefficients of the second derivative grow as s⁴, and rounding with them
    assert np.abs(found - expected).max() <= 8 * EPS * s**4
    assert np.abs(linear_step(z, s + 1) - expected).max() > 0.01


def test_stages_reach_the_end_of_the_stability_interval(x64):
    """s = `stages`(z) is stable on all of [−z, 0], two stages less are not, and s² grows as z."""
    for z in (1.0, 10.0, 100.0, 1e3, 1e4):
        s = int(stages(jnp.asarray(z)))
        inside = linear_step(-np.linspace(0, z, 2001), s)
        assert np.abs(inside).max() <= 1 + 64 * EPS * s**2
        assert math.sqrt(z / INTERVAL) <= s <= math.sqrt(z / INTERVAL) + 2
        if s > 4:
            assert abs(polynomial(s - 2)(-z)) > 1
    # the most stages and the longest step fit; without stiffness there is no longest step
    assert int(stages(longest(jnp.asarray(3.0)) * 3.0)) == int(stages(jnp.asarray(1e30))) == MOST
    assert int(stages(jnp.asarray(0.0))) == 2
    assert float(longest(jnp.asarray(0.0))) == np.inf


def test_rounding_does_not_grow_with_the_stages():
    """In float32 200 stages of slow motion (|z| ≤ 2) lose a few ε; the usual recurrence loses s² of them."""
    z, s = -np.geomspace(1e-3, 2, 12).astype(np.float32), 200
    with jax.enable_x64(True):
        exact = linear_step(z.astype(float), s)
    with jax.enable_x64(False):
        found = linear_step(z, s)
    eps = np.finfo(np.float32).eps
    assert found.dtype == np.float32
    # √s ε from s sums, times a few operations in each
    assert np.abs(found - exact).max() <= 4 * math.sqrt(s) * eps
    assert 4 * math.sqrt(s) * eps < 0.01 * s**2 * eps  # control: the bound tells the two recurrences apart


@pytest.mark.parametrize("s", [2, 3, 9])
def test_order_two(data, s):
    """Steps of fixed length on a smooth nonlinear flow: the error falls as h²; that of Euler's method as h."""
    x, y, theta = data
    at = jax.jit(velocity_at(network(x, y), mf.Particles(theta)))
    end = 2.0
    exact = reference(x, y, theta, [0.0, end])[-1]

    def error(steps, move):
        position = jnp.asarray(theta)
        for _ in range(steps):
            position = position + move(position, at(position), end / steps)
        return float(jnp.linalg.norm(position - exact))

    chebyshev = jax.jit(lambda q, v, h: increment(at, q, v, jnp.asarray(h), jnp.asarray(s)))
    orders = [math.log2(error(n, chebyshev) / error(2 * n, chebyshev)) for n in (20, 40)]
    euler = math.log2(error(40, lambda q, v, h: h * v) / error(80, lambda q, v, h: h * v))
    # the next order is a factor h = 0.05 to 0.1 smaller, in both of the errors compared
    assert max(abs(order - 2) for order in orders) <= 0.2
    assert abs(euler - 1) <= 0.2


def reference(x, y, theta, times, decay=DECAY):
    return scipy.integrate.solve_ivp(
        lambda t, q: velocity(q.reshape(theta.shape), x, y, decay).ravel(),
        (0, times[-1]),
        theta.ravel(),
        method="DOP853",
        t_eval=times,
        rtol=1e-13,
        atol=1e-14,
    ).y.T.reshape(-1, *theta.shape)


def test_error_follows_the_tolerance(data):
    """Local errors of order h³ are held at the tolerance: the error at a time falls as its power 2/3."""
    x, y, theta = data
    times = [0.0, 0.3, 2.0, 7.0]
    exact, errors, tolerances = reference(x, y, theta, times), [], (1e-3, 1e-5, 1e-7)
    for rtol in tolerances:
        flow = mf.StabilisedFlow(rtol, rtol)
        run = mf.simulate(network(x, y), flow, mf.Particles(theta), times=times, observables=[mf.Positions()])
        assert run.done
        assert run.times.tolist() == times
        errors.append(np.abs(run.values["positions"] - exact).max())
        # each step keeps the tolerance (a root mean square of 1 + |θ| of them); the flow stretches by at most e
        assert errors[-1] <= 3 * rtol * run.stats["steps"] * (1 + np.abs(exact).max())
    slopes = np.diff(np.log(errors)) / np.diff(np.log(tolerances))
    assert np.all((slopes > 0.5) & (slopes < 0.9))


def tangent_matrices(x, theta):
    """The Jacobian [N, M·p] of f = mean a tanh(w·x) by hand, and f itself."""
    a, z = theta[:, :1], theta[:, 1:] @ x.T
    rows = np.concatenate([np.tanh(z)[..., None], (a / np.cosh(z) ** 2)[..., None] * x], axis=2)
    return (a * np.tanh(z)).mean(0), np.moveaxis(rows, 1, 0).reshape(len(x), -1)


def test_stiff_linear_flow_against_the_matrix_exponential(data):
    """The tangent flow over 5000/ρ: far beyond Euler's limit of 2/ρ a step, for far less than Euler's T ρ/2."""
    x, y, theta = data
    f0, jacobian = tangent_matrices(x, theta)
    kernel = jacobian @ jacobian.T / (M * N)
    rho = np.linalg.eigvalsh(kernel)[-1]
    times = np.array([0.0, 50.0, 500.0, 5000.0]) / rho
    exact = np.stack([y - scipy.linalg.expm(-kernel * t) @ (y - f0) for t in times])
    runs = []
    for tol in (1e-3, 1e-5):
        run = mf.simulate(
            network(x, y, decay=0),
            mf.TangentFlow(mf.StabilisedFlow(tol, tol)),
            mf.Particles(theta),
            times=times,
            observables=[mf.Predictions()],
        )
        assert run.done
        # s ≤ 2 + (hρ/0.65)^{1/2} summed over the steps, by Cauchy and Schwarz; refused steps are in the factor 2
        steps, reach = run.stats["steps"], times[-1] * rho
        assert run.stats["evaluations"] <= 2 * steps + math.sqrt(2 * steps * reach * SAFETY / INTERVAL) < reach / 2
        # a particle's error moves f by the norm of its row, at most max |∇Φ|
        size = np.abs(jacobian).max() * (1 + np.abs(run.particles.position).max())
        assert np.abs(run.values["predictions"] - exact).max() <= 3 * tol * steps * size
        runs.append(run)
    # control: Euler's method leaves the numbers at steps a tenth above its limit, ten times shorter than these
    wild = mf.simulate(network(x, y, decay=0), mf.TangentFlow(2.2 / rho), mf.Particles(theta), times=times)
    assert runs[0].stats["steps"] < times[-1] * rho / 22
    assert np.abs(np.asarray(wild.particles.position)).max() > 1e3 * np.abs(theta).max()


def test_too_few_stages_blow_up(data):
    """Fifty steps of h ρ = 200 with the stages chosen stay bounded; with half of them they grow 10⁴-fold a step."""
    x, _, theta = data
    _, jacobian = tangent_matrices(x, theta)
    hessian = jacobian.T @ jacobian
    hessian = jnp.asarray(hessian / np.linalg.eigvalsh(hessian)[-1])

    def after(s, steps):
        position = jnp.ones((hessian.shape[0], 1))
        step = jax.jit(lambda q: q + increment(lambda p: -hessian @ p, q, -hessian @ q, jnp.asarray(200.0), s))
        for _ in range(steps):
            position = step(position)
        return float(jnp.linalg.norm(position) / math.sqrt(hessian.shape[0]))

    s = stages(jnp.asarray(200.0))
    assert after(s, 50) <= 1
    assert after(s // 2, 5) > 1e20


def test_spectral_radius(data):
    """The power method against the eigenvalues of the Jacobian, with unequal masses; from below, within 10 %."""
    x, y, theta = data
    mu = mf.Particles(theta, np.arange(1.0, M + 1) / M)
    at = velocity_at(network(x, y), mu)
    exact = np.abs(np.linalg.eigvals(np.asarray(jax.jacfwd(at)(mu.position)).reshape(theta.size, -1))).max()
    start = jnp.cos(jnp.arange(theta.size)).reshape(theta.shape)
    scaled = lambda v: 1e6 * jnp.linalg.norm(v)  # noqa: E731
    radius, direction, count = spectral_radius(at, mu.position, at(mu.position), start, scaled)
    assert 0.9 * exact <= radius / SAFETY <= 1.01 * exact
    again, _, few = spectral_radius(at, mu.position, at(mu.position), direction, scaled)
    assert 0.99 * exact <= again / SAFETY <= 1.01 * exact
    assert few <= count <= 20


class Counted(mf.objectives.AbstractObjective):
    """The network problem, which counts its velocities when they are computed."""

    network: mf.Objective
    calls: ClassVar[list[int]] = [0]

    @property
    def unit(self):
        return self.network.unit

    @property
    def loss(self):
        return self.network.loss

    @property
    def x(self):
        return self.network.x

    @property
    def y(self):
        return self.network.y

    @property
    def scale(self):
        return self.network.scale

    @property
    def penalty(self):
        return self.network.penalty

    def bind(self, mu):
        return self

    def predict(self, mu, x=None):
        return self.network.predict(mu, x)

    def risk(self, mu):
        return self.network.risk(mu)

    def value(self, mu):
        return self.network.value(mu)

    def velocity(self, mu):
        jax.debug.callback(lambda: self.calls.__setitem__(0, self.calls[0] + 1))
        return self.network.velocity(mu)


def test_evaluations_are_those_computed(data):
    """Stages, refused steps and the power method: what `stats` says is what a counter in the velocity saw."""
    x, y, theta = data
    Counted.calls[0] = 0
    flow = mf.StabilisedFlow(1e-6, 1e-6)
    run = mf.simulate(Counted(network(x, y)), flow, mf.Particles(theta), times=[0.0, 1.0, 40.0], chunk=7)
    jax.effects_barrier()
    assert run.stats["evaluations"] == Counted.calls[0]
    assert run.stats["evaluations"] > 2 * run.stats["steps"] > 2 * 25  # at least one refreshed radius


def test_replicas(data):
    """Under vmap each replica takes its own steps, stages and evaluations."""
    x, y, theta = data
    objective, flow = network(x, y), mf.StabilisedFlow(1e-4, 1e-4)
    starts = jnp.stack([jnp.asarray(theta), 3 * jnp.asarray(theta), jnp.zeros_like(theta)])

    def run(position):
        state = flow.aim(flow.init(objective, mf.Particles(position)), 20.0)
        return jax.lax.fori_loop(0, 60, lambda _, s: flow.step(objective, s), state)

    together = jax.jit(jax.vmap(run))(starts)
    for i, start in enumerate(starts):
        alone = jax.jit(run)(start)
        assert float(alone.time) == float(together.time[i]) == 20
        assert flow.evaluated(alone) == int(together.memory.stepper.evaluations[i])
        # rounding of other batches, which step control may answer with steps of slightly other lengths
        np.testing.assert_allclose(together.particles.position[i], alone.particles.position, rtol=1e-9, atol=1e-9)
    assert len({int(count) for count in together.step}) > 1


def test_single_precision():
    """A stiff flow in float32: the tolerance is kept against the same flow in float64."""
    rng = np.random.default_rng(0)
    x, y, theta = rng.normal(size=(N, D)), rng.normal(size=N), rng.normal(size=(M, D + 1))
    ends = []
    for precise, rtol in ((True, 1e-9), (False, 1e-4)):
        with jax.enable_x64(precise):
            objective = network(x, y, decay=0)
            run = mf.simulate(objective, mf.StabilisedFlow(rtol, rtol), mf.Particles(theta), times=[3e3])
            assert run.done
            ends.append(np.asarray(run.particles.position))
    assert ends[1].dtype == np.float32
    assert np.abs(ends[0] - ends[1]).max() <= 3 * 1e-4 * run.stats["steps"] * np.abs(ends[0]).max()
    assert run.stats["evaluations"] < 3000


def test_the_radius_is_found_anew_after_so_many_accepted_steps(monkeypatch):
    """θ' = −θ needs no refusal; what is run eagerly can be counted."""
    found, times = [], []
    original = rkc.spectral_radius
    monkeypatch.setattr(rkc, "spectral_radius", lambda *given: found.append(len(times)) or original(*given))
    stepper, position, time = rkc.RKC(1e-4, 1e-4), jnp.ones((1, 2)), jnp.zeros(())
    field = Field(
        lambda: -jnp.ones((1, 2)),
        lambda q: -q,
        lambda q: jnp.sum(q**2) / 2,
        lambda q, h: q,
        lambda q: q,
        jnp.ones(1),
        2,
    )
    with jax.disable_jit():
        memory = stepper.init(field, position)
        for _ in range(2 * rkc.REFRESH + 1):
            position, time, memory = stepper._attempt(field.at, position, time, memory)
            times.append(float(time))
    assert np.all(np.diff(times) > 0), "none was refused"
    assert found == [0, rkc.REFRESH, 2 * rkc.REFRESH]


def test_particles_at_rest():
    """Dead neurons neither move nor have a Jacobian: the run is done, in a step, with no division by zero."""
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), -np.ones((3, 2)), np.ones(3))
    mu = mf.Particles(np.ones((4, 3)))
    run = mf.simulate(objective, mf.StabilisedFlow(), mu, times=[0.0, 1e6])
    assert run.done
    assert run.stats["steps"] == 1
    assert np.array_equal(run.particles.position, mu.position)


@pytest.mark.parametrize(("options", "pattern"), [({"rtol": 0.0}, "rtol=0.0"), ({"atol": -1.0}, "atol=-1.0")])
def test_bad_tolerances(options, pattern):
    with pytest.raises(ValueError, match=pattern):
        mf.StabilisedFlow(**options)


def test_tolerance_beyond_the_type(x64):
    mu = mf.Particles(np.ones((M, D + 1), np.float32))
    objective = network(np.ones((N, D), np.float32), np.ones(N, np.float32))
    with pytest.raises(ValueError, match="rtol=1e-09: float32"):
        mf.simulate(objective, mf.StabilisedFlow(1e-9), mu, times=1.0)
