"""Measures of the study `sgd_temperature`, each a function of one record."""

import numpy as np

from simulations.optimisation import _minima
from simulations.optimisation._temperature import (
    LATE,
    Parameters,
    exact_moments,
    lazy,
    predict,
    problem_of,
    step_of,
)
from simulations.records.record import Record
from theory.temperature import excess, first_order, variance_factor


def parameters_of(record: Record) -> Parameters:
    return Parameters(**record.parameters)


def late_excess(record: Record) -> float:
    """Excess risk, mean over replicas and the later half of the run."""
    return float(np.mean(record["excess"][-LATE:]))


def exact_excess(run: Parameters) -> float:
    """The exact mean of `late_excess`."""
    return float(np.mean(excess(lazy(run).problem, exact_moments(run).second[-LATE:])))


def first_order_excess(run: Parameters) -> float:
    """(η/4B) tr C."""
    return first_order(lazy(run).problem, step_of(run), run.batch)


def over_exact(record: Record) -> float:
    return late_excess(record) / exact_excess(parameters_of(record))


def over_first_order(record: Record) -> float:
    return late_excess(record) / first_order_excess(parameters_of(record))


def over_doubled(record: Record) -> float:
    """Over twice the first-order law: that of half the batch."""
    return over_first_order(record) / 2


def over_root(record: Record) -> float:
    """Over (η/4√B) tr C: as if the batch counted by its root; for single samples that of two."""
    return over_first_order(record) / np.sqrt(max(2, record["batch"]))


def over_replaced(record: Record) -> float:
    """Over the exact value times 1/B over its factor: what batches with replacement would have, to first order."""
    own = variance_factor(record["samples"], record["batch"], replacement=False)
    return over_exact(record) * own * record["batch"]


def modes_over_exact(record: Record) -> float:
    """tr(S_exact⁻¹ S)/p, S the second moment of b − b* in the later half."""
    exact = exact_moments(parameters_of(record)).second[-LATE:].mean(axis=0)
    return float(np.trace(np.linalg.solve(exact, record["second"])) / len(exact))


def modes_over_equal(record: Record) -> float:
    """Return tr(S)/p, S of `modes_over_exact`, over the multiple of the identity with the first-order excess risk."""
    run = parameters_of(record)
    problem = lazy(run).problem
    equal = 2 * first_order_excess(run) / np.trace(problem.hessian)
    return float(np.trace(record["second"]) / len(problem.hessian) / equal)


def grown_over_decayed(record: Record, slower: str = "decayed") -> float:
    """log of the excess with a growing batch over that with a decaying step, mean over the transient, less its exact
    value at equal numbers of samples.
    """
    exact = predict(parameters_of(record))
    expected = np.log(exact["grown"].mean() / exact["decayed"].mean())
    return float(np.log(record["grown"].mean() / record[slower].mean()) - expected)


def grown_over_decayed_steps(record: Record) -> float:
    return grown_over_decayed(record, "decayed_steps")


def _fall(record: Record, name: str) -> float:
    """log of a curvature at the start less that at the end of the slow flow."""
    run = parameters_of(record)
    exact = np.log(_minima.predict(run.dose, problem_of(run))[name])
    return float(exact[0] - exact[-1])


def _fallen(record: Record, setting: str, name: str, at: int = -1) -> float:
    """log of a curvature at the start less its mean over replicas at an observation."""
    logs = np.log(record[f"{setting}_{name}"])
    return float(np.mean(logs[:, 0] - logs[:, at]))


def fall_ratio(record: Record, name: str) -> float:
    """Fall of the log of a curvature over that of the slow flow: 2 (cold, run twice as long) − base, so that what is of
    the first order in the temperature cancels.
    """
    return (2 * _fallen(record, "cold", name) - _fallen(record, "base", name)) / _fall(record, name)


def early_ratio(record: Record, name: str) -> float:
    """Return the fall of the log of a curvature in the cold run over that of the slow flow.

    The cold run is taken after a quarter of the time of the base.
    """
    return _fallen(record, "cold", name, _minima.TIMES // 4) / _fall(record, name)


def batch_against_noise(record: Record) -> float:
    """Fall of the log trace of `batch` less that of `noise`, over that of the slow flow: of one step and one
    temperature. (That of the base, whose step is twice as large, differs by O(η) at the same temperature.)
    """
    fallen = _fallen(record, "batch", "traces") - _fallen(record, "noise", "traces")
    return fallen / _fall(record, "traces")


def batch_alone(record: Record) -> float:
    """Return `batch_against_noise` against a network without noise in its labels, which stays at its minimum."""
    return _fallen(record, "batch", "traces") / _fall(record, "traces")
