"""Closed Gaussian averages against quadrature in other coordinates, and the dynamics against sampled networks."""

import numpy as np
import pytest
from scipy.special import erf

from theory.order_fluctuations import expand
from theory.order_parameters import Committee, four_fields, three_fields, two_fields

pytestmark = pytest.mark.fast

# Five standard errors in some 60 comparisons: a false alarm of 4e-5 in all.
Z = 5.0
Q, R = np.array([[0.5, 0.05], [0.05, 0.4]]), np.array([[0.3, 0.05], [0.02, 0.25]])


def g(u):
    return erf(u / np.sqrt(2))


def slope(u):
    return np.sqrt(2 / np.pi) * np.exp(-(u**2) / 2)


def covariance(seed, fields=4):
    root = np.random.default_rng(seed).normal(size=(fields, fields + 1))
    return root @ root.T / fields


def average(function, c, nodes=40):
    """E f(u), u ~ N(0, c), by Gauss–Hermite points in the coordinates of a Cholesky factor."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.stack(np.meshgrid(*[x] * len(c), indexing="ij")).reshape(len(c), -1)
    weights = np.prod(np.stack(np.meshgrid(*[w / w.sum()] * len(c), indexing="ij")).reshape(len(c), -1), axis=0)
    return weights @ function(*(np.linalg.cholesky(c) @ grid))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_averages_are_the_integrals(seed):
    """The error of quadrature is seen by doing it twice."""
    c = 0.5 * covariance(seed)
    cases = [
        (two_fields(c[:2, :2]), lambda u, v: g(u) * g(v), c[:2, :2], (60, 90)),
        (three_fields(c[:3, :3]), lambda u, v, w: slope(u) * v * g(w), c[:3, :3], (40, 60)),
        (four_fields(c), lambda u, v, w, z: slope(u) * slope(v) * g(w) * g(z), c, (22, 30)),
    ]
    for exact, function, matrix, nodes in cases:
        rough, fine = (average(function, matrix, n) for n in nodes)
        assert abs(exact - fine) <= 2 * abs(rough - fine) + 1e-12
        assert abs(rough - fine) < 2e-3 * abs(exact)  # so that the line above says something


def test_averages_of_fields_that_are_one_and_the_same():
    """E g'(u)² g(u)² and E g'(u) u g(u), one-dimensional integrals."""
    x, w = np.polynomial.hermite_e.hermegauss(120)
    u, w = np.sqrt(0.7) * x, w / w.sum()
    assert four_fields(np.full((4, 4), 0.7)) == pytest.approx(w @ (slope(u) * g(u)) ** 2, rel=1e-10)
    assert three_fields(np.full((3, 3), 0.7)) == pytest.approx(w @ (slope(u) * u * g(u)), rel=1e-10)
    assert two_fields(np.full((2, 2), 0.7)) == pytest.approx(w @ g(u) ** 2, rel=1e-10)


def sampled_step(committee, state, rng, draws):
    """(u, ½ (student − teacher)²) of one step at drawn fields; u is the step of the overlaps times d, |x|² = d."""
    k = committee.students
    fields = rng.multivariate_normal(np.zeros(k + len(committee.teacher)), committee.covariance(state), draws)
    gap = g(fields[:, k:]).sum(axis=1) - g(fields[:, :k]).sum(axis=1)
    delta = slope(fields[:, :k]) * gap[:, None]
    dr = committee.rate * delta[:, :, None] * fields[:, None, k:]
    dq = committee.rate * delta[:, :, None] * fields[:, None, :k]
    dq = dq + dq.transpose(0, 2, 1) + committee.rate**2 * committee.quadratic * delta[:, :, None] * delta[:, None]
    i, j = np.triu_indices(k)
    return np.hstack([dq[:, i, j], dr.reshape(draws, -1)]), gap**2 / 2


@pytest.mark.parametrize(("students", "teachers", "quadratic"), [(2, 2, True), (2, 2, False), (3, 1, True)])
def test_drift_and_error_are_averages_of_steps(students, teachers, quadratic):
    c = covariance(3, students + teachers)
    committee = Committee(students, c[students:, students:], rate=1.3, quadratic=quadratic)
    state = committee.pack(c[:students, :students], c[:students, students:])
    u, error = sampled_step(committee, state, np.random.default_rng(4), 200_000)
    for sample, exact in ((u, committee.drift(state)), (error, committee.error(state))):
        assert np.all(np.abs(sample.mean(axis=0) - exact) < Z * sample.std(axis=0) / np.sqrt(len(sample)))
    # Control: the terms in η² the other way round.
    other = Committee(students, committee.teacher, 1.3, not quadratic).drift(state)
    assert np.any(np.abs(u.mean(axis=0) - other) > 2 * Z * u.std(axis=0) / np.sqrt(len(u)))


def test_a_stack_of_states_is_every_state():
    committee = Committee(2, np.eye(2), rate=1.0)
    states = np.stack([committee.pack(Q, R), committee.plateau(), committee.pack(2 * Q, R)])
    assert np.allclose(committee.drift(states), [committee.drift(one) for one in states], rtol=1e-14, atol=1e-16)
    assert np.allclose(committee.error(states[None]), [[committee.error(one) for one in states]], rtol=1e-14)


def test_dynamics_are_refined_euler_steps():
    """Two Euler solutions, extrapolated to steps of zero, and the end: the student is the teacher, in some order."""
    committee = Committee(2, np.eye(2), rate=1.0)
    start = committee.pack(Q, R)
    ends = []
    for steps in (500, 1000):
        state = start
        for _ in range(steps):
            state = state + 2.0 / steps * committee.drift(state)
        ends.append(state)
    exact = committee.integrate(start, [0.0, 2.0])[-1]
    assert np.abs(2 * ends[1] - ends[0] - exact).max() < 0.02 * np.abs(ends[1] - exact).max()
    q, r = committee.unpack(committee.integrate(start, [400.0])[-1])
    assert np.allclose(r, np.eye(2), atol=1e-6)
    assert np.allclose(q, np.eye(2), atol=1e-6)


@pytest.mark.parametrize("k", [2, 3])
def test_plateau(k):
    """A fixed point; for small rates the closed form; and unstable against telling the teachers apart."""
    for rate in (1e-3, 1.0):
        committee = Committee(k, np.eye(k), rate)
        state = committee.plateau()
        assert np.abs(committee.drift(state)).max() < 1e-12
        q = committee.unpack(state)[0]
        assert q[0, 0] > q[0, 1]
        push = np.concatenate([np.zeros(len(state) - k * k), (np.eye(k) - 1 / k).ravel()])
        assert push @ (committee.drift(state + 1e-4 * push) - committee.drift(state)) > 0
    small = Committee(k, np.eye(k), 1e-3)
    height = k / np.pi * (np.pi / 6 - k * np.arcsin(1 / (2 * k)))
    assert float(small.error(small.plateau())) == pytest.approx(height, rel=2e-3)


def chain(committee, start, d, runs, steps, rng):
    """Exact networks at d inputs, seen through their overlaps: fields and the rest of |x|² are drawn, x is not."""
    states = np.tile(start, (runs, 1))
    k = committee.students
    i, j = np.triu_indices(k)
    for _ in range(steps):
        root = np.linalg.cholesky(committee.covariance(states))
        z = rng.normal(size=(runs, root.shape[-1]))
        fields = np.einsum("rij,rj->ri", root, z)
        square = np.sum(z**2, axis=1) + rng.chisquare(d - root.shape[-1], runs)
        delta = slope(fields[:, :k]) * (g(fields) @ committee.signs)[:, None]
        crossed = committee.rate / d * delta[:, :, None] * fields[:, None, :k]
        dq = crossed + crossed.transpose(0, 2, 1)
        dq = dq + (committee.rate / d) ** 2 * square[:, None, None] * delta[:, :, None] * delta[:, None]
        dr = committee.rate / d * delta[:, :, None] * fields[:, None, k:]
        states = states + np.hstack([dq[:, i, j], dr.reshape(runs, -1)])
    return states


def test_expansion_is_what_finite_networks_do():
    """At d = 30: means to O(1/d²) where those of the limit are far off, and standard deviations to O(1/d)."""
    d, time, runs = 30, 2.0, 8000
    committee = Committee(2, np.eye(2), rate=1.0)
    start = committee.pack(Q, R)
    found = expand(committee, start, [0.0, time])
    states = chain(committee, start, d, runs, int(time * d), np.random.default_rng(5))
    score = (states.mean(axis=0) - found.limit[1]) / (states.std(axis=0) / np.sqrt(runs))
    assert np.abs(score).max() > 2 * Z
    score -= found.shift[1] / d / (states.std(axis=0) / np.sqrt(runs))
    assert np.abs(score).max() < Z
    error = committee.error(states)
    assert abs(error.mean() - found.mean(committee.error, d)[1]) < Z * error.std() / np.sqrt(runs)
    # The sample's own error of a standard deviation is some 1 %, and the next order some 1/d = 3 %.
    assert error.std() == pytest.approx(found.deviation(committee.error, d)[1], rel=Z / np.sqrt(2 * runs) + 2 / d)
    assert np.allclose(
        states.std(axis=0), np.sqrt(np.diagonal(found.covariance[1]) / d), rtol=Z / np.sqrt(2 * runs) + 2 / d
    )


def test_expansion_does_not_depend_on_its_points():
    committee = Committee(2, np.eye(2), rate=1.0)
    for start in (committee.pack(Q, R), committee.plateau()):  # there, students are nearly alike
        coarse, fine = (expand(committee, start, [0.0, 0.4], nodes=nodes) for nodes in (10, 14))
        assert np.allclose(coarse.covariance, fine.covariance, rtol=0, atol=1e-2 * np.abs(fine.covariance).max())
        assert np.allclose(coarse.shift, fine.shift, rtol=0, atol=1e-2 * np.abs(fine.shift).max())
        assert np.array_equal(coarse.limit[0], start)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Committee(0, [[1.0]], 1.0), "students must be an integer >= 1, got 0"),
        (lambda: Committee(1, [[1.0]], 0.0), "rate must be a finite number > 0, got 0"),
        (lambda: Committee(1, [1.0], 1.0), r"teacher must be an array of shape \[M, M\]"),
        (lambda: Committee(1, [[1.0, 0.5], [0.0, 1.0]], 1.0), "teacher must be symmetric"),
        (lambda: Committee(1, np.ones((2, 1)), 1.0), "teacher must agree with its transpose"),
        (lambda: Committee(1, [[1.0]], 1.0).pack([[1.0]], [[2.0]]), "q and r must be overlaps of vectors"),
        (lambda: Committee(2, [[1.0]], 1.0).pack([[1.0]], [[2.0]]), "q must agree with the committee"),
        (lambda: Committee(1, [[1.0]], 1.0).integrate([1.0, 0.5], [1.0, 1.0]), "times must increase"),
        (lambda: Committee(1, [[1.0]], 1.0).plateau(), "teacher must be τ I of two or more neurons"),
        (lambda: Committee(2, np.diag([1.0, 2.0]), 1.0).plateau(), "teacher must be τ I"),
        (lambda: Committee(2, np.eye(2), 4.0).plateau(), "rate must be one that has a plateau, got 4"),
        (lambda: expand(Committee(1, [[1.0]], 1.0, False), [1.0, 0.5], [1.0]), r"committee must have its terms in η²"),
        (lambda: three_fields(np.eye(2)), "c must agree with the fields"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
