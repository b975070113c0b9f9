"""One run of the study of noise stability: networks trained on labels of which a growing share is random, what noise
does to them, and what bounds make of them.
"""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

import meanfield as mf
from meanfield.arguments import positive_count, positive_number
from simulations.generalisation.digits import PIXELS, check_digits, corrupted, replaced, two_digits
from theory import noise_stability

NOISES = (1e-6, 1e-3, 1e-2, 1e-1, 1.0)
"""Standard deviation of the noise on every hidden unit (|z|)."""

BOUNDS = ("compression", "average", *noise_stability.NormBounds._fields)
"""The theorem's compression bound, the same with averages for worst cases, and bounds from norms."""


@dataclass(frozen=True)
class Parameters:
    """Two digits, labels of which a growing share is random, and the network that learns them."""

    first: int = 3
    """The digit labelled +1 (digit)."""
    second: int = 8
    """The digit labelled −1 (digit)."""
    samples: int = 100
    """n, training samples (count)."""
    tested: int = 200
    """Test samples, whose labels are the true ones (count)."""
    levels: int = 3
    """Shares of random labels, evenly from 0 to 1 (count)."""
    particles: int = 64
    """m, particles (count)."""
    replicas: int = 3
    """Independent networks a level, each with labels of its own (count)."""
    steps: int = 400
    """Updates of Adam (count)."""
    rate: float = 0.01
    """Step of Adam (parameter units)."""
    spread: float = 0.5
    """Standard deviation of all parameters at the start (parameter units)."""
    alpha: float = 8.0
    """α, output scale (output units)."""
    draws: int = 10
    """Draws of noise for every sample (count)."""
    seed: int = 0
    """Seed of split, labels, initial particles and noise (integer)."""

    def __post_init__(self):
        for name in ("samples", "tested", "levels", "particles", "replicas", "steps", "draws"):
            positive_count(name, getattr(self, name))
        for name in ("rate", "spread", "alpha"):
            positive_number(name, getattr(self, name))
        check_digits(self.first, self.second, self.samples, self.tested)
        if self.levels < 2:
            raise ValueError(f"levels={self.levels}: expected at least 2, true and random labels.")


FIELDS = ("input", "output", "interlayer", "contraction", "attenuation", "rank_input")
"""What is kept of `mf.observables.cushions`, a number a sample each."""


