"""Rates and floors of methods on finite sums: those of theory, and those of runs, whose means are over replicas."""

from functools import lru_cache

import numpy as np

from simulations.optimisation.linearised_network import LinearisedNetwork
from simulations.records.record import Record
from theory.finite_sums import LeastSquares, Rate, decaying_limit, sag, saga, svrg
from theory.temperature import excess, moments, stationary

ROUNDING = 1e-11
"""Of the start: below it, energies differ by rounding."""

SLOWER = 0.25
"""Of the step that is taken: what the control of an exact mean is computed for."""

EARLY = np.exp(-2)
"""Of its start: what is left of the exact mean when methods are no longer compared with it, for what is left is noise.
"""


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
def floor(problem: LeastSquares, share: float = 1.0) -> np.ndarray:
    """Return the stationary excess risk of SGD with a share of its constant step."""
    return np.asarray(excess(problem.reduced, stationary(problem.reduced, share * longest(problem), 1)))


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


def fits(network: LinearisedNetwork, mean: np.ndarray) -> np.ndarray:
    """Return Φ(E b − b*), what the mean predictions still have to go, for means [T, p], [T, n]."""
    return (mean - network.problem.minimum) @ network.problem.features.T


def _bounded(record: Record, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of what the theorem of a method bounds (excess risk for SAG, else squared distance) [T], and
    where it is no rounding.
    """
    values = np.mean(record["excess" if method == "sag" else "distance"], axis=0)
    return values, values > ROUNDING * values[0]


def over_bound(record: Record, hurried: float = 1.0) -> float:
    """The largest share of the bound of its theorem, over all times; of one that falls so many times as fast."""
    values, seen = _bounded(record, str(record["experiment"]))
    bound = record[f"{record['experiment']}_bound"][: len(values)]
    return float(np.max((values / (bound[0] * (bound / bound[0]) ** hurried))[seen]))


def rate_ratio(record: Record) -> float:
    """Observed rate, from the first observation after n steps to the last above rounding, over the theorem's."""
    steps, (values, seen) = record["steps"], _bounded(record, str(record["experiment"]))
    first, last = int(np.searchsorted(steps, record["samples"])), int(np.flatnonzero(seen)[-1])
    rate = np.log(values[first] / values[last]) / (steps[last] - steps[first])
    return float(rate / record[f"{record['experiment']}_rate"])


def fit_ratio(record: Record, exact: str = "exact_fit") -> float:
    """The engine's mean predictions on the way to its minimum, along the exact ones, and over their length: mean over
    the times until the exact ones (or another value by theory) have fallen to `EARLY`.
    """
    length = np.sum(record["exact_fit"] ** 2, axis=1)
    early = slice(1, 1 + max(1, int(np.sum(length[1:] > EARLY * length[0]))))
    along = np.sum((record["fit"] * record[exact])[early], axis=1)
    return float(np.mean(along / np.sum(record[exact][early] ** 2, axis=1)))


def _middle(steps: np.ndarray) -> int:
    """Return where the later half of a run begins."""
    return int(np.searchsorted(steps, steps[-1] / 2))


def floor_ratio(record: Record, floor: str = "floor") -> float:
    """Excess risk in the later half of the run over the stationary one (or another value by theory)."""
    late = record["excess"][:, _middle(record["steps"]) :]
    return float(np.mean(late) / record[floor])


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
    """Mean excess risk over the exact one (or another value by theory), until the exact one has fallen to `EARLY`
    (at one time at least).
    """
    early = slice(1, 1 + max(1, int(np.sum(record["exact"][1:] > EARLY * record["exact"][0]))))
    return float(np.mean(np.mean(record["excess"], axis=0)[early] / record[exact][early]))


def late_rate(record: Record) -> float:
    """Rate at which the mean excess risk falls in the later half of the run, over the theorem's for fitted samples."""
    steps, values = record["steps"], np.mean(record["excess"], axis=0)
    middle = _middle(steps)
    return float(np.log(values[middle] / values[-1]) / (steps[-1] - steps[middle]) / record["fitted_rate"])
