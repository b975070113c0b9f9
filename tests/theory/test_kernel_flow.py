"""The flow against an integrator and the matrix exponential, descent against its own loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, linalg

from theory import kernel_flow

pytestmark = pytest.mark.fast

EPS = np.finfo(float).eps
TIMES = np.array([0.0, 0.3, 7.0, 2.0, 60.0])


def problem(n=5, outputs=0, rank=None, seed=0, n_test=3):
    """A kernel of `rank` features on n samples and n_test others, with targets and two starts."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n + n_test, n if rank is None else rank))
    gram = features @ features.T
    shape = (n, outputs) if outputs else (n,)
    start = rng.normal(size=(n + n_test, *shape[1:]))
    return gram[:n, :n], gram[n:, :n], rng.normal(size=shape), start[:n], start[n:]


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("outputs", [0, 2])
def test_flow_solves_its_equation(outputs, rank):
    kernel, cross, y, f0, f0_test = problem(outputs=outputs, rank=rank)
    n, n_test = len(y), len(f0_test)

    def velocity(_, state):
        f = state.reshape(n + n_test, -1)[:n].reshape(y.shape)
        return np.concatenate([-kernel @ (f - y) / n, -cross @ (f - y) / n]).ravel()

    order = np.argsort(TIMES)
    rtol = 1e-10
    flow = integrate.solve_ivp(
        velocity,
        (0, TIMES.max()),
        np.concatenate([f0, f0_test]).ravel(),
        "DOP853",
        TIMES[order],
        rtol=rtol,
        atol=rtol,
    ).y.T.reshape(len(TIMES), n + n_test, *y.shape[1:])
    # A contraction (and, off the samples, a bounded integral of one): local errors of rtol add up over some
    # hundred steps.
    room = 1e3 * rtol
    np.testing.assert_allclose(kernel_flow.train(kernel, y, TIMES, f0)[order], flow[:, :n], rtol=0, atol=room)
    test = kernel_flow.test(kernel, cross, y, TIMES, f0, f0_test)
    assert test.shape == (len(TIMES), n_test, *y.shape[1:])
    np.testing.assert_allclose(test[order], flow[:, n:], rtol=0, atol=room)
    # Control: without 1/n the curve is another one.
    assert np.abs(kernel_flow.train(kernel * n, y, TIMES, f0)[order] - flow[:, :n]).max() > 1e-2


def test_flow_is_the_matrix_exponential():
    kernel, cross, y, f0, f0_test = problem(seed=1)
    condition = np.linalg.cond(kernel)
    for t in TIMES:
        decay = linalg.expm(-kernel * t / len(y))
        np.testing.assert_allclose(
            kernel_flow.train(kernel, y, [t], f0)[0], y + decay @ (f0 - y), rtol=0, atol=1e3 * EPS
        )
        exact = f0_test + cross @ np.linalg.solve(kernel, (np.eye(len(y)) - decay) @ (y - f0))
        # `solve` is the poor side here: it loses the condition number.
        np.testing.assert_allclose(
            kernel_flow.test(kernel, cross, y, [t], f0, f0_test)[0], exact, rtol=0, atol=100 * condition * EPS
        )


def test_the_test_curve_on_the_samples_is_the_training_curve():
    kernel, _, y, f0, _ = problem(rank=3, outputs=2, seed=2)
    np.testing.assert_allclose(
        kernel_flow.test(kernel, kernel, y, TIMES, f0, f0),
        kernel_flow.train(kernel, y, TIMES, f0),
        atol=1e3 * EPS,
    )
    steps = [0, 1, 2, 50]
    np.testing.assert_allclose(
        kernel_flow.test_discrete(kernel, kernel, y, 0.3, steps, f0, f0),
        kernel_flow.train_discrete(kernel, y, 0.3, steps, f0),
        atol=1e3 * EPS,
    )


def test_null_directions_are_exact():
    """λ = 0 (and anything far below 1/t): the factor is t/n, or kh/n, to the last digits; nothing decays."""
    for size in (0.0, 1e-300, 5e-324):
        kernel = np.diag([2.0, size])
        cross = np.array([[0.0, 1.0]])
        curve = kernel_flow.test(kernel, cross, [1.0, 3.0], [0.0, 1e-3, 8.0])
        np.testing.assert_allclose(curve[:, 0], [0.0, 1.5e-3, 12.0], rtol=4 * EPS)
        curve = kernel_flow.test_discrete(kernel, cross, [1.0, 3.0], 0.5, [0, 1, 40])
        np.testing.assert_allclose(curve[:, 0], [0.0, 0.75, 30.0], rtol=4 * EPS)
        assert np.all(kernel_flow.train(kernel, [1.0, 3.0], [0.0, 8.0])[:, 1] == 0)


