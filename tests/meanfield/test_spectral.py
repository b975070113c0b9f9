"""Spectral descent against singular values by NumPy, what is proved of it, and the width that it does not see."""

import jax
import numpy as np
import pytest

import meanfield as mf


def problem(d=4, n=12, unit="tanh", seed=0, **options):
    rng = np.random.default_rng(seed)
    return mf.Objective(mf.Neuron(unit), mf.Square(), rng.normal(size=(n, d)), rng.normal(size=n), **options)


def start(m=15, d=4, seed=1):
    return mf.Particles(np.random.default_rng(seed).normal(size=(m, d + 1)))


def after(objective, mu, flow, steps=1):
    h = float(flow.stepper.length)
    return np.asarray(mf.simulate(objective, flow, mu, times=steps * h).particles.position)


def polar(v):
    left, _, right = np.linalg.svd(v, full_matrices=False)
    return left @ right


@pytest.mark.fast
def test_a_step_is_root_m_times_the_polar_factor_of_the_gradient():
    """Of each block; the bound is the rounding of C's eigenvalues, κ² ε for singular values of condition κ."""
    with jax.enable_x64(True):
        objective, mu = problem(), start()
        v = np.asarray(objective.velocity(mu))
        moved = after(objective, mu, mf.SpectralFlow(0.01)) - np.asarray(mu.position)
        root = mu.m**0.5
        condition = np.linalg.cond(v[:, 1:])
        bound = 0.01 * root * 8 * 4 * condition**2 * 2**-52
        assert np.abs(moved[:, 1:] - 0.01 * root * polar(v[:, 1:])).max() < bound
        assert np.abs(moved[:, :1] - 0.01 * root * polar(v[:, :1])).max() < bound
        plain = after(objective, mu, mf.SpectralFlow(0.01, readout="gradient")) - np.asarray(mu.position)
        np.testing.assert_allclose(plain[:, 0], 0.01 * v[:, 0], rtol=1e-10)
        # Taken together both layers would have one polar factor, another one.
        assert np.abs(moved - 0.01 * root * polar(v)).max() > 1e-4


@pytest.mark.parametrize("order", [float("inf"), 4.0, 2.0])
def test_energy_falls_by_the_dual_norm(order):
    """dF/dt = −(tr C^{q/2})^{1/q}, by a difference of order h; the norm of another order is told apart."""
    with jax.enable_x64(True):
        objective, mu, h = problem(), start(), 1e-6
        v = np.asarray(objective.velocity(mu)) / mu.m**0.5
        q = 1.0 if order == float("inf") else order / (order - 1)
        norm = lambda q: sum(np.sum(np.linalg.svd(part)[1] ** q) ** (1 / q) for part in (v[:, :1], v[:, 1:]))  # noqa: E731
        moved = mf.Particles(after(objective, mu, mf.SpectralFlow(h, order=order)))
        slope = float(objective.value(moved) - objective.value(mu)) / h
        assert slope == pytest.approx(-norm(q), rel=1e-4)
        assert abs(slope / norm(q + 0.5) + 1) > 1e-2


def test_order_two_is_gradient_descent_of_unit_speed():
    with jax.enable_x64(True):
        objective, mu = problem(), start()
        v = np.asarray(objective.velocity(mu))
        moved = after(objective, mu, mf.SpectralFlow(0.01, order=2.0)) - np.asarray(mu.position)
        speed = np.sqrt(np.mean(np.sum(v[:, 1:] ** 2, axis=1)))
        np.testing.assert_allclose(moved[:, 1:], 0.01 * v[:, 1:] / speed, rtol=1e-10)


def test_residuals_of_linear_regression_lose_their_singular_values_at_one_speed():
    """White inputs, k outputs, output weights with mean a aᵀ = 1 that stay: singular values of the residual are
    (s_i − t)₊, where those of gradient descent are s_i e^{−t}. Steps of h overshoot 0 by at most h.
    """
    k, t, steps = 3, 0.5, 200
    target = np.diag([1.5, 0.8, 0.2]) @ np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    a = np.sqrt(k) * np.tile(np.eye(k), (2, 1))
    x = np.sqrt(3) * np.eye(3)
    with jax.enable_x64(True):
        objective = mf.Objective(mf.Neuron("linear", outputs=k), mf.Square(), x, x @ target.T)
        mu = mf.Particles(np.concatenate([a, np.zeros((6, 3))], axis=1))

        def left(flow):
            moved = after(objective, mu, flow, steps)
            return np.linalg.svd(target - a.T @ moved[:, k:] / 6)[1]

        h = t / steps
        found = left(mf.InputFlow(mf.SpectralFlow(h, outputs=k)))
        plain = left(mf.InputFlow(mf.GradientFlow(h)))
    assert np.abs(found - np.maximum(np.array([1.5, 0.8, 0.2]) - t, 0)).max() < 1.01 * h
    assert np.abs(plain - np.array([1.5, 0.8, 0.2]) * np.exp(-t)).max() < h


def test_copies_of_all_particles_change_nothing():
    """The flow is one of the measure: with twice the particles each moves as before. The polar factor itself is not."""
    with jax.enable_x64(True):
        objective, mu = problem(), start()
        twice = mf.Particles(np.concatenate([mu.position, mu.position]))
        flow = mf.SpectralFlow(0.02)
        once, both = after(objective, mu, flow, 5), after(objective, twice, flow, 5)
        np.testing.assert_allclose(both[: mu.m], once, rtol=1e-9)
        v = np.asarray(objective.velocity(mu))
        assert np.linalg.norm(polar(np.concatenate([v, v]))[: mu.m] - polar(v)) > 0.1
        masses = np.full(mu.m, 1.0)
        masses[0] = 3.0
        heavy = mf.Particles(mu.position, masses / masses.sum())
        copied = mf.Particles(np.concatenate([mu.position, mu.position[:1], mu.position[:1]]))
        np.testing.assert_allclose(
            after(objective, heavy, flow, 5), after(objective, copied, flow, 5)[: mu.m], rtol=1e-9
        )


def test_with_a_velocity_of_zero_nothing_moves():
    objective = mf.Objective(mf.Neuron("relu"), mf.Square(), np.eye(3), np.zeros(3))
    mu = mf.Particles(np.zeros((5, 4)))
    assert np.array_equal(after(objective, mu, mf.SpectralFlow(0.1), 3), mu.position)


def test_what_is_not_trained_stays_and_is_not_counted():
    with jax.enable_x64(True):
        objective, mu = problem(), start()
        moved = after(objective, mu, mf.InputFlow(mf.SpectralFlow(0.01)))
        whole = after(objective, mu, mf.SpectralFlow(0.01))
        assert np.array_equal(moved[:, 0], np.asarray(mu.position)[:, 0])
        np.testing.assert_allclose(moved[:, 1:], whole[:, 1:], rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"step": 0.0}, "step=0.0"),
        ({"order": 1.0}, "order=1.0: expected a number above 1, or infinity"),
        ({"order": -2.0}, "order=-2.0"),
        ({"readout": "sgd"}, "readout='sgd'"),
        ({"outputs": 0}, "outputs=0"),
        ({"outputs": 9}, "outputs=9: the particles have 5 parameters"),
    ],
)
def test_what_is_not_allowed_is_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        mf.simulate(problem(), mf.SpectralFlow(**{"step": 0.1, **options}), start(), times=0.1)