def run(parameters: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Cushions (trained, and of the start), noise, bounds and test errors, [levels, replicas, …]."""
    x, y, _, _ = _data(parameters)
    rng = np.random.default_rng([parameters.seed, 1, parameters.particles, parameters.samples])
    counts = replaced(parameters.samples, parameters.levels)
    targets = np.stack([corrupted(y, counts, rng) for _ in range(parameters.replicas)], axis=1)
    starts = parameters.spread * rng.normal(size=(parameters.replicas, parameters.particles, 1 + x.shape[1]))
    seen, ends, status = _trained(parameters, x.astype("float32"), targets, starts.astype("float32"))
    if status != "done":
        return predict(parameters), status
    values = {"shares": counts / parameters.samples, "start_norm": _norm(starts)}
    for i, name in enumerate(FIELDS):
        values[f"start_{name}"], values[name] = seen[:, :, 0, i], seen[:, :, 1, i]
    measured = [
        _measure(parameters, rng, ends[at], targets[at], {name: values[name][at] for name in FIELDS})
        for at in np.ndindex(targets.shape[:2])
    ]
    for name in measured[0]:
        of = np.stack([one[name] for one in measured])
        values[name] = of.reshape(*targets.shape[:2], *of.shape[1:])
    return values | predict(parameters), status


def predict(parameters: Parameters) -> dict[str, np.ndarray]:
    """Return what is known before training: mean |φ|²/|z|² of symmetric weights, and a bound by counting parameters."""
    inputs = PIXELS + 1
    return {
        "exact_passed": np.asarray(0.5),
        "count_bound": np.asarray((parameters.particles * inputs / parameters.samples) ** 0.5),
    }


def _data(run: Parameters):
    return two_digits(
        run.first, run.second, run.samples, run.tested, np.random.default_rng([run.seed, run.first, run.second])
    )


@functools.cache
def _adam(rate: float) -> optax.GradientTransformation:
    """Return Adam, as one object for all runs of a rate, so that they share a program."""
    return optax.adam(rate)


def _cushions(objective: mf.Objective, mu: mf.Particles):
    """`FIELDS` of the network, [fields, n]."""
    found = mf.observables.cushions(objective, mu)
    return jnp.stack([jnp.broadcast_to(getattr(found, name), objective.y.shape) for name in FIELDS])


def _trained(run: Parameters, x: np.ndarray, targets: np.ndarray, starts: np.ndarray):
    """(cushions at the start and at the end [levels, replicas, 2, fields, n], positions at the end, status)."""
    shape = targets.shape[:2]
    with jax.enable_x64(False):
        unit = mf.Neuron("relu")
        trained = mf.simulate_replicas(
            [
                mf.Objective(unit, mf.Logistic(), x, y, scale=run.alpha)
                for y in targets.reshape(-1, run.samples).astype("float32")
            ],
            mf.OptimiserFlow(_adam(run.rate)),
            [mf.Particles(theta) for theta in starts] * shape[0],
            times=[0.0, float(run.steps)],
            observables={"cushions": _cushions},
        )
    status = next((one.status for one in trained if not one.done), "done")
    if status != "done":
        return np.zeros(0), np.zeros(0), status
    seen = np.stack([one.values["cushions"] for one in trained]).astype(float)
    ends = np.stack([np.asarray(one.particles.position, float) for one in trained])
    return seen.reshape(*shape, *seen.shape[1:]), ends.reshape(*shape, *ends.shape[1:]), status


def _measure(run: Parameters, rng, theta: np.ndarray, y: np.ndarray, cushions: dict) -> dict[str, np.ndarray]:
    """Noise through one trained network, its bounds, and its test error."""
    x, _, x_test, y_test = _data(run)
    w, a = theta[:, 1:], run.alpha / run.particles * theta[:, 0]
    z = x @ w.T
    f = np.maximum(z, 0) @ a
    # (i) Gaussian noise on the inputs, of variance |x|² an entry; (ii) on the hidden units.
    noise = rng.normal(size=(run.draws, *x.shape)) * np.linalg.norm(x, axis=1)[:, None]
    values = {"gain": np.mean(np.sum((noise @ w.T) ** 2, axis=2), axis=0) / np.sum(z**2, axis=1)}
    values["exact_gain"] = noise_stability.noise_gain(w, x)
    noise = rng.normal(size=(run.draws, *z.shape)) * np.linalg.norm(z, axis=1)[:, None]
    moved = np.stack([np.mean((np.maximum(z + size * noise, 0) @ a - f) ** 2, axis=0) / size**2 for size in NOISES])
    # A sample at which all units are off has f = 0, and infinite noise.
    values["response"] = np.divide(moved, len(w) * f**2, out=np.full_like(moved, np.inf), where=f != 0)
    margin, largest = float(np.min(y * f)), float(np.max(np.abs(f)))
    values |= {"margin": margin, "norm": _norm(theta), "train_error": np.mean(y * f <= 0)}
    values["test_error"] = np.mean((np.maximum(x_test @ w.T, 0) @ a > 0) != (y_test > 0))
    bounds = dict.fromkeys(BOUNDS, np.inf)
    if margin > 0:
        worst, usual = (
            {f"{name}_cushion": float(of(cushions[name])) for name in FIELDS[:3]}
            for of in (np.min, lambda cushion: np.mean(cushion**-2.0) ** -0.5)
        )
        for name, size, gamma, of, those in (
            ("compression", largest, margin, np.max, worst),
            ("average", float(np.sqrt(np.mean(f**2))), float(np.mean(y * f)), np.mean, usual),
        ):
            bounds[name] = noise_stability.compression_bound(
                size, gamma, float(of(cushions["contraction"])), **those, units=len(w), samples=len(x)
            )
        bounds |= noise_stability.norm_bounds(w, a[None], x, margin)._asdict()
    return values | {f"bound_{name}": np.asarray(bound) for name, bound in bounds.items()}


def _norm(theta: np.ndarray) -> np.ndarray:
    """½ mean |θ|² over the particles, [] or [replicas]."""
    return np.mean(np.sum(theta**2, axis=-1) / 2, axis=-1)
