"""Certificates: the maximum over the sphere against grids, extended precision and known answers; bounds that bound."""

import re
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.special import entr, expit

import meanfield as mf
from meanfield.certificates.ascent import ascent_maximum
from meanfield.certificates.branching import branching_maximum
from meanfield.certificates.planar import _running, planar_maximum
from meanfield.certificates.relaxation import relaxed_maximum
from meanfield.certificates.slope import Slope

SLOPES = {
    "relu": (0.0, 1.0),
    "leaky": (0.01, 1.0),
    "absolute": (-1.0, 1.0),
    "falling": (2.0, 0.5),
    "linear": (1.0, 1.0),
}
CLOSE = 1e-11
"""What methods may differ by, in units of the Lipschitz constant: rounding in inputs that were turned."""


def random_slope(seed, n, q, slopes=(0.0, 1.0)):
    rng = np.random.default_rng(seed)
    return Slope(rng.normal(size=n) / n, rng.normal(size=(n, q)), *slopes)


def extended(slope):
    """C in the plane from its candidates alone, in long double: ends of arcs, and the pole of every linear piece."""
    z, c = slope.z.astype(np.longdouble), slope.c.astype(np.longdouble)
    ends = np.concatenate([z[:, ::-1] * [1, -1], z[:, ::-1] * [-1, 1]])
    ends = ends[np.any(ends != 0, axis=1)]
    angle = np.sort(np.arctan2(ends[:, 1], ends[:, 0]))
    middle = (angle + np.append(angle[1:], angle[0] + 2 * np.arctan2(np.longdouble(0), np.longdouble(-1)))) / 2
    inside = np.stack([np.cos(middle), np.sin(middle)], axis=1)
    poles = (c * np.where(inside @ z.T > 0, slope.above, slope.below)) @ z
    u = np.concatenate([ends, poles, -poles])
    u = u[np.any(u != 0, axis=1)]
    t = u @ z.T
    h = (c * np.where(t > 0, slope.above, slope.below) * t).sum(axis=1) / np.sqrt((u * u).sum(axis=1))
    return np.abs(h).max()


DEGENERATE = {
    "one row": [[3.0, 4.0]],
    "repeats": [[1.0, 2.0]] * 3 + [[2.0, -1.0]] * 2,
    "parallel": [[1.0, 2.0], [2.0, 4.0], [-3.0, -6.0], [1.0, 0.0]],
    "zero rows": [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [-2.0, 1.0]],
    "axes": [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]],
    "one line": [[0.0, 1.0], [0.0, -2.0], [0.0, 3.0]],
    "nearly parallel": [[1.0, 1.0], [1.0, 1.0 + 1e-15], [1.0, 1.0 - 1e-13], [-1.0, -1.0 + 1e-12]],
}


@pytest.mark.parametrize("slopes", SLOPES.values(), ids=list(SLOPES))
@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_planar_maximum_in_extended_precision(n, slopes):
    for seed in range(5):
        slope = random_slope(seed, n, 2, slopes)
        computed, bound = planar_maximum(slope)
        exact = extended(slope)
        assert exact <= bound
        assert abs(computed - exact) <= bound - computed <= CLOSE * slope.lipschitz


def test_planar_maximum_on_a_grid():
    """A grid of N angles misses less than L (π/N)²/2 at a smooth maximum and L π/N at a kink."""
    angle = np.linspace(0, 2 * np.pi, 20_001)
    u = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for seed in range(5):
        slope = random_slope(seed, 15, 2)
        best = np.abs(slope(u)).max()
        assert best <= planar_maximum(slope)[1] <= best + slope.lipschitz * np.pi / 20_000


@pytest.mark.parametrize("rows", DEGENERATE.values(), ids=list(DEGENERATE))
def test_degenerate_rows(rows):
    z = np.array(rows)
    for seed in range(4):
        slope = Slope(np.random.default_rng(seed).normal(size=len(z)), z, 0.0, 1.0)
        exact, scale = extended(slope), CLOSE * slope.lipschitz
        for bound in (planar_maximum(slope)[1], branching_maximum(slope)[1]):
            assert exact <= bound <= exact + scale
        assert exact <= relaxed_maximum(slope) + scale


