"""The best step of every width and its power of the width, with intervals by the bootstrap over seeds.

At each width the best step is where the mean loss over seeds is least, between steps of the grid where the parabola
through the logarithms of three losses is. Seeds are resampled whole, for all widths alike, and what is found is fitted
by a line in logarithms. With s the standard deviation of a resampled number of S seeds, its 95 % interval reaches
t s √(S/(S − 1)), t Student's quantile of S − 1 degrees of freedom: percentiles of so few seeds would be too narrow.

Between two steps of the grid a parabola is a guess. So that an interval is never narrower than what was tried, an error
that is uniform between the middles of neighbouring steps, independent at each width, is added to each in squares.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulations.transfers.search import OCTAVE, Curve

RESAMPLES = 2000

UNIFORM = 0.975 * np.log(2) / OCTAVE / 2
"""Half of the interval that holds 95 % of a uniform error of a quarter of an octave (natural logarithm)."""

NORMAL = 1.96 * np.log(2) / OCTAVE / np.sqrt(12)
"""The same of a sum of such errors, which is nearly normal, in units of one."""


@dataclass(frozen=True)
class Found:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Law:
    """best ∝ m^p through several widths: the best steps, and the fit with what its intervals are made of."""

    best: tuple[Found, ...]
    """Of every width."""
    exponent: float
    error: float
    """Half of the 95 % interval of the exponent."""
    fitted: tuple[int, ...]
    """The widths that the line goes through."""
    _logs: np.ndarray
    _reach: float

    def at(self, width: int) -> Found:
        """Return the step that the law has at a width."""
        x = np.log(np.array(self.fitted, float))
        weights = 1 / len(x) + (np.log(width) - x.mean()) * (x - x.mean()) / np.sum((x - x.mean()) ** 2)
        values = self._logs @ weights
        half = np.hypot(self._reach * np.std(values[1:]), NORMAL * np.sqrt(np.sum(weights**2)))
        return _found(float(values[0]), float(half))


def law(curves: Sequence[Curve], above: int, seed: int = 0) -> Law:
    """Return the law through the widths of at least `above`, of which there are two or more."""
    from scipy.special import stdtrit

    count = curves[0].losses.shape[1]
    draws = np.random.default_rng([seed, count]).multinomial(count, np.full(count, 1 / count), size=RESAMPLES) / count
    counts = np.concatenate([np.full((1, count), 1 / count), draws])  # first the seeds as they are
    reach = float(stdtrit(count - 1, 0.975)) * np.sqrt(count / (count - 1))
    logs = np.stack([least(curve, counts) for curve in curves], axis=1)
    best = [_found(line[0], float(np.hypot(reach * np.std(line[1:]), UNIFORM))) for line in logs.T]
    fitted = [k for k, curve in enumerate(curves) if curve.width >= above]
    x = np.log([curves[k].width for k in fitted])
    centred = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    slopes = logs[:, fitted] @ centred
    error = float(np.hypot(reach * np.std(slopes[1:]), NORMAL * np.sqrt(np.sum(centred**2))))
    widths = tuple(curves[k].width for k in fitted)
    return Law(tuple(best), float(slopes[0]), error, widths, logs[:, fitted], reach)


def least(curve: Curve, weights: np.ndarray) -> np.ndarray:
    """Return the logarithms of the best steps [B] for weights of the seeds [B, seeds] that sum to one."""
    x, losses = np.log(curve.steps), np.log(np.maximum(weights @ curve.losses.T, np.finfo(float).tiny))
    at = np.clip(np.argmin(losses, axis=1), 1, len(x) - 2)
    rows = np.arange(len(losses))
    low, middle, high = (losses[rows, at + shift] for shift in (-1, 0, 1))
    bend = low - 2 * middle + high
    shift = np.where(bend > 0, (low - high) / 2 / np.where(bend > 0, bend, 1), 0)
    return x[at] + np.clip(shift, -1, 1) * (x[1] - x[0])


def _found(log: float, half: float) -> Found:
    return Found(*(float(np.exp(value)) for value in (log, log - half, log + half)))
