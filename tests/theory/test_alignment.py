"""Alignment and effective dimension: against centred features, eigenvalues and their extreme cases."""

import numpy as np
import pytest

from theory.alignment import alignment, centred, effective_dimension

pytestmark = pytest.mark.fast

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(7, 4))
KERNEL = FEATURES @ FEATURES.T
Y = RNG.normal(size=7)


def test_centred_kernel_is_that_of_centred_features():
    inner = FEATURES - FEATURES.mean(axis=0)
    np.testing.assert_allclose(centred(KERNEL), inner @ inner.T, atol=1e-14)


def test_alignment_is_a_cosine_of_matrices():
    matrix, y = centred(KERNEL), Y - Y.mean()
    target = np.outer(y, y)
    cosine = np.sum(matrix * target) / (np.linalg.norm(matrix) * np.linalg.norm(target))
    assert alignment(KERNEL, Y) == pytest.approx(cosine, rel=1e-13)
    assert alignment(5 * KERNEL + 3, 2 * Y - 1) == pytest.approx(cosine, rel=1e-12)  # scales and constants drop out
    assert alignment(np.outer(Y, Y), Y) == pytest.approx(1, rel=1e-14)


def test_alignment_changes_no_more_than_its_bound():
    """|A(K') − A(K)| ≤ 2 ‖HK'H − HKH‖/‖HKH‖, near and far."""
    for size in (1e-6, 0.1, 10.0):
        for _ in range(50):
            other = FEATURES + size * RNG.normal(size=FEATURES.shape)
            other = other @ other.T
            bound = 2 * np.linalg.norm(centred(other - KERNEL)) / np.linalg.norm(centred(KERNEL))
            assert abs(alignment(other, Y) - alignment(KERNEL, Y)) <= bound


def test_effective_dimension_from_eigenvalues():
    values = np.linalg.eigvalsh(centred(KERNEL))
    assert effective_dimension(KERNEL) == pytest.approx(values.sum() ** 2 / np.sum(values**2), rel=1e-12)
    assert effective_dimension(np.eye(7)) == pytest.approx(6, rel=1e-13)
    assert effective_dimension(np.outer(Y, Y)) == pytest.approx(1, rel=1e-13)


def test_bad_input():
    with pytest.raises(ValueError, match="rows of kernel must agree with its columns"):
        centred(np.ones((2, 3)))
    with pytest.raises(ValueError, match="y must agree with kernel"):
        alignment(KERNEL, Y[:3])
    with pytest.raises(ValueError, match="nothing to align"):
        alignment(KERNEL, np.ones(7))
    with pytest.raises(ValueError, match="same for all samples"):
        effective_dimension(np.ones((3, 3)))