def test_nothing_to_maximise():
    for slope in (Slope(np.zeros(3), np.ones((3, 2)), 0.0, 1.0), Slope(np.ones(3), np.zeros((3, 2)), 0.0, 1.0)):
        assert planar_maximum(slope) == (0.0, 0.0) == branching_maximum(slope)
        assert relaxed_maximum(slope) == 0.0 == ascent_maximum(slope)


@pytest.mark.parametrize("q", [2, 7])
def test_a_step_of_the_ascent_ends_at_the_top_of_a_linear_piece(q):
    slope = random_slope(q, 9, q, SLOPES["linear"])
    assert ascent_maximum(slope, steps=1) == pytest.approx(np.linalg.norm(slope.c @ slope.z), rel=1e-14)


def test_one_column_is_a_line():
    """In one dimension there are two directions."""
    slope = random_slope(0, 6, 1)
    exact = np.abs(slope(np.array([[1.0], [-1.0]]))).max()
    assert exact <= planar_maximum(slope)[1] <= exact + CLOSE
    assert exact <= branching_maximum(slope)[1] <= exact + CLOSE


@pytest.mark.parametrize("slopes", SLOPES.values(), ids=list(SLOPES))
def test_branching_in_a_turned_plane(slopes):
    """Rows in a plane within ℝ³ and ℝ⁴ have the maximum of the plane."""
    for q in (3, 4):
        flat = random_slope(q, 9, 2, slopes)
        basis, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(q, 2)))
        turned = Slope(flat.c, flat.z @ basis.T, *slopes)
        found, bound = branching_maximum(turned)
        assert bound - found <= CLOSE * flat.lipschitz
        assert abs(bound - planar_maximum(flat)[1]) <= CLOSE * flat.lipschitz


@pytest.mark.parametrize(("n", "q"), [(2, 3), (3, 5), (12, 3), (15, 4), (12, 5), (9, 6)])
def test_bounds_are_in_order(n, q):
    """Search ≤ value found ≤ bound ≤ relaxation, fewer rows than columns included; few cones give a larger bound."""
    slope = random_slope(n + q, n, q)
    found, bound = branching_maximum(slope)
    assert 0 <= bound - found <= CLOSE * slope.lipschitz
    assert ascent_maximum(slope) <= bound <= relaxed_maximum(slope) + CLOSE * slope.lipschitz
    early = branching_maximum(slope, cones=1)[1]
    assert bound - CLOSE * slope.lipschitz <= early


def problem(x, y, strength=0.1, *, loss=None, scale=1.0, unit=None):
    return mf.Objective(
        unit or mf.Neuron("relu"), loss or mf.Square(), jnp.asarray(x), y, scale, mf.WeightDecay(strength)
    )


@pytest.mark.parametrize("scale", [0.5, 1.0, 7.0])
@pytest.mark.parametrize("method", [None, "branching"])
def test_one_sample_has_a_known_minimum(scale, method, x64):
    """f = αc|x|: F = (αc|x| − y)²/2α² + λc is least at c = (y/α − λ/|x|)/|x|."""
    x, y, strength = np.array([[3.0, 4.0]]), 2.0, 0.1
    c = (y / scale - strength / 5) / 5
    mu = mf.Particles(jnp.array([[np.sqrt(c), 0.6 * np.sqrt(c), 0.8 * np.sqrt(c)]]))
    gap, lower, certified = mf.optimality_gap(problem(x, [y], strength, scale=scale), mu, method=method)
    least = (scale * 5 * c - y) ** 2 / 2 / scale**2 + strength * c
    assert certified
    assert 0 <= gap < 1e-12
    assert abs(lower - least) < 1e-12
    worse = mf.optimality_gap(problem(x, [y], strength, scale=scale), mu.moved(1.1 * mu.position), method=method)
    excess = (scale * 5 * 1.21 * c - y) ** 2 / 2 / scale**2 + strength * 1.21 * c - least
    assert excess <= worse.gap < 1.0


