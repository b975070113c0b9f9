"""Least squares across the threshold against pseudo-inverses, scikit-learn, plain loops, and simulation."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from theory import double_descent as theory

pytestmark = pytest.mark.fast


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(("n", "p"), [(20, 8), (20, 14), (20, 30), (20, 100)])
def test_isotropic_risk_against_simulation(n, p):
    """The mean of 2000 draws, by pseudo-inverses, within four standard errors."""
    random, truth = np.random.default_rng(p), np.zeros(p)
    truth[-1] = 1.5
    x = random.normal(size=(2000, n, p))
    y = x @ truth + 0.7 * random.normal(size=(2000, n))
    # x⁺ = xᵀ(xxᵀ)⁻¹ or (xᵀx)⁻¹xᵀ
    if p > n:
        found = (x.transpose(0, 2, 1) @ np.linalg.solve(x @ x.transpose(0, 2, 1), y[..., None]))[..., 0]
    else:
        found = np.linalg.solve(x.transpose(0, 2, 1) @ x, x.transpose(0, 2, 1) @ y[..., None])[..., 0]
    excess = np.sum((found - truth) ** 2, axis=1)
    assert abs(excess.mean() - theory.isotropic_risk(n, p, 1.5, 0.7)) < 4 * excess.std() / np.sqrt(2000)


def test_isotropic_risk_near_the_threshold_and_in_the_limit():
    assert theory.isotropic_risk(10, 9, 1.0, 0.1) == theory.isotropic_risk(10, 11, 1.0, 0.1) == np.inf
    assert theory.isotropic_risk(10, 10, 1.0, 0.0) == 0
    n = 10**7  # γ = p/n = 2 and ½: r²(1 − 1/γ) + σ²/(γ − 1), σ²γ/(1 − γ)
    assert theory.isotropic_risk(n, 2 * n, 2.0, 1.0) == pytest.approx(3.0, rel=1e-6)
    assert theory.isotropic_risk(n, n // 2, 2.0, 1.0) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (7, 7)])
def test_least_squares_is_the_pseudo_inverse(shape):
    x, y = normal(*shape), normal(shape[0], 2, seed=1)
    np.testing.assert_allclose(theory.least_squares(x, y), np.linalg.pinv(x) @ y, rtol=1e-9, atol=1e-10)
    x[:, -1] = x[:, 0]  # dependent columns
    np.testing.assert_allclose(theory.least_squares(x, y[:, 0]), np.linalg.pinv(x) @ y[:, 0], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("shape", [(12, 5), (5, 12)])
def test_ridge_is_scikit_learns(shape):
    from sklearn.linear_model import Ridge

    x, y = normal(*shape), normal(shape[0], seed=1)
    known = Ridge(alpha=0.3 * shape[0], fit_intercept=False).fit(x, y).coef_
    np.testing.assert_allclose(theory.least_squares(x, y, 0.3), known, rtol=1e-8)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.97])
@pytest.mark.parametrize("shape", [(9, 4), (4, 9)])
def test_descent_is_the_loop(shape, momentum):
    x, y = normal(*shape), normal(shape[0], seed=2)
    step = float(shape[0] / np.linalg.norm(x, 2) ** 2)
    a, v = np.zeros(shape[1]), np.zeros(shape[1])
    for k in range(200):
        if k in (0, 1, 57):
            np.testing.assert_allclose(theory.descended(x, y, step, k, momentum), a, atol=1e-12)
        v = momentum * v + x.T @ (y - x @ a) / shape[0]
        a = a + step * v
    np.testing.assert_allclose(theory.descended(x, y, step, 200, momentum), a, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("steps", [0, 1, 57, 10_000])
def test_descent_of_one_mode_keeps_all_digits(momentum, steps):
    """Slow modes, fast ones, and those where two roots meet, against the recursion's matrix in 60 digits."""
    meet = (1 - momentum**0.5) ** 2
    for rate in (1e-25, 1e-12, 1e-6, 1e-3, 0.5, 1.0, 1.9, meet, meet * (1 + 1e-9), meet * (1 - 1e-6)):
        if rate == 0:
            continue
        with localcontext(prec=60):
            r, beta = Decimal(rate), Decimal(momentum)
            power, turn = np.eye(3, dtype=int) + Decimal(0), np.array([[1 - r, beta, r], [-r, beta, r], [0, 0, 1]])
            for digit in f"{steps:b}":
                power = power.dot(power)
                power = turn.dot(power) if digit == "1" else power
            exact = float(power[0, 2])
        (found,) = theory.descended([[rate**0.5]], [rate**0.5], 1.0, steps, momentum)
        assert found == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("shape", [(12, 5), (8, 8), (5, 12)])
