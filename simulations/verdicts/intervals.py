"""Intervals for the mean of independent samples, one a seed: Student's, and the symmetric bootstrap-t.

How often they cover, for the slopes of power laws: shares of 20 000 data sets (four x, one slope a seed) whose true
exponent lay inside, in per cent, at the levels 95 % / 99.9 %. A percentile interval, BCa or not, lies between the
smallest and the largest slope, and so misses with probability 2^(1−k) for k seeds of symmetric noise, 6 % of five,
whatever its level.

| seeds | noise | Student | bootstrap, abs. t | bootstrap, t | percentile | BCa |
|---|---|---|---|---|---|---|
| 5 | normal | 95.1 / 99.91 | 97.8 / 100.00 | 95.1 / 99.64 | 83.7 / 92.19 | 83.7 / 92.27 |
| 5 | Student's, 3 degrees | 96.1 / 99.97 | 98.2 / 100.00 | 95.1 / 99.81 | 83.7 / 92.42 | 82.5 / 92.06 |
| 5 | log-normal | 97.2 / 99.97 | 98.9 / 100.00 | 95.2 / 99.89 | 82.4 / 92.09 | 79.3 / 91.04 |
| 7 | normal | 94.8 / 99.90 | 96.7 / 99.98 | 94.6 / 99.82 | 87.6 / 96.71 | 87.5 / 96.28 |
| 7 | Student's, 3 degrees | 95.8 / 99.97 | 97.4 / 99.98 | 94.0 / 99.87 | 87.2 / 96.74 | 85.5 / 95.67 |
| 7 | log-normal | 96.9 / 99.99 | 98.3 / 100.00 | 93.2 / 99.95 | 86.1 / 96.57 | 82.4 / 94.45 |
| 10 | normal | 95.2 / 99.89 | 96.2 / 99.96 | 94.9 / 99.84 | 90.2 / 98.43 | 90.1 / 98.12 |
| 10 | Student's, 3 degrees | 95.6 / 99.96 | 96.7 / 99.99 | 93.4 / 99.83 | 89.2 / 98.37 | 87.1 / 97.27 |
| 10 | log-normal | 96.7 / 99.98 | 97.9 / 99.99 | 92.0 / 99.88 | 88.4 / 98.21 | 83.9 / 96.27 |
| 16 | normal | 95.0 / 99.88 | 95.6 / 99.91 | 95.1 / 99.84 | 92.1 / 99.29 | 92.0 / 99.13 |
| 16 | Student's, 3 degrees | 95.2 / 99.93 | 96.0 / 99.96 | 93.2 / 99.73 | 91.2 / 99.19 | 89.2 / 98.36 |
| 16 | log-normal | 96.1 / 99.99 | 97.5 / 100.00 | 91.4 / 99.82 | 90.9 / 99.14 | 86.4 / 97.47 |

Student's interval holds its level throughout, and is the narrowest that does (at 99.9 % the bootstrap's is wider by a
factor 1.8 for seven seeds and 1.3 for ten; for five it is infinite): checks use it. The symmetric bootstrap-t, which
presumes no normal slopes, holds its level too: it is the interval reported beside it.
"""

import functools
import itertools

import numpy as np

ENUMERATED = 8
"""Up to so many seeds every resample is listed with its probability: nothing is drawn."""

DRAWS = 20_000
"""Resamples of more seeds than that."""

ULPS = 256
"""What differs by no more units of rounding than this is taken to be equal."""


def student_half_width(samples: np.ndarray, level: float, sides: int = 2) -> float:
    """Half-width of Student's interval for the mean of independent samples, or of its one-sided kin."""
    from scipy.special import stdtrit

    count = len(samples)
    return float(stdtrit(count - 1, 1 - (1 - level) / sides) * np.std(samples, ddof=1) / np.sqrt(count))


def share_ends(wins: int, count: int, level: float) -> tuple[float, float]:
    """Return Clopper and Pearson's ends for a probability, each of which is beyond it with probability 1 − level."""
    from scipy.special import betaincinv

    low = float(betaincinv(wins, count - wins + 1, 1 - level)) if wins else 0.0
    high = float(betaincinv(wins + 1, count - wins, level)) if wins < count else 1.0
    return low, high


def bootstrap_half_width(samples: np.ndarray, level: float) -> float:
    """Half-width of the symmetric bootstrap-t interval for the mean of independent samples.

    A resample has |t| = |mean* − mean|/(its own standard error); the interval reaches the `level` quantile of these in
    standard errors of the samples. A resample of one sample k times over has an infinite t: where these have more than
    the probability 1 − level, as with five seeds at 99.9 %, so is the interval.
    """
    counts, weights = _resamples(len(samples))
    spread = float(np.std(samples))
    # Slopes that differ by rounding alone have no distribution to resample.
    if spread <= ULPS * np.finfo(float).eps * np.max(np.abs(samples)):
        return 0.0
    scaled = (samples - np.mean(samples)) / spread
    mean = counts @ scaled / len(samples)
    variance = counts @ scaled**2 / len(samples) - mean**2
    one = counts.max(axis=1) == len(samples)
    size = np.where(one, np.inf, np.abs(mean) / np.sqrt(np.where(one, 1.0, np.maximum(variance, 1e-12))))
    order = np.argsort(size)
    reached = np.searchsorted(np.cumsum(weights[order]), level * (1 - 1e-12))
    # t has a factor √(k − 1) of its own and the standard error the same below: they cancel.
    return float(size[order[min(reached, len(order) - 1)]] * spread)


@functools.lru_cache(maxsize=32)
def _resamples(seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """(how often each seed is drawn [resamples, seeds], probabilities): all of them, or `DRAWS` from a fixed key."""
    if seeds > ENUMERATED:
        drawn = np.random.default_rng([seeds, 20_000]).multinomial(seeds, np.full(seeds, 1 / seeds), size=DRAWS)
        return drawn.astype(float), np.full(DRAWS, 1 / DRAWS)
    from scipy.special import gammaln

    bars = np.array(list(itertools.combinations(range(2 * seeds - 1), seeds - 1)))
    ends = np.hstack([np.full((len(bars), 1), -1), bars, np.full((len(bars), 1), 2 * seeds - 1)])
    counts = np.diff(ends, axis=1) - 1.0
    logs = gammaln(seeds + 1) - gammaln(counts + 1).sum(axis=1) - seeds * np.log(seeds)
    return counts, np.exp(logs)
