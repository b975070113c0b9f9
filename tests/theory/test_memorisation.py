"""Complexity of corrupted labels by enumeration, dichotomies by linear programming, the bound by what is known."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from theory import memorisation

pytestmark = pytest.mark.fast


@pytest.fixture
def kernel():
    g = np.random.default_rng(0).normal(size=(4, 6))
    return g @ g.T


def test_complexity_is_the_quadratic_form(kernel):
    y = np.random.default_rng(1).normal(size=(3, 4))
    expected = [np.sqrt(2 * one @ np.linalg.inv(kernel) @ one / 4) for one in y]
    np.testing.assert_allclose(memorisation.label_complexity(kernel, y), expected, rtol=1e-10)
    assert memorisation.label_complexity(kernel, y[0]) == pytest.approx(expected[0])


@pytest.mark.parametrize("k", [0, 1, 2, 3, 4])
def test_mean_over_all_subsets_and_signs(kernel, k):
    y = np.array([1.0, -1.0, -1.0, 1.0])
    forms, complexities = [], []
    for chosen in itertools.combinations(range(4), k):
        for signs in itertools.product((-1.0, 1.0), repeat=k):
            other = y.copy()
            other[list(chosen)] = signs
            forms.append(other @ kernel @ other)
            complexities.append(memorisation.label_complexity(kernel, other) ** 2)
    assert memorisation.corrupted_form(kernel, y, [k])[0] == pytest.approx(np.mean(forms), rel=1e-12)
    assert memorisation.corrupted_complexity(kernel, y, [k])[0] ** 2 == pytest.approx(np.mean(complexities), rel=1e-10)


@pytest.mark.parametrize(("n", "d"), [(5, 2), (6, 3), (4, 6)])
def test_dichotomies_are_those_that_a_program_finds(n, d):
    """A labelling counts if some w has y_i w·x_i ≥ 1 for all i."""
    x = np.random.default_rng(n).normal(size=(n, d))
    found = 0
    for y in itertools.product((-1.0, 1.0), repeat=n):
        program = linprog(np.zeros(d), A_ub=-np.array(y)[:, None] * x, b_ub=-np.ones(n), bounds=(None, None))
        found += program.status == 0
    assert round(np.exp(memorisation.log_dichotomies(n, d))) == found


def test_bound_is_above_what_small_networks_do():
    """One unit is silent or of one sign: without a zero, it gives two of the 2^n labellings."""
    for n in (10, 20):
        assert memorisation.memorisation_bound(n, 2, 1) >= 2 / 2**n
    # Many random networks of two units on 8 points of the plane: the labellings they give, over all of them.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2))
    f = np.maximum(rng.normal(size=(20000, 2, 2)) @ x.T, 0)
    f = np.einsum("rj,rjn->rn", rng.normal(size=(20000, 2)), f)
    seen = np.unique(f[np.all(f != 0, axis=1)] > 0, axis=0)
    assert len(seen) > 2
    assert len(seen) / 2**30 <= memorisation.memorisation_bound(30, 2, 2) < 0.1


def test_bound_grows_with_units_to_one():
    bounds = [memorisation.memorisation_bound(100, 5, m) for m in range(1, 8)]
    assert all(np.diff(bounds) >= 0)
    assert bounds[1] == pytest.approx(1.866e-4, rel=1e-3)
    assert bounds[-1] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: memorisation.label_complexity([[1.0, 2.0], [2.0, 1.0]], [1, 1]), "kernel must be positive definite"),
        (lambda: memorisation.label_complexity(np.eye(2), [1.0]), "columns of y must agree with kernel"),
        (lambda: memorisation.corrupted_form(np.eye(2), [1.0, 2.0], [0]), "y must hold labels -1 and 1"),
        (lambda: memorisation.corrupted_form(np.eye(2), [1.0, 1.0], [3]), "replaced must hold whole numbers up to 2"),
        (lambda: memorisation.corrupted_form(np.eye(3), [1.0, 1.0], [1]), "shape of matrix must agree with y"),
        (lambda: memorisation.memorisation_bound(10, 0, 2), "d must be an integer >= 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