def test_the_end_of_time():
    kernel, cross, y, f0, f0_test = problem(rank=2, seed=3)
    pseudo = np.linalg.pinv(kernel, rcond=1e-10, hermitian=True)
    np.testing.assert_allclose(
        kernel_flow.train(kernel, y, [np.inf], f0)[0], f0 + kernel @ pseudo @ (y - f0), atol=1e4 * EPS
    )
    end = kernel_flow.test(kernel, cross, y, [np.inf, 1e12], f0, f0_test)
    np.testing.assert_allclose(end[0], f0_test + cross @ pseudo @ (y - f0), atol=1e4 * EPS)
    # Huge times neither overflow nor warn.
    assert np.isfinite(kernel_flow.train(1e200 * np.eye(2), [1.0, 2.0], [1e300])).all()
    np.testing.assert_array_equal(
        kernel_flow.test(1e200 * np.eye(2), np.eye(2), [1.0, 2.0], [1e300])[0], [1e-200, 2e-200]
    )


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("outputs", [0, 3])
@pytest.mark.parametrize("stiffness", [0.01, 0.9, 1.0, 1.3, 1.7, 2.0, 2.1])
def test_descent_is_its_loop(stiffness, outputs, rank):
    """hλ_max/n = stiffness: slow, fast, exact in one step, oscillating, on the edge, and diverging."""
    kernel, cross, y, f0, f0_test = problem(outputs=outputs, rank=rank, seed=4)
    n = len(y)
    step = stiffness * n / np.linalg.eigvalsh(kernel)[-1]
    f, g, seen = f0, f0_test, {}
    for k in range(101):
        seen[k] = (f, g)
        residual = f - y
        f, g = f - step / n * kernel @ residual, g - step / n * cross @ residual
    steps = [100, 0, 1, 2, 17]
    train = kernel_flow.train_discrete(kernel, y, step, steps, f0)
    test = kernel_flow.test_discrete(kernel, cross, y, step, steps, f0, f0_test)
    for i, k in enumerate(steps):
        # The loop rounds at every step; errors grow like the modes, |1 − hλ/n|^k.
        room = (
            100 * (k + 1) * EPS * max(1.0, abs(1 - stiffness)) ** k * (1 + np.abs(cross).max() / np.abs(kernel).max())
        )
        np.testing.assert_allclose(train[i], seen[k][0], rtol=0, atol=10 * room)
        np.testing.assert_allclose(test[i], seen[k][1], rtol=0, atol=10 * room)
    # Control: one step too many is another point, unless the run has arrived.
    assert not np.allclose(train[2], seen[2][0], rtol=0, atol=1e-4 * stiffness)


@pytest.mark.parametrize("outputs", [0, 2])
def test_movement_is_that_of_the_linear_model(outputs):
    """α‖θ_k − θ_0‖ by an explicit loop over parameters, of which every unit has three and the norm is a mean of."""
    rng = np.random.default_rng(8)
    n, m, step, alpha = 5, 4, 0.4, 30.0
    features = rng.normal(size=(n, 3 * m))
    kernel, y, f0 = features @ features.T / m, rng.normal(size=(n, outputs or 1)), rng.normal(size=(n, outputs or 1))
    y, f0 = (part[:, 0] if outputs == 0 else part for part in (y, f0))
    moved, seen = np.zeros((3 * m, outputs or 1)), []
    for _ in range(21):
        seen.append(alpha * np.sqrt(np.sum(moved**2) / m))
        f = f0 + alpha / m * (features @ moved).reshape(f0.shape)
        moved = moved - step / (alpha * n) * features.T @ (f - y).reshape(n, -1)
    steps = [0, 1, 7, 20]
    found = kernel_flow.movement_discrete(kernel, y, step, steps, f0)
    np.testing.assert_allclose(found, [seen[k] for k in steps], rtol=1e-10)
    # Control: as if f(0) were 0 it moves elsewhere.
    assert not np.allclose(kernel_flow.movement_discrete(kernel, y, step, steps), found, rtol=1e-2)


