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

Of these slopes Student's interval holds its level throughout, and is the narrowest that does (at 99.9 % the bootstrap's
is wider by a factor 1.8 for seven seeds and 1.3 for ten; for five it is infinite): checks use it. The symmetric
bootstrap-t, which presumes no normal slopes, holds its level too: it is the interval reported beside it. In a slope the
skew of the noise cancels, for each x counts with its weight or against it.

In a mean of skewed values it does not cancel. A seed with a large value widens the interval that it moves, so that the
others leave the mean on one side. Of 400 000 data sets, misses in a thousand: at the level 99.9 % of two sides, which
should be 1, intervals beneath the mean + those above it; of one side, which should be 1 each, those beneath, those
above. Squares are those of normal numbers, and their logarithm is compared with its own expectation.

| a seed's value | 5 seeds | 7 seeds | 10 seeds |
|---|---|---|---|
| normal | 0.45 + 0.51, 0.88, 1.03 | 0.44 + 0.49, 0.91, 1.03 | 0.49 + 0.49, 0.97, 0.95 |
| log-normal, σ = 1 | 25.14 + 0.02, 37.64, 0.03 | 34.93 + 0.01, 48.00, 0.01 | 39.91 + 0.00, 51.51, 0.00 |
| mean of 1 square, χ²₁ | 39.84 + 0.02, 53.17, 0.04 | 41.67 + 0.01, 53.28, 0.01 | 38.57 + 0.00, 48.16, 0.01 |
| mean of 4 squares | 4.59 + 0.07, 8.12, 0.17 | 6.22 + 0.05, 10.20, 0.11 | 6.77 + 0.03, 10.43, 0.07 |
| mean of 10 squares | 1.82 + 0.14, 3.49, 0.28 | 2.50 + 0.11, 4.43, 0.25 | 2.78 + 0.07, 4.81, 0.16 |
| mean of 24 squares | 1.09 + 0.26, 2.17, 0.49 | 1.43 + 0.18, 2.70, 0.41 | 1.58 + 0.17, 2.77, 0.40 |
| mean of 30 squares | 1.05 + 0.24, 2.06, 0.48 | 1.29 + 0.19, 2.40, 0.42 | 1.38 + 0.19, 2.54, 0.37 |
| log of a mean of 1 square | 0.07 + 3.42, 0.17, 6.39 | 0.04 + 5.05, 0.09, 8.61 | 0.03 + 6.09, 0.05, 9.74 |
| log of a mean of 4 squares | 0.18 + 1.26, 0.41, 2.52 | 0.12 + 1.67, 0.23, 3.09 | 0.11 + 1.95, 0.24, 3.49 |
| log of a mean of 10 squares | 0.30 + 0.91, 0.56, 1.91 | 0.21 + 1.06, 0.43, 2.03 | 0.16 + 1.20, 0.40, 2.25 |
| log of a mean of 24 squares | 0.30 + 0.74, 0.66, 1.49 | 0.29 + 0.79, 0.59, 1.55 | 0.30 + 0.77, 0.60, 1.57 |

So a claim on a mean of squares (a variance, a mean square error, a squared distance) averages at least 24 of them in
each seed, or takes the logarithm of a mean of at least 4: then an equality that holds is turned down 1.3 to 2.1 times
as often as its level says, and a false upper bound is taken to be shown up to 2.8 times as often. With one square a
seed these are some 40 and 50 times, and its logarithm still leaves three to six.
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
