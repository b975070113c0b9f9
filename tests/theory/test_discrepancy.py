"""The discrepancy of two sets of points, by its definition, and its gradient, by differences."""

import numpy as np
import pytest

from theory import discrepancy

RNG = np.random.default_rng(2)
Z, X, WIDTH = RNG.normal(size=(4, 2)), RNG.normal(size=(3, 2)) + 0.5, 0.7


def kernel(z, x):
    return np.exp(-np.sum((z - x) ** 2) / (2 * WIDTH**2))


def test_it_is_the_mean_of_kernels_within_less_those_between():
    within = [np.mean([[kernel(a, b) for a in of] for b in of]) for of in (Z, X)]
    between = np.mean([[kernel(a, b) for a in Z] for b in X])
    assert discrepancy.squared(Z, X, WIDTH) == pytest.approx(sum(within) - 2 * between, rel=1e-12)


def test_points_descend_half_of_it():
    """m times the gradient of half the squared discrepancy, in the metric (1/m) Σ|z_j|²."""
    found, size = discrepancy.velocity(Z, X, WIDTH), 1e-5
    for index in np.ndindex(*Z.shape):
        ends = []
        for sign in (1, -1):
            moved = Z.copy()
            moved[index] += sign * size
            ends.append(discrepancy.squared(moved, X, WIDTH) / 2)
        assert found[index] == pytest.approx(-len(Z) * (ends[0] - ends[1]) / (2 * size), abs=1e-9)


@pytest.mark.parametrize("function", [discrepancy.squared, discrepancy.velocity])
def test_bad_input_is_one_sentence(function):
    with pytest.raises(ValueError, match="columns of z"):
        function(Z, X[:, :1], WIDTH)
    with pytest.raises(ValueError, match="width"):
        function(Z, X, 0.0)
