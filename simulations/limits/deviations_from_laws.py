"""Deviations of noisy particles from their exact laws, read off runs in the plane, on the line and with two wells."""

import numpy as np

from simulations.records.record import Record
from theory._checks import Array

# In the plane, linear units.


def mean_moved(record: Record, law: str = "exact") -> float:
    """How far the mean of the clouds has moved up to the first observed step, along and over what the law says.

    The `law` is "exact", that of the steps, or "continuous". Later both have come to rest at one point.
    """
    start, end = record["exact_mean"][0], record[f"{law}_mean"][1]
    moved = record["means"][1].mean(axis=0) - start
    return float(moved @ (end - start) / np.sum((end - start) ** 2))


def mean_fluctuation(record: Record, independent: bool = False) -> float:
    """Variance of the clouds' mean over its exact value, averaged over directions and over times after the start;
    `independent` takes that of as many independent particles of the same law.
    """
    away = record["means"] - record["exact_mean"][:, None]
    spread = record["exact_spread"][:, None, None] * np.eye(2)
    exact = spread if independent else record["exact_fluctuation"]
    scaled = np.einsum("tri,tij,trj->tr", away, np.linalg.inv(exact), away)[1:]
    return record["particles"] * float(scaled.mean()) / 2


def within_cloud(record: Record, wrong: bool = False) -> float:
    """Covariance within the clouds over its exact value in the end, or with `wrong` that of continuous time."""
    spread = record["continuous_spread" if wrong else "exact_spread"][-1]
    return float(np.trace(record["within"][-1]) / 2 / ((1 - 1 / record["particles"]) * spread))


# On the line.


SMALL = 1e-6
"""A direction whose variance is a smaller share of the largest is one in which no network differs from another."""


def moved(record: Record, law: str = "exact") -> float:
    """How far E f_m has moved from the start, over what the law of m particles says; at all times.

    The `law` is "exact", or "other": that of continuous time, or of the final temperature from the start on.
    """
    exact, start = record[f"{law}_mean"], record["exact_mean"][0]
    return coefficient(record["mean"] - start, exact - start, record["pair_covariance"])


def coefficient(seen: Array, exact: Array, covariance: Array) -> float:
    """The coefficient of what is seen, [T, n], on the exact values, by generalised least squares after the start.

    What is seen in directions in which networks differ little counts the more, by the inverse of their covariance.
    """
    weights = np.linalg.pinv(covariance[1:], rcond=SMALL, hermitian=True)
    products = [np.einsum("ti,tij,tj->", one[1:], weights, exact[1:]) for one in (seen, exact)]
    return float(products[0] / products[1])


def fluctuation(record: Record, independent: bool = False) -> float:
    """m E|f_m − f|² over its limit, mean over times; `independent` takes that of particles drawn from the law."""
    limit = record["independent_squares" if independent else "limit_squares"]
    return float(np.mean(record["particles"] * squares(record)[1:] / limit[1:]))


def squares(record: Record) -> Array:
    """E|f_m − f|², [T]."""
    away = record["mean"] - record["limit_mean"]
    return np.trace(record["covariance"], axis1=1, axis2=2) + np.sum(away**2, axis=1)


def bias(record: Record, late: bool = False) -> float:
    """m (E f_m − f) over its limit, at all times; `late` takes the limit in the end for all of them."""
    limit = record["limit_bias"]
    limit = np.concatenate([limit[:1], np.repeat(limit[-1:], len(limit) - 1, axis=0)]) if late else limit
    away = record["mean"] - record["limit_mean"]
    return coefficient(record["particles"] * away, limit, record["pair_covariance"])


def gap(record: Record, entropy: float = 1.0) -> Array:
    """F + τ ∫ μ log μ of the simulated law over its minimum, [T]; `entropy` multiplies the entropy: one, unless in a
    control.
    """
    return record["energy_of_mean"] + record["temperature"] * entropy * histogram_entropy(record) - record["least"]


def histogram_entropy(record: Record) -> Array:
    """∫ μ log μ of the histogram of all particles, [T].

    What N counts make it less, (bins − 1)/(2N) on average, and what bins do, by the exact law, are put back. The share
    of a bin under that law is the integral of the density, by a rule of fourth order.
    """
    density, spacing = record["density_of_m"], record["nodes"][1] - record["nodes"][0]
    binned = density.copy()
    binned[:, 1:-1] += (density[:, 2:] - 2 * density[:, 1:-1] + density[:, :-2]) / 24
    counts = record["histogram"].astype(float)
    total = counts.sum(axis=1)
    lost = (np.sum(counts > 0, axis=1) - 1) / (2 * total) + _entropy(spacing, binned) - _entropy(spacing, density)
    return _entropy(spacing, counts / (total[:, None] * spacing)) - lost


def _entropy(spacing: float, density: Array) -> Array:
    """∫ μ log μ; where a density to order 1/m is below zero, far out, it counts as zero."""
    return np.sum(density * np.log(np.where(density > 0, density, 1.0)), axis=1) * spacing


def gap_ratio(record: Record, entropy: float = 1.0) -> float:
    """Simulated over exact gap of the free energy, mean over the times at which a twentieth of the first is left."""
    exact = record["exact_gap"]
    seen = exact > exact[0] / 20
    return float(np.mean(gap(record, entropy)[seen] / exact[seen]))


def gap_over_bound(record: Record, linearised: float = 0.0) -> float:
    """Largest over times after the start of the free energy's gap over the bound of the log-Sobolev constants; with
    `linearised` the rate is so many times that of the linearised equation instead.
    """
    exponent = linearised * record["decay_rate"] * record["times"] if linearised else record["bound_exponent"]
    return float(np.max((gap(record) / record["exact_gap"][0] * np.exp(exponent))[1:]))


# With two wells.


def energy_left(record: Record, constant: bool = False) -> float:
    """Mean energy F in the end above that of the Gibbs measure at the final temperature, over what theory says of m
    particles; `constant` takes what theory says of the final temperature throughout.
    """
    exact = record["constant_energy" if constant else "exact_energy"]
    return float((record["energy"][-1] - record["rest"]) / (exact - record["rest"]))


def excess(record: Record) -> float:
    """log of the mean energy F in the end above that of the Gibbs measure at the final temperature, over what the
    better one of the two constant temperatures leaves above it at the same time.
    """
    rest, rival = record["rest"], min(record["path_hot"][-1], record["path_cold"][-1])
    return float(np.log((record["energy"][-1] - rest) / rival))