def test_one_sample_logistic(x64):
    """log(1 + exp(−αc|x|))/α² + λc is least where σ(−αc|x|)|x|/α = λ."""
    scale, strength = 2.0, 0.1
    c = np.log(5 / (scale * strength) - 1) / (scale * 5)
    mu = mf.Particles(jnp.array([[np.sqrt(c), 0.6 * np.sqrt(c), 0.8 * np.sqrt(c)]]))
    objective = problem([[3.0, 4.0]], [1], strength, loss=mf.Logistic(), scale=scale)
    gap, lower, certified = mf.optimality_gap(objective, mu)
    assert certified
    assert 0 <= gap < 1e-10
    assert abs(lower + gap - float(objective.value(mu))) < 1e-12
    worse = objective.value(mu.moved(2 * mu.position)) - objective.value(mu)
    assert mf.optimality_gap(objective, mu.moved(2 * mu.position)).gap >= float(worse) > 0.01


def test_logistic_of_a_large_penalty(x64):
    """Of a penalty that leaves only f = 0, the bound is the largest mean entropy of s q, q the odds of an error.

    One sample is so sure that its q is 0 in floating point.
    """
    x, y = np.array([[1.0, 0.5], [-0.5, 1.0], [0.25, -1.0], [2000.0, 0.0]]), np.array([1.0, -1.0, 1.0, 1.0])
    mu = mf.Particles(np.array([[1.0, 1.0, 0.25], [-0.5, 0.5, 1.0]]))
    objective = problem(x, y, 1e6, loss=mf.Logistic())
    q = expit(-y * np.asarray(objective.predict(mu)))
    assert q.min() == 0 < q.max() < 1
    found = minimize_scalar(
        lambda s: -np.mean(entr(s * q) + entr(1 - s * q)), bounds=(0, 1 / q.max()), method="bounded"
    )
    assert mf.optimality_gap(objective, mu).lower_bound == pytest.approx(-found.fun, rel=1e-8)


def test_value_is_rounded_up_and_particles_are_taken_as_they_are(x64):
    """F in exact fractions is at most gap + lower bound, and not much less; float32 is taken as it is."""
    rng = np.random.default_rng(3)
    x, y, theta = rng.normal(size=(6, 2)), rng.normal(size=6), rng.normal(size=(9, 3)).astype(np.float32)
    mass = rng.uniform(size=9).astype(np.float32)
    objective = problem(x, y, 0.125)
    gap, lower, _ = mf.optimality_gap(objective, mf.Particles(jnp.asarray(theta), jnp.asarray(mass)))
    same = mf.optimality_gap(objective, mf.Particles(theta.astype(float), mass.astype(float)))
    assert (gap, lower) == same[:2]
    rows, targets = [[Fraction(v) for v in row] for row in x], [Fraction(v) for v in y]
    net = [(Fraction(float(p)), [Fraction(float(v)) for v in row]) for p, row in zip(mass, theta, strict=True)]
    f = [sum(p * a * max(v * s + w * t, 0) for p, (a, v, w) in net) for s, t in rows]
    risk = sum((one - other) ** 2 for one, other in zip(f, targets, strict=True)) / 12
    exact = risk + sum(p * sum(v * v for v in row) for p, row in net) / 16
    assert exact <= Fraction(gap) + Fraction(lower)
    assert float(Fraction(gap) + Fraction(lower) - exact) < 1e-13 * float(exact)


def test_mass_is_free(x64):
    """p δ_θ and (p/4) δ_{2θ} are the same network at the same price."""
    rng = np.random.default_rng(0)
    x, y, theta = rng.normal(size=(5, 1)), rng.normal(size=5), rng.normal(size=(4, 3))
    objective = problem(x, y, unit=mf.Neuron("relu", bias=True))
    one = mf.optimality_gap(objective, mf.Particles(theta))
    other = mf.optimality_gap(objective, mf.Particles(2 * theta, np.full(4, 1 / 16)))
    np.testing.assert_allclose(one, other, rtol=1e-12)


