"""Checks for a paper's value that is that of one draw, and for two kinds of runs that share their seeds."""

from dataclasses import replace

import numpy as np

from simulations.records.record import Records, Select, seed_means
from simulations.verdicts.checks import Estimate, check, student
from simulations.verdicts.measured import Untested, Value, chosen, means

ONE = 0.05
"""Level of an interval for one more draw: at that of other checks, a thousandth, it would tell nothing."""


@check("=")
def one_more(records: Records, *, select: Select, value: Value, what: str, sides: int, level: float) -> Estimate:
    """Compare a value that the paper has of one draw with the mean of ours.

    The error is that of Student's interval for one more draw, √(n + 1) times that of the mean of n.
    """
    found, values = means(chosen(records, select), value)
    samples = seed_means(found, values)
    if len(samples) < 3:
        raise Untested(f"needs 3 seeds, has {len(samples)}")
    mean = student(samples, f"{what}, mean of {len(samples)} seeds, ± for one more", sides, level)
    return replace(mean, error=mean.error * float(np.sqrt(len(samples) + 1)))


@check(">=")
def fewer(
    records: Records, *, select: Select, other: Select, value: Value, what: str, sides: int, level: float
) -> Estimate:
    """Compare the mean difference, seed by seed, of a value in `other` less that in `select`."""
    tables = []
    for chosen_by in (select, other):
        found, values = means(chosen(records, chosen_by), value)
        tables.append({record["seed"]: one for record, one in zip(found, values, strict=True)})
    shared = sorted(set(tables[0]) & set(tables[1]))
    if len(shared) < 3:
        raise Untested(f"needs 3 seeds with both, has {len(shared)}")
    samples = np.array([tables[1][seed] - tables[0][seed] for seed in shared])
    return student(samples, f"{what}, mean of {len(samples)} seeds", sides, level)
