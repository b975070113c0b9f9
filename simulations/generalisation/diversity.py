"""Diversity of a law as samples tell it: coincidences, intervals for 1/Σp², and measures of how far they hold."""

from math import comb

import numpy as np

from simulations.generalisation import gaussian_ring as ring
from simulations.records.record import Record
from theory import birthday

LEVEL = 0.95
"""Of the confidence intervals (probability)."""


def coincidences(random: np.random.Generator, law: np.ndarray, drawn: int, draws: int) -> dict[str, np.ndarray]:
    """Draw sets of samples: pairs that coincide, and which intervals hold 1/Σp², or the number of kinds."""
    chosen = random.choice(len(law), size=(draws, drawn), p=law)
    counts = np.zeros((draws, len(law)), dtype=np.int64)
    np.add.at(counts, (np.arange(draws)[:, None], chosen), 1)
    pairs, truth, couples = birthday.pairs(counts), birthday.effective_number(law), drawn // 2
    hits = np.sum(chosen[:, 0 : 2 * couples : 2] == chosen[:, 1 : 2 * couples : 2], axis=1)
    intervals = {
        "poisson": birthday.poisson_interval(pairs, drawn, LEVEL),
        "moment": birthday.moment_interval(counts, LEVEL),
        "disjoint": birthday.disjoint_interval(hits, couples, LEVEL),
    }
    values: dict[str, np.ndarray] = {"pairs": pairs}
    values["moment_low"], values["moment_high"] = intervals["moment"]
    for name, (low, high) in intervals.items():
        values[f"{name}_holds"] = (low <= truth) & (truth <= high)
        values[f"{name}_holds_support"] = (low <= len(law)) & (len(law) <= high)
    return values


def none_over_exact(name: str, record: Record) -> float:
    """Share of sets without a coincidence, over its exact value."""
    return float(np.mean(record["pairs"] == 0) / record[name])


def pairs_over_exact(support: bool, record: Record) -> float:
    """Mean share of pairs that coincide, over Σp², or over 1/N."""
    share = np.mean(record["pairs"]) / comb(int(record["drawn"]), 2)
    return float(share * (record["kinds"] if support else record["exact_effective"]))


def coverage_over(nominal: bool, record: Record) -> float:
    """How often the Poisson interval holds 1/Σp², over how often it does so exactly, or is said to."""
    return float(np.mean(record["poisson_holds"]) / (LEVEL if nominal else record["exact_coverage"]))


def better(sign: float, record: Record) -> float:
    """Coverage of the interval from the U-statistic's variance less that of the Poisson one; roles as the sign says."""
    return float(sign * (np.mean(record["moment_holds"]) - np.mean(record["poisson_holds"])))


def outcomes(name: str, record: Record) -> np.ndarray:
    """Return for every set whether the interval held."""
    return record[name]


def effective(record: Record) -> float:
    """1/Σq², q the shares of the modes among points that are on one."""
    return float(1 / np.sum(ring.shares(record["counts"]) ** 2))


def modes_over(record: Record) -> float:
    """1/Σq² less what it can be at most if a mode is missing: k − 1."""
    return effective(record) - (record["kinds"] - 1)


def mode_pairs(record: Record, ordered: bool = False) -> float:
    """Mean share of pairs of generated samples on one mode, over Σq² of the modes covered; `ordered` takes the share
    among pairs in order, which are twice as many.
    """
    drawn = int(record["drawn"])
    share = np.mean(record["mode_pairs"]) / (drawn * (drawn - 1) if ordered else comb(drawn, 2))
    return float(share * effective(record))


def log_fooled(which: int, record: Record) -> float:
    """log(distance from the data, over that of as many true samples): by the critic's features, or the kernel."""
    near, true = record["distance"][which], record["real_distance"][which]
    return float(np.log(np.maximum(near, 1e-14) / true))


def log_contrast(record: Record) -> float:
    """log(what the best neuron of unit weights tells points from data by / λ)."""
    return float(np.log(record["contrast"] / record["decay"]))
