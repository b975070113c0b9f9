"""How kernels of a network change in training: how far, towards the targets, and over how many dimensions."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations import Record, Records, checks
from simulations.records.record import Select
from simulations.verdicts.measured import Value, chosen, seed_table
from theory.alignment import alignment, effective_dimension
from theory.kernel_flow import test_discrete
from theory.neurons import Network


@eqx.filter_jit
def tangent_kernels(unit: mf.Neuron, positions, x, layers: tuple[str, ...], mass=None) -> jax.Array:
    """Return tangent kernels of these layers at positions [T, m, p], [T, layers, n, n]."""

    def of_one(position):
        mu = mf.Particles(position, mass)
        return jnp.stack([mf.tangent_kernel(unit, mu, x, layers=part) for part in layers])

    return jax.lax.map(of_one, positions)


def changes(unit: mf.Neuron, runs: Sequence[mf.Trajectory], targets: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return statistics [T] over several networks, of the tangent kernel and of the kernel of the features.

    These are the change (root mean square, relative), the mean alignment with the targets and effective dimension, and
    the root mean square changes of both.
    """
    layers = ("output", "input")  # the kernel of the output weights is that of the features
    found = [tangent_kernels(unit, run.values["positions"], run.objective.x, layers) for run in runs]
    seen = [np.asarray(parts, float) for parts in found]
    values: dict[str, Any] = {}
    for name, total in (("tangent", True), ("features", False)):
        drift, aligned, wide = [], [], []
        for parts, y in zip(seen, targets, strict=True):
            kernel = parts.sum(axis=1) if total else parts[:, 0]
            drift.append(np.linalg.norm(kernel - kernel[0], axis=(1, 2)) / np.linalg.norm(kernel[0]))
            aligned.append([alignment(matrix, y) for matrix in kernel])
            wide.append([effective_dimension(matrix) for matrix in kernel])
        turned, spread = (np.array(of) - np.array(of)[:, :1] for of in (aligned, wide))
        values |= {
            f"{name}_drift": np.sqrt(np.mean(np.square(drift), axis=0)),
            f"{name}_alignment": np.mean(aligned, axis=0),
            f"{name}_dimension": np.mean(wide, axis=0),
            f"{name}_realigned": np.sqrt(np.mean(turned**2, axis=0)),
            f"{name}_respread": np.sqrt(np.mean(spread**2, axis=0)),
        }
    return values


def linear_drift(
    activation: str, alpha: float, step: float, steps: np.ndarray, draws: Sequence[tuple[np.ndarray, ...]]
) -> np.ndarray:
    """Return the relative change of the tangent kernel as parameters move in the tangent model, [T]: θ₀ + s/α.

    With q the residuals that kernel descent adds up, times h/n, it is s_j = Σ_i q_i ∇Φ(θ_j⁰; x_i). Networks follow as
    α → ∞ where their kernels change in proportion to s; not where units switch, for a unit that a sample has switched
    off is not moved by it any more, and neither where what is of first order cancels, as between twins. Root mean
    square of networks (x, y, θ₀).
    """
    found = []
    for x, y, theta in draws:
        start = Network(theta, activation)
        kernel = start.tangent_kernel(x)[:, 0, :, 0]
        added = test_discrete(kernel, np.eye(len(y)), y, step, steps)
        moved = [theta + start.gradients(x, q[:, None]).sum(axis=0) / alpha for q in added]
        later = np.array([Network(one, activation).tangent_kernel(x)[:, 0, :, 0] for one in moved])
        found.append(np.linalg.norm(later - kernel, axis=(1, 2)) / np.linalg.norm(kernel))
    return np.sqrt(np.mean(np.square(found), axis=0))


def growth(record: Record, name: str) -> float:
    """Return the log of a value at the end over the same at the start."""
    return float(np.log(record[name][-1] / record[name][0]))


def over_linear(record: Record, at: int = -1) -> float:
    """Return the change of the tangent kernel at the end over that of the linearised motion, there or at another time.

    Raises ValueError for a run of no time.
    """
    if not record["linear_drift"][at] > 0:
        raise ValueError("the linearised motion has changed nothing")
    return float(record["tangent_drift"][-1] / record["linear_drift"][at])


@checks.check("=")
def lazy_limit(
    records: Records, *, select: Select, value: Value, what: str, sides: int, level: float
) -> checks.Estimate:
    """Compare the limit of a value as α → ∞, where what it has left over is a series in 1/α.

    The parabola in 1/α through each seed's values at the three largest α is taken at 0. What its last term has changed,
    against the line through two, adds to the error: the next term changes less.
    """
    points, table = seed_table(chosen(records, select), "alpha", value)
    line, parabola = (table[:, -many:] @ _at_zero(1 / points[-many:]) for many in (2, 3))
    left = abs(float(np.mean(parabola) - np.mean(line)))
    error = left + checks.half_width(parabola, sides, level)
    return checks.Estimate(float(np.mean(parabola)), error, f"{what}, extrapolated to α = ∞, {len(table)} seeds")


def _at_zero(places: np.ndarray) -> np.ndarray:
    """Return the weights of values at these places in the polynomial through them, taken at 0."""
    return np.array([np.prod([other / (other - one) for other in places if other != one]) for one in places])


feature_alignment = partial(growth, name="features_alignment")
tangent_alignment = partial(growth, name="tangent_alignment")
tangent_dimension = partial(growth, name="tangent_dimension")
