"""The engine's certificate against theory's convex program, which shares no code with it."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

import meanfield as mf
from meanfield.certificates.branching import branching_maximum
from meanfield.certificates.slope import Slope
from theory import _cells
from theory.convex import arrangement_minimum, network, planar_minimum

pytestmark = pytest.mark.fast


@pytest.fixture(autouse=True)
def wide(x64):
    """All of this is in 64 bits."""


def cell_by_cell(slope):
    """C by enumeration: on the cell {Gu ≥ 0} the maximum of A·u is min over μ ≥ 0 of |A + Gᵀμ|."""
    best = 0.0
    for on in _cells.patterns(slope.z):
        walls = slope.z * np.where(on, 1.0, -1.0)[:, None]
        for sign in (1, -1):
            linear = (on * sign * slope.c) @ slope.z
            best = max(best, float(np.linalg.norm(linear + nnls(walls.T, -linear)[0] @ walls)))
    return best


@pytest.mark.parametrize(("n", "q"), [(12, 3), (15, 4), (9, 5)])
def test_largest_slope_is_that_of_all_cells(n, q):
    rng = np.random.default_rng(n)
    slope = Slope(rng.normal(size=n) / n, rng.normal(size=(n, q)), 0.0, 1.0)
    exact = cell_by_cell(slope)
    found, bound = branching_maximum(slope)
    assert abs(found - exact) < 1e-13 * slope.lipschitz * n
    assert exact * (1 - 1e-14) <= bound <= exact + 1e-11 * slope.lipschitz


def planar_problem(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 16))
    x, y, strength = rng.normal(size=(n, 2)), rng.normal(size=n), 10 ** rng.uniform(-3, -0.5)
    return mf.Objective(mf.Neuron("relu"), mf.Square(), x, y, penalty=mf.WeightDecay(strength)), planar_minimum(
        x, y, strength
    )


def particles(minimum):
    theta = network(minimum.measure)
    return mf.Particles(theta if len(theta) else np.zeros((1, minimum.measure.shape[1])))


def test_fifty_planar_minima_are_certified():
    """Below 1e-6 is asked for; the two lower bounds and values agree to rounding."""
    for seed in range(50):
        objective, minimum = planar_problem(seed)
        gap, lower, certified = mf.optimality_gap(objective, particles(minimum))
        assert certified
        assert gap < 1e-9
        assert lower <= minimum.value * (1 + 1e-13)
        assert minimum.lower - 1e-9 <= lower
        assert minimum.value <= (gap + lower) * (1 + 1e-12) <= minimum.value + 1e-9


def test_minima_in_three_and_four_dimensions_are_certified():
    for n, d in ((15, 3), (12, 4)):
        rng = np.random.default_rng(n)
        x, y = rng.normal(size=(n, d)), rng.normal(size=n)
        minimum = arrangement_minimum(x, y, 0.02)
        objective = mf.Objective(mf.Neuron("relu"), mf.Square(), x, y, penalty=mf.WeightDecay(0.02))
        gap, lower, certified = mf.optimality_gap(objective, particles(minimum))
        assert certified
        assert gap < 1e-9
        assert abs(lower - minimum.value) < 1e-9


def never_below_the_excess(seed, size, drawn):
    """The gap at a point off the minimum is at least what it is worse by."""
    with jax.enable_x64(True):
        objective, minimum = planar_problem(seed)
        best = particles(minimum)
        move = np.random.default_rng(drawn).normal(size=best.position.shape)
        mu = best.moved(best.position + size * move)
        a, w = np.asarray(mu.position)[:, 0], np.asarray(mu.position)[:, 1:]
        f = np.maximum(np.asarray(objective.x) @ w.T, 0) @ a / mu.m
        assert isinstance(objective.penalty, mf.WeightDecay)
        penalty = float(objective.penalty.strength) / 2 * np.mean(a**2 + np.sum(w**2, axis=1))
        value = float(np.mean((f - np.asarray(objective.y)) ** 2) / 2 + penalty)
        for method in ("planar", "branching", "relaxation"):
            gap, lower, certified = mf.optimality_gap(objective, mu, method=method)
            assert certified
            assert gap >= value - minimum.value - 1e-14 * max(1, value)
            assert lower <= minimum.value * (1 + 1e-14)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 30), size=st.floats(-8, 0.5).map(lambda power: 10**power), drawn=st.integers(0, 100))
def test_a_point_off_the_minimum_is_never_certified_below_its_excess(seed, size, drawn):
    never_below_the_excess(seed, size, drawn)


@pytest.mark.full
@settings(max_examples=2000, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.floats(-10, 1).map(lambda power: 10**power), drawn=st.integers(0, 10**6))
def test_the_same_at_length(seed, size, drawn):
    never_below_the_excess(seed, size, drawn)
