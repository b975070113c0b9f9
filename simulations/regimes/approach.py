"""A check of what a value tends to in a parameter, where nothing is known of the way there."""

from simulations import Records, checks
from simulations.records.record import Select
from simulations.verdicts.measured import Value, chosen, seed_table


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
