"""Numbers that are read off a path of large steps, on paths written out here."""

import numpy as np

from simulations.optimisation import large_step_measures as measure


class Path(dict):
    """A record's values."""


def test_heights_and_curvatures_of_a_path():
    path = Path(output=np.array([1.0, -3.0, 2.0, 0.5]), curvature=np.array([3.0, 2.6, 1.8, 1.5]))
    assert measure.peak(path) == 4.5  # f²/2
    assert measure.peak(path, steps=0) == 0.5
    assert measure.rise(path) == 9.0  # over the loss of the start
    assert measure.end_curvature(path) == 0.75  # hλ/2
