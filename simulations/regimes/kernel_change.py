"""How kernels of a network change in training: how far, towards the targets, and over how many dimensions."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations.records.record import Record
from theory.alignment import alignment, centred, effective_dimension


@eqx.filter_jit
def _kernels(unit: mf.Neuron, positions, x):
    """Both parts of the tangent kernel in time, [T, 2, n, n]: output weights, whose kernel is that of the features, and
    input weights.
    """

    def of_one(position):
        mu = mf.Particles(position)
        return jnp.stack([mf.tangent_kernel(unit, mu, x, layers=layers) for layers in ("output", "input")])

    return jax.lax.map(of_one, positions)


def changes(unit: mf.Neuron, runs: Sequence[mf.Trajectory], targets: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return statistics [T] over several networks, of the tangent kernel and of the kernel of the features.

    These are the change (root mean square, relative), the mean alignment with the targets and effective dimension, and
    the root mean square changes of both; and the largest change of alignment over its bound.
    """
    seen = [np.asarray(_kernels(unit, run.values["positions"], run.objective.x), float) for run in runs]
    values: dict[str, Any] = {}
    for name, total in (("tangent", True), ("features", False)):
        drift, aligned, wide, bound = [], [], [], []
        for parts, y in zip(seen, targets, strict=True):
            kernel = parts.sum(axis=1) if total else parts[:, 0]
            drift.append(np.linalg.norm(kernel - kernel[0], axis=(1, 2)) / np.linalg.norm(kernel[0]))
            aligned.append([alignment(matrix, y) for matrix in kernel])
            wide.append([effective_dimension(matrix) for matrix in kernel])
            apart = [np.linalg.norm(centred(matrix - kernel[0])) for matrix in kernel]
            bound.append(2 * np.array(apart) / np.linalg.norm(centred(kernel[0])))
        turned, spread = (np.array(of) - np.array(of)[:, :1] for of in (aligned, wide))
        values |= {
            f"{name}_drift": np.sqrt(np.mean(np.square(drift), axis=0)),
            f"{name}_alignment": np.mean(aligned, axis=0),
            f"{name}_dimension": np.mean(wide, axis=0),
            f"{name}_realigned": np.sqrt(np.mean(turned**2, axis=0)),
            f"{name}_respread": np.sqrt(np.mean(spread**2, axis=0)),
            f"{name}_over_bound": np.max(np.abs(turned[:, 1:]) / np.array(bound)[:, 1:]),
        }
    return values


def growth(record: Record, name: str) -> float:
    """Return the log of a value at the end over the same at the start."""
    return float(np.log(record[name][-1] / record[name][0]))


def last(record: Record, name: str) -> float:
    """Return a value at the end of a run."""
    return float(record[name][-1])


def over_bound(record: Record, factor: float = 1.0) -> float:
    """Return the largest change of the features' alignment over its bound, times a factor."""
    return float(factor * record["features_over_bound"])


drift, realigned, respread = (partial(last, name=f"tangent_{of}") for of in ("drift", "realigned", "respread"))
feature_alignment = partial(growth, name="features_alignment")
tangent_alignment = partial(growth, name="tangent_alignment")
tangent_dimension = partial(growth, name="tangent_dimension")
