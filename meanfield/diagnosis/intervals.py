"""Intervals of what is measured on samples: by the bootstrap over samples."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A number with its 95 % interval over samples."""

    value: float
    low: float
    high: float

    def __str__(self):
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def bootstrap(statistic: Callable[[np.ndarray], float], n: int, seed: int, resamples: int) -> Interval:
    """Return statistic(1, …, 1) with the middle 95 % of what it is for multinomial counts of the n samples.

    Source: Efron (1979); percentile intervals.
    """
    rng = np.random.default_rng([seed, n])
    # One draw at a time: all of them at once would be as many copies of the samples.
    draws = (np.bincount(rng.integers(n, size=n), minlength=n).astype(float) for _ in range(resamples))
    drawn = np.array([statistic(counts) for counts in draws])
    value = statistic(np.ones(n))
    if not np.isfinite(value):
        return Interval(float(value), float(value), float(value))
    low, high = np.quantile(drawn[np.isfinite(drawn)], [0.025, 0.975]) if np.isfinite(drawn).any() else (value, value)
    return Interval(float(value), float(min(low, value)), float(max(high, value)))


def mean(values: np.ndarray, seed: int, resamples: int) -> Interval:
    """Return the mean of one number a sample; infinite where one of them is."""
    if not np.isfinite(values).all():
        return Interval(np.inf, np.inf, np.inf)
    return bootstrap(lambda counts: counts @ values / counts.sum(), len(values), seed, resamples)
