"""The times of the frames, each a whole number of steps; frames that fall on one step are one."""

import numpy as np

from meanfield.arguments import positive_count, positive_number


def spread(step: float, time: float, frames: int, first: float) -> np.ndarray:
    """0 and logarithmically even times from `first` to `time`, [frames] or fewer.

    >>> spread(0.5, 8.0, 5, 1.0).tolist()
    [0.0, 1.0, 2.0, 4.0, 8.0]
    """
    return _whole(step, np.append(0.0, np.geomspace(max(first, step), time, frames - 1)))


def even(step: float, time: float, frames: int) -> np.ndarray:
    """Even times from 0 to `time`, [frames] or fewer.

    >>> even(0.5, 8.0, 5).tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    return _whole(step, np.linspace(0.0, time, frames))


def _whole(step: float, times: np.ndarray) -> np.ndarray:
    return np.unique(np.rint(times / step)) * step


def check(step: float, time: float, frames: int) -> None:
    """Raise `ValueError` where there would be no start, middle and end."""
    positive_number("time", time)
    positive_number("step", step)
    if positive_count("frames", frames) < 3:
        raise ValueError(f"frames={frames}: expected at least 3, the start and the end among them.")
    if time < 2 * step:
        raise ValueError(f"time={time:g}: expected at least two steps of {step:g}.")
