"""Measures of the stiffness study, read off its runs."""

import numpy as np

from simulations.generalisation._stiffness import GROUPS
from simulations.records.record import Record


def identity_error(record: Record, *, measured: str = "gradient", known: str = "kernel") -> float:
    """|cosine from gradients − cosine from the kernel| over the rounding; the largest of all pairs and times."""
    return float(np.max(np.abs(record[measured] - record[known]) / record["rounding"]))


def at_risk(record: Record, level: float, name: str = "groups") -> np.ndarray:
    """A value [replicas, steps, …] when the risk first falls to this share of the one at the start.

    Between two times it is linear in the logarithm of the risk; NaN where the risk never falls that far.
    """
    logs = np.log(record["risk"] / record["risk"][..., :1])
    reached = logs <= np.log(level)
    after = np.argmax(reached, axis=2)
    rows = np.indices(after.shape)
    late, early = logs[(*rows, after)], logs[(*rows, after - 1)]
    share = np.where(np.any(reached, axis=2), (early - np.log(level)) / np.where(late < early, early - late, 1), np.nan)
    share = share.reshape(*share.shape, *(1,) * (record[name].ndim - 3))
    values = record[name]
    return share * values[(*rows, after)] + (1 - share) * values[(*rows, after - 1)]


def reaches(level: float):
    """Return a predicate that is True if all networks of a run come down to this share of the risk at the start."""
    return lambda record: bool(np.all(np.any(record["risk"] <= level * record["risk"][..., :1], axis=2)))


def contrast(record: Record, *, more: str, less: str, level: float, step: int = -1) -> float:
    """Mean cosine of one group of pairs less that of another, at one risk; step −1 is the smallest, 0 the largest."""
    groups = at_risk(record, level)[:, step]
    return float(np.mean(groups[:, GROUPS.index(more)] - groups[:, GROUPS.index(less)]))


def mean(record: Record, *, of: str, level: float, step: int = -1) -> float:
    """Mean cosine of a group, at one risk."""
    return float(np.mean(at_risk(record, level)[:, step, GROUPS.index(of)]))


def change(record: Record, *, of: str, early: float, late: float) -> float:
    """Mean cosine of a group at a later risk less that at an earlier one, smallest step."""
    return mean(record, of=of, level=late) - mean(record, of=of, level=early)


def of_step(record: Record, *, of: str, level: float, step: int = 0) -> float:
    """Mean cosine of a group with a larger step less that with the smallest, at equal risk, paired by start."""
    groups = at_risk(record, level)[..., GROUPS.index(of)]
    return float(np.mean(groups[:, step] - groups[:, -1]))
