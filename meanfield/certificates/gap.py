"""How far a network with weight decay is from the global minimum over all measures: a duality gap."""

import logging
import math
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from meanfield.arguments import flag, one_of, positive_count, positive_number
from meanfield.arguments.meant import instances
from meanfield.certificates.ascent import ascents
from meanfield.certificates.branching import branched
from meanfield.certificates.choice import METHODS, chosen, chosen_lifted, refuse, suitable_threads
from meanfield.certificates.dual import Dual
from meanfield.certificates.lifted import SHARP, lifted_maximum, lifted_memory
from meanfield.certificates.planar import planar_maximum
from meanfield.certificates.relaxation import relaxed_maximum
from meanfield.certificates.slope import Array, Largest, highest
from meanfield.objectives.abstract import AbstractObjective
from meanfield.particles import Particles

SPLITS = 2000
"""How often the lifted method may cut the sphere, at most."""

INTERVAL = 3.0
"""Seconds between two lines of progress, at least."""

logger = logging.getLogger("meanfield")


class _Gap(NamedTuple):
    gap: float
    lower_bound: float
    certified: bool


class OptimalityGap(_Gap):
    """How far a measure is from the global minimum; unpacks as `gap, lower_bound, certified`.

    With `certified`, F(μ) − min F ≤ `gap` and min F ≥ `lower_bound` are proved, rounding included. Without it both come
    from a search that may have missed the worst direction: the true gap can be larger, the minimum lower. `method`
    names how the largest slope was bounded, `reason` says why that way.
    """

    method: str
    reason: str

    def __new__(cls, gap: float, lower_bound: float, certified: bool, method: str = "", reason: str = ""):
        self = super().__new__(cls, gap, lower_bound, certified)
        self.method, self.reason = method, reason
        return self

    def __str__(self) -> str:
        if not self.certified:
            return f"not certified: a search found no direction against a gap of {self.gap:.1e}, which proves nothing"
        how = f" ({self.method}; {self.reason})" if self.method else ""
        return f"within {self.gap:.1e} of the global minimum, certified{how}"


def optimality_gap(
    objective: AbstractObjective,
    mu: Particles,
    method: str | None = None,
    tolerance: float | None = None,
    seconds: float | None = None,
    *,
    cones: int = 100_000,
    progress: bool = False,
) -> OptimalityGap:
    r"""A certified upper bound of F(μ) − min F, the minimum being over all measures, networks of any width.

    For `Neuron("relu")`, or another unit with two slopes, with or without bias, of one or several outputs, `Square` or
    `Logistic` loss and `WeightDecay`. Computed on the host in float64, from the particles as they are, whatever their
    precision.

    **Arguments:**

    - `method`: how the largest slope C over the sphere is found (q columns: the inputs, and one for the bias).
      "planar", for q ≤ 2, is exact, in O(n log n). "branching" splits cones until C is known up to rounding; where
      more than `cones` of them were looked at (likely from q = 6 on) it stops with a larger bound, certified all the
      same. "lifted" solves a semidefinite program of size 1 + q + n, for any q: within a few per cent of C in seconds
      for hundreds of samples, certified whatever its solver does. "relaxation" bounds C for any q at once, certified
      and loose. "ascent" climbs from many directions: a lower bound of C, and so no certificate. None takes "planar"
      for q ≤ 2, "branching" for q ≤ 6, and "lifted" where that does not suffice and beyond, or "relaxation" where
      that would take too long. Of
      several outputs "lifted", "relaxation" and "ascent" are there.
    - `tolerance`: the gap that is asked for. "branching" and "lifted" stop as soon as it is proved.
    - `seconds`: how long "branching" and "lifted" may take; the best bound so far is returned.
    - `cones`: how many cones "branching" may look at.
    - `progress`: whether standard error is told how far "lifted" is, every few seconds.

    **Returns:** `OptimalityGap(gap, lower_bound, certified)`, which also has the `method` taken and the `reason`.

    Raises `ValueError` for units, losses, penalties and models for which this bound does not hold, subclasses of the
    named ones included, and under `jit`.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> objective = mf.Objective(
    ...     mf.Neuron("relu"), mf.Square(), x=jnp.array([[3.0, 4.0]]), y=jnp.ones(1), penalty=mf.WeightDecay(1.0)
    ... )
    >>> gap, lower_bound, certified = mf.optimality_gap(objective, mf.Particles(jnp.array([[1.0, 0.6, 0.8]])))
    >>> round(gap, 3), round(lower_bound, 3), certified
    (8.82, 0.18, True)

    Sources: Bach (2017); Chizat & Bach (2018); Pilanci & Ergen (2020).
    """
    if method is not None:
        one_of("method", method, METHODS)
    cones, progress = positive_count("cones", cones), flag("progress", progress)
    tolerance = None if tolerance is None else float(positive_number("tolerance", tolerance))
    seconds = None if seconds is None else float(positive_number("seconds", seconds))
    instances(objective=(objective, AbstractObjective), mu=(mu, Particles))
    problem = Dual(objective, mu)
    with suitable_threads(len(problem.z)):
        return proved_gap(problem, method, tolerance, seconds, cones, progress)[0]


