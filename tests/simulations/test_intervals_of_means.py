"""How often Student's interval misses the mean of skewed values: the table of `simulations.verdicts.intervals`."""

import re

import numpy as np
import pytest

from simulations.verdicts import intervals
from simulations.verdicts.intervals import student_half_width

SETS = 400_000
"""Data sets behind each cell of the table, and drawn here."""

SEEDS = (5, 7, 10)


def stated(values: str, seeds: int) -> list[float]:
    """Return the shares that the table states: of two sides beneath and above, of one side beneath and above."""
    [row] = [line for line in intervals.__doc__.splitlines() if line.startswith(f"| {values} |")]
    cell = row.split("|")[2 + SEEDS.index(seeds)]
    return [float(number) / 1000 for number in re.findall(r"\d+\.\d+", cell)]


def found(squares: int, seeds: int, sets: int = SETS) -> list[float]:
    """Return these shares of means of seeds, each of which is a mean of so many squares, less its expectation."""
    drawn = np.random.default_rng([squares, seeds]).gamma(squares / 2, 2 / squares, size=(seeds, sets)) - 1
    mean, error = drawn.mean(axis=0), drawn.std(axis=0, ddof=1) / np.sqrt(seeds)
    unit = np.linspace(-1.0, 1.0, seeds)  # whose half-width tells the quantile of any samples
    unit_error = np.std(unit, ddof=1) / np.sqrt(seeds)
    two, one = (student_half_width(unit, 0.999, sides) / unit_error * error for sides in (2, 1))
    return [float(np.mean(side)) for side in (mean < -two, mean > two, mean < -one, mean > one)]


@pytest.mark.parametrize(
    ("values", "squares", "seeds"), [("mean of 1 square, χ²₁", 1, 7), ("mean of 24 squares", 24, 5)]
)
def test_cells_of_the_table(values, squares, seeds):
    for share, said in zip(found(squares, seeds), stated(values, seeds), strict=True):
        # Both are binomial shares of as many sets; half a digit of the table on top.
        assert abs(share - said) <= 4 * np.sqrt(2 * said * (1 - said) / SETS) + 5e-6 + 4 / SETS


def test_the_level_does_not_hold_for_every_mean():
    """Five seeds of one square each are turned down far more often than one time in a thousand."""
    level, sets = 1e-3, 40_000
    beneath, above, one_beneath, _ = found(1, 5, sets)
    margin = 4 * np.sqrt(level / sets)
    assert beneath + above > 30 * level + margin
    assert one_beneath > 40 * level + margin


@pytest.mark.parametrize("seeds", SEEDS)
def test_what_follows_from_the_table(seeds):
    for values, times in (("normal", 1.0), ("mean of 24 squares", 2.0), ("log of a mean of 4 squares", 2.1)):
        beneath, above, *_ = stated(values, seeds)
        assert beneath + above <= times * 1e-3