@pytest.mark.parametrize("rank", [None, 2])
def test_distance_is_that_of_its_loop(rank):
    """Descent on the weights of linear features, step by step, two labellings at once."""
    features = np.random.default_rng(1).normal(size=(5, 7 if rank is None else rank))
    y, kernel = np.random.default_rng(2).normal(size=(5, 2)), features @ features.T
    step, weights, found = 5 / np.linalg.eigvalsh(kernel)[-1], np.zeros((features.shape[1], 2)), []
    for _ in range(40):
        found.append(np.sum(weights**2, axis=0))
        weights -= step / 5 * features.T @ (features @ weights - y)
    both = kernel_flow.travelled_discrete(kernel, y, step, [0, 3, 39])
    np.testing.assert_allclose(both, np.array(found)[[0, 3, 39]], rtol=1e-9, atol=1e-12)
    one = kernel_flow.travelled_discrete(kernel, y[:, 0], step, [3])
    assert one.shape == (1,)
    assert one[0] == pytest.approx(both[1, 0])
    if rank is None:
        end = kernel_flow.travelled_discrete(kernel, y[:, 0], step, [10**9])
        assert end[0] == pytest.approx(y[:, 0] @ np.linalg.solve(kernel, y[:, 0]), rel=1e-6)


def test_small_steps_of_descent_approach_the_flow_at_first_order():
    kernel, cross, y, f0, f0_test = problem(seed=5)
    exact = kernel_flow.test(kernel, cross, y, [1.0], f0, f0_test)
    gaps = [
        np.abs(kernel_flow.test_discrete(kernel, cross, y, 1 / k, [k], f0, f0_test) - exact).max()
        for k in (10_000, 20_000)
    ]
    # Halving the step halves the gap, up to the next order: hλ/n < 1e-3.
    assert gaps[0] / gaps[1] == pytest.approx(2.0, abs=1e-2)
    # Expm1 and log1p: a thousand million tiny steps are as good as a few.
    far = kernel_flow.test_discrete(kernel, cross, y, 1e-9, [10**9], f0, f0_test)
    np.testing.assert_allclose(far, exact, rtol=0, atol=gaps[1] * 1e-4)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 10**6), st.floats(0, 1e6))
def test_risk_decays_and_never_crosses(n, rank, seed, t):
    kernel, _, y, f0, _ = problem(n=n, rank=rank, seed=seed)
    curve = kernel_flow.train(kernel, y, [0.0, t, 2 * t, np.inf], f0)
    risk = kernel_flow.risk(curve, y)
    # An eigenvalue that is zero is known to nε|K|: over a time t its mode decays by a relative ε|K|t.
    assert np.all(np.diff(risk) <= 100 * EPS * (1 + t * np.abs(kernel).max()) * risk[0])
    np.testing.assert_allclose(curve[0], f0, atol=100 * EPS * (1 + np.abs(y - f0).max()))
    if t < 1e3:
        # A semigroup: t and t again is 2t.
        again = kernel_flow.train(kernel, y, [t], curve[1])[0]
        np.testing.assert_allclose(again, curve[2], atol=1e3 * EPS * (1 + np.abs(y).max() + np.abs(f0).max()))


