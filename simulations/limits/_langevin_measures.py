"""Measures of the Langevin study, each a function of one record."""

import functools
from dataclasses import replace

import numpy as np

from simulations.limits._langevin import LINES, Exact, Parameters, continuous, exact, path, plane_law
from simulations.records.record import Record
from theory import fokker_planck, gibbs
from theory._checks import Array
from theory.euler_law import euler_law


def parameters(record: Record) -> Parameters:
    return Parameters(**record.parameters)


def theory_of(run: Parameters) -> Exact:
    """The exact law of a run on the line; the claims select only runs that have one."""
    found = exact(run)
    assert found is not None
    return found


def known(record: Record) -> Exact:
    """Return the exact law of a record's run on the line."""
    return theory_of(parameters(record))


HOT = 0.5
"""The temperature from which annealed runs start."""

# In the plane, linear units.


def mean_on_the_way(record: Record, wrong: bool = False) -> float:
    """Where the mean of the clouds is on the way from its law in discrete time, 0, to that in continuous time, 1.

    At the first observed step: later both have come to rest at the same point. With `wrong` it is counted from the law
    in continuous time, which puts the right mean at −1.
    """
    start, end = (plane_law(parameters(record), continuous=flag).mean[1] for flag in (False, True))
    away = record["means"][1].mean(axis=0) - (end if wrong else start)
    return float(away @ (end - start) / np.sum((end - start) ** 2))


def mean_fluctuation(record: Record, independent: bool = False) -> float:
    """Variance of the clouds' mean over its exact value, averaged over directions and over times after the start;
    `independent` takes that of as many independent particles of the same law.
    """
    law = plane_law(parameters(record))
    away = record["means"] - law.mean[:, None]
    exact = law.spread[:, None, None] * np.eye(2) if independent else law.fluctuation
    scaled = np.einsum("tri,tij,trj->tr", away, np.linalg.inv(exact), away)[1:]
    return record["particles"] * float(scaled.mean()) / 2


def within_cloud(record: Record, wrong: bool = False) -> float:
    """Covariance within the clouds over its exact value in the end, or with `wrong` that of continuous time."""
    law = plane_law(parameters(record), continuous=wrong)
    exact = (1 - 1 / record["particles"]) * law.spread[-1]
    return float(np.trace(record["within"][-1]) / 2 / exact)


def mean_distance(record: Record) -> float:
    """Root mean square of |m̂ − E m̂| in the end."""
    away = record["means"][-1] - plane_law(parameters(record)).mean[-1]
    return float(np.sqrt(np.mean(np.sum(away**2, axis=1))))


def cloud_radius(record: Record) -> float:
    """Root mean square distance of a particle to the mean of its cloud in the end."""
    return float(np.sqrt(np.trace(record["within"][-1])))


# On the line.


def law_score(record: Record, against: str, wrong: bool = False) -> float:
    """(E f_m − exact), along the way from the exact law to another one, in standard errors; the mean over times.

    The other law is that of continuous time, or of the final temperature from the start on. With `wrong` it is the one
    that the mean is compared with.
    """
    right = _predictions(record)[1:]
    other = _other(record, against)[1:]
    scores = []
    for mean, covariance, f, g in zip(record["mean"][1:], record["pair_covariance"][1:], right, other, strict=True):
        way = g - f
        scores.append((mean - (g if wrong else f)) @ way / np.sqrt(way @ covariance @ way / record["replicas"]))
    return float(np.mean(scores))


def _predictions(record: Record, constant: bool = False) -> Array:
    """E f_m up to O(1/m²), [T, n]."""
    run = parameters(record)
    found = theory_of(replace(run, temperature=run.final_temperature, cooling=0.0) if constant else run)
    return gibbs.predictions(found.problem, found.law.density + found.law.bias / run.particles)


def _other(record: Record, against: str) -> Array:
    if against == "constant temperature":
        return _predictions(record, constant=True)
    run = replace(parameters(record), particles=1, replicas=2, seed=0)
    return gibbs.predictions(known(record).problem, continuous(run))


def fluctuation(record: Record, independent: bool = False) -> float:
    """m E|f_m − f|² over its limit, mean over times; `independent` takes that of particles drawn from the law."""
    law = known(record).law
    limit = law.sampling if independent else law.covariance
    return float(np.mean(record["particles"] * squares(record)[1:] / np.trace(limit[1:], axis1=1, axis2=2)))


def squares(record: Record) -> Array:
    """E|f_m − f|², [T]."""
    bias = record["mean"] - known(record).law.predictions
    return np.trace(record["covariance"], axis1=1, axis2=2) + np.sum(bias**2, axis=1)


