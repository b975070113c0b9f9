"""Noise through one trained ReLU network f(x) = Σ_j a_j σ(w_j·x), and bounds on its error by compression and norms."""

from collections.abc import Mapping

import numpy as np

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

    `gain` is that behind the first layer, of Gaussian noise on the inputs of variance |x|² an entry, beside its exact
    mean; `response` that of the output over that of the hidden units, for the sizes `NOISES`.
    """
    z = x @ w.T
    f = np.maximum(z, 0) @ a
    noise = random.normal(size=(draws, *x.shape)) * np.linalg.norm(x, axis=1)[:, None]
    gain = np.mean(np.sum((noise @ w.T) ** 2, axis=2), axis=0) / np.sum(z**2, axis=1)
    noise = random.normal(size=(draws, *z.shape)) * np.linalg.norm(z, axis=1)[:, None]
    moved = np.stack([np.mean((np.maximum(z + size * noise, 0) @ a - f) ** 2, axis=0) / size**2 for size in NOISES])
    # A sample at which all units are off has f = 0, and infinite noise.
    response = np.divide(moved, len(w) * f**2, out=np.full_like(moved, np.inf), where=f != 0)
    return {"gain": gain, "exact_gain": noise_stability.noise_gain(w, x), "response": response}


def error_bounds(
    w: np.ndarray, a: np.ndarray, x: np.ndarray, y: np.ndarray, cushions: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Return `BOUNDS` from samples x with labels y = ±1, infinite where one has an error.

    `cushions` has those of every sample, and its contraction.
    """
    f = np.maximum(x @ w.T, 0) @ a
    margin, largest = float(np.min(y * f)), float(np.max(np.abs(f)))
    if margin <= 0:
        return dict.fromkeys(BOUNDS, np.inf)
    worst, usual = (
        {f"{name}_cushion": float(of(cushions[name])) for name in CUSHIONS}
        for of in (np.min, lambda cushion: np.mean(cushion**-2.0) ** -0.5)
    )
    bounds: dict[str, float] = {}
    for name, size, gamma, of, those in (
        ("compression", largest, margin, np.max, worst),
        ("average", float(np.sqrt(np.mean(f**2))), float(np.mean(y * f)), np.mean, usual),
    ):
        bounds[name] = noise_stability.compression_bound(
            size, gamma, float(of(cushions["contraction"])), **those, units=len(w), samples=len(x)
        )
    return bounds | noise_stability.norm_bounds(w, a[None], x, margin)._asdict()
