"""Largest margins against brute force, other solvers, and their own certificates."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from tests.theory.rational import least_square, rational
from theory.margin import kernel_margin, variation_margin

GAP = 1e-8


def xor(seed, n=14, d=3):
    """Four clusters with alternating labels, noise coordinates, and the constant."""
    rng = np.random.default_rng(seed)
    cell = np.array([(i % 2, i // 2 % 2) for i in range(n)])
    plane = 1.2 * cell - 0.6 + rng.uniform(-0.3, 0.3, size=(n, 2))
    x = np.column_stack([plane, rng.uniform(-0.5, 0.5, size=(n, d - 3)), np.ones(n)])
    return x, np.where(cell[:, 0] == cell[:, 1], 1.0, -1.0)


def relu(z):
    return np.maximum(z, 0)


@pytest.mark.parametrize(("seed", "n", "d"), [(0, 14, 3), (1, 12, 3), (2, 8, 4)])
def test_bounds_meet_and_each_proves_itself(seed, n, d):
    x, y = xor(seed, n, d)
    margin = variation_margin(x, y, gap=GAP)
    lower, upper = margin
    assert 0 < lower <= upper
    assert upper - lower <= 2 * GAP * upper
    # Lower: the measure is there, of total variation 1, and has this margin.
    c, u = margin.measure[:, 0], margin.measure[:, 1:]
    assert np.abs(c).sum() <= 1 + 1e-12
    assert np.allclose(np.linalg.norm(u, axis=1), 1, atol=1e-12)
    assert np.min(y * (relu(x @ u.T) @ c)) == pytest.approx(lower, rel=1e-12)
    # Upper: no neuron among many is above it, and the best of them is near.
    p = margin.dual
    assert p.min() >= 0
    assert p.sum() == pytest.approx(1)
    directions = np.random.default_rng(3).normal(size=(100_000, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    heights = np.abs(relu(directions @ x.T) @ (p * y))
    assert heights.max() <= upper * (1 + 1e-12)
    assert heights.max() > 0.95 * upper
    # Control: equal weights prove less.
    assert np.abs(relu(directions @ x.T) @ (y / n)).max() > 1.05 * upper


def test_plane_by_brute_force():
    """In the plane a linear program over a fine grid of directions is right to half its width."""
    x, y = xor(4, 10)
    x = x[:, :2]
    angles = np.linspace(0, 2 * np.pi, 1500, endpoint=False)
    gains = y[:, None] * relu(x @ np.stack([np.cos(angles), np.sin(angles)]))
    both = np.hstack([gains, -gains, -np.ones((len(y), 1))])
    cost, total = np.zeros(both.shape[1]), np.ones(both.shape[1])
    cost[-1], total[-1] = -1, 0
    bounds = [(0, None)] * (both.shape[1] - 1) + [(None, None)]
    solved = linprog(cost, A_ub=-both, b_ub=np.zeros(len(y)), A_eq=total[None], b_eq=[1.0], bounds=bounds)
    lower, upper = variation_margin(x, y, gap=GAP)
    assert -solved.fun <= upper * (1 + 1e-9)
    assert -solved.fun > lower * (1 - np.pi / 1500)


def test_two_opposite_samples_by_hand():
    """Each needs a neuron of its own, so that each gets half."""
    for labels in ([1.0, -1.0], [1.0, 1.0]):
        lower, upper = variation_margin([[0.0, 2.0], [0.0, -2.0]], labels)
        assert lower == pytest.approx(1, rel=1e-9)
        assert upper == pytest.approx(1, rel=1e-9)


def test_bounds_allow_for_rounding():
    """The margin of one sample is its length, which rational numbers compare with without rounding."""
    for x in np.random.default_rng(5).normal(size=(40, 1, 3)):
        square = sum(Fraction(float(entry)) ** 2 for entry in x[0])
        for lower, upper in (variation_margin(x, [1.0]), kernel_margin(x @ x.T, [1.0])):
            assert Fraction(lower) ** 2 <= square <= Fraction(upper) ** 2
            assert upper - lower < 1e-13 * upper


def height(point):
    return sum((entry * entry for entry in point), Decimal(0)).sqrt()


def on_arcs(x, q):
    """max over the circle of |Σ q_i relu(u·x_i)| in decimals: at a pole of an arc's linear function, or at its ends."""
    highest = Decimal(0)
    ends = [(-sign * row[1], sign * row[0]) for row in x for sign in (1, -1)]
    poles = []
    for a in ends:
        for tilt in (1, -1):  # the arcs on both sides of an end
            on = [(s := a[0] * row[0] + a[1] * row[1]) > 0 or (s == 0 and tilt * (a[0] * row[1] - a[1] * row[0]) > 0)
                  for row in x]  # fmt: skip
            pole = [
                sum((w * row[k] for w, row, here in zip(q, x, on, strict=True) if here), Decimal(0)) for k in (0, 1)
            ]
            poles += [pole, [-entry for entry in pole]]
    for u in [*ends, *poles]:
        if any(u):
            gains = [max(u[0] * row[0] + u[1] * row[1], Decimal(0)) for row in x]
            highest = max(highest, abs(sum(w * gain for w, gain in zip(q, gains, strict=True))) / height(u))
    return highest


