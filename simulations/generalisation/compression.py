"""Noise through one trained ReLU network f(x) = Σ_j a_j σ(w_j·x), and bounds on its error by compression and norms."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from theory import noise_stability

NOISES = (1e-6, 1e-3, 1e-2, 1e-1, 1.0)
"""Standard deviation of the noise on every hidden unit (|z|)."""

BOUNDS = ("compression", "average", *noise_stability.NormBounds._fields)
"""The theorem's compression bound, the same with averages for worst cases, and bounds from norms."""

CUSHIONS = ("input", "output", "interlayer")


def noise_response(
    w: np.ndarray, a: np.ndarray, x: np.ndarray, draws: int, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return relative noise of every sample [n] or [noises, n], means over so many draws.

    `gain` is that behind the first layer, of Gaussian noise on the inputs of variance |x|² an entry; `response` that of
    the output over that of the hidden units, for the sizes `NOISES`, beside its exact mean.
    """
    z = x @ w.T
    noise = random.normal(size=(draws, *x.shape)) * np.linalg.norm(x, axis=1)[:, None]
    gain = np.mean(np.sum((noise @ w.T) ** 2, axis=2), axis=0) / np.sum(z**2, axis=1)
    noise = random.normal(size=(draws, *z.shape)) * np.linalg.norm(z, axis=1)[:, None]
    sizes = np.array(NOISES)[:, None, None, None]
    moved = output(a, np.concatenate([z[None], (z + sizes * noise).reshape(-1, *z.shape)]))
    f, moved = moved[0], np.mean((moved[1:].reshape(len(NOISES), draws, -1) - moved[0]) ** 2, axis=1)
    moved = moved / sizes[..., 0, 0] ** 2
    exact = np.stack([noise_stability.relu_noise(z, a, size) / size**2 for size in NOISES])
    # A sample at which all units are off has f = 0, and infinite noise.
    response, known = (
        np.divide(of, len(w) * f**2, out=np.full_like(of, np.inf), where=f != 0) for of in (moved, exact)
    )
    return {"gain": gain, "response": response, "exact_response": known}


def output(a: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return Σ_j a_j σ(z_j) of hidden units z [..., m], by the engine: a network whose units see one of them each."""
    with jax.enable_x64(True):
        layer = mf.Particles(np.column_stack([len(a) * a, np.eye(len(a))]))
        objective = mf.Objective(mf.Neuron("relu"), mf.Square(), np.eye(len(a)), a)
        return np.asarray(objective.predict(layer, jnp.asarray(z.reshape(-1, len(a))))).reshape(z.shape[:-1])


def error_bounds(
    w: np.ndarray, a: np.ndarray, x: np.ndarray, sure: np.ndarray, cushions: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Return `BOUNDS` from samples x with margins y f, `sure`, infinite where one has an error.

    `cushions` has those of every sample, and its contraction.
    """
    margin, largest = float(np.min(sure)), float(np.max(np.abs(sure)))
    if margin <= 0:
        return dict.fromkeys(BOUNDS, np.inf)
    worst, usual = (
        {f"{name}_cushion": float(of(cushions[name])) for name in CUSHIONS}
        for of in (np.min, lambda cushion: np.mean(cushion**-2.0) ** -0.5)
    )
    bounds: dict[str, float] = {}
    for name, size, gamma, of, those in (
        ("compression", largest, margin, np.max, worst),
        ("average", float(np.sqrt(np.mean(sure**2))), float(np.mean(sure)), np.mean, usual),
    ):
        bounds[name] = noise_stability.compression_bound(
            size, gamma, float(of(cushions["contraction"])), **those, units=len(w), samples=len(x)
        )
    return bounds | noise_stability.norm_bounds(w, a[None], x, margin)._asdict()
