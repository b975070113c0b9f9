"""Losses: residual and curvature are derivatives of the risk; shapes of targets; extremes do not overflow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import meanfield as mf

pytestmark = pytest.mark.fast

LOSSES = {
    "square": mf.Square(), "logistic": mf.Logistic(), "exponential": mf.Exponential(), "power": mf.losses.Power(4.0),
}  # fmt: skip
N = 5


def samples(name, k):
    rng = np.random.default_rng(0)
    f = jnp.asarray(rng.normal(size=N if k == 1 else (N, k)))
    if name in ("square", "power"):
        y = rng.normal(size=f.shape)
    else:
        y = np.array([1, -1, 1, 1, -1]) if k == 1 else np.array([0, 2, 1, 1, 0])
    return f, LOSSES[name].targets(y, k, f.dtype)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("name", LOSSES)
def test_residual_and_curvature_are_derivatives(name, k, x64):
    """r = n ∂R/∂f and n ∂²R/∂f² v, by automatic differentiation of the risk alone."""
    loss, (f, y) = LOSSES[name], samples(name, k)
    v = jnp.cos(jnp.arange(f.size)).reshape(f.shape)

    @jax.jit
    def all_four(f):
        first, second = jax.jvp(jax.grad(lambda g: loss.risk(g, y)), (f,), (v,))
        return loss.residual(f, y), N * first, loss.curvature(f, y, v), N * second

    residual, first, curvature, second = all_four(f)
    bound = 64 * np.finfo(float).eps * N
    assert float(jnp.abs(residual - first).max()) < bound
    assert float(jnp.abs(curvature - second).max()) < bound


def test_values_by_hand(x64):
    """Numbers small enough to check with a pencil."""
    two, y = jnp.array([1.0, 3.0]), jnp.array([1.0, -1.0])
    eps = 4 * np.finfo(float).eps
    assert float(mf.Square().risk(two, y)) == (0 + 16) / 4
    assert abs(float(mf.Logistic().risk(two, y)) - (np.log1p(np.exp(-1)) + np.log1p(np.exp(3))) / 2) < 4 * eps
    assert abs(float(mf.Exponential().risk(two, y)) - np.log((np.exp(-1) + np.exp(3)) / 2)) < 4 * eps
    cube = mf.losses.Power(3.0)
    assert abs(float(cube.risk(two, y)) - (0 + 64) / 6) < 4 * 16 * eps
    np.testing.assert_allclose(cube.residual(two, -y), [4.0, 4.0], rtol=eps)
    np.testing.assert_allclose(cube.residual(two, y), [0.0, 16.0], rtol=eps)
    rows, hot = jnp.array([[0.0, np.log(3.0)]]), jnp.array([[1.0, 0.0]])
    assert abs(float(mf.Logistic().risk(rows, hot)) - np.log(4)) < 2 * eps
    assert abs(float(mf.Exponential().risk(rows, hot)) - np.log(3)) < 2 * eps


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("name", ["logistic", "exponential"])
def test_large_margins_stay_finite(name, k):
    """Predictions of ±1000 neither overflow nor lose the sign of the residual."""
    loss, (f, y) = LOSSES[name], samples(name, k)
    for sign in (1, -1):
        far = (1000.0 * sign * y).astype(f.dtype)
        assert np.isfinite(loss.risk(far, y))
        r = loss.residual(far, y)
        assert np.all(np.isfinite(r))
        assert float(jnp.sum(r * y)) <= 0  # descent raises margins


def test_classes_and_one_hot_rows_are_the_same_targets():
    for loss in (mf.Logistic(), mf.Exponential()):
        classes = loss.targets([2, 0, 1], 3, jnp.float32)
        assert classes.dtype == jnp.float32
        assert np.array_equal(classes, loss.targets(np.eye(3)[[2, 0, 1]], 3, jnp.float32))


@pytest.mark.parametrize("y", [np.array([0, 1]), np.array([[1, 0], [0, 1]])])
def test_known_labels_are_checked_inside_a_compiled_function_too(y):
    targets = jax.jit(lambda f: mf.Logistic().targets(y, 2, f.dtype))
    assert targets(jnp.zeros(2)).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match=r"not one-hot|holds the class"):
        jax.jit(lambda f: mf.Logistic().targets(2 * y, 2, f.dtype))(jnp.zeros(2))
