"""The birthday paradox as a measure of diversity: samples that coincide, and how many kinds they come from.

Of s independent samples of a law p on N kinds, n_i are of kind i, and C = Σ_i n_i(n_i − 1)/2 pairs coincide. The chance
that none does is s! e_s(p), with e_s the elementary symmetric polynomial, and the mean of C is s(s − 1)/2 Σp². So
coincidences tell the effective number of kinds 1/Σp², which is N for a uniform law only: kinds that are rare are not
seen. All recursions add non-negative terms only, so that no digits cancel.
"""

from math import comb

import numpy as np
from numpy.typing import ArrayLike

from theory import _arithmetic, _checks
from theory._checks import Array

NEGLIGIBLE = 1e-20
"""Chances that a sum of probabilities does without."""


def no_collision(p: ArrayLike, samples: int) -> float:
    """P(no two of s samples are of one kind) = s! e_s(p), `p` being the law [N].

    With P_k = k! e_k a kind of chance q makes P_k + k q P_{k−1} of P_k. For a uniform law this is
    (1 − 1/N)(1 − 2/N) … (1 − (s − 1)/N). Raises ValueError for a law that is negative or does not sum to 1, and for
    less than one sample.

    >>> no_collision([0.5, 0.25, 0.25], 2)
    0.625

    Source: `arora2018gans`, `meanfield` for laws that are not uniform.
    """
    p, s = _law(p), _checks.integer("samples", samples)
    chances = np.zeros(s + 1)
    chances[0] = 1.0
    orders = np.arange(1, s + 1)
    for q in p:
        chances[1:] += orders * q * chances[:-1]
    return float(chances[s])


def collision_law(p: ArrayLike, samples: int, most: int) -> Array:
    """P(C = c) for c = 0 … `most` of the number C of pairs that coincide, [most + 1].

    P(k of the samples are of the kinds so far, with c pairs) is built up kind by kind, by binomial choices of which
    samples are of the next one; choices of a chance below `NEGLIGIBLE` are left out. The work is N s² `most`. Raises
    ValueError as `no_collision`, and for a negative `most`.

    >>> collision_law([0.5, 0.25, 0.25], 2, 1)
    array([0.625, 0.375])

    Source: `meanfield`.
    """
    p, s, most = _law(p), _checks.integer("samples", samples), _checks.integer("most", most, minimum=0)
    # Of k samples among the kinds so far j are of the newest: together at most s, with j(j − 1)/2 more pairs.
    choices = np.array([[comb(k, j) if j <= k else 0 for k in range(s + 1)] for j in range(s + 1)], dtype=float)
    table = np.zeros((s + 1, most + 1))
    table[0, 0] = 1.0
    for q in p:
        grown = table.copy()
        for j in range(1, s + 1):
            pairs, chance = j * (j - 1) // 2, q**j
            if pairs > most or chance * choices[j, s] < NEGLIGIBLE:
                break
            grown[j:, pairs:] += chance * choices[j, j:, None] * table[: s + 1 - j, : most + 1 - pairs]
        table = grown
    return table[s]


def effective_number(p: ArrayLike) -> float:
    """1/Σp², the number of kinds of a uniform law with as many coincidences: at most N.

    >>> effective_number([0.5, 0.25, 0.25]) == 8 / 3
    True

    Source: `meanfield`.
    """
    return float(1 / np.sum(_law(p) ** 2))


def pairs(counts: ArrayLike) -> Array:
    """C = Σ n(n − 1)/2 of counts [..., N] of each kind.

    >>> pairs([[3, 1, 0], [1, 1, 2]])
    array([3., 1.])

    Source: `meanfield`.
    """
    counts = np.asarray(_checks.array("counts", counts, minimum=0))
    return np.sum(counts * (counts - 1), axis=-1) / 2


def poisson_interval(pairs: ArrayLike, samples: int, level: float = 0.95) -> tuple[Array, Array]:
    """(lower, upper) for 1/Σp² by Garwood's interval for the mean of C as if C were Poisson; upper is ∞ for C = 0.

    Right for laws close to uniform. If the law is uneven pairs do not coincide independently of each other, C varies
    more, and the interval covers too seldom: `poisson_coverage` says how often.

    Raises ValueError for negative pairs, less than two samples and a level outside (0, 1).

    >>> lower, upper = poisson_interval(0.0, 10)
    >>> round(float(lower), 3), float(upper)
    (12.199, inf)

    Source: `garwood1936fiducial`.
    """
    from scipy.special import gammaincinv

    pairs, s = _checks.array("pairs", pairs, minimum=0), _checks.integer("samples", samples, minimum=2)
    tail = (1 - _level(level)) / 2
    low = np.where(pairs > 0, gammaincinv(np.maximum(pairs, 1), tail), 0.0)
    high = gammaincinv(pairs + 1, 1 - tail)
    with np.errstate(divide="ignore"):
        return comb(s, 2) / high, comb(s, 2) / low


