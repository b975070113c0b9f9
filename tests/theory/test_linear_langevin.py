"""Clouds of linear units: drawn clouds with error bars, the moment equations integrated, and h → 0."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from theory import linear_langevin

pytestmark = pytest.mark.fast

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(20, 2)), RNG.normal(size=20)
MEAN, DEVIATION, STRENGTH, TAU, STEP = np.array([1.0, -2.0]), 0.8, 0.5, 0.3, 0.4
START = {"mean": MEAN, "deviation": DEVIATION}


def test_moments_of_drawn_clouds():
    """5 standard errors in some 40 comparisons of 20 000 clouds of 3 particles; the factor 1 − 1/m matters there."""
    count, m, stops, z = 20_000, 3, [1, 3, 20], 5.0
    law = linear_langevin.discrete(X, Y, STRENGTH, TAU, STEP, stops, **START)
    theta = MEAN + DEVIATION * RNG.normal(size=(count, m, 2))
    a, b = X.T @ X / 20, X.T @ Y / 20
    for k in range(1, 21):
        velocity = (b - theta.mean(axis=1) @ a)[:, None] - STRENGTH * theta
        theta = theta + STEP * velocity + np.sqrt(2 * TAU * STEP) * RNG.normal(size=theta.shape)
        if k in stops:
            i = stops.index(k)
            centre = theta.mean(axis=1)
            away = centre - law.mean[i]
            products = m * away[:, :, None] * away[:, None]
            within = np.mean(np.sum((theta - centre[:, None]) ** 2, axis=2), axis=1) / 2
            samples = ((away, 0.0), (products, law.fluctuation[i]), (within, (1 - 1 / m) * law.spread[i]))
            for sample, exact in samples:
                error = sample.std(axis=0) / np.sqrt(count)
                assert np.all(np.abs(sample.mean(axis=0) - exact) < z * error)
            assert abs(within.mean() - law.spread[i]) > z * within.std() / np.sqrt(count)


def test_continuous_time_is_the_moment_equations():
    a, b = X.T @ X / 20 + STRENGTH * np.eye(2), X.T @ Y / 20

    def moments(_, state):
        mean, v = state[:2], state[2:6].reshape(2, 2)
        return np.concatenate(
            [b - a @ mean, (2 * TAU * np.eye(2) - a @ v - v @ a).ravel(), 2 * TAU - 2 * STRENGTH * state[6:]]
        )

    start = np.concatenate([MEAN, (DEVIATION**2 * np.eye(2)).ravel(), [DEVIATION**2]])
    times = [0.0, 0.7, 3.0]
    exact = solve_ivp(moments, (0, 3), start, t_eval=times, rtol=1e-11, atol=1e-13).y.T
    law = linear_langevin.continuous(X, Y, STRENGTH, TAU, times, **START)
    assert np.allclose(law.mean, exact[:, :2], atol=1e-9)
    assert np.allclose(law.fluctuation.reshape(3, 4), exact[:, 2:6], atol=1e-9)
    assert np.allclose(law.spread, exact[:, 6], atol=1e-9)


def test_steps_tend_to_continuous_time_at_first_order():
    exact = linear_langevin.continuous(X, Y, STRENGTH, TAU, [2.0], **START)
    gaps = []
    for step in (0.02, 0.01):
        law = linear_langevin.discrete(X, Y, STRENGTH, TAU, step, [round(2 / step)], **START)
        gaps.append(
            [np.abs(getattr(law, name) - getattr(exact, name)).max() for name in ("mean", "fluctuation", "spread")]
        )
    assert np.allclose(np.divide(*gaps), 2, rtol=0.03)  # the next order is h smaller


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="y must agree with x, got 3 where x has 20"):
        linear_langevin.discrete(X, Y[:3], STRENGTH, TAU, STEP, [1], **START)
    with pytest.raises(ValueError, match="step must be a finite number > 0, got 0"):
        linear_langevin.discrete(X, Y, STRENGTH, TAU, 0.0, [1], **START)
    with pytest.raises(ValueError, match="mean must agree with columns of x, got 1 where columns of x has 2"):
        linear_langevin.continuous(X, Y, STRENGTH, TAU, [1.0], mean=[0.0], deviation=1.0)
