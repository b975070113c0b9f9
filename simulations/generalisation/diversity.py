"""Diversity of a law as samples tell it: coincidences, intervals for 1/Σp², and measures of how far they hold."""

from math import comb

import numpy as np

from simulations.generalisation import gaussian_ring as ring
from simulations.records.record import Record
from theory import birthday

LEVEL = 0.95
"""Of the confidence intervals (probability)."""


def coincidences(chosen: np.ndarray, law: np.ndarray) -> dict[str, np.ndarray]:
    """Return of the kinds of sets of samples, [sets, s]: pairs that coincide, and which intervals hold 1/Σp², or the
    number of kinds. Intervals for the number of pairs and for the share of couples are quantiles by SciPy.
    """
    from scipy.special import betaincinv, chdtri

    drawn, tail = chosen.shape[1], (1 - LEVEL) / 2
    counts = np.zeros((len(chosen), len(law)), dtype=np.int64)
    np.add.at(counts, (np.arange(len(chosen))[:, None], chosen), 1)
    couples, truth = drawn // 2, 1 / np.sum(law**2)
    hits = np.sum(chosen[:, 0 : 2 * couples : 2] == chosen[:, 1 : 2 * couples : 2], axis=1)
    pairs = np.sum(counts * (counts - 1), axis=1) // 2
    seen, of = np.unique(pairs, return_inverse=True)  # few, and quantiles are slow
    mean = chdtri(np.maximum(2 * seen, 1), 1 - tail) / 2 * (seen > 0), chdtri(2 * seen + 2, tail) / 2
    k = np.arange(couples + 1)
    low = np.append(0.0, betaincinv(k[1:], couples - k[1:] + 1, tail))
    high = np.append(betaincinv(k[:-1] + 1, couples - k[:-1], 1 - tail), 1.0)
    with np.errstate(divide="ignore"):
        intervals = {
            "poisson": (comb(drawn, 2) / mean[1][of], comb(drawn, 2) / mean[0][of]),
            "moment": birthday.moment_interval(counts, LEVEL),
            "disjoint": (1 / high[hits], 1 / low[hits]),
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


def coverage_ratio(record: Record, name: str, against: str | None = None) -> float:
    """How often an interval holds 1/Σp², over how often it does so exactly; or another one does, or is said to."""
    exact = LEVEL if against == "said" else record[f"exact_{against or name}"]
    return float(np.mean(record[f"{name}_holds"]) / exact)


def better(record: Record, other: str = "poisson_holds") -> float:
    """Coverage of the interval from the U-statistic's variance less that of another one."""
    return float(np.mean(record["moment_holds"]) - np.mean(record[other]))


def effective(record: Record) -> float:
    """1/Σq², q the shares of the modes among points that are on one."""
    return float(1 / np.sum(ring.shares(record["counts"]) ** 2))


def modes_over(record: Record) -> float:
    """1/Σq² less what it can be at most if a mode is missing: k − 1."""
    return effective(record) - (record["kinds"] - 1)


def log_fooled(which: int, record: Record) -> float:
    """log(distance from the data, over that of as many true samples): by the critic's features, or the kernel."""
    near, true = record["distance"][which], record["real_distance"][which]
    return float(np.log(np.maximum(near, 1e-14) / true))


def log_contrast(record: Record) -> float:
    """log(what the best neuron of unit weights tells points from data by / λ)."""
    return float(np.log(record["contrast"] / record["decay"]))


def start_ratio(record: Record, exact: str = "exact_start") -> float:
    """Twice the engine's risk at the start over the squared discrepancy of the points from the data."""
    return float(2 * record["risk"][0] / record[exact])


def velocity_ratio(record: Record, exact: str = "exact_velocity") -> float:
    """First velocity of the engine's points along the exact one, over its length."""
    wanted = record[exact]
    return float(np.sum(record["velocity"] * wanted) / np.sum(wanted**2))
