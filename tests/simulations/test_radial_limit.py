"""The radial equation of the study of the same name: points are enough, by the rule that its times ask for."""

import dataclasses

import numpy as np
import pytest

from simulations.limits.radial_limit import SMOOTH, equation
from theory.radial_pde import RadialProblem


@pytest.mark.parametrize(
    ("time", "finer", "near"),
    [
        (0.9 * SMOOTH, {"rule": "gauss", "radii": 90}, 3e-5),
        pytest.param(5 * SMOOTH, {"rule": "quantiles", "radii": 800}, 5e-4, marks=pytest.mark.full),
    ],
)
def test_the_law_of_radii_has_points_enough(time, finer, near):
    """Gauss points while radii move together, and quantiles when a few of them have left the others behind."""
    problem = equation(40, 0.8, 0.8, time)
    exact = dataclasses.replace(RadialProblem(40, 0.8, 0.8), **finer).integrate([time], step=0.1).risk
    assert np.abs(problem.integrate([time], step=0.1).risk - exact).max() < near
