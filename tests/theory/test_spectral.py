"""Spectral descent: Hölder's inequality for singular values, gradients by differences, and copies of particles."""

import numpy as np
import pytest

from theory import chaos, spectral

pytestmark = pytest.mark.fast

RNG = np.random.default_rng(0)
V, MASS = RNG.normal(size=(7, 3)), RNG.dirichlet(np.ones(7))
ORDERS = (np.inf, 6.0, 3.0, 2.0, 1.5)
X, Y = RNG.normal(size=(5, 2)), RNG.normal(size=5)
THETA = RNG.normal(size=(7, 3))


def schatten(moved, mass, order):
    singular = np.linalg.svd(np.sqrt(mass)[:, None] * moved)[1]
    return singular.max() if order == np.inf else np.sum(singular**order) ** (1 / order)


@pytest.mark.parametrize("order", ORDERS)
def test_no_direction_of_unit_length_falls_faster(order):
    best = spectral.steepest(V, MASS, order)
    assert schatten(best, MASS, order) == pytest.approx(1, rel=1e-12)
    rate = np.sum(MASS[:, None] * best * V)
    assert rate == pytest.approx(spectral.fall(V, MASS, order), rel=1e-12)
    near = best + 0.1 * RNG.normal(size=(300, *best.shape))
    others = [np.sum(MASS[:, None] * one * V) / schatten(one, MASS, order) for one in near]
    assert max(others) < rate


def test_by_hand():
    """Two particles along the axes, masses ½: singular values 3/√2 and 4/√2."""
    v = np.diag([3.0, 4.0])
    assert spectral.fall(v, [0.5, 0.5]) == pytest.approx(7 / np.sqrt(2))
    assert spectral.fall(v, [0.5, 0.5], 2) == pytest.approx(5 / np.sqrt(2))
    assert spectral.fall(v, [0.5, 0.5], 3) == pytest.approx((3**1.5 + 4**1.5) ** (2 / 3) / np.sqrt(2))


def test_the_gradient_is_steepest_for_order_two():
    np.testing.assert_allclose(spectral.steepest(V, MASS, 2), V / spectral.fall(V, MASS, 2), rtol=1e-12)


def test_directions_without_velocity_stay():
    flat = V * [1, 1, 0]
    assert np.abs(spectral.steepest(flat, MASS)[:, 2]).max() < 1e-12


def test_velocities_are_the_gradient_of_the_risk():
    mass, h = np.full(7, 1 / 7), 1e-6
    v = spectral.velocities(X, Y, THETA, mass)
    for j, k in np.ndindex(7, 3):
        up, down = (THETA + sign * h * np.eye(7)[:, j : j + 1] * np.eye(3)[k] for sign in (1, -1))
        slope = (spectral.risk(X, Y, up, mass) - spectral.risk(X, Y, down, mass)) / (2 * h)
        assert -slope * 7 == pytest.approx(v[j, k], rel=1e-5, abs=1e-8)


def test_copies_change_nothing_and_polar_factors_without_a_root_do():
    mass = np.full(7, 1 / 7)
    once = spectral.descend(X, Y, THETA, mass, 0.02, 10)
    twice = spectral.descend(X, Y, np.vstack([THETA, THETA]), np.full(14, 1 / 14), 0.02, 10)
    assert twice == pytest.approx(once, rel=1e-12)
    assert abs(spectral.descend(X, Y, THETA, mass, 0.02 / np.sqrt(2), 10) / once - 1) > 1e-3


def test_more_nodes_change_little():
    risks = [spectral.descend(X, Y, *chaos.box_nodes([1, 1, 1], [k, k, k]), 0.02, 5) for k in (4, 6, 8)]
    assert abs(risks[2] - risks[1]) < 1e-4 * risks[2]


def test_singular_values_of_a_linear_model_by_its_own_steps():
    rng = np.random.default_rng(1)
    target = rng.normal(size=(3, 3))
    w, h = np.zeros((3, 3)), 1e-3
    for _ in range(200):
        left, _, right = np.linalg.svd(target - w)
        w = w + h * left @ right
    s = np.linalg.svd(target)[1]
    found = np.linalg.svd(target - w)[1]
    assert np.abs(found - spectral.left_of_residual(s, 0.2)).max() < 1.01 * h


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: spectral.fall(V, MASS, 1.0), "order must be above 1"),
        (lambda: spectral.fall(V, MASS[:-1]), "rows of velocity must agree with mass"),
        (lambda: spectral.steepest(V, np.zeros(7)), "mass must be positive"),
        (lambda: spectral.descend(X, Y, THETA, MASS, 0.0, 1), "step"),
        (lambda: spectral.velocities(X, Y, THETA[:, :2], MASS), "columns of theta must agree"),
        (lambda: spectral.left_of_residual([1.0], -1.0), "time"),
    ],
)
def test_refusals(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