def proved_gap(
    problem: Dual,
    method: str | None,
    tolerance: float | None,
    seconds: float | None,
    cones: int = 100_000,
    progress: bool = False,
    give_up: bool = False,
) -> tuple[OptimalityGap, Largest]:
    """(the gap, the largest slope found with its bound); `give_up` ends where a search rules the tolerance out."""
    (n, q), reason = problem.z.shape, "asked for"
    by_itself = method is None
    if method is None:
        method, reason = chosen(n, q, problem.outputs, seconds)
    refuse(method, q, problem.outputs)
    f, error = problem.predictions()
    r, value = problem.residual(f), problem.value(f, error)
    slope = problem.slope(r)

    def gap_of(largest: float) -> float:
        return math.nextafter(value - problem.dual(r, largest), math.inf)

    best = highest(slope, *ascents(slope, problem.w))
    target = None
    if tolerance is not None:
        most = max(best.height, relaxed_maximum(slope))
        target = problem.largest_for(r, value, tolerance * (1 - 1e-12), best.height, most)
    enough = 0.0 if target is None else target
    started = time.monotonic()
    if method == "planar":
        best = best._replace(bound=planar_maximum(slope)[1])
    elif method == "relaxation":
        best = best._replace(bound=relaxed_maximum(slope))
    elif method == "branching":
        best = _better(best, branched(slope, cones, enough, seconds))
        if by_itself and best.bound > max(enough, best.height * (1 + SHARP)) and chosen_lifted(n, q, seconds):
            method, reason = "lifted", f"{reason}, and they did not suffice"
    if method == "lifted":
        left = None if seconds is None else max(0.0, seconds - (time.monotonic() - started))
        # Cutting in parts goes on for long: where a gap that may be there, or a time, is asked for.
        splits = SPLITS if target is not None or seconds is not None else 0
        said = f"the lifted bound of {n} samples in {q} columns takes up to {_size(n, q, splits > 0)}"
        logger.info("%s", said)
        report = _Report(gap_of, said) if progress else None
        found = lifted_maximum(slope, target, left, _heaviest(problem), splits, report, give_up)
        best = _better(best, found)
    largest = best.height if method == "ascent" else best.bound
    return OptimalityGap(gap_of(largest), problem.dual(r, largest), method != "ascent", method, reason), best


def _better(one: Largest, other: Largest) -> Largest:
    """The larger height with the lower bound."""
    return max(one, other, key=lambda found: found.height)._replace(bound=min(one.bound, other.bound))


def _size(n: int, q: int, split: bool) -> str:
    return f"about {lifted_memory(n, q, split) / 2**20:.0f} MiB"


def _heaviest(problem: Dual) -> Array:
    """The directions of up to 64 particles of the largest |a||w|."""
    return problem.w[np.argsort(-problem.heights * np.linalg.norm(problem.w, axis=1))[:64]]


class _Report:
    """Tells standard error the gap that is proved so far and the one that the search allows, every few seconds."""

    def __init__(self, gap_of: Callable[[float], float], first: str):
        self.gap_of, self.last = gap_of, time.monotonic()
        print(first, file=sys.stderr, flush=True)

    def __call__(self, found: float, bound: float) -> None:
        if time.monotonic() - self.last >= INTERVAL:
            self.last = time.monotonic()
            said = f"gap {self.gap_of(bound):.3g} proved, {self.gap_of(found):.3g} by search"
            print(said, file=sys.stderr, flush=True)