@settings(max_examples=12, deadline=None)
@given(
    x=arrays(float, (4, 2), elements=st.integers(-3, 3).map(float)),
    y=arrays(float, 4, elements=st.sampled_from([-1.0, 1.0])),
    one=arrays(float, (3, 4), elements=st.floats(-2, 2, width=16)),
    other=arrays(float, (3, 4), elements=st.floats(-2, 2, width=16)),
    loss=st.sampled_from([mf.Square(), mf.Logistic()]),
    scale=st.sampled_from([0.5, 1.0, 3.0]),
)
def test_lower_bounds_of_one_measure_bound_any_other(x, y, one, other, loss, scale):
    """min F ≥ bound from μ, so that F(μ') is above it for every μ'; on a lattice rows are parallel, equal, zero."""
    with jax.enable_x64(True):
        objective = problem(x, y, 0.2, loss=loss, scale=scale, unit=mf.Neuron("relu", bias=True))
        gap, lower, certified = mf.optimality_gap(objective, mf.Particles(one))
        assert certified
        assert lower >= 0
        assert gap >= 0
        assert mf.optimality_gap(objective, mf.Particles(one), method="relaxation").lower_bound <= lower + 1e-12
        assert lower <= float(objective.value(mf.Particles(other))) * (1 + 1e-14)


def test_words(x64):
    rng = np.random.default_rng(0)
    objective = problem(rng.normal(size=(5, 12)), rng.normal(size=5))
    mu = mf.Particles(rng.normal(size=(7, 13)))
    for method, certified in ((None, True), ("relaxation", True), ("ascent", False)):
        found = mf.optimality_gap(objective, mu, method=method)
        assert found.certified is certified
        assert f"{found.gap:.1e}" in str(found)
        assert ("not certified" in str(found)) is not certified
        assert found._fields == ("gap", "lower_bound", "certified")
        assert type(found.gap) is type(found.lower_bound) is float


def test_what_has_no_certificate():
    x, y = np.eye(3), np.ones(3)
    mu, decay = mf.Particles(np.ones((2, 4))), mf.WeightDecay(0.1)
    square = mf.Square()
    wrong = {
        "unit: expected a positively homogeneous": mf.Objective(mf.Neuron("tanh"), square, x, y, penalty=decay),
        "expected WeightDecay(strength)": mf.Objective(mf.Neuron("relu"), square, x, y),
        "loss=Exponential": mf.Objective(mf.Neuron("relu"), mf.Exponential(), x, y, penalty=decay),
        "centred=True": mf.Objective(mf.Neuron("relu"), square, x, y, penalty=decay, centred=mu),
    }
    for message, objective in wrong.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            mf.optimality_gap(objective, mu)
    right = mf.Objective(mf.Neuron("relu"), square, x, y, penalty=decay)
    two = mf.Objective(mf.Neuron("relu", outputs=2), square, x, np.ones((3, 2)), penalty=decay)
    with pytest.raises(ValueError, match="expected one output, and there are 2"):
        mf.optimality_gap(two, mf.Particles(np.ones((2, 5))), method="planar")
    with pytest.raises(ValueError, match="expected an Objective"):
        mf.optimality_gap(mf.objectives.TangentObjective(right, mu), mu)
    with pytest.raises(ValueError, match="position has 3 columns: expected 4"):
        mf.optimality_gap(right, mf.Particles(np.ones((2, 3))))
    with pytest.raises(ValueError, match="at most 2 columns"):
        mf.optimality_gap(right, mu, method="planar")
    with pytest.raises(ValueError, match="Did you mean 'ascent'"):
        mf.optimality_gap(right, mu, method="ascend")
    with pytest.raises(ValueError, match="cones=0"):
        mf.optimality_gap(right, mu, cones=0)
    with pytest.raises(ValueError, match="outside of jit"):
        jax.jit(lambda position: mf.optimality_gap(right, mu.moved(position)).gap)(mu.position)


