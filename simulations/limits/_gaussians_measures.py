"""Measures of the study of two Gaussians, each a function of one record, and the limit of many particles."""

import numpy as np

from simulations.limits._gaussians import Parameters, problem
from simulations.records.record import Record, Records, Select
from simulations.verdicts.checks import Verdict, half_width
from simulations.verdicts.measured import Value, chosen, seed_table, tested


def start_ratio(record: Record, counted: float = 1.0) -> float:
    """N (f_N − f)² at the start, mean over replicas and inputs, over its exact expectation."""
    exact = problem(Parameters(**record.parameters)).variance()
    return float(counted * record["particles"] * record["square_deviation"][0, :, 0].mean() / exact)


def excess(record: Record) -> float:
    """R_N − R at the end, against the equation in steps alike, extrapolated from ε and 2ε to steps of zero."""
    fine, coarse = record["excess"][:2, :, -1].mean(axis=1)
    return float(2 * fine - coarse)


def excess_at_step(record: Record) -> float:
    """R_N − R at the end with steps of ε, not extrapolated."""
    return float(record["excess"][0, :, -1].mean())


def excess_in_half_time(record: Record) -> float:
    """Return the `excess` against the equation without the factor 2 in its velocity, which has come half as far."""
    half = np.interp(record["times"][-1] / 2, record["times"], record["risk"])
    return excess(record) + float(record["risk"][-1] - half)


def output_deviation(record: Record) -> float:
    """Root mean square of f_N − f at the end."""
    return float(np.sqrt(np.mean(record["square_deviation"][0, :, -1])))


def against_time(record: Record) -> np.ndarray:
    """R_N − R at the end for every level, R the equation in continuous time."""
    steps = record["euler_risk"][:, -1] - record["risk"][-1]
    return record["excess"][:, :, -1].mean(axis=1) + steps


def order_of_step(record: Record, forward: bool = True) -> float:
    """p in error ∝ ε^p: log₂ of the differences between 4ε and 2ε, and 2ε and ε; or with the steps the other way."""
    levels = against_time(record)
    fine, middle, coarse = levels if forward else levels[::-1]
    return float(np.log2(abs(middle - coarse) / abs(fine - middle)))


@tested
def limit(records: Records, *, select: Select, x: str, value: Value, predicted: float, what: str) -> Verdict:
    """lim value for x → ∞ equals `predicted`: y = a + b/x + c/x², fitted seed by seed by least squares in x y."""
    points, table = seed_table(chosen(records, select), x, value)
    basis = np.stack([points, np.ones_like(points), 1 / points], axis=1)
    limits = np.linalg.lstsq(basis, (table * points).T, rcond=None)[0][0]
    measured, error = float(np.mean(limits)), half_width(limits)
    where = f"{what}, {x} {points[0]:g} … {points[-1]:g}, {len(table)} seeds"
    return Verdict(abs(measured - predicted) <= error, measured, error, predicted, where)