def poisson_coverage(p: ArrayLike, samples: int, level: float = 0.95) -> float:
    """How often `poisson_interval` holds 1/Σp², exactly: Σ P(C = c) over the c for which it does.

    Raises ValueError as `collision_law`, for less than two samples and a level outside (0, 1).

    >>> round(poisson_coverage(np.full(100, 0.01), 40), 3)
    0.972

    Source: `meanfield`.
    """
    p, s = _law(p), _checks.integer("samples", samples, minimum=2)
    truth, count = effective_number(p), np.arange(comb(s, 2) + 1, dtype=float)
    lower, upper = poisson_interval(count, s, level)
    holds = (lower <= truth) & (truth <= upper)
    most = int(np.max(np.flatnonzero(holds), initial=0))
    return float(collision_law(p, s, most) @ holds[: most + 1])


def moment_interval(counts: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """(lower, upper) for 1/Σp² from counts [..., N], by the normal law and the variance of the U-statistic of Σp².

    With θ = Σp² and ζ = Σp³ − θ² the estimate Σn(n − 1)/(s(s − 1)) has the variance
    (4(s − 2)ζ + 2θ(1 − θ))/(s(s − 1)), with unbiased estimates of Σp² and Σp³ in it. For large s only: the estimate is
    skewed, and without coincidences (0, ∞) is all that is known. Upper is ∞ where 0 is within reach.

    Raises ValueError for negative counts, rows of less than three samples or of unequal numbers, and a level outside
    (0, 1).

    >>> lower, upper = moment_interval([40, 20, 20, 20])
    >>> round(float(lower), 2), round(float(upper), 2)
    (3.23, 4.24)

    Source: `hoeffding1948class`.
    """
    from scipy.special import ndtri

    counts = _checks.array("counts", counts, minimum=0)
    samples = np.unique(counts.sum(axis=-1))
    if len(samples) != 1 or samples[0] < 3:
        raise ValueError(f"counts must have rows of one number of samples, at least 3, got {samples[:4].tolist()}")
    s = float(samples[0])
    two = np.sum(counts * (counts - 1), axis=-1) / (s * (s - 1))
    three = np.sum(counts * (counts - 1) * (counts - 2), axis=-1) / (s * (s - 1) * (s - 2))
    spread = 4 * (s - 2) * np.maximum(three - two**2, 0) + 2 * two * (1 - two)
    width = ndtri((1 + _level(level)) / 2) * np.sqrt(spread / (s * (s - 1)))
    with np.errstate(divide="ignore"):
        seen = two > 0
        lower = np.where(seen, 1 / (two + width), 0.0)
        return lower, np.where(seen & (two > width), 1 / np.where(two > width, two - width, 1), np.inf)


def disjoint_interval(hits: ArrayLike, couples: int, level: float = 0.95) -> tuple[Array, Array]:
    """(lower, upper) for 1/Σp² from `hits` among `couples` couples of samples, no sample in two couples.

    Couples coincide independently, with chance Σp² each, so that the interval of Clopper and Pearson holds the truth
    with at least the given probability for every law and every number of samples; it is wide, for most pairs go unused.

    Raises ValueError for hits below 0 or above `couples`, and a level outside (0, 1).

    >>> lower, upper = disjoint_interval(0, 10)
    >>> round(float(lower), 3), float(upper)
    (3.242, inf)

    Source: `clopper1934use`.
    """
    from scipy.special import betaincinv

    couples = _checks.integer("couples", couples)
    hits = _checks.array("hits", hits, minimum=0)
    if np.max(hits) > couples:
        raise ValueError(f"hits must be at most couples, got {np.max(hits):g} of {couples}")
    tail = (1 - _level(level)) / 2
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), couples - np.maximum(hits, 1) + 1, tail), 0.0)
    high = np.where(hits < couples, betaincinv(hits + 1, np.maximum(couples - hits, 1), 1 - tail), 1.0)
    with np.errstate(divide="ignore"):
        return 1 / high, 1 / low


def disjoint_coverage(p: ArrayLike, samples: int, level: float = 0.95) -> float:
    """How often `disjoint_interval` holds 1/Σp², exactly: hits of ⌊s/2⌋ couples are binomial, with the chance Σp².

    Raises ValueError as `no_collision`, for less than two samples and a level outside (0, 1).

    >>> round(disjoint_coverage(np.full(100, 0.01), 40), 3)  # P(one hit or none)
    0.983

    Source: `clopper1934use`.
    """
    p, couples = _law(p), _checks.integer("samples", samples, minimum=2) // 2
    truth, hits = effective_number(p), np.arange(couples + 1, dtype=float)
    lower, upper = disjoint_interval(hits, couples, level)
    chances = np.array([comb(couples, k) for k in range(couples + 1)], dtype=float)
    chances *= (1 / truth) ** hits * (1 - 1 / truth) ** (couples - hits)
    return float(np.sum(chances[(lower <= truth) & (truth <= upper)]))


def _law(p: ArrayLike) -> Array:
    p = _checks.array("p", p, ["[N]"], minimum=0)
    if abs(p.sum() - 1) > 1e-9:
        raise ValueError(f"p must sum to 1, got {p.sum():.9g}")
    return p


def _level(level: float) -> float:
    if not 0 < _checks.number("level", level) < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    return float(level)


_arithmetic.guard(__name__, infinite=("poisson_interval", "moment_interval", "disjoint_interval"))
