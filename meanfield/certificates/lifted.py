r"""The largest slope over the sphere in many dimensions: a semidefinite bound of the lifted direction.

`lifted_products` says which matrix is relaxed to which program, `lifted_multipliers` looks for multipliers, and
`lifted_bound` makes a proved bound of any multipliers whatever. Here both signs of h are pursued, the part with the
largest bound first, until the bound that is asked for is proved, or nothing is gained any more, or time is up. Where
a part gains nothing more it can be cut in two by the hyperplane of the sample whose sign is the least decided: on
either side one of a_i and b_i is zero, and the bounds are those of smaller programs, started where the larger one
ended.
"""

import time
from collections.abc import Callable

import numpy as np

from meanfield.certificates.ascent import ascents, climbed
from meanfield.certificates.lifted_bound import Lifted, proved_bound
from meanfield.certificates.lifted_multipliers import AlternatingDirections
from meanfield.certificates.relaxation import relaxed_maximum
from meanfield.certificates.slope import Array, Largest, Slope, highest

CHUNK = 50
"""Steps between two bounds."""

PATIENCE, GAIN = 4, 0.05
"""A part gains nothing when so many bounds in a row took away less than this share of what lies above the height."""

STEPS = 20_000
"""Steps for each part, at most."""

SHARP = 1e-7
"""A bound within this share of the height is as good as exact."""

PARTS = 2**30
"""Bytes that the parts may take together."""


def lifted_memory(n: int, q: int, split: bool = False) -> int:
    """Bytes that the method takes for n rows of q columns, about and at most, with parts cut in two or without."""
    return 8 * (30 * n * n + 16 * (1 + min(n, q) + n) ** 2) + (PARTS if split else 0)


def lifted_maximum(
    slope: Slope,
    target: float | None = None,
    seconds: float | None = None,
    starts: Array | None = None,
    splits: int = 0,
    report: Callable[[float, float], None] | None = None,
    give_up: bool = False,
) -> Largest:
    """A proved upper bound of C, with what rounding can do, and the largest |h| that was met on the way.

    `target` is a bound that suffices, `splits` how often a part may be cut in two, `report` is told height and bound
    now and then, and with `give_up` it ends as soon as a height above the target is found.
    """
    deadline = np.inf if seconds is None else time.monotonic() + seconds
    slope = slope.reduced()
    best = highest(slope, *ascents(slope, starts))
    if len(slope.c) == 0:
        return best
    relaxed = relaxed_maximum(slope)
    first = np.zeros((0, slope.z.shape[1])) if starts is None else starts
    parts = [_Part.whole(one, best.height, relaxed, first) for one in slope.signs()]
    most = max(2, PARTS // max(1, parts[0].method.memory))
    settled = 0.0
    while True:
        enough = max(target or 0.0, best.height * (1 + SHARP))
        settled = max([settled, *(one.bound for one in parts if one.bound <= enough)])
        parts = [one for one in parts if one.bound > enough]
        best = best._replace(bound=max([settled, *(one.bound for one in parts)]))
        if report is not None:
            report(best.height, best.bound)
        hopeless = give_up and target is not None and best.height > target
        if not parts or hopeless or time.monotonic() >= deadline:
            return best
        worst = max(parts, key=lambda one: one.bound)
        if not worst.ended(best.height):
            met = worst.advance()
            best = met._replace(bound=best.bound) if met.height > best.height else best
        elif splits > 0 and len(parts) < most:
            splits -= 1
            parts.remove(worst)
            parts += worst.halves()
        else:
            return best


class _Part:
    """One sign of h on a part of the sphere, and the least bound of it so far."""

    def __init__(self, slope: Slope, lifted: Lifted, method: AlternatingDirections, bound: float):
        self.slope, self.lifted, self.method = slope, lifted, method
        self.bounds = [bound]

    @classmethod
    def whole(cls, slope: Slope, found: float, bound: float, starts: Array) -> "_Part":
        """All of the sphere."""
        lifted = Lifted.of(slope)
        height = (found / lifted.scale) ** lifted.power
        return cls(slope, lifted, AlternatingDirections(lifted, height, starts), bound)

    @property
    def bound(self) -> float:
        return self.bounds[-1]

    def advance(self) -> Largest:
        """Take some steps; return the largest h found by climbing from where the relaxed maximum lies."""
        self.method.advance(CHUNK)
        bound = proved_bound(self.lifted, self.method.multipliers(), self.method.signs)
        self.bounds.append(min(self.bound, bound))
        return highest(self.slope, *climbed(self.slope, self.method.directions(), steps=12))

    def ended(self, found: float) -> bool:
        """Return True if steps have run out or the last ones gained next to nothing."""
        if self.method.steps >= STEPS:
            return True
        if len(self.bounds) <= PATIENCE:
            return False
        return self.bounds[-1 - PATIENCE] - self.bound <= GAIN * (self.bound - found)

    def halves(self) -> list["_Part"]:
        """The two parts that a hyperplane cuts this one into."""
        return [_Part(self.slope, self.lifted, half, self.bound) for half in self.method.split()]