@pytest.mark.parametrize("seed", range(8))
def test_rounding_of_the_residual_is_part_of_the_value(seed, x64):
    """f = y in floating point is not f = y, by cancellation: exact fractions say what a residual of 0 leaves out."""
    x, strength = np.array([[1.0, 0.0], [0.6, 0.8]]), 1e-40
    large = np.random.default_rng(seed).uniform(1, 2, size=(8, 3)) * [1e8, 1, 1]
    theta = np.concatenate([large, large * [-1, 1, 1] * (1 + 1e-9)])
    mu = mf.Particles(theta)
    rows = [[Fraction(v) for v in row] for row in x]
    net = [(Fraction(float(p)), [Fraction(float(v)) for v in row]) for p, row in zip(mu.mass, theta, strict=True)]
    f = [sum(p * a * max(v * s + w * t, 0) for p, (a, v, w) in net) for s, t in rows]
    y = np.asarray(problem(x, np.zeros(2), strength).predict(mu))
    gap, lower, _ = mf.optimality_gap(problem(x, y, strength), mu)
    risk = sum((one - Fraction(float(other))) ** 2 for one, other in zip(f, y, strict=True)) / 4
    penalty = Fraction(strength) / 2 * sum(p * sum(v * v for v in row) for p, row in net)
    assert risk > 10 * penalty, "else rounding is not what is tested"
    assert risk + penalty <= Fraction(gap) + Fraction(lower)


def test_rounding_of_many_residuals_is_taken_at_its_mean(x64):
    """f moves F by mean |r| e to first order, e the bound of a sum of m terms; sums of n + m terms round, too."""
    n, m, unit = 40, 60, 2.0**-53
    rng = np.random.default_rng(5)
    x, y, theta = rng.normal(size=(n, 2)), 3 * rng.normal(size=n), rng.normal(size=(m, 3))
    mu, objective = mf.Particles(theta), problem(x, y, 1e-3)
    rows = [[Fraction(v) for v in row] for row in x]
    net = [(Fraction(float(p)), [Fraction(v) for v in row]) for p, row in zip(mu.mass, theta, strict=True)]
    f = [sum(p * a * max(v * s + w * t, 0) for p, (a, v, w) in net) for s, t in rows]
    left = [one - Fraction(other) for one, other in zip(f, y, strict=True)]
    exact = sum(r * r for r in left) / (2 * n) + sum(p * sum(v * v for v in row) for p, row in net) / 2000
    size = np.abs(theta[:, 0]) @ np.linalg.norm(theta[:, 1:], axis=1) / m
    e = (m + 10) * unit * size * np.linalg.norm(x, axis=1)
    gap, lower, _ = mf.optimality_gap(objective, mu)
    added = float(Fraction(gap) + Fraction(lower) - exact)
    assert 0 < added < 2 * (np.mean(np.abs(np.array(left, float)) * e) + (n + m + 30) * unit * float(exact))


class Rounded:
    """A number that knows through how many additions its longest-travelled term went."""

    def __init__(self, additions=0):
        self.additions = additions

    def __add__(self, other):
        return Rounded(max(self.additions, getattr(other, "additions", 0)) + 1)

    __radd__ = __add__


@pytest.mark.parametrize("n", [1, 3, 30, 1000])
def test_margin_of_the_planar_maximum(n):
    """It covers (7k + 140)uL, k the additions of both running sums as they are counted here, at most thrice."""
    sums = _running(np.array([[Rounded()]] * 2 * n, object))
    k = 2 * max(one.additions for one in np.ravel(sums)) + 1
    slope = random_slope(n, n, 2)
    computed, bound = planar_maximum(slope)
    margin = (bound - computed) / (2.0**-53 * slope.lipschitz)
    assert 7 * k + 140 <= margin <= 3 * (7 * k + 140)
