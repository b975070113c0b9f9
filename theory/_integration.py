"""Ordinary differential equations, with a limit to the work: a sentence comes back where an answer would not."""

from collections.abc import Callable

import numpy as np

from theory._checks import Array

MOST = 50_000
"""Evaluations of the right-hand side at most; a few thousand are usual."""


def integrated(
    drift: Callable[[Array], Array], start: Array, times: Array, method: str, rtol: float, atol: float | Array
) -> Array:
    """Return the states [T, s] at increasing `times` from 0 on.

    Raises ValueError that names `times` where they are too many of the equation's own time scales away.
    """
    from scipy.integrate import solve_ivp

    if times[-1] == 0:
        return start[None]
    count = 0

    def counted(time: float, state: Array) -> Array:
        nonlocal count
        count += 1
        if count > MOST:
            raise ValueError(
                f"times must be within reach at this rate, got {times[-1]:g}: {MOST} evaluations end at {time:.3g}"
            )
        return drift(state)

    done = solve_ivp(counted, (0, times[-1]), start, method, times, rtol=rtol, atol=atol)
    states = np.asarray(done.y, float).T
    if not done.success or len(states) < len(times):
        raise ValueError(f"times must be within reach at this rate, got {times[-1]:g}: {done.message}")
    return states
