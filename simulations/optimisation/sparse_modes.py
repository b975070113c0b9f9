"""Starts near a sparse optimum that excite every mode, and the rates at which the modes are seen to fall."""

import numpy as np

import meanfield as mf
from theory import sparse_rates
from theory.deconvolution import features
from theory.sparse_optimum import Optimum

FOLDS = 2.0
"""A mode is measured where it is predicted to have fallen by this many e-folds."""

FAR = 0.3
"""Mass of a far particle, in units of offset² times the least weight: too little to be felt by the others."""


def local_start(
    optimum: Optimum, m: int, growth: float, transport: float, offset: float, side: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sign and place, mass, and cluster of m particles; cluster −1 − l means the l-th far minimum.

    Every collective mode has amplitude ±offset in its largest entry (weights relative, positions in 1/(2π order)), the
    particles of a cluster scatter by as much about their mean, and one particle sits at each far minimum, as long as
    two are left for every spike.
    """
    d, k = optimum.problem.dimension, len(optimum.weights)
    unit = offset / (2 * np.pi * optimum.problem.order)
    modes = sparse_rates.collective(optimum, growth, transport)
    largest = np.abs(modes.right / np.concatenate([np.abs(optimum.weights), np.full(k * d, unit / offset)])[:, None])
    z = offset * modes.right @ (rng.choice([-1.0, 1.0], len(modes.kappa)) / largest.max(axis=0))
    signs, places, _ = sparse_rates.far_minima(optimum, side)
    far = min(len(signs), max(0, m - 2 * k))
    cluster = np.concatenate([np.arange(m - far) % k, -1 - np.arange(far)])
    position, mass = np.empty((m, 1 + d)), np.empty(m)
    for i in range(k):
        inside = cluster == i
        share = rng.uniform(0.5, 1.5, inside.sum())
        share /= share.sum()
        scatter = rng.normal(size=(inside.sum(), d)) * unit
        scatter -= share @ scatter
        mass[inside] = share * abs(optimum.weights[i] + z[i])
        position[inside, 0] = np.sign(optimum.weights[i])
        position[inside, 1:] = optimum.positions[i] + z[k + i * d : k + (i + 1) * d] + scatter
    position[m - far :] = np.column_stack([signs, places])[:far]
    mass[m - far :] = FAR * offset**2 * np.abs(optimum.weights).min()
    return position, mass, cluster


def excess(optimum: Optimum, mass: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Return J(ν_t) − min J [T] for masses [T, m], without cancellation.

    It is ½|∫φ d(ν − ν*)|² + ∫J'_s dν, and J' is 0 on spikes.
    """
    problem, sign = optimum.problem, position[:, :, 0]
    phi = features(position[:, :, 1:].reshape(-1, problem.dimension), problem.order)[0].reshape(*mass.shape, -1)
    moved = np.einsum("tm,tmn->tn", sign * mass, phi) - problem.y - optimum.residual
    slope = problem.strength + sign * (phi @ optimum.residual) / len(problem.y)
    return 0.5 * np.mean(moved**2, axis=1) + np.sum(mass * slope, axis=1)


def measured(
    optimum: Optimum, growth: float, transport: float, side: int, cluster: np.ndarray, run: mf.Trajectory
) -> dict[str, np.ndarray]:
    """Return (predicted, measured) rates of every mode, [q, 2] a family, and the excess that theory predicts, [3, T], a
    row a family. `half_metric` is predicted with α/2, which is wrong.
    """
    modes, half = (sparse_rates.collective(optimum, alpha, transport) for alpha in (growth, growth / 2))
    h, axes = sparse_rates.curvatures(optimum)
    _, _, slopes = sparse_rates.far_minima(optimum, side)
    t = run.times
    z, spread, far = _families(optimum, axes, cluster, run)
    slopes = slopes[: far.shape[1]]
    seen = _falls(t, np.abs(z @ modes.left.T), modes.rates)
    variance_rates = -2 * np.log(np.abs(1 - transport * h)).ravel()
    wide = np.repeat(np.bincount(cluster[cluster >= 0], minlength=len(h)) > 1, h.shape[1])  # one alone has no spread
    found = {
        "collective_rates": (modes.rates, seen),
        "half_metric_rates": (half.rates, seen),
        "spread_rates": (variance_rates[wide], _falls(t, spread[:, wide], variance_rates[wide])),
        "far_rates": (4 * growth * slopes, _falls(t, far, 4 * growth * slopes)),
    }
    weight = np.repeat(np.abs(optimum.weights), h.shape[1])
    expected = {}
    for name, alpha, of in (("predicted", growth, modes), ("half_metric", growth / 2, half)):
        ahead = (z[0] @ of.left.T * (1 - of.kappa) ** t[:, None]) @ of.right.T
        parts = (
            0.5 * np.einsum("tq,qr,tr->t", ahead, of.hessian, ahead),
            0.5 * (spread[0] * np.exp(-np.outer(t, variance_rates))) @ (weight * h.ravel()),
            (far[0] * np.exp(-np.outer(t, 4 * alpha * slopes))) @ slopes,
        )
        expected[f"{name}_excess"] = np.array(parts)
    return {name: np.column_stack(pair) for name, pair in found.items()} | expected


def _families(optimum: Optimum, axes: np.ndarray, cluster: np.ndarray, trajectory) -> tuple[np.ndarray, ...]:
    """Return offsets of weights and mean positions [T, q], variances along `axes` [T, kd], and far masses [T, l]."""
    mass, position = trajectory.values["masses"], trajectory.values["positions"]
    k, d = optimum.positions.shape
    z, spread = np.empty((len(mass), k * (1 + d))), np.empty((len(mass), k, d))
    for i in range(k):
        p, x = mass[:, cluster == i], position[:, cluster == i, 1:] - optimum.positions[i]
        total = p.sum(axis=1)
        mean = np.einsum("tj,tjd->td", p, x) / total[:, None]
        z[:, i] = np.sign(optimum.weights[i]) * total - optimum.weights[i]
        z[:, k + i * d : k + (i + 1) * d] = mean
        along = (x - mean[:, None]) @ axes[i]
        spread[:, i] = np.einsum("tj,tjd->td", p, along**2) / total[:, None]
    return z, spread.reshape(len(mass), k * d), mass[:, cluster < 0]


def _falls(times: np.ndarray, series: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Return the rate at which each column of `series` falls from the start to about `FOLDS` predicted e-folds."""
    at = 1 + np.argmin(np.abs(times[1:, None] * rates - FOLDS), axis=0)
    columns = np.arange(series.shape[1])
    return np.log(series[0] / series[at, columns]) / times[at]
