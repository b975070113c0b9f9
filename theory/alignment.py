"""How well a kernel is aligned with targets, and of how many dimensions its features are.

Both are of a kernel matrix on samples, centred in both arguments, H K H with H = I − 11ᵀ/n, unless told otherwise.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array


def centred(kernel: ArrayLike) -> Array:
    """H K H, H = I − 11ᵀ/n: the kernel of features less their mean over the samples; `kernel` is [n, n].

    Raises ValueError for anything else.

    >>> centred([[2.0, 0.0], [0.0, 2.0]]).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]

    Source: `cortes2012algorithms`.
    """
    matrix = _checks.array("kernel", kernel, ["[n, n]"])
    _checks.same("rows of kernel", matrix.shape[0], "its columns", matrix.shape[1])
    matrix = matrix - matrix.mean(axis=0)
    return matrix - matrix.mean(axis=1, keepdims=True)


def alignment(kernel: ArrayLike, y: ArrayLike) -> float:
    """⟨HKH, yyᵀ⟩/(‖HKH‖ ‖Hy‖²), in [0, 1] for a kernel that is positive semi-definite: 1 if it is yyᵀ.

    `kernel` is [n, n] and `y` is [n]. Raises ValueError for shapes that do not match, and for a kernel or targets that
    are the same for all samples.

    >>> alignment([[2.0, 0.0], [0.0, 2.0]], [1.0, -1.0])
    1.0

    Source: `cortes2012algorithms`.
    """
    matrix, targets = centred(kernel), _checks.array("y", y, ["[n]"])
    _checks.same("y", len(targets), "kernel", len(matrix))
    targets = targets - targets.mean()
    size = np.linalg.norm(matrix) * (targets @ targets)
    if size == 0:
        raise ValueError("kernel and y must not be the same for all samples: there is nothing to align")
    return float(targets @ matrix @ targets / size)


def effective_dimension(kernel: ArrayLike) -> float:
    """(tr HKH)²/‖HKH‖²_F = (Σ λ_i)²/Σ λ_i²: between 1 and n − 1, the number of equal eigenvalues that would give it.

    Raises ValueError for a kernel that is not [n, n], or the same for all samples.

    >>> round(effective_dimension([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), 6)
    2.0

    Source: `meanfield`.
    """
    matrix = centred(kernel)
    size = np.linalg.norm(matrix)
    if size == 0:
        raise ValueError("kernel must not be the same for all samples")
    return float((np.trace(matrix) / size) ** 2)


_arithmetic.guard(__name__)
