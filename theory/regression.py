"""Ridge regression along a path of strengths, with what each sample's prediction is when the sample is left out.

f_λ = K_* (K + nλ I)⁻¹ y for every λ from one eigendecomposition K = V diag(s) Vᵀ. The fit on the samples is H y, with
H = V diag(s/(s + nλ)) Vᵀ, and leaving sample i out changes its own prediction to

    f_i^{(−i)} = y_i − (y_i − f_i)/(1 − H_ii),

exactly (the strength nλ being kept), so strengths and bandwidths can be chosen on the training samples alone.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from theory import _arithmetic, _checks
from theory._checks import Array


class RidgePath(NamedTuple):
    """Predictions for every strength: on other samples, [S, n_test] or [S, n_test, k], and left out, [S, n] or
    [S, n, k].
    """

    predictions: Array
    left_out: Array


def ridge_path(kernel: ArrayLike, kernel_test: ArrayLike, y: ArrayLike, strengths: ArrayLike) -> RidgePath:
    """Kernel ridge regression min (1/2n) Σ_i (f_i − y_i)² + (λ/2)‖f‖² for every λ > 0 of `strengths`.

    `kernel` is [n, n], symmetric and positive semi-definite; `kernel_test` is [n_test, n]; `y` is [n] or [n, k];
    `strengths` is [S]. Raises ValueError for shapes that do not match and strengths that are not positive.

    >>> path = ridge_path([[2.0, 0.0], [0.0, 2.0]], [[1.0, 1.0]], [1.0, 3.0], [1.0])
    >>> path.predictions, path.left_out
    (array([[1.]]), array([[0., 0.]]))

    Source: `golub1979generalized`.
    """
    matrix = _checks.array("kernel", kernel, ["[n, n]"])
    _checks.same("rows of kernel", matrix.shape[0], "its columns", matrix.shape[1])
    cross = _checks.array("kernel_test", kernel_test, ["[n_test, n]"])
    _checks.same("columns of kernel_test", cross.shape[1], "kernel", len(matrix))
    y = _checks.array("y", y, ["[n]", "[n, k]"])
    _checks.same("rows of y", len(y), "kernel", len(matrix))
    path = _checks.array("strengths", strengths, ["[S]"])
    if path.min() <= 0:
        raise ValueError(f"strengths must be positive, got {path.min():g}")
    values, vectors = linalg.eigh((matrix + matrix.T) / 2)
    values = np.maximum(values, 0.0)
    # Where the kernel vanishes that of other samples does, too: rounding there must not be divided by a small λ.
    vectors_seen = vectors * (values > len(y) * np.finfo(float).eps * values[-1])
    targets = y.reshape(len(y), -1)
    columns, squares = vectors.T @ targets, vectors**2
    seen, left = [], []
    for strength in path:
        shifted = values + len(y) * strength
        seen.append(cross @ (vectors_seen @ (columns / shifted[:, None])))
        # y − f = V diag(nλ/(s + nλ)) Vᵀ y and 1 − H_ii alike: the factor nλ cancels, and with it all loss of digits.
        residual, lever = vectors @ (columns / shifted[:, None]), squares @ (1 / shifted)
        left.append(targets - residual / lever[:, None])
    return RidgePath(
        np.stack(seen).reshape(len(path), len(cross), *y.shape[1:]), np.stack(left).reshape(len(path), *y.shape)
    )


def chosen(path: RidgePath, label: ArrayLike) -> tuple[int, float]:
    """(index of the strength whose left-out predictions miss the fewest classes, that share of misses).

    `path` is of targets [n, k], one column a class; `label` is [n], the column of each sample. Of strengths that miss
    equally many, the one with the smaller squared error of the left-out predictions.

    >>> path = ridge_path(np.eye(2), np.eye(2), np.eye(2), [1.0])
    >>> chosen(path, [0, 1])
    (0, 0.5)
    """
    path = RidgePath(_checks.array("path", path.predictions), _checks.array("path", path.left_out))
    if path.left_out.ndim != 3:
        raise ValueError(f"path must be of targets [n, k], got left-out predictions of shape {path.left_out.shape}")
    classes = path.left_out.shape[2]
    label = _checks.whole("label", label, ["[n]"], maximum=classes - 1).astype(int)
    _checks.same("label", label.shape, "path", path.left_out.shape[1:2])
    misses = np.mean(path.left_out.argmax(axis=2) != label, axis=1)
    errors = np.mean((path.left_out - np.eye(classes)[label]) ** 2, axis=(1, 2))
    best = int(np.lexsort((errors, misses))[0])
    return best, float(misses[best])


_arithmetic.guard(__name__)