@pytest.mark.parametrize("seed", range(12))
def test_margins_to_rounding_in_decimals(seed):
    """What the measure gains and what no neuron exceeds, in fifty digits: both are the value that is returned."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    x, y = rng.normal(size=(n, 2)) * 10.0 ** rng.uniform(-1, 1, size=(n, 1)), rng.choice([-1.0, 1.0], size=n)
    margin = variation_margin(x, y)
    longest = float(np.linalg.norm(x, axis=1).max())
    assert 0 <= margin.upper - margin.lower <= 1e-14 * (n + 4) * longest
    with localcontext() as context:
        context.prec = 50
        rows = [[Decimal(float(entry)) for entry in row] for row in x]
        atoms = [[Decimal(float(entry)) for entry in row] for row in margin.measure]
        gains = [
            Decimal(float(label)) * sum(c * max(u * a + v * b, Decimal(0)) / height((u, v)) for c, u, v in atoms)
            for label, (a, b) in zip(y, rows, strict=True)
        ]
        least = min(gains) / sum(abs(c) for c, *_ in atoms)
        weights = [Decimal(float(p)) for p in margin.dual]
        signed = [w * Decimal(float(label)) / sum(weights) for w, label in zip(weights, y, strict=True)]
        most = on_arcs(rows, signed)
        assert Decimal(margin.lower) <= least <= most <= Decimal(margin.upper)
        assert most - least <= Decimal("1e-12") * most + Decimal(float(4e-16 * longest))


@pytest.mark.parametrize(("seed", "n", "d"), [(0, 14, 3), (1, 12, 3), (2, 8, 4)])
def test_margins_in_space_are_polished(seed, n, d):
    lower, upper = variation_margin(*xor(seed, n, d))
    assert 0 <= upper - lower <= 1e-12 * upper


@pytest.mark.parametrize("far", [1e8, 1e30, 1e300])
def test_far_samples_are_those_at_infinity(far):
    """A sample far out needs a share of nothing: its sign alone is asked for, and the others have their margin."""
    x, y = np.array([[0.6, 0.8], [1.0, 0.25], [-0.5, 1.0], [0.3, -0.2]]), np.array([1.0, -1.0, 1.0, 1.0])
    for column in (0, 1):
        moved = x.copy()
        moved[0, column] = far
        lower, upper = variation_margin(moved, y)
        assert 0 < lower <= upper
        assert upper - lower <= 1e-9 * upper
        # With 2^25 in its place the gains of the others cannot tell, beyond 1e-7.
        moved[0, column] = 2.0**25
        assert upper == pytest.approx(variation_margin(moved, y).upper, rel=1e-6)


def test_labels_that_contradict_each_other_leave_no_margin():
    lower, upper = variation_margin([[1.0, 2.0], [1.0, 2.0], [-1.0, 0.5]], [1.0, -1.0, 1.0])
    assert lower == 0
    assert 0 <= upper < 1e-13


def test_kernel_margin_of_orthogonal_samples():
    """1/γ² = Σ 1/k_ii, whatever the sizes."""
    for sizes in ([1.0, 1e-300], [1e-300, 1e-300], [1e300, 1.0, 1e-100], [1.0, 2.0, 3.0], [1e300, 1e299]):
        exact = np.sqrt(min(sizes)) / np.sqrt(sum(min(sizes) / size for size in sizes))
        for bound in kernel_margin(np.diag(sizes), np.ones(len(sizes))):
            assert bound == pytest.approx(exact, rel=1e-12)


def test_far_samples_of_a_kernel():
    phi, y = features(4, n=6)
    plain = kernel_margin(phi @ phi.T, y)
    for far in (1e8, 1e30, 1e100):
        moved = phi.copy()
        moved[0] *= far
        margin = kernel_margin(moved @ moved.T, y)
        assert 0 < margin.lower <= margin.upper
        assert margin.upper - margin.lower < 1e-10 * margin.upper
        assert margin.lower >= plain.lower * (1 - 1e-10)


@pytest.mark.parametrize("seed", range(12))
def test_kernel_margin_in_rational_numbers(seed):
    rng = np.random.default_rng(seed)
    n = 5
    phi, y = np.abs(rng.normal(size=(n, 7))) + 0.2, rng.choice([-1.0, 1.0], size=n)
    kernel = phi @ phi.T
    kernel = (kernel + kernel.T) / 2
    exact = least_square(rational(y[:, None] * kernel * y))
    margin = kernel_margin(kernel, y)
    room = 1e-14 * (2 + n) * kernel.max() / float(exact)
    assert Fraction(margin.lower) ** 2 <= exact <= Fraction(margin.upper) ** 2
    assert Fraction(margin.upper) ** 2 - Fraction(margin.lower) ** 2 <= room * exact
    # The function itself, without an allowance for rounding, has the margin to all digits.
    (c,), rows = rational(margin.coefficients[None]), rational(kernel)
    gains = [sum((a * b for a, b in zip(row, c, strict=True)), Fraction(0)) for row in rows]
    least = min(Fraction(float(label)) * gain for label, gain in zip(y, gains, strict=True))
    square = sum((a * b for a, b in zip(c, gains, strict=True)), Fraction(0))
    assert abs(least**2 / square / exact - 1) < 1e-12


def features(seed, n=20, k=60):
    rng = np.random.default_rng(seed)
    x, y = xor(seed, n)
    return relu(x @ rng.normal(size=(3, k))) / np.sqrt(k), y


def test_kernel_margin_is_certified():
    phi, y = features(0)
    margin = kernel_margin(phi @ phi.T, y)
    assert 0 < margin.lower <= margin.upper
    assert margin.upper - margin.lower < 1e-10 * margin.upper
    w = phi.T @ margin.coefficients
    assert np.linalg.norm(w) == pytest.approx(1, rel=1e-9)
    assert np.min(y * (phi @ w)) == pytest.approx(margin.lower, rel=1e-9)


def test_kernel_margin_is_that_of_cvxpy():
    cvxpy = pytest.importorskip("cvxpy")
    phi, y = features(1)
    w = cvxpy.Variable(phi.shape[1])
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [cvxpy.multiply(y, phi @ w) >= 1])
    problem.solve(solver="CLARABEL")
    assert kernel_margin(phi @ phi.T, y).lower == pytest.approx(1 / np.linalg.norm(w.value), rel=1e-5)


def test_scikit_learn_has_an_intercept():
    """Samples in pairs ±(x, y) leave an intercept nothing to do; with others it widens the margin."""
    svm = pytest.importorskip("sklearn.svm")
    rng = np.random.default_rng(2)
    half = rng.uniform(-1, 1, size=(8, 3)) + np.array([2.0, 0, 0])
    phi, y = np.vstack([half, -half]), np.repeat([1.0, -1.0], 8)

    def with_intercept(kernel, y):
        machine = svm.SVC(kernel="precomputed", C=1e3, tol=1e-7).fit(kernel, y)
        c = np.zeros(len(y))
        c[machine.support_] = machine.dual_coef_[0]
        return 1 / np.sqrt(c @ kernel @ c)

    kernel = phi @ phi.T
    assert kernel_margin(kernel, y).lower == pytest.approx(with_intercept(kernel, y), rel=1e-5)
    moved = phi + np.array([3.0, 0, 0])
    moved = np.column_stack([moved, np.ones(16)])  # separable without an intercept too
    kernel = moved @ moved.T
    assert kernel_margin(kernel, y).upper < 0.9 * with_intercept(kernel, y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: variation_margin([[1.0]], [2.0]), "y must hold labels -1 and 1, got"),
        (lambda: variation_margin([[1.0]], [1.0, 1.0]), "y must agree with the rows of x, got 2"),
        (lambda: variation_margin([[0.0]], [1.0]), "x must have no row of zeros"),
        (lambda: variation_margin(np.eye(60)[:, :10] + 1, np.ones(60)), "x must have at most 40000 cells"),
        (lambda: kernel_margin([[1.0, 2.0], [0.0, 1.0]], [1.0, -1.0]), "kernel must be symmetric"),
        (lambda: kernel_margin([[1.0, 2.0], [2.0, 1.0]], [1.0, -1.0]), "kernel must be positive semidefinite"),
        (lambda: kernel_margin([[1.0, 1.0], [1.0, 1.0]], [1.0, -1.0]), "kernel must separate the labels"),
        (lambda: kernel_margin([[1.0]], [1.0, -1.0]), "kernel must agree with y"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
