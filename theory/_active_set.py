"""Convex quadratics over z ≥ 0 to rounding, from what an interior-point method left of them.

An interior-point method stops at some eight digits. On the face where the minimum lies one linear solve has the others,
and an active-set method finds that face from one that is nearly right: entries that would change sign leave it, and the
entry along which the quadratic falls most steeply joins it. After a few hasty steps none climbs, so that no face comes
twice.
"""

from collections.abc import Callable

import numpy as np

from theory._checks import Array

FEW = 1e-5
"""Share of the largest entry below which one is taken to be zero at first."""

FLAT = 1e-11
"""Share of the largest singular value below which a direction on the face has no curvature."""

HASTY = 8
"""First steps, on which all entries that would change sign leave at once: from nearby there are many, of no size."""

MOST = 300
"""Steps at most: from nearby there are few, but where rounding decides which entries are zero."""

REFINED = 3
"""Solves on one face: each takes away what the last one left by rounding."""


def settled(factor: Array, gradient: Callable[[Array], Array], start: Array, allowance: float) -> Array:
    """Return argmin over z ≥ 0 of a convex quadratic with the Hessian `factor`ᵀ `factor`, [k, q], from `start`, [q].

    `gradient` returns the quadratic's slopes, of which `allowance` is rounding. Gives up where rounding decides which
    entries are zero, and after `MOST` steps: whether what comes back is better is for the caller to see.
    """
    z = np.where(start > FEW * start.max(initial=0.0), start, 0.0)
    on, left, entered = z > 0, REFINED, -1
    for count in range(MOST):
        step = _downhill(factor[:, on], gradient(z)[on], allowance)
        falling = step < 0
        reach = np.where(falling, z[on] / np.where(falling, -step, 1.0), np.inf)
        if count < HASTY and np.any(reach < 1) and np.abs(step).max() < 1e3 * z.max():
            z[on] = np.where(reach < 1, 0.0, z[on] + step)
            on[on] = reach >= 1
            continue
        share = min(1.0, float(reach.min(initial=np.inf)))
        stays = (reach > share) | (share == 1)
        z[on] = np.where(stays, np.maximum(z[on] + share * step, 0.0), 0.0)
        on[on] = stays
        if share < 1:
            # What leaves as soon as it has joined was steep by rounding alone.
            if share == 0 and entered >= 0 and not on[entered]:
                break
            left = REFINED
            continue
        left -= 1
        if left:
            continue
        slopes = np.where(on, np.inf, gradient(z))
        entered = int(np.argmin(slopes))
        if slopes[entered] >= -allowance:
            break
        on[entered], left = True, REFINED
    return z


def _downhill(factor: Array, slope: Array, allowance: float) -> Array:
    """The step to the minimum on a face, or along its steepest direction without curvature, as far as bounds allow."""
    if not len(slope):
        return slope
    _, values, axes = np.linalg.svd(factor, full_matrices=False)
    axes = axes[values > FLAT * values[0]]
    values = values[: len(axes)]
    along = axes @ slope
    level = slope - axes.T @ along
    if np.abs(level).max() > 10 * allowance and level.max() > 0:
        # The quadratic is linear there; where bounded below it ends at a bound, beyond any finite step.
        return -level * (np.finfo(float).max ** 0.25 / np.abs(level).max())
    return -axes.T @ (along / values**2)
