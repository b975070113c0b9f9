r"""The largest slope over the sphere in many dimensions: a semidefinite bound of the lifted direction.

`lifted_products` says which matrix is relaxed to which program, `lifted_multipliers` looks for multipliers, and
`lifted_bound` makes a proved bound of any multipliers whatever. Here both signs of h are pursued, the one with the
larger bound first, until the bound that is asked for is proved, or nothing is gained any more, or time is up.
"""

import time
from collections.abc import Callable

import numpy as np

from meanfield.certificates.ascent import ascent_maximum
from meanfield.certificates.lifted_bound import Lifted, proved_bound
from meanfield.certificates.lifted_multipliers import AlternatingDirections
from meanfield.certificates.slope import Array, Slope

CHUNK = 50
"""Steps between two bounds."""

PATIENCE, GAIN = 6, 0.01
"""The search ends when so many bounds in a row took away less than this share of what lies between bound and height."""

STEPS = 20_000
"""Steps for each sign, at most."""


def lifted_memory(n: int, q: int) -> int:
    """Bytes that the method takes for n rows of q columns, about."""
    return 8 * (30 * n * n + 16 * (1 + q + n) ** 2)


def lifted_maximum(
    slope: Slope,
    found: float = 0.0,
    target: float | None = None,
    seconds: float | None = None,
    starts: Array | None = None,
    report: Callable[[float, float], None] | None = None,
) -> float:
    """A proved upper bound of C, with what rounding can do.

    `found` is the largest |h| known, `target` a bound that suffices, `report` is told found and bound now and then.
    """
    deadline = np.inf if seconds is None else time.monotonic() + seconds
    slope = slope.reduced()
    if len(slope.c) == 0:
        return 0.0
    given = Lifted.of(slope)
    signs = (given,) if given.power == 2 else (given, Lifted(-given.c, given.x, given.below, given.above, given.scale))
    start = np.zeros((0, slope.z.shape[1])) if starts is None else starts
    found = max(found, ascent_maximum(slope, starts))
    height = (found / given.scale) ** given.power
    pursuits = [_Pursuit(one, height, start) for one in signs]
    while True:
        worst = max(pursuits, key=lambda one: one.bound)
        if report is not None:
            report(found, worst.bound)
        if target is not None and worst.bound <= target:
            break
        if worst.ended(found) or time.monotonic() >= deadline:
            break
        worst.advance()
    return max(one.bound for one in pursuits)


class _Pursuit:
    """The least bound so far of one sign of h."""

    def __init__(self, lifted: Lifted, height: float, directions: Array):
        self.lifted = lifted
        self.method = AlternatingDirections(lifted, height, directions)
        self.bound = proved_bound(lifted, self.method.multipliers())
        self.bounds = [self.bound]

    def advance(self) -> None:
        self.method.advance(CHUNK)
        self.bound = min(self.bound, proved_bound(self.lifted, self.method.multipliers()))
        self.bounds.append(self.bound)

    def ended(self, found: float) -> bool:
        """Return True if steps have run out or the last ones gained next to nothing."""
        if self.method.steps >= STEPS or self.bound <= found * (1 + 1e-12):
            return True
        if len(self.bounds) <= PATIENCE:
            return False
        before = self.bounds[-1 - PATIENCE]
        return before - self.bound <= GAIN * (self.bound - found)
