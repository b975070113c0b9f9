"""Checks of what a value tends to: in a parameter, and in the time of training."""

import numpy as np

from simulations.records.record import Records, Select, seed_means
from simulations.verdicts import checks
from simulations.verdicts.measured import Untested, Value, chosen, means, seed_table


@checks.check("=", "slope")
def approached(
    records: Records, *, select: Select, x: str, value: Value, what: str, sides: int, level: float
) -> checks.Estimate:
    """Compare the limit in x of a value's mean over seeds, which is taken at the largest x.

    What the last step in x has changed adds to the error: it bounds what the missing ones would still change where the
    steps grow by a factor and the rest falls as a power of x.
    """
    at, table = seed_table(chosen(records, select), x, value)
    centres = table.mean(axis=0)
    error = checks.half_width(table[:, -1], sides, level) + abs(float(centres[-1] - centres[-2]))
    return checks.Estimate(float(centres[-1]), error, f"{what} at {x} = {at[-1]:g}, {len(table)} seeds")


@checks.check("=")
def trained(
    records: Records, *, select: Select, value: Value, left: Value, what: str, sides: int, level: float
) -> checks.Estimate:
    """Compare the mean over seeds of a value at the end of training.

    What training may still change, the mean of `left`, adds to the error: it has one sign in all seeds, and no number
    of them would show it.
    """
    found, values = means(chosen(records, select), value)
    samples = seed_means(found, values)
    if len(samples) < 3:
        raise Untested(f"needs 3 seeds, has {len(samples)}")
    _, rest = means(found, left)
    error = checks.half_width(samples, sides, level) + float(np.mean(rest))
    return checks.Estimate(float(np.mean(samples)), error, f"{what}, mean of {len(samples)} seeds")