def bias(record: Record, power: float = 1.0) -> float:
    """m^power (E f_m − f), along its limit and over it; the mean over times after the start."""
    law = known(record).law
    limit = gibbs.predictions(known(record).problem, law.bias)[1:]
    along = np.sum((record["mean"] - law.predictions)[1:] * limit, axis=1) / np.sum(limit**2, axis=1)
    return float(record["particles"] ** power * np.mean(along))


def gap(record: Record, entropy: float = 1.0) -> tuple[Array, Array]:
    """F + τ ∫ μ log μ of the simulated law over its minimum, [T], and the same of the exact law of m particles.

    The entropy is that of a histogram: what N counts make it less, (bins − 1)/(2N) on average, and what bins do, by the
    exact law, are put back. The share of a bin under that law is the integral of the density, by a rule of fourth
    order. `entropy` multiplies the entropy of the simulated law: one, unless in a control.
    """
    found, run = known(record), parameters(record)
    problem, tau = found.problem, run.final_temperature
    density = found.law.density + found.law.bias / run.particles
    binned = density.copy()
    binned[:, 1:-1] += (density[:, 2:] - 2 * density[:, 1:-1] + density[:, :-2]) / 24
    counts = record["histogram"].astype(float)
    total = counts.sum(axis=1)
    lost = (np.sum(counts > 0, axis=1) - 1) / (2 * total) + _entropy(problem, binned) - _entropy(problem, density)
    simulated = _entropy(problem, counts / (total[:, None] * problem.spacing)) - lost
    energy = np.mean((record["mean"] - problem.targets) ** 2, axis=1) / 2
    energy = energy + problem.strength / 2 * record["second_moment"]
    least = gibbs.free_energy(problem, found.equilibrium, tau)
    return energy + tau * entropy * simulated - least, gibbs.free_energy(problem, density, tau) - least


def _entropy(problem: gibbs.Line, density: Array) -> Array:
    """∫ μ log μ; where a density to order 1/m is below zero, far out, it counts as zero."""
    return np.sum(density * np.log(np.where(density > 0, density, 1.0)), axis=1) * problem.spacing


def gap_ratio(record: Record, entropy: float = 1.0) -> float:
    """Simulated over exact gap of the free energy, mean over the times at which a twentieth of the first is left."""
    simulated, law = gap(record, entropy)
    seen = law > law[0] / 20
    return float(np.mean(simulated[seen] / law[seen]))


def gap_over_bound(record: Record, linearised: float = 0.0) -> float:
    """Largest over times after the start of the free energy's gap over the bound, see `bound_exponent`."""
    run = parameters(record)
    simulated, law = gap(record)
    return float(np.max((simulated / law[0] * np.exp(bound_exponent(run, linearised)[run.stops]))[1:]))


def bound_exponent(run: Parameters, linearised: float = 0.0) -> Array:
    """2τ ∫ ρ after every step, ρ of Holley and Stroock with the oscillation of F'[μ] along the exact law.

    At every step that of the largest oscillation still to come counts, so that the sum is below the integral. With
    `linearised` the rate is so many times that of the linearised equation instead.
    """
    return _bound_exponent(replace(run, particles=1, replicas=2, seed=0), linearised)


@functools.lru_cache(maxsize=32)
def _bound_exponent(run: Parameters, linearised: float) -> Array:
    found, tau = theory_of(run), run.final_temperature
    if linearised:
        rates = np.full(run.stops[-1], linearised * fokker_planck.decay_rate(found.problem, tau))
    else:
        oscillations = gibbs.oscillation(found.problem, path(run).predictions)
        worst = np.maximum.accumulate(oscillations[::-1])[::-1][:-1]
        rates = np.array([2 * tau * gibbs.log_sobolev(value, run.strength, tau) for value in worst])
    return np.append(0.0, np.cumsum(rates) * run.step)


def excess(record: Record) -> float:
    """log of the mean energy F in the end above that of the Gibbs measure at the final temperature, over what the
    better one of the constant temperatures HOT and the final one leaves above it at the same time.
    """
    run, problem = replace(parameters(record), particles=1, replicas=2, seed=0), known(record).problem
    rest = float(gibbs.free_energy(problem, known(record).equilibrium, 0.0))
    rival = constant_energy(problem, replace(run, temperature=HOT, cooling=run.time))
    return float(np.log((record["energy"][-1] - rest) / (rival - rest)))


@functools.lru_cache(maxsize=32)
def constant_energy(problem: gibbs.Line, run: Parameters) -> float:
    """Least energy that a constant temperature, the first or the final one, leaves at the time of this run."""
    start = gibbs.normal(problem, LINES[run.problem].mean, LINES[run.problem].deviation)
    laws = [
        euler_law(problem, start, run.step, np.full(run.stops[-1], tau), run.stops[-1:])
        for tau in (run.temperature, run.final_temperature)
    ]
    return min(float(gibbs.free_energy(problem, law.density[0], 0.0)) for law in laws)
