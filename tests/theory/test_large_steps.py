"""Large steps: against descent on the weights themselves, and what is proved about the map, drawn at random."""

import numpy as np
import pytest

from theory import large_steps

pytestmark = pytest.mark.fast

EPS = np.finfo(float).eps


def weights(rng, m, curvature):
    theta = rng.normal(size=(m, 2))
    return theta * np.sqrt(curvature / np.mean(np.sum(theta**2, axis=1)))


def state(theta, scale):
    return scale * np.mean(theta[:, 0] * theta[:, 1]), np.mean(np.sum(theta**2, axis=1))


def test_growth_is_that_of_descent_on_a_quadratic():
    rng = np.random.default_rng(0)
    values, vectors = np.array([0.3, 1.0, 2.5]), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for h in (0.5, 0.79, 0.81):
        point = vectors[:, 2].copy()
        for _ in range(7):
            point -= h * (vectors * values) @ (vectors.T @ point)
        assert np.linalg.norm(point) == pytest.approx(float(large_steps.growth(h, 2.5)) ** 7, rel=1e-12)


def test_map_is_descent_on_the_weights():
    """Both layers of f = (α/m) Σ a w, step h of θ' = −m∇F, F = f²/2α²: the same (f, λ) within the rounding."""
    rng = np.random.default_rng(1)
    for m, scale, h, curvature in ((5, 1.0, 0.7, 3.0), (40, 6.0, 1.0, 3.9), (7, 0.5, 2.0, 0.4)):
        theta = weights(rng, m, curvature)
        for _ in range(6):
            f, before = state(theta, scale)
            theta = theta - h * f / scale * theta[:, ::-1]
            after = state(theta, scale)
            mapped = large_steps.catapult_step(f, before, h, scale)
            rounding = large_steps.catapult_rounding(f, before, after[1], h, scale, m)
            for got, exact, bound in zip(after, mapped, rounding, strict=True):
                assert abs(got - exact) <= bound <= 1e-10 * (1 + abs(exact))
            linear = large_steps.catapult_step(f, before, h, scale, linear=True)
            assert abs(linear[0] - after[0]) > 100 * rounding[0] or abs(f) < 1e-3


def test_where_the_map_ends_is_decided_by_the_start():
    """At any width, from any output: below 2 the loss falls for ever; up to 4 it ends below 2; beyond it diverges."""
    rng = np.random.default_rng(2)
    for _ in range(150):
        m, start = int(rng.integers(1, 50)), float(rng.choice([rng.uniform(0.1, 2), rng.uniform(2.2, 3.8), 4.3]))
        f0, curvature = state(weights(rng, m, start), np.sqrt(m))
        f, path = large_steps.catapult(f0, curvature, 1.0, np.sqrt(m), 400)
        if start < 2:
            assert np.all(np.abs(f[1:]) <= np.abs(f[:-1]))
        elif start < 4:
            assert np.all(np.diff(path) <= 1e-12)
            assert path[-1] < 2
        else:
            assert np.isinf(path[-1])


def test_bad_input():
    with pytest.raises(ValueError, match="curvature must be at least"):
        large_steps.catapult(1.0, 1.0, 1.0, 1.0, 3)
    with pytest.raises(ValueError, match="scale must be"):
        large_steps.catapult_step(1.0, 1.0, 1.0, 0.0)
