r"""Training to a certificate: neurons are added where the dual is violated, until the gap that is asked for is proved.

In measures ν on the sphere the objective is convex, R(∫ σ(u·z) dν) + λ‖ν‖, and its first variation at u is λ −
|h(u)|. So where |h| is above λ a neuron in direction u makes F smaller (the step of the conditional gradient
method); all neurons then descend together, by L-BFGS over their weights, which a neuron's position and height both
are part of. When the search finds |h| above λ by so little that the gap could be what is asked for, that gap is
proved, or the descent goes on.

Sources: Bach (2017); Denoyelle, Duval, Peyré & Soubies (2020), the sliding Frank–Wolfe method.
"""

import time
from typing import NamedTuple

import numpy as np

from meanfield.arguments import flag, positive_number
from meanfield.arguments.meant import instances
from meanfield.certificates.ascent import ascents
from meanfield.certificates.choice import suitable_threads
from meanfield.certificates.descent import Network
from meanfield.certificates.dual import Dual
from meanfield.certificates.gap import OptimalityGap, proved_gap
from meanfield.objectives.abstract import AbstractObjective
from meanfield.objectives.network import Bound, Objective
from meanfield.particles import Particles

ROUNDS = 200
"""Rounds of adding neurons, at most."""

FIRST = 0.1
"""A proof is tried when the search allows this share of the gap that is asked for."""

MISSED = 1e-9
"""A proof that met a slope larger by this share than the search did is a reason to go on."""


class CertifiedMinimum(NamedTuple):
    """A network and how far from the global minimum it is at most; `proved`: whether that is as near as asked for."""

    particles: Particles
    gap: OptimalityGap
    proved: bool


def certified_minimum(
    objective: AbstractObjective, tolerance: float, *, seconds: float | None = None, progress: bool = False
) -> CertifiedMinimum:
    r"""A network whose objective is within `tolerance` of the minimum over all networks of any width, with the proof.

    For the objectives of `optimality_gap`. Starts from no neuron at all; neurons are added where the first variation of
    F is the most negative, all of them then descend (L-BFGS over their weights, in float64 on the host), and what has
    no weight is dropped, until `optimality_gap` proves the gap.

    **Arguments:**

    - `tolerance`: the gap F(μ) − min F that is asked for, in units of F.
    - `seconds`: how long it may take; what was reached by then is returned, with its gap.
    - `progress`: whether standard error is told how far the proof is.

    **Returns:** `CertifiedMinimum(particles, gap, proved)`: particles of equal mass, the `OptimalityGap` that was
    proved for them, and whether it is at most `tolerance`.

    Raises `ValueError` as `optimality_gap` does.

    >>> import jax.numpy as jnp, meanfield as mf
    >>> objective = mf.Objective(
    ...     mf.Neuron("relu"), mf.Square(), x=jnp.array([[3.0, 4.0]]), y=jnp.ones(1), penalty=mf.WeightDecay(0.1)
    ... )
    >>> found = mf.certified_minimum(objective, 1e-5)
    >>> found.proved, round(found.gap.lower_bound, 4)
    (True, 0.0198)
    """
    tolerance = float(positive_number("tolerance", tolerance))
    seconds = None if seconds is None else float(positive_number("seconds", seconds))
    progress = flag("progress", progress)
    instances(objective=(objective, AbstractObjective))
    problem = Dual(objective, _nothing(objective))
    with suitable_threads(len(problem.z)):
        return _minimum(objective, problem, tolerance, seconds, progress)


def _minimum(
    objective: AbstractObjective, problem: Dual, tolerance: float, seconds: float | None, progress: bool
) -> CertifiedMinimum:
    """Grow, descend and prove in turn."""
    started, given = time.monotonic(), np.inf if seconds is None else seconds
    network, share = Network(problem), FIRST
    while True:
        spent = time.monotonic() - started
        last = len(network.values) > ROUNDS or network.stuck()
        r = network.residual()
        slope = problem.slope(r)
        directions, heights = ascents(slope, network.w)
        search = network.values[-1] - problem.dual(r, float(np.max(heights, initial=0.0)))
        if last or spent >= given / 2 or search <= share * tolerance:
            mu = network.particles()
            left = None if seconds is None else max(1.0, given - spent)
            # Where time is up what was reached is bounded as well as that allows; else a better network is worth more.
            give_up = spent < given / 2
            gap, best = proved_gap(Dual(objective, mu), None, tolerance, left, progress=progress, give_up=give_up)
            better = give_up and best.height > np.max(heights, initial=0.0) * (1 + MISSED)
            if gap.gap <= tolerance or not give_up or (last and not better):
                return CertifiedMinimum(mu, gap, gap.gap <= tolerance)
            if better:
                directions = np.concatenate([best.direction[None], directions])
                heights = np.append(best.height, heights)
            share /= 2
        network.grow(slope, directions, heights)
        network.descend(started + given)


def _nothing(objective: AbstractObjective) -> Particles:
    """One particle at 0, the network that is 0 everywhere."""
    if isinstance(objective, Bound):
        objective = objective.problem
    columns = objective.unit.size(objective.x.shape[1]) if type(objective) is Objective else 1
    return Particles(np.zeros((1, columns)))