def test_rounding_of_descent(shape):
    """In single precision descent ends within the model of its rounding, and not far below it."""
    x, y, z = normal(*shape), normal(shape[0], seed=1), normal(50, shape[1], seed=2)
    step, momentum, steps = 0.9 * shape[0] / np.linalg.norm(x, 2) ** 2, 0.9, 3000
    single, a, v = x.astype(np.float32), np.zeros(shape[1], np.float32), np.zeros(shape[1], np.float32)
    for _ in range(steps):
        rest = y.astype(np.float32) - single @ a
        v = np.float32(momentum) * v + single.T @ rest / np.float32(shape[0])
        a = a + np.float32(step) * v
    off = np.abs(z.astype(np.float32) @ a - z @ theory.descended(x, y, step, steps, momentum)).max()
    bound = theory.descended_rounding(x, z, y, step, steps, momentum, unit=2.0**-23)
    assert bound / 100 < off < bound


def test_rounding_grows_with_the_offset_and_the_condition():
    x, z = np.diag([1.0, 0.01]), np.eye(2)
    small = theory.descended_rounding(x, z, [1.0, 0.0], 1.0, 10**6)
    assert theory.descended_rounding(x, z, [1.0, 0.0], 1.0, 10**6, offset=10.0) > 5 * small
    # Two samples: a residual of (|Φ||a| + |y|)/√2 in the second mode, answered with 1/0.01.
    assert small == pytest.approx(5 * np.finfo(float).eps * 2 / 2**0.5 * 100, rel=0.05)


def test_descent_ends_at_least_squares():
    x, y = normal(5, 12), normal(5, seed=3)
    step = float(5 / np.linalg.norm(x, 2) ** 2)
    np.testing.assert_allclose(theory.descended(x, y, step, 10**6, 0.9), theory.least_squares(x, y), atol=1e-12)


@pytest.mark.parametrize("homogeneous", [True, False])
@pytest.mark.parametrize("m", [1, 3, 6])
def test_tangent_parameters_are_the_rank(m, homogeneous):
    """Of the matrix of derivatives at many inputs."""
    d, x, w, a = 4, normal(200, 4), normal(m, 4, seed=1), normal(m, seed=2)
    z = x @ w.T
    value, slope = (np.maximum(z, 0), z > 0) if homogeneous else (np.tanh(z), 1 / np.cosh(z) ** 2)
    jacobian = np.column_stack([value, ((slope * a)[:, :, None] * x[:, None]).reshape(200, -1)])
    assert np.linalg.matrix_rank(jacobian) == theory.tangent_parameters(m, d, homogeneous)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: theory.isotropic_risk(0, 3, 1.0, 1.0), "samples"),
        (lambda: theory.isotropic_risk(3, 3, -1.0, 1.0), "signal"),
        (lambda: theory.least_squares(np.ones((3, 2)), np.ones(2)), "rows of features"),
        (lambda: theory.least_squares(np.ones((3, 2)), np.ones(3), -1.0), "ridge"),
        (lambda: theory.descended(np.ones((3, 2)), np.ones(3), 1.0, 5, 1.0), "momentum"),
        (lambda: theory.descended(np.ones((3, 2)), np.ones(3), 10.0, 5), "step"),
        (lambda: theory.tangent_parameters(3, 0, True), "dimension"),
    ],
)
def test_bad_input(call, said):
    with pytest.raises(ValueError, match=said):
        call()
