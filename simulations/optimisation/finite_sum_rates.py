"""Rates and floors of methods on finite sums: those of theory, and those of runs, whose means are over replicas."""

from functools import lru_cache

import numpy as np

from simulations.optimisation.linearised_network import LinearisedNetwork
from simulations.records.record import Record
from theory.finite_sums import LeastSquares, Rate, decaying_limit, sag, saga, svrg
from theory.temperature import excess, moments, stationary

ROUNDING = 1e-20
"""Of the start: below it, what is seen is rounding."""


def theorem(network: LinearisedNetwork, method: str) -> Rate:
    """Return the rate that is proved for a method, and the step for which it is."""
    problem, start = network.problem, network.start
    if method == "sag":
        return sag(problem, start)
    if method == "svrg":
        return svrg(problem, start, 2.0 * problem.n)
    return saga(problem, start, adapted=method == "adapted")


def theorems(network: LinearisedNetwork, steps: np.ndarray, *methods: str) -> dict[str, np.ndarray]:
    """Return bounds at these steps and rates, log of the factor a step, that are proved for methods."""
    proved = {method: theorem(network, method) for method in methods}
    bounds = {f"{method}_bound": rate.bound(steps) for method, rate in proved.items()}
    return bounds | {f"{method}_rate": np.asarray(-np.log1p(-rate.rate)) for method, rate in proved.items()}


def longest(problem: LeastSquares) -> float:
    """Return the constant step of SGD and the first of decaying ones, 1/2L."""
    return 1 / (2 * problem.smoothness)


@lru_cache(maxsize=32)
def floor(problem: LeastSquares) -> np.ndarray:
    """Return the stationary excess risk of SGD with its constant step."""
    return np.asarray(excess(problem.reduced, stationary(problem.reduced, longest(problem), 1)))


@lru_cache(maxsize=32)
def limit_of_half(problem: LeastSquares) -> np.ndarray:
    """Return the limit of (k + k₀) times the excess risk for the steps 1/(μk), half of those of c = 2."""
    return np.asarray(decaying_limit(problem, 1.0))


def fitted_rate(problem: LeastSquares) -> dict[str, np.ndarray]:
    """Return the rate of SGD that is proved where all samples are fitted at the minimum."""
    return {"fitted_rate": np.asarray(-np.log1p(-problem.convexity / (2 * problem.smoothness)))}


def without_noise(network: LinearisedNetwork, steps: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Return the mean excess risk of SGD with a share of its step if all samples were fitted at the minimum."""
    problem, reduced = network.problem, network.problem.reduced
    fitted = LeastSquares(reduced.features, np.zeros(reduced.n), reduced.ridge)
    away = problem.span.T @ (network.start - problem.minimum)
    return excess(fitted, moments(fitted, away, share * longest(problem), 1, steps).second)


def _bounded(record: Record, method: str) -> np.ndarray:
    """Return the mean of what the theorem of a method bounds, [T]: excess risk for SAG, else squared distance."""
    return np.mean(record["excess" if method == "sag" else "distance"], axis=0)


def over_bound(record: Record, name: str | None = None) -> float:
    """The largest share of the bound of its theorem (or of another method's), over all times."""
    method = name or str(record["experiment"])
    values = _bounded(record, method)
    seen = values > ROUNDING * values[0]
    return float(np.max((values / record[f"{method}_bound"][: len(values)])[seen]))


def rate_ratio(record: Record, name: str | None = None) -> float:
    """Observed rate, from the first observation after n steps to the last above rounding, over the theorem's."""
    method, steps = name or str(record["experiment"]), record["steps"]
    values = _bounded(record, method)
    first = int(np.searchsorted(steps, record["samples"]))
    last = int(np.flatnonzero(values > ROUNDING * values[0])[-1])
    rate = np.log(values[first] / values[last]) / (steps[last] - steps[first])
    return float(rate / record[f"{method}_rate"])


def floor_ratio(record: Record) -> float:
    """Excess risk in the later half of the run over the stationary one of SGD with the constant step."""
    late = record["excess"][:, len(record["steps"]) // 2 :]
    return float(np.mean(late) / record["floor"])


def _tail(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """(k + k₀, mean excess risk) in the last third of a run with decaying steps, on the scale of logarithms."""
    late = record["steps"] + record["offset"]
    kept = slice(-(len(late) // 3), None)
    return late[kept], np.mean(record["excess"], axis=0)[kept]


def decay_slope(record: Record) -> float:
    """The exponent p of mean excess risk ∝ (k + k₀)^p in the tail."""
    late, values = _tail(record)
    return float(np.polyfit(np.log(late), np.log(values), 1)[0])


def decay_ratio(record: Record) -> float:
    """Mean excess risk in the tail over the exact one."""
    late, values = _tail(record)
    return float(np.mean(values / record["exact"][-len(late) :]))


def decay_over_limit(record: Record) -> float:
    """(k + k₀) times the excess risk in the tail over its limit for the steps 1/(μk), which are half as large."""
    late, values = _tail(record)
    return float(np.mean(late * values) / record["limit_of_half"])


def early_ratio(record: Record, exact: str = "exact") -> float:
    """Mean excess risk over the exact one (or another value by theory), until the exact one has fallen by e⁻² (at one
    time at least).
    """
    early = slice(1, 1 + max(1, int(np.sum(record["exact"][1:] > np.exp(-2) * record["exact"][0]))))
    return float(np.mean(np.mean(record["excess"], axis=0)[early] / record[exact][early]))


def late_rate(record: Record) -> float:
    """Rate at which the mean excess risk falls in the later half of the run, over the theorem's for fitted samples."""
    steps, values = record["steps"], np.mean(record["excess"], axis=0)
    middle = len(steps) // 2
    return float(np.log(values[middle] / values[-1]) / (steps[-1] - steps[middle]) / record["fitted_rate"])
