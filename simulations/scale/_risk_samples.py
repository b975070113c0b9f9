"""The part samples: infinitely many lazy particles with weight decay towards their start, which are ridge regression.

They learn noisy labels at n inputs on the circle.
"""

import functools

import numpy as np
from scipy import linalg

from simulations.scale._risk_parameters import Parameters, generator
from theory import circle
from theory.learning_curve import learning_curve

FREQUENCIES = np.arange(2, 514, 2)
"""Frequencies of the target; what is beyond has 1e-4 of its power."""

PLACES = 512
"""Places on the circle at which the regression is tested."""


def simulate(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Excess test risk E|f − f_*|², mean over the circle and over independent data."""
    random, places = generator(run), 2 * np.pi * np.arange(PLACES) / PLACES
    size = np.sqrt(4 * _spectrum(run.source)[1][3 : 3 + len(FREQUENCIES)])
    excess = []
    for _ in range(run.replicas):
        phase = random.uniform(0, 2 * np.pi, len(FREQUENCIES))
        angles = random.uniform(0, 2 * np.pi, run.samples)
        y, truth = (np.cos(np.outer(at, FREQUENCIES) + phase) @ size for at in (angles, places))
        y = y + run.noise * random.normal(size=run.samples)
        shifted = circle.kernel(angles[:, None] - angles) + run.samples * run.strength * np.eye(run.samples)
        f = circle.kernel(places[:, None] - angles) @ linalg.solve(shifted, y, assume_a="pos")
        excess.append(np.mean((f - truth) ** 2))
    return {"excess": np.array([np.mean(excess)])}, "done"


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """The learning curve that the kernel's eigenvalues give at n, and that of a wrong ridge."""
    spectrum, powers = _spectrum(run.source)
    strengths = run.strength, 2 * run.strength  # the second is a wrong one, for a control
    curve, other = (learning_curve(spectrum, powers, run.samples, at, run.noise) for at in strengths)
    return {"curve": np.array([curve.excess]), "other_curve": np.array([other.excess])}


@functools.lru_cache(maxsize=8)
def _spectrum(source: float) -> tuple[np.ndarray, np.ndarray]:
    """(eigenvalues, powers of the target) over the circle, cosine and sine of every frequency; total power 1."""
    power = circle.source_power(FREQUENCIES, source)
    power, values = power / power.sum() / 2, circle.eigenvalues(FREQUENCIES)
    return np.concatenate([circle.eigenvalues([0, 1, 1]), values, values]), np.concatenate([np.zeros(3), power, power])
