"""Ridge paths: against scikit-learn, and against leaving samples out one by one."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from theory.regression import chosen, ridge_path

pytestmark = pytest.mark.fast

RNG = np.random.default_rng(0)
X, X_TEST = RNG.normal(size=(20, 3)), RNG.normal(size=(7, 3))
LABEL = RNG.integers(0, 3, size=20)
Y = np.eye(3)[LABEL]
STRENGTHS = [1e-3, 0.1, 10.0]


def kernel(x1, x2):
    return (x1 @ x2.T + 1) ** 2


@pytest.mark.parametrize("y", [Y, Y[:, 0]])
def test_kernel_ridge_of_scikit_learn(y):
    path = ridge_path(kernel(X, X), kernel(X_TEST, X), y, STRENGTHS)
    assert path.predictions.shape == (3, 7, *y.shape[1:])
    for i, strength in enumerate(STRENGTHS):
        model = KernelRidge(alpha=len(X) * strength, kernel="precomputed").fit(kernel(X, X), y)
        assert np.abs(path.predictions[i] - model.predict(kernel(X_TEST, X))).max() < 1e-9


def test_left_out_predictions():
    path = ridge_path(kernel(X, X), kernel(X_TEST, X), Y, STRENGTHS)
    for i in (0, 13):
        rest = np.arange(len(X)) != i
        for number, strength in enumerate(STRENGTHS):
            model = KernelRidge(alpha=len(X) * strength, kernel="precomputed").fit(kernel(X[rest], X[rest]), Y[rest])
            alone = model.predict(kernel(X[[i]], X[rest]))[0]
            assert np.abs(path.left_out[number, i] - alone).max() < 1e-8


def test_chosen_strength_misses_least():
    path = ridge_path(kernel(X, X), kernel(X_TEST, X), Y, STRENGTHS)
    best, misses = chosen(path, LABEL)
    counts = [np.mean(left.argmax(axis=1) != LABEL) for left in path.left_out]
    assert misses == min(counts) == counts[best]
    # Where all miss alike, the squared error decides.
    flat = path._replace(left_out=np.stack([Y * size for size in (0.5, 0.9, 0.2)]))
    assert chosen(flat, LABEL) == (1, 0.0)


def test_bad_input():
    square, cross = kernel(X, X), kernel(X_TEST, X)
    with pytest.raises(ValueError, match="strengths must be positive, got 0"):
        ridge_path(square, cross, Y, [0.0])
    with pytest.raises(ValueError, match="columns of kernel_test"):
        ridge_path(square, cross.T, Y, [1.0])
    with pytest.raises(ValueError, match="rows of y"):
        ridge_path(square, cross, Y[1:], [1.0])
    with pytest.raises(ValueError, match="path must be of targets"):
        chosen(ridge_path(square, cross, Y[:, 0], [1.0]), LABEL)
    with pytest.raises(ValueError, match="label must agree with path"):
        chosen(ridge_path(square, cross, Y, [1.0]), LABEL[1:])
