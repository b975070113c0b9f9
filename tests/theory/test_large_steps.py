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
    """Both layers of f = (α/m) Σ a w, step h of θ' = −m∇F, F = f²/2α²: the same (f, λ), by a share of the rounding."""
    rng, shares = np.random.default_rng(1), []
    for m, scale, h, curvature in 20 * [(5, 1.0, 0.7, 3.0), (40, 6.0, 1.0, 3.9), (7, 0.5, 2.0, 0.4)]:
        theta = weights(rng, m, curvature)
        for _ in range(6):
            f, before = state(theta, scale)
            theta = theta - h * f / scale * theta[:, ::-1]
            after = state(theta, scale)
            mapped = large_steps.catapult_step(f, before, h, scale)
            rounding = large_steps.catapult_rounding(f, before, h, scale, m)
            shares.append([abs(got - exact) / one for got, exact, one in zip(after, mapped, rounding, strict=True)])
            linear = large_steps.catapult_step(f, before, h, scale, linear=True)
            assert abs(linear[0] - after[0]) > 100 * rounding[0] or abs(f) < 1e-3
    assert np.all(np.max(shares, axis=0) < 1)
    assert np.all(np.max(shares, axis=0) > 0.03)


def test_catapult_rounding_by_hand():
    """f = 2, λ = 3, h = 1, α = 2, m = 4: f²/α² = 1, and (f, λ) go to (−2, 2); each part of the error by itself."""
    unit = 6 * EPS / 2 * np.sqrt(32 / 3)
    # f is known to √(2² + 1.5²), λ to 3; ∂f'/∂f = 1, ∂f'/∂λ = −2, ∂λ'/∂f = −1, ∂λ'/∂λ = 2; the weights reach 6.
    in_f = np.sqrt((2**2 + 1.5**2) + (2 * 3) ** 2 + 2**2 + 3**2)
    in_curvature = np.sqrt((2**2 + 1.5**2) + (2 * 3) ** 2 + 6**2)
    found = large_steps.catapult_rounding(2.0, 3.0, 1.0, 2.0, 4)
    assert np.allclose(found, [unit * in_f, unit * in_curvature], rtol=1e-12, atol=0)


def test_growth_rounding_by_hand():
    """hλ = 3, k = 3: local errors √(1 + 2² + 4²), and 3·2² times the error of hλ."""
    found = large_steps.growth_rounding([3], 3.0, 1.0, 0.0)
    assert found == pytest.approx(6 * np.sqrt(1 + 4 + 16), rel=1e-12)
    found = large_steps.growth_rounding([3], 3.0, 0.0, 0.5)
    assert found == pytest.approx(6 * 3 * 4 * 3.0 * EPS / 2 * np.sqrt(32 / 3) * 0.5, rel=1e-12)
    with pytest.raises(ValueError, match="steps must"):
        large_steps.growth_rounding([0.5], 3.0, 1.0, 0.5)


def test_growth_rounding_covers_descent_of_one_number():
    """e ← e − hλ e with a relative error in hλ of some roundings, and noise of the local size."""
    rng, shares = np.random.default_rng(3), []
    for _ in range(200):
        size, start = rng.uniform(1.5, 2.1), 1.0
        wrong, error, path = size * (1 + EPS / 2 * np.sqrt(32 / 3) * rng.normal()), start, [start]
        for _ in range(100):
            error = (1 - wrong) * error + 1e-16 * rng.normal()
            path.append(error)
        steps = np.arange(101)
        apart = np.abs(np.abs(path) - abs(1 - size) ** steps)[1:]
        shares.append(np.max(apart / large_steps.growth_rounding(steps, size, 1e-16, start)[1:]))
    assert 0.3 < np.max(shares) < 1


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
