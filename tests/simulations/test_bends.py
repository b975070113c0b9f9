"""Measures of splines where the answer is known."""

import numpy as np
import pytest

from simulations import Record
from simulations.regimes import bends
from theory import splines

X, Y = np.array([-1.0, -0.4, 0.3, 1.0]), np.array([0.0, 1.0, -1.0, 0.5])
POINTS = np.linspace(-1, 1, 9)


def record(share, off=0.0):
    """A function so far on the way from the natural spline to the kernel's interpolant, and off it to the side."""
    natural = splines.natural_spline(X, Y)(POINTS)
    known, cross = (splines.breakpoint_kernel(z, X, 2.0) for z in (X, POINTS))
    other = splines.interpolant(known, cross, Y)
    way = other - natural
    side = np.roll(way, 1) - way * (np.roll(way, 1) @ way) / (way @ way)
    f = natural + share * way + off * side / np.linalg.norm(side) * np.linalg.norm(way)
    values = {"x": X, "y": Y, "exact_points": POINTS, "predictions": np.array([f]), "exact_natural": natural}
    parameters = {"experiment": "output", "sides": "both", "reach": 2.0, "remainder": 1e-3}
    return Record(parameters, values | {"exact_interpolant": np.array([other])})


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0, 1.3])
def test_share_of_the_way(share):
    assert bends.share(record(share)) == pytest.approx(share, abs=1e-12)
    # What is off to the side counts as much as what is along the way, with the sign of that.
    sign = np.sign(share - 1) or 1.0
    assert abs(bends.share(record(share, off=0.2)) - 1) == pytest.approx(np.hypot(share - 1, 0.2))
    if share != 1:
        assert np.sign(bends.share(record(share, off=0.2)) - 1) == sign


def test_what_training_leaves():
    """The largest of |K_* K⁻¹ r| over all residuals of the size that may be left, over the way."""
    one = record(1.0)
    known, cross = (splines.breakpoint_kernel(z, X, 2.0) for z in (X, POINTS))
    size = np.linalg.svd(cross @ np.linalg.inv(known))[1][0] * np.linalg.norm(Y)
    way = np.linalg.norm(one["exact_interpolant"][0] - one["exact_natural"])
    assert bends.left(one) == pytest.approx((1e-3 + bends.TOLERANCE) * size / way, rel=1e-6)


def test_distance_of_bends_to_samples():
    """Even bends are at a quarter of a gap on average from the nearest end, and as far from the nearest middle."""
    knots = (np.arange(4000) + 0.5) / 2000 - 1
    even = Record({}, {"x": np.linspace(-1, 1, 3), "knots": knots, "bends": np.ones(4000)})
    assert bends.log_reach(even) == pytest.approx(0, abs=1e-6)
    at = Record({}, {"x": np.linspace(-1, 1, 3), "knots": np.array([-0.5, 0.25]), "bends": np.array([-3.0, 1.0])})
    assert bends.log_reach(at) == pytest.approx(np.log((0.75 * 0.5 + 0.25 * 0.25) / 0.25))
    assert bends.log_reach(at, middles=True) == pytest.approx(np.log(0.25 * 0.25 / 0.25))


def test_largest_excess_over_its_gap():
    one = Record({}, {"energy": np.array([3.0, 2.0, 1.5]), "exact_minimum": 1.0, "gap": np.array([4.0, 4.0, 0.5])})
    assert bends.excess_over_gap(one) == 1.0
    assert bends.excess_over_gap(one, time=0) == 4.0
