"""At which step numbers times are reached, for steps of one size and for schedules."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from meanfield.arguments.typing import Scalar

MAX_STEPS = 2**31 - 1
"""Steps are counted in 32 bits."""


def constant_clock(step: float, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (nearest step numbers, their times) for steps of one size.

    Raises `ValueError` for a last time that is no step at all, or more steps than can be counted.
    """
    with np.errstate(all="ignore"):
        number = np.rint(times / step)
    if not number[-1] <= MAX_STEPS:
        raise ValueError(
            f"times ends at {times[-1]:.6g}, after {number[-1]:.6g} steps of {step:.6g}: expected times up to "
            f"{MAX_STEPS * step:.6g}, since {MAX_STEPS} steps can be counted."
        )
    _moves(number, times, step)
    number = number.astype(int)
    return number, number * step


def _moves(number: np.ndarray, times: np.ndarray, first: float) -> None:
    """Refuse a simulation of no step that was to reach a later time than 0."""
    if number[-1] == 0 and times[-1] > 0:
        raise ValueError(
            f"times ends at {times[-1]:.6g}, to which no step is nearest: expected 0, or times near {first:.6g}, where "
            f"the first step ends, and later."
        )


def scheduled_clock(schedule: Callable, times: np.ndarray, most: int = 10**8) -> tuple[np.ndarray, np.ndarray]:
    """Return (nearest step numbers, their times) for a schedule, whose sizes are summed on the host in blocks.

    Raises `ValueError` for a schedule that does not reach the last time, or takes no step to it.
    """
    number, stamps = np.zeros(len(times), int), np.zeros(len(times))
    first, reached, after_one = 0, 0.0, 0.0
    left = int(np.searchsorted(times, 0.0, side="right"))
    """Times before this one are reached."""
    while left < len(times):
        # Small blocks first, because most simulations are short; then large ones, so that long ones are known soon.
        block = 4096 if first < 2**20 else 2**20
        sizes = _sizes(schedule, first, block)
        wrong = ~np.isfinite(sizes) | (sizes < 0)
        sizes = sizes[: np.argmax(wrong)] if wrong.any() else sizes
        ends = np.concatenate([[reached], reached + np.cumsum(sizes)])
        after_one = float(ends[1]) if first == 0 and len(sizes) else after_one
        until = int(np.searchsorted(times, ends[-1], side="right"))
        after = np.clip(np.searchsorted(ends, times[left:until]), 1, None)
        nearer = times[left:until] - ends[after - 1] < ends[after] - times[left:until]
        nearest = np.where(nearer, after - 1, after)
        number[left:until], stamps[left:until] = first + nearest, ends[nearest]
        stuck = ends[-1] == reached
        first, reached, left = first + len(sizes), float(ends[-1]), until
        if left < len(times) and (wrong.any() or stuck or first > most):
            why = "negative or not finite there" if wrong.any() else "0 from there on" if stuck else "too small there"
            raise ValueError(
                f"step: this schedule reaches time {reached:.6g} and not {times[-1]:.6g}, the last of times: after "
                f"{first} steps it is {why}; expected steps that are finite, not negative, and together long enough."
            )
    _moves(number, times, after_one)
    return number, stamps


def _sizes(schedule: Callable, first: int, count: int) -> np.ndarray:
    """The sizes of so many steps from `first` on, in float64."""
    steps = jnp.arange(first, first + count)
    return np.asarray((jax.vmap(schedule) if count <= 4096 else jax.jit(jax.vmap(schedule)))(steps), dtype=float)


def clock_of(size: Scalar | float | Callable, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (nearest step numbers, their times) for steps of one size or of a schedule."""
    return scheduled_clock(size, times) if callable(size) else constant_clock(float(size), times)


def shown_step(size: Scalar | float | Callable | None) -> str:
    """Return the step as advice names it."""
    return "its schedule" if callable(size) else "chosen" if size is None else f"{float(size):.3g}"