def test_risk_by_hand():
    assert kernel_flow.risk([1.0, 2.0], [0.0, 0.0]) == 5 / 4
    assert kernel_flow.risk([[1.0, 2.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]) == 6 / 4
    stack = kernel_flow.risk(np.ones((3, 2, 4)), np.zeros((2, 4)))
    np.testing.assert_array_equal(stack, [2.0, 2.0, 2.0])


def test_ridge_minimises_its_objective():
    kernel, cross, y, _, _ = problem(seed=6)
    n, strength = len(y), 0.3
    exact = cross @ np.linalg.solve(kernel + n * strength * np.eye(n), y)
    np.testing.assert_allclose(kernel_flow.ridge(kernel, cross, y, strength), exact, atol=1e3 * EPS)
    coefficients = np.linalg.solve(kernel + n * strength * np.eye(n), y)
    f = kernel @ coefficients
    # Stationarity of (1/2n)|f − y|² + (λ/2) cᵀKc in c.
    np.testing.assert_allclose(kernel_flow.ridge(kernel, kernel, y, strength), f, atol=1e3 * EPS)
    np.testing.assert_allclose(kernel @ (f - y) / n + strength * f, 0, atol=1e3 * EPS * np.abs(kernel).max())
    assert np.abs(exact - cross @ np.linalg.solve(kernel + strength * np.eye(n), y)).max() > 1e-2


def test_ridgeless_is_the_end_of_the_flow():
    for seed in range(7, 12):
        # Seven null directions: some of their eigenvalues are rounded to above 0, and must not be inverted.
        kernel, cross, y, _, _ = problem(n=9, rank=2, outputs=2, seed=seed)
        np.testing.assert_array_equal(
            kernel_flow.ridge(kernel, cross, y, 0.0), kernel_flow.test(kernel, cross, y, [np.inf])[0]
        )


def test_float32_kernels_are_judged_by_their_own_rounding():
    kernel, _, y, _, _ = problem(n=20, rank=4, seed=8)
    rough = kernel.astype(np.float32)
    assert np.linalg.eigvalsh(rough.astype(float))[0] < 0
    kernel_flow_of_rough = kernel_flow.train(rough, y, [1.0])
    # Entries off by ε₃₂|K| move the curve by at most (t/n) n ε₃₂|K| |y|.
    room = np.finfo(np.float32).eps * np.abs(kernel).max() * np.linalg.norm(y)
    np.testing.assert_allclose(kernel_flow_of_rough, kernel_flow.train(kernel, y, [1.0]), atol=room)
    with pytest.raises(ValueError, match="semi-definite"):
        kernel_flow.train(rough.astype(float) - 1e-4 * np.eye(20), y, [1.0])


K, KT, Y = [[2.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]], [1.0, 1.0]
F = kernel_flow


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.train([1.0], Y, [1.0]), r"kernel must be an array of shape \[n, n\], got shape \(1,\)"),
        (
            lambda: F.train([[1.0, 0.0]], Y, [1.0]),
            "rows of kernel must agree with its columns, got 1 where .* has 2",
        ),
        (
            lambda: F.train([[1.0, 0.5], [0.0, 1.0]], Y, [1.0]),
            r"kernel must be symmetric to .*, got \|K − Kᵀ\| = 5.0e-01",
        ),
        (
            lambda: F.train([[1.0, 2.0], [2.0, 1.0]], Y, [1.0]),
            "kernel must be positive semi-def.* eigenvalue -1.0e",
        ),
        (lambda: F.train([[np.nan]], [1.0], [1.0]), r"kernel must be finite, got nan at index \(0, 0\)"),
        (lambda: F.train(K, [1.0], [1.0]), "rows of y must agree with kernel, got 1 where kernel has 2"),
        (lambda: F.train(K, [[[1.0]]], [1.0]), r"y must be an array of shape \[n\] or \[n, k\], got shape"),
        (lambda: F.train(K, [1.0, np.inf], [1.0]), r"y must be finite, got inf at index \(1,\)"),
        (lambda: F.train(K, Y, [-1.0]), "times must be at least 0, got -1"),
        (lambda: F.train(K, Y, [np.nan]), r"times must be free of NaN, got nan at index \(0,\)"),
        (lambda: F.train(K, Y, 1.0), r"times must be an array of shape \[T\], got shape \(\)"),
        (lambda: F.train(K, Y, []), r"times must not be empty, got shape \(0,\)"),
        (lambda: F.train(K, Y, [1.0], [1.0]), r"f0 must agree with y, got \(1,\) where y has \(2,\)"),
        (
            lambda: F.train(K, Y, [1.0], [[1.0], [1.0]]),
            r"f0 must agree with y, got \(2, 1\) where y has \(2,\)",
        ),
        (
            lambda: F.test(K, [[1.0]], Y, [1.0]),
            "columns of kernel_test must agree with kernel, got 1 where kernel has 2",
        ),
        (
            lambda: F.test(K, [1.0], Y, [1.0]),
            r"kernel_test must be an array of shape \[n_test, n\], got shape \(1,\)",
        ),
        (lambda: F.test(K, KT, Y, [1.0], Y), "f0_test must be given where f0 is not zero, got None"),
        (
            lambda: F.test(K, KT, Y, [1.0], Y, Y),
            r"f0_test must agree with kernel_test and y, got \(2,\) where .*\(1,\)",
        ),
        (lambda: F.train_discrete(K, Y, 0.0, [1]), "step must be a finite number > 0, got 0"),
        (lambda: F.train_discrete(K, Y, 0.1, [1.5]), r"steps must hold integers, got \[1.5\]"),
        (lambda: F.train_discrete(K, Y, 0.1, [-1]), "steps must be at least 0, got -1"),
        (lambda: F.train_discrete(K, Y, 0.1, [np.inf]), r"steps must be finite, got inf at index \(0,\)"),
        (
            lambda: F.train_discrete(K, Y, 10.0, [10**6]),
            "step must be below 2n/λ_max = 2 for so many steps, got 10",
        ),
        (lambda: F.test_discrete(K, KT, Y, 10.0, [10**6]), "step must be below 2n/λ_max = 2"),
        (lambda: F.ridge(K, KT, Y, -1.0), "strength must be a finite number >= 0, got -1"),
        (
            lambda: F.ridge(K, [[np.nan, 1.0]], Y, 1.0),
            r"kernel_test must be finite, got nan at index \(0, 0\)",
        ),
        (lambda: F.risk([1.0, 2.0, 3.0], Y), r"f must agree with y, got \(3,\) where y has \(2,\)"),
        (
            lambda: F.risk(1.0, Y),
            r"f must have the shape of y, or a stack of it, got \(\) where y has \(2,\)",
        ),
        (lambda: F.risk([1.0, np.nan], Y), r"f must be finite, got nan at index \(1,\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
