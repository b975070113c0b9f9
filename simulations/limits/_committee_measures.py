"""Measures of the committee study, each a function of one record."""

import dataclasses

import numpy as np
from scipy.special import digamma

from simulations.limits._committee import Parameters, committee, expansion, without_noise_of_steps
from simulations.records.record import Record

ON_PLATEAU = 20.0
"""When the plateau is looked at (samples over d): noise has grown, and has not yet ended it."""


def parameters_of(record: Record) -> Parameters:
    return Parameters(**record.parameters)


def errors(record: Record) -> np.ndarray:
    """Generalisation error of every replica at every time."""
    return committee(parameters_of(record)).error(record["overlaps"].astype(float))


def _known(record: Record, quadratic: bool):
    run = parameters_of(record)
    found = expansion(run)
    if quadratic:
        return run, found
    return run, dataclasses.replace(found, limit=without_noise_of_steps(run))


def error_ratio(record: Record, quadratic: bool = True) -> float:
    """Mean generalisation error at the end, over that of the equations with their first order in 1/d."""
    run, found = _known(record, quadratic)
    return float(errors(record)[:, -1].mean() / found.mean(committee(run).error, run.dimension)[-1])


def overlap_distance(record: Record, quadratic: bool = True) -> float:
    """R d (X̄ − E X)'Σ⁻¹(X̄ − E X)/s of the mean overlaps of R replicas: one, if E X and Σ are right."""
    run, found = _known(record, quadratic)
    state = record["overlaps"].astype(float)
    gap = state.mean(axis=0) - found.limit - found.shift / run.dimension
    later = range(1, len(found.limit))
    squares = [gap[t] @ np.linalg.solve(found.covariance[t], gap[t]) for t in later]
    return len(state) * run.dimension * float(np.mean(squares)) / gap.shape[1]


def fluctuation_ratio(record: Record) -> float:
    """d (X − X̄)'Σ⁻¹(X − X̄)/s at the end, mean over replicas: one."""
    run, found = _known(record, True)
    state = record["overlaps"][:, -1].astype(float)
    gap = state - state.mean(axis=0)
    squares = np.sum(gap * np.linalg.solve(found.covariance[-1], gap.T).T)
    return run.dimension * float(squares) / ((len(state) - 1) * gap.shape[1])


def variance(record: Record) -> float:
    """Variance of an overlap at the end between replicas, mean over overlaps."""
    return float(np.mean(np.var(record["overlaps"][:, -1].astype(float), axis=0, ddof=1)))


def deviation(record: Record) -> float:
    """Return the root of `variance`: by how much an overlap differs between replicas."""
    return float(np.sqrt(variance(record)))


def _until(record: Record, time: float) -> int:
    """The last observation up to that time."""
    return int(np.searchsorted(record["times"], time + 1e-9) - 1)


def _on_plateau(record: Record, time: float = ON_PLATEAU):
    """The run, its observation at that time or just before, and the expansion at 0, soon after, and then."""
    run, at = parameters_of(record), _until(record, time)
    then = record["times"][at]
    return run, at, expansion(run, np.array([0.0, then / 50, then]))


def plateau_height(record: Record) -> float:
    """Mean generalisation error on the plateau over that of its fixed point, with the first order in 1/d."""
    run, at, found = _on_plateau(record, ON_PLATEAU / 2)
    return float(errors(record)[:, at].mean() / found.mean(committee(run).error, run.dimension)[-1])


def height_of_small_rates(record: Record) -> float:
    """Return the mean generalisation error on the plateau over its height for η → 0."""
    at = _until(record, ON_PLATEAU / 2)
    k = record["neurons"]
    return float(errors(record)[:, at].mean() / (k / np.pi * (np.pi / 6 - k * np.arcsin(1 / (2 * k)))))


def symmetry_breaking(record: Record, grown: bool = True) -> float:
    """log of d Σ_r S_r²/R Σ_S on the plateau, S what tells the teachers of two neurons apart, less its mean.

    That of log χ²_R/R is ψ(R/2) − log(R/2). `grown=False` takes for Σ_S what the noise of all steps would add up to
    without amplification.
    """
    run, at, found = _on_plateau(record)
    apart = np.array([0.0, 0.0, 0.0, 1.0, -1.0, -1.0, 1.0]) / 2
    variances = np.einsum("tij,i,j->t", found.covariance, apart, apart) / run.dimension
    expected = variances[2] if grown else 50 * variances[1]
    squares = (record["overlaps"][:, at].astype(float) @ apart) ** 2
    half = len(squares) / 2
    return float(np.log(np.mean(squares) / expected) - digamma(half) + np.log(half))


def specialised(record: Record, time: float = np.inf) -> np.ndarray:
    """Which replicas have one student for each teacher, at an angle of cosine above 0.8."""
    k = record["neurons"]
    q, r = committee(parameters_of(record)).unpack(record["overlaps"][:, _until(record, time)].astype(float))
    cosines = r / np.sqrt(np.diagonal(q, axis1=1, axis2=2))[:, :, None]
    favourite = np.sort(cosines.argmax(axis=2), axis=1)
    return (favourite == np.arange(k)).all(axis=1) & (cosines.max(axis=2) > 0.8).all(axis=1)
