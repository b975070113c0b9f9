"""Flows against loops in numpy, an independent integrator, and the exact laws they must keep."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.integrate

import meanfield as mf

pytestmark = pytest.mark.fast

N, D, M, SCALE, DECAY = 5, 2, 6, 3.0, 0.1
EPS = np.finfo(float).eps


@pytest.fixture
def data(x64):
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, D)), rng.normal(size=N), rng.normal(size=(M, D + 1))


def network(x, y, activation="tanh", decay=DECAY, scale=SCALE, **options):
    penalty = mf.WeightDecay(decay) if decay else None
    return mf.Objective(mf.Neuron(activation), mf.Square(), x, y, scale, penalty, **options)


def velocity(theta, x, y, sigma=np.tanh, slope=lambda z: 1 / np.cosh(z) ** 2, decay=DECAY, scale=SCALE):
    """−m ∇_{θ_j} F by hand, for the square loss and weight decay."""
    a, z = theta[:, :1], theta[:, 1:] @ x.T
    r = scale * (a * sigma(z)).mean(0) - y
    inner = np.hstack([(sigma(z) @ r)[:, None], (a * slope(z) * r) @ x])
    return -inner / (scale * len(x)) - decay * theta


def descend(theta, steps, *problem, **options):
    for h in steps:
        theta = theta + h * velocity(theta, *problem, **options)
    return theta


def grown_rounding(steps, theta):
    """n steps of a flow that stretches by at most e: rounding of each (64 ε of θ) adds up, and is stretched."""
    return 3 * 64 * EPS * steps * np.abs(theta).max()


def test_gradient_flow_is_gradient_descent(data):
    x, y, theta = data
    run = mf.simulate(network(x, y), mf.GradientFlow(0.25), mf.Particles(theta), times=[0, 2.5, 10])
    assert run.done
    assert run.times.tolist() == [0, 2.5, 10]
    assert run.stats["steps"] == 40
    expected = descend(theta, [0.25] * 40, x, y)
    assert np.abs(run.particles.position - expected).max() <= grown_rounding(40, theta)


def test_schedule_is_a_list_of_steps(data):
    """h_k from an optax schedule; time is the sum of the steps, and observations fall on the nearest of those."""
    x, y, theta = data
    schedule = optax.piecewise_constant_schedule(0.5, {3: 0.5, 7: 0.5})  # powers of two: exact in any precision
    steps = [0.5] * 3 + [0.25] * 4 + [0.125] * 8
    run = mf.simulate(network(x, y), mf.GradientFlow(schedule), mf.Particles(theta), times=[0, 1.1, 2.8, 3.5])
    assert run.times.tolist() == [0, 1, 2.75, 3.5]
    assert run.stats["steps"] == 15
    assert np.abs(run.particles.position - descend(theta, steps, x, y)).max() <= grown_rounding(15, theta)


def test_gradient_flow_is_sgd_of_optax(data):
    """optax.sgd(h) with an interval of h is the same flow at the same times; Adam is another, which descends too."""
    x, y, theta = data
    times, objective, mu = [0, 1.0, 5.0], network(x, y), mf.Particles(theta)
    plain = mf.simulate(objective, mf.GradientFlow(0.25), mu, times=times)
    sgd = mf.simulate(objective, mf.OptimiserFlow(optax.sgd(0.25), interval=0.25), mu, times=times)
    assert np.array_equal(sgd.times, plain.times)
    assert np.abs(sgd.particles.position - plain.particles.position).max() <= grown_rounding(20, theta)
    adam = mf.simulate(
        objective, mf.OptimiserFlow(optax.adam(0.01)), mu, times=[0, 50], observables=[mf.observables.Energy()]
    )
    assert adam.stats["steps"] == 50
    assert adam.values["energy"][1] < adam.values["energy"][0]
    state = optax.adam(0.01).init(jnp.asarray(theta))
    position = jnp.asarray(theta)
    for _ in range(50):
        move, state = optax.adam(0.01).update(jnp.asarray(-velocity(np.asarray(position), x, y)), state)
        position = position + move
    # Adam divides by √v, so rounding of the gradient is carried at relative size
    assert np.abs(adam.particles.position - position).max() <= 1e3 * grown_rounding(50, theta)


def test_adaptive_flow_against_scipy(data):
    """An independent integrator at its tightest; the error falls with rtol and stays near it; times are hit exactly."""
    x, y, theta = data
    times = [0.0, 0.3, 2.0, 7.0]
    exact = scipy.integrate.solve_ivp(
        lambda t, q: velocity(q.reshape(theta.shape), x, y).ravel(),
        (0, 7),
        theta.ravel(),
        method="DOP853",
        t_eval=times,
        rtol=1e-13,
        atol=1e-14,
    ).y.T.reshape(-1, *theta.shape)
    errors = []
    for rtol in (1e-3, 1e-6, 1e-9):
        flow = mf.AdaptiveFlow(rtol=rtol, atol=rtol)
        run = mf.simulate(network(x, y), flow, mf.Particles(theta), times=times, observables=[mf.Positions()])
        assert run.done
        assert run.times.tolist() == times
        errors.append(np.abs(run.values["positions"] - exact).max())
        # the local tolerance is kept by each of the steps; the flow stretches by at most e over these times
        assert errors[-1] <= 3 * rtol * run.stats["steps"] * max(1, np.abs(exact).max())
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def test_energy_decreases_at_the_rate_of_the_squared_velocity(data):
    """dF/dt = −∫|v|² dμ along the flow: finite differences of the energy against the velocity, to second order."""
    x, y, theta = data
    objective, h = network(x, y), 1e-3
    run = mf.simulate(
        objective,
        mf.AdaptiveFlow(rtol=1e-11, atol=1e-12),
        mf.Particles(theta),
        times=[0.5 - h, 0.5, 0.5 + h],
        observables={
            "F": mf.observables.Energy(),
            "v2": lambda o, mu: jnp.dot(mu.mass, jnp.sum(o.velocity(mu) ** 2, axis=1)),
        },
    )
    f, v2 = run.values["F"], run.values["v2"]
    # the central difference errs by h²F'''/6 (F''' is of the size of F here), the integrator by 1e-11/h
    assert abs((f[2] - f[0]) / (2 * h) + v2[1]) <= h**2 * max(f) + 1e-11 / h
    assert v2[1] > 1e-3


def linearised_descent(x, y, theta, h, steps):
    """Gradient descent on the model expanded to first order at θ, with its Jacobian written out; predictions too."""
    a, z = theta[:, :1], theta[:, 1:] @ x.T
    s, d = np.tanh(z), 1 / np.cosh(z) ** 2
    jacobian = np.concatenate([s[..., None], (a * d)[..., None] * x], axis=2)  # [m, n, p]
    f0 = SCALE * (a * s).mean(0)
    moved, predictions = np.zeros_like(theta), [f0]
    for _ in range(steps):
        r = f0 + SCALE * np.einsum("jip,jp->i", jacobian, moved) / M - y
        moved = moved - h * np.einsum("jip,i->jp", jacobian, r) / (SCALE * N)
        predictions.append(f0 + SCALE * np.einsum("jip,jp->i", jacobian, moved) / M)
    return theta + moved, np.array(predictions), np.einsum("jip,jlp->il", jacobian, jacobian) / M


def test_tangent_flow_is_descent_on_the_linear_model(data):
    """TangentFlow, descent by hand and the kernel recursion y − (I − hK/n)^k (y − f_0) agree."""
    x, y, theta = data
    h, steps = 0.5, 40
    objective = network(x, y, decay=0)
    run = mf.simulate(
        objective,
        mf.TangentFlow(h),
        mf.Particles(theta),
        times=h * np.arange(steps + 1),
        observables=[mf.Predictions(), mf.observables.KernelDrift()],
    )
    position, predictions, kernel = linearised_descent(x, y, theta, h, steps)
    bound = grown_rounding(steps, theta) * SCALE
    assert run.stats["steps"] == steps
    assert np.abs(run.particles.position - position).max() <= bound
    assert np.abs(run.values["predictions"] - predictions).max() <= bound
    contraction = np.eye(N) - h * kernel / N
    recursion = [y - np.linalg.matrix_power(contraction, k) @ (y - predictions[0]) for k in range(steps + 1)]
    assert np.abs(run.values["predictions"] - recursion).max() <= bound
    assert np.all(run.values["kernel_drift"] == 0)
    # control: the same recursion without 1/n is another curve
    wrong = y - np.linalg.matrix_power(np.eye(N) - h * kernel, 3) @ (y - predictions[0])
    assert np.abs(run.values["predictions"][3] - wrong).max() > 1e6 * bound


def test_tangent_flow_in_continuous_time(data):
    """With an adaptive integrator inside, predictions follow y − exp(−Kt/n)(y − f_0)."""
    x, y, theta = data
    times = np.array([0.0, 1.0, 6.0])
    flow = mf.TangentFlow(mf.AdaptiveFlow(rtol=1e-9, atol=1e-10))
    run = mf.simulate(network(x, y, decay=0), flow, mf.Particles(theta), times=times, observables=[mf.Predictions()])
    _, predictions, kernel = linearised_descent(x, y, theta, 1.0, 0)
    values, vectors = np.linalg.eigh(kernel / N)
    decayed = np.exp(-np.multiply.outer(times, values)) * (vectors.T @ (y - predictions[0]))
    exact = y - decayed @ vectors.T
    assert np.abs(run.values["predictions"] - exact).max() <= 1e-9 * run.stats["steps"] * SCALE * 3


def test_tangent_flow_of_a_centred_model(data):
    """Centred, the linear model starts at zero; the network given to `simulate` need not know where it starts."""
    x, y, theta = data
    objective = network(x, y, decay=0, centred=True)
    run = mf.simulate(
        objective, mf.TangentFlow(0.5), mf.Particles(theta), times=[0, 0.5], observables=[mf.Predictions()]
    )
    kernel = linearised_descent(x, y, theta, 1.0, 0)[2]
    # f and f_0 are summed in different orders, once inside the loop and once outside
    assert np.abs(run.values["predictions"][0]).max() <= grown_rounding(1, theta) * SCALE
    assert np.abs(run.values["predictions"][1] - 0.5 * kernel @ y / N).max() <= grown_rounding(1, theta) * SCALE


def test_lazy_limit_of_the_flow_is_the_tangent_flow(data):
    """Centred, the gap between the two falls as 1/α (Chizat, Oyallon & Bach 2019)."""
    x, y, theta = data
    gaps = []
    for scale in (1e3, 1e4, 1e5):
        objective = network(x, y, decay=0, scale=scale, centred=True)
        f, f_lin = (
            mf.simulate(objective, flow, mf.Particles(theta), times=[10.0], observables=[mf.Predictions()]).values[
                "predictions"
            ][0]
            for flow in (mf.GradientFlow(0.5), mf.TangentFlow(0.5))
        )
        gaps.append(np.abs(f - f_lin).max())
    # the next order is 1/α² smaller; 2 % leaves room for it
    assert abs(gaps[0] / gaps[1] / 10 - 1) < 0.02
    assert abs(gaps[1] / gaps[2] / 10 - 1) < 0.02


def test_balancedness_drifts_as_euler_says(data):
    """relu without penalty conserves a² − |w|²; a step of size h changes it by exactly h²(a'² − |w'|²)."""
    x, y, theta = data
    h, steps = 0.05, 30

    def balance(q):
        return q[..., 0] ** 2 - (q[..., 1:] ** 2).sum(-1)

    gaps = {}
    for activation in ("relu", "tanh"):
        run = mf.simulate(
            network(x, y, activation=activation, decay=0),
            mf.GradientFlow(h),
            mf.Particles(theta),
            times=h * np.arange(steps + 1),
            observables={"q": mf.Positions(), "v": lambda o, mu: o.velocity(mu)},
        )
        drift = balance(run.values["q"][-1]) - balance(run.values["q"][0])
        gaps[activation] = np.abs(drift - h**2 * balance(run.values["v"][:-1]).sum(axis=0)).max()
    # rounding: ε times θ² at each of the steps; tanh, which conserves nothing of the kind, is the control
    bound = 64 * EPS * steps * (theta**2).max()
    assert gaps["relu"] <= bound
    assert gaps["tanh"] > 1e6 * bound


def test_masses_do_not_move_and_weigh_the_predictor(data):
    """Doubling a particle or doubling its mass is the same measure, hence the same flow."""
    x, y, theta = data
    twice = mf.Particles(np.vstack([theta, theta[:1]]), np.full(M + 1, 1 / M))
    heavy = mf.Particles(theta, np.r_[2, np.ones(M - 1)] / M)
    a, b = (mf.simulate(network(x, y), mf.GradientFlow(0.25), mu, times=[5.0]).particles for mu in (twice, heavy))
    assert np.array_equal(b.mass, heavy.mass)
    assert np.abs(a.position[:M] - b.position).max() <= grown_rounding(20, theta)
    assert np.array_equal(a.position[0], a.position[M])


def test_jax_and_numpy_agree_on_the_velocity(data):
    """The loop in numpy above is not the same code as the engine's: they meet here once, before they are compared."""
    x, y, theta = data
    v = network(x, y).velocity(mf.Particles(theta))
    assert np.abs(v - velocity(theta, x, y)).max() <= 64 * EPS * np.abs(v).max()
    assert isinstance(v, jax.Array)
