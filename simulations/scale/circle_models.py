"""Lazy models on the circle: risks of tangent models of ReLU networks by eigenvalues, and of ridge regression.

Kernels are those of particles, by the engine; the spectrum, the expansion and the curve are theory's.
"""

import functools

import equinox as eqx
import jax
import numpy as np
from scipy import linalg

import meanfield as mf
from theory import circle, compute_frontier
from theory.learning_curve import LearningCurve, learning_curve

FREQUENCIES = np.arange(2, 514, 2)
"""Frequencies of a target at random inputs; what is beyond has 1e-4 of its power."""

SPREAD = 256
"""Particles that stand for infinitely many: they tell frequencies up to this many apart."""

PLACES = 512
"""Places on the circle at which ridge regression is tested."""


@functools.lru_cache(maxsize=4)
def problem(inputs: int, source: float) -> compute_frontier.Circle:
    """Return the inputs and the spectrum of a target of this source condition."""
    return compute_frontier.circle(inputs, source)


@functools.lru_cache(maxsize=8)
def expansion(inputs: int, source: float, times: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return R_∞ and V at these times."""
    whole = problem(inputs, source)
    return compute_frontier.limit_risk(whole, times), compute_frontier.variance(whole, times)


def risk(kernel: np.ndarray, inputs: int, source: float, times: np.ndarray) -> np.ndarray:
    """Return the risk of a tangent model with this kernel [N, N] at these times, the mean over phases of the target."""
    values, vectors = np.linalg.eigh(reduced(kernel, problem(inputs, source).x) / inputs)
    shares = np.sum(vectors * (_covariance(inputs, source) @ vectors), axis=0)
    return np.exp(-2 * np.outer(times, np.maximum(values, 0))) @ shares / 2


def linear_part(kernel: np.ndarray, inputs: int, source: float, times: np.ndarray) -> np.ndarray:
    """Return the part of the risk that is linear in kernel − K; its mean over networks is zero."""
    return compute_frontier.linear_term(problem(inputs, source), kernel, times)


@functools.lru_cache(maxsize=4)
def _covariance(inputs: int, source: float) -> np.ndarray:
    """Return the covariance of the target in the basis of `reduced`."""
    whole, shifts = problem(inputs, source), np.arange(inputs)
    return reduced(np.fft.ifft(whole.power).real[(shifts[:, None] - shifts) % inputs], whole.x)


def reduced(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return a matrix [N, N] in an orthonormal basis of what ReLU networks reach on the circle.

    These are N/2 even functions and two linear ones.
    """
    half, linear = len(x) // 2, x * np.sqrt(2 / len(x))
    top, bottom = matrix[:half], matrix[half:]
    even = (top[:, :half] + top[:, half:] + bottom[:, :half] + bottom[:, half:]) / 2
    mixed = matrix @ linear
    across = (mixed[:half] + mixed[half:]) / np.sqrt(2)
    return np.block([[even, across], [across.T, linear.T @ mixed]])


@functools.lru_cache(maxsize=8)
def spectrum(source: float) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues of the kernel and powers of the target, cosine and sine of every frequency; total power 1."""
    power = circle.source_power(FREQUENCIES, source)
    power, values = power / power.sum() / 2, circle.eigenvalues(FREQUENCIES)
    return np.concatenate([circle.eigenvalues([0, 1, 1]), values, values]), np.concatenate([np.zeros(3), power, power])


def ridge_excess(
    random: np.random.Generator, samples: int, source: float, noise: float, strengths: tuple[float, ...]
) -> list[float]:
    """Return the excess test risk E|f − f_*|² of ridge regressions on one data set, mean over the circle."""
    size, places = np.sqrt(4 * spectrum(source)[1][3 : 3 + len(FREQUENCIES)]), 2 * np.pi * np.arange(PLACES) / PLACES
    phase = random.uniform(0, 2 * np.pi, len(FREQUENCIES))
    angles = random.uniform(0, 2 * np.pi, samples)
    y, truth = (np.cos(np.outer(at, FREQUENCIES) + phase) @ size for at in (angles, places))
    y = y + noise * random.normal(size=samples)
    kernel = spread_kernel(np.concatenate([angles, places]), angles)
    shifted = [kernel[:samples] + samples * strength * np.eye(samples) for strength in strengths]
    fits = [kernel[samples:] @ linalg.solve(matrix, y, assume_a="pos") for matrix in shifted]
    return [float(np.mean((f - truth) ** 2)) for f in fits]


def spread_kernel(angles: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the tangent kernel of particles that are spread evenly, as infinitely many are, at these angles."""
    direction = 2 * np.pi * (np.arange(SPREAD) + 0.5) / SPREAD
    theta = np.column_stack([np.ones(SPREAD), np.sqrt(2) * _on_circle(direction)])  # E |w|² = 2
    kernel = tangent_kernel(mf.Neuron("relu"), mf.Particles(theta), _on_circle(angles), _on_circle(others))
    return np.asarray(kernel)


@eqx.filter_jit
def tangent_kernel(unit: mf.Neuron, mu: mf.Particles, x: np.ndarray, other: np.ndarray | None = None) -> jax.Array:
    """Return K of the inputs, [N, N] or [N, M]."""
    return mf.tangent_kernel(unit, mu, x, other)


def _on_circle(angles: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def curve(samples: int, source: float, noise: float, strength: float) -> LearningCurve:
    """Return the learning curve that the kernel's eigenvalues give at n."""
    return learning_curve(*spectrum(source), samples, strength, noise)
