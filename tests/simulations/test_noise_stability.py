"""The study of noise stability: its refusals, and bounds of networks that make an error."""

import numpy as np
import pytest

from simulations.generalisation.compression import BOUNDS, error_bounds
from simulations.generalisation.noise_stability import Networks

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": 1}, r"levels=1: expected a whole number of at least 2"),
        ({"rate": 0.0}, r"rate=0.0: expected a number above 0"),
        ({"first": 10}, r"first=10: expected a whole number from 0 to 9"),
        ({"second": 3}, r"second=3: expected another digit than first"),
        ({"samples": 2}, r"samples=2: expected a whole number of at least 4"),
        ({"tested": 300}, r"samples=100 and tested=300: expected at most 357 images together"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        Networks(**change)


def test_networks_of_one_seed_share_their_start_and_labels_are_nested():
    run = Networks(samples=20, levels=3)
    assert np.array_equal(run.labels[0], run.data[1])
    assert run.replaced.tolist() == [0, 10, 20]
    changed = [labels != run.data[1] for labels in run.labels]
    assert np.all(changed[2][changed[1]])
    assert not np.array_equal(Networks(samples=20, seed=1).theta, Networks(samples=20).theta)


def test_an_error_makes_bounds_infinite():
    w, a, x = np.eye(2), np.ones(2), np.eye(2)
    cushions = dict.fromkeys(("input", "output", "interlayer", "contraction"), np.ones(2))
    assert error_bounds(w, a, x, np.array([1.0, -1.0]), cushions) == dict.fromkeys(BOUNDS, np.inf)
    assert np.all(np.isfinite([*error_bounds(w, a, x, np.ones(2), cushions).values()]))
