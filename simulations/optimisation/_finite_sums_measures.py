"""Measures of the study `finite_sums`, each a function of one record."""

import functools

import numpy as np

from simulations.optimisation._finite_sums import Parameters, lazy, offset, predict, sizes, step_of, stops, theorem
from simulations.records.record import Record
from theory.finite_sums import LeastSquares, decaying_limit
from theory.temperature import excess, moments, varying

FLOOR = 1e-20
"""Of the start: below it, what is seen is rounding."""


def parameters_of(record: Record) -> Parameters:
    return Parameters(**record.parameters)


def _mean(record: Record, name: str) -> np.ndarray:
    """Return what the theorem `name` bounds, mean over replicas [T]: excess risk for SAG, else squared distance."""
    return np.mean(record["excess" if name == "sag" else "distance"], axis=0)


def over_bound(record: Record, name: str | None = None) -> float:
    """The largest share of its theorem's bound that a method took, over all times."""
    name = name or str(record["method"])
    seen = _mean(record, name) > FLOOR * _mean(record, name)[0]
    return float(np.max((_mean(record, name) / theorem(parameters_of(record), name).bound(record["steps"]))[seen]))


def rate_ratio(record: Record, name: str | None = None) -> float:
    """Observed rate, from the first observation after n steps to the last above rounding, over the theorem's."""
    name, steps = name or str(record["method"]), record["steps"]
    values = _mean(record, name)
    first = int(np.searchsorted(steps, record["samples"]))
    last = int(np.flatnonzero(values > FLOOR * values[0])[-1])
    rate = np.log(values[first] / values[last]) / (steps[last] - steps[first])
    return float(rate / -np.log1p(-theorem(parameters_of(record), name).rate))


def floor_ratio(record: Record) -> float:
    """Excess risk in the later half of the run over the stationary one of SGD with the constant step."""
    late = record["excess"][:, len(record["steps"]) // 2 :]
    return float(np.mean(late) / floor(parameters_of(record)))


def floor(run: Parameters) -> float:
    """Stationary excess risk of SGD with the constant step 1/2L, on the problem of a run."""
    return _floor(Parameters(method="sgd", **{name: getattr(run, name) for name in SHARED}))


SHARED = ("ridge", "noise", "particles", "dimension", "samples", "seed")


@functools.lru_cache(maxsize=256)
def _floor(run: Parameters) -> float:
    return float(predict(run)["floor"])


def _tail(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """(k + k₀, mean excess risk) in the last third of a run with decaying steps, on the scale of logarithms."""
    late = record["steps"] + offset(parameters_of(record))
    kept = slice(-(len(late) // 3), None)
    return late[kept], np.mean(record["excess"], axis=0)[kept]


def decay_slope(record: Record) -> float:
    """The exponent p of mean excess risk ∝ (k + k₀)^p in the tail."""
    late, values = _tail(record)
    return float(np.polyfit(np.log(late), np.log(values), 1)[0])


def decay_ratio(record: Record) -> float:
    """Mean excess risk in the tail over the exact one."""
    late, values = _tail(record)
    return float(np.mean(values / decaying_excess(parameters_of(record))[-len(late) :]))


def decay_over_limit(record: Record) -> float:
    """(k + k₀) times the excess risk in the tail over its limit for the steps 1/(μk), which are half as large."""
    late, values = _tail(record)
    return float(np.mean(late * values) / decaying_limit(lazy(parameters_of(record)).problem, 1.0))


@functools.lru_cache(maxsize=256)
def decaying_excess(run: Parameters) -> np.ndarray:
    """Exact mean excess risk [T] of decaying steps: in the span of the features, and off it, where the ridge acts."""
    one, seen = lazy(run), stops(run)
    steps = sizes(run, int(seen[-1]))
    inside = one.problem.span.T @ one.start
    within = excess(one.problem.reduced, varying(one.problem.reduced, inside, steps, seen).second)
    left = np.concatenate([[1.0], np.cumprod(1 - steps * run.ridge) ** 2])[seen]
    return within + 0.5 * run.ridge * (one.start @ one.start - inside @ inside) * left


def without_noise(run: Parameters, steps: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Excess risk [T] of SGD with `share` of the constant step if every sample were fitted at the minimum."""
    return _without_noise(
        Parameters(method="sgd", **{name: getattr(run, name) for name in SHARED}), tuple(steps), share
    )


@functools.lru_cache(maxsize=256)
def _without_noise(run: Parameters, steps: tuple[int, ...], share: float) -> np.ndarray:
    one = lazy(run)
    reduced = one.problem.reduced
    away = one.problem.span.T @ (one.start - one.problem.minimum)
    fitted = LeastSquares(reduced.features, np.zeros(reduced.n), reduced.ridge)
    return excess(fitted, moments(fitted, away, share * step_of(run), 1, steps).second)


def early_ratio(record: Record, share: float = 1.0) -> float:
    """Mean excess risk over the exact one of fitted samples (or that of `share` of the step), until the exact one has
    fallen by e⁻² (at one time at least).
    """
    run = parameters_of(record)
    exact = without_noise(run, record["steps"])
    early = slice(1, 1 + max(1, int(np.sum(exact[1:] > np.exp(-2) * exact[0]))))
    exact = without_noise(run, record["steps"], share)
    return float(np.mean(np.mean(record["excess"], axis=0)[early] / exact[early]))


def late_rate(record: Record) -> float:
    """Rate at which the mean excess risk falls in the later half of the run, over the theorem's for fitted samples."""
    problem, steps = lazy(parameters_of(record)).problem, record["steps"]
    middle, values = len(steps) // 2, np.mean(record["excess"], axis=0)
    rate = np.log(values[middle] / values[-1]) / (steps[-1] - steps[middle])
    return float(rate / -np.log1p(-problem.convexity / (2 * problem.smoothness)))
