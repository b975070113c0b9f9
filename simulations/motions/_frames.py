"""The times of the frames."""

import numpy as np


def spread(step: float, time: float, frames: int, first: float) -> np.ndarray:
    """0 and logarithmically even times from `first` to `time`, each a whole number of steps, [frames] or fewer: those
    that fall on one step are one.

    >>> spread(0.5, 8.0, 5, 1.0).tolist()
    [0.0, 1.0, 2.0, 4.0, 8.0]
    """
    steps = np.rint(np.geomspace(max(first, step), time, frames - 1) / step)
    return np.unique(np.concatenate([[0.0], steps])) * step
