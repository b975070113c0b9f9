"""Features of networks of random neurons, and data with errors to fit with them.

A random feature is the output of a neuron; the features of a tangent model are the derivatives of a network in all
parameters of its neurons.
"""

from typing import NamedTuple

import numpy as np

from simulations.generalisation.digits import images
from theory.double_descent import tangent_parameters

TESTED = 100
"""Test samples of a draw (count)."""

TANGENT = (0.4, 0.6, 1.0, 1.4, 2.0, 4.0)
"""m d/n of tangent models, beside n/(d + 1) particles."""


class Sample(NamedTuple):
    """Training inputs and targets with errors, test inputs and the truth there."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def of_a_teacher(random: np.random.Generator, n: int, d: int, noise: float) -> Sample:
    """Return normal inputs of length about 1, and targets of a network of three neurons."""
    x = random.normal(size=(n + TESTED, d)) / np.sqrt(d)
    y = np.maximum(x @ random.normal(size=(d, 3)), 0) @ np.array([1.0, -1.0, 1.0])
    return Sample(x[:n], y[:n] + noise * random.normal(size=n), x[n:], y[n:])


def of_digits(random: np.random.Generator, n: int, flipped: float) -> Sample:
    """Return images of the digits 3 and 8, of length 1, and labels ±1 of which a share is flipped in training."""
    pixels, label = images(3, 8)
    order = random.permutation(len(label))
    train, test = order[:n], order[n : n + TESTED]
    x = pixels - pixels[train].mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    flip = np.where(random.uniform(size=n) < flipped, -1.0, 1.0)
    return Sample(x[train], label[train] * flip, x[test], label[test])


def neurons(random: np.random.Generator, m: int, d: int) -> np.ndarray:
    """Return neurons (a, w) with a = ±1 and normal w, [m, 1 + d]."""
    return np.column_stack([random.choice([-1.0, 1.0], m), random.normal(size=(m, d))])


def activated(activation: str, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return σ(w·x), [n, m]."""
    z = x @ theta[:, 1:].T
    return np.maximum(z, 0) if activation == "relu" else np.tanh(z)


def tangent_features(activation: str, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return σ(w·x)/√m and a σ'(w·x) x/√m beside it, [n, m (1 + d)]."""
    value = activated(activation, theta, x)
    slope = (value > 0) * 1.0 if activation == "relu" else 1 - value**2
    moved = (slope * theta[:, 0])[:, :, None] * x[:, None]
    return np.column_stack([value, moved.reshape(len(x), -1)]) / np.sqrt(len(theta))


def tangent_widths(n: int, d: int, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of neurons of tangent models, and of their parameters that count, [k] each."""
    widths = np.unique([round(n / (d + 1)), *(max(1, round(ratio * n / d)) for ratio in TANGENT)])
    return widths, np.array([tangent_parameters(int(m), d, activation == "relu") for m in widths])
