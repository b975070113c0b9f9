"""MNIST-1D: ten digits as signals on a line, made by the published recipe and not downloaded.

A digit is a template of twelve points. It is padded with zeros, dilated, scaled and shifted round; the padding is
filled with smooth noise, everything gets white noise and a slope, and the signal is sampled at 40 points. The recipe is
Greydanus & Kobak (2020), with their constants and their order of random numbers: seed 42 gives their data set, sample
by sample.
"""

import functools

import numpy as np

from meanfield.arguments import positive_count

LENGTH = 40
"""Points of a signal (count)."""

DILATED = 72
"""Points of a signal while it is made: a template with its longest padding (count)."""

PADDING = (36, 60)
"""Least and most zeros behind a template (count)."""

SHIFTS = 48
"""Shifts that a signal may be turned round by: 0 … 47 (points)."""

SCALE = 0.4
"""Width of the law of the factor, uniform around 1 (share)."""

SHEAR = 0.75
"""Width of the law of the slope, uniform around 0 (signal units)."""

SMOOTH_NOISE, SMOOTHING, WHITE_NOISE = 0.25, 2.0, 0.02
"""Noise in the padding (signal units) and how far it is smoothed (points); noise everywhere (signal units)."""

HEIGHTS = (
    "5 6 6.5 6.75 7 7 7 7 6.75 6.5 6 5",
    "5 3 3 3.4 3.8 4.2 4.6 5 5.4 5.8 5 5",
    "5 6 6.5 6.5 6 5.25 4.75 4 3.5 3.5 4 5",
    "5 6 6.5 6.5 6 5 5 6 6.5 6.5 6 5",
    "5 4.4 3.8 3.2 2.6 2.6 5 5 5 5 5 5",
    "5 3 3 3 3 5 6 6.5 6.5 6 4.5 5",
    "5 4 3.5 3.25 3 3 3 3 3.25 3.5 4 5",
    "5 7 7 6.6 6.2 5.8 5.4 5 4.6 4.2 5 5",
    "5 4 3.5 3.5 4 5 5 4 3.5 3.5 4 5",
    "5 4 3.5 3.5 4 5 5 5 5 4.7 4.3 5",
)
"""The digits 0 … 9 as heights along a line."""


def templates() -> np.ndarray:
    """The ten templates, [10, 12]: heights of standard deviation 1/6, measured from where the line begins.

    >>> from meanfield.datasets.signals import templates
    >>> templates().shape, templates().std(axis=1).round(4).tolist() == [0.1667] * 10
    ((10, 12), True)
    """
    heights = np.array([line.split() for line in HEIGHTS], float)
    heights = heights - heights.mean(axis=1, keepdims=True)
    heights = heights / heights.std(axis=1, keepdims=True)
    return (heights - heights[:, :1]) / 6


@functools.lru_cache(maxsize=4)
def signals(count: int = 5000, seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """(signals [count, 40], digits [count]), as many of each digit, in random order; mean 0 and variance 1 over all.

    The defaults are the published data set: its first 4000 for training, the other 1000 for test. Read-only.
    Raises `ValueError` if `count` is not a multiple of 10.

    >>> from meanfield.datasets.signals import signals
    >>> x, digit = signals(count=20)
    >>> x.shape, sorted(digit.tolist())[:4]
    ((20, 40), [0, 0, 1, 1])
    """
    count = positive_count("count", count)
    if count % len(HEIGHTS):
        raise ValueError(f"count={count}: expected a multiple of {len(HEIGHTS)}, as many signals of each digit.")
    # The generator of the recipe: its stream of numbers is frozen for good.
    random = np.random.RandomState(seed)
    x = np.stack([_signal(random, template) for template in templates() for _ in range(count // len(HEIGHTS))])
    order = random.permutation(count)
    x = (x - x.mean()) / x.std()
    x, digit = x[order], np.repeat(np.arange(len(HEIGHTS)), count // len(HEIGHTS))[order]
    for part in (x, digit):
        part.setflags(write=False)
    return x, digit


def _signal(random: np.random.RandomState, template: np.ndarray) -> np.ndarray:
    """One signal from the next numbers of the stream."""
    from scipy.ndimage import gaussian_filter1d

    zeros = PADDING[0] + int(random.random_sample() * (PADDING[1] - PADDING[0] + 1))
    # A height of exactly 0 marks the padding, so those of the template are raised a little.
    signal = _sampled(np.concatenate([template + 1e-8, np.zeros(zeros)]), DILATED)
    signal = signal * (1 + SCALE * (random.random_sample() - 0.5))
    signal = np.roll(signal, random.randint(SHIFTS))
    smooth = gaussian_filter1d(SMOOTH_NOISE * random.standard_normal(DILATED), SMOOTHING)
    signal = np.where(signal == 0, smooth, signal) + WHITE_NOISE * random.standard_normal(DILATED)
    slope = SHEAR * (random.random_sample() - 0.5)
    return _sampled(signal - slope * np.linspace(-0.5, 0.5, DILATED), LENGTH)


def _sampled(signal: np.ndarray, points: int) -> np.ndarray:
    """The piecewise-linear signal at equally many steps from its begin to its end."""
    return np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(signal)), signal)
