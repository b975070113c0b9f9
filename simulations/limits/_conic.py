"""One run of the conic study: replicas of a small network, beside the flow on the sphere that it must be."""

import functools
import math
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import conic

SMOOTHING = {"rounded": 0.5, "relu": 0.0}
"""ε of the unit a (z + √(z² + ε²|w|²))/2, by the name of its activation."""

SPHERE_STEP = 1 / 64
"""Longest step of the reference for ReLU (mean-field time): adaptive steps would shrink to nothing at every kink."""

SHOWN = 400
"""Up to so many particles times steps a record keeps the path of its first network, for the picture."""

FLOWS = ("euler", "runge_kutta", "conic")


@dataclass(frozen=True)
class Parameters:
    """Replicas of a network, how they start and how they are integrated."""

    flow: str = "runge_kutta"
    """Integrator: euler or runge_kutta (orders 1 and 4) of particles in ℝ^p; conic: masses and directions on the sphere
    (order 1).
    """
    activation: str = "rounded"
    """rounded, (z + √(z² + |w|²/4))/2, or relu; a times it is 2-homogeneous in (a, w)."""
    start: str = "unbalanced"
    """Gaussian w with |a| = |w|/2 (unbalanced: w then never vanishes, where rounded has a kink) or |a| = |w| (balanced;
    flow conic is then on the sphere of input weights).
    """
    particles: int = 20
    """m, particles (count)."""
    dimension: int = 3
    """d, inputs (count)."""
    samples: int = 10
    """n, samples (count); normal targets on normal inputs of length one."""
    alpha: float = 2.0
    """α, output scale (output units)."""
    decay: float = 0.02
    """λ, weight decay (1 / mean-field time)."""
    time: float = 2.0
    """T, final time (mean-field time); 0 compares the first variation with gradients only."""
    steps: int = 40
    """N, steps of size h = T/N (count)."""
    replicas: int = 4
    """Networks, each with data of its own (count)."""
    seed: int = 0
    """Seed of data and initial particles (integer)."""

    def __post_init__(self):
        one_of("flow", self.flow, FLOWS)
        one_of("activation", self.activation, SMOOTHING)
        one_of("start", self.start, ("unbalanced", "balanced"))
        for name in ("particles", "dimension", "samples", "steps", "replicas"):
            positive_count(name, getattr(self, name))
        positive_number("alpha", self.alpha)
        for name in ("decay", "time"):
            positive_number(name, getattr(self, name), zero=True)

    @property
    def step(self) -> float:
        """h, in mean-field time."""
        return self.time / self.steps


class Rounded(mf.AbstractUnit):
    """Φ(θ; x) = a (z + √(z² + ε²|w|²))/2 with z = w·x: a rounded ReLU that is still 2-homogeneous in (a, w)."""

    outputs: int = eqx.field(default=1, init=False, static=True)

    def size(self, d: int) -> int:
        return 1 + d

    def __call__(self, theta, x):
        w = theta[1:]
        z = jnp.dot(w, x)
        return theta[0] * (z + jnp.sqrt(z * z + SMOOTHING["rounded"] ** 2 * jnp.dot(w, w))) / 2


def velocity(objective, mu):
    """v_j = −∇F'[μ](θ_j) of every particle."""
    return objective.velocity(mu)


OF_PARTICLES = {
    "energy": mf.observables.Energy(),
    "predictions": mf.Predictions(),
    "position": mf.Positions(),
    "velocity": velocity,
}
"""Observed at every step."""


def problem(run: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(θ [R, m, 1 + d], x [R, n, d], y [R, n]) at the start: of the seed, the sizes and the kind of start alone."""
    rng = np.random.default_rng([run.seed, run.particles, run.dimension, run.samples])
    theta = rng.normal(size=(run.replicas, run.particles, 1 + run.dimension))
    x = rng.normal(size=(run.replicas, run.samples, run.dimension))
    x /= np.linalg.norm(x, axis=2, keepdims=True)
    size = 1.0 if run.start == "balanced" else 0.5
    theta[..., 0] = size * np.sign(theta[..., 0]) * np.linalg.norm(theta[..., 1:], axis=2)
    return theta, x, rng.normal(size=(run.replicas, run.samples))


def objectives(run: Parameters, x: np.ndarray, y: np.ndarray) -> list[mf.Objective]:
    """The objective of every replica."""
    unit = mf.Neuron("relu") if run.activation == "relu" else Rounded()
    penalty = mf.WeightDecay(run.decay)
    return [mf.Objective(unit, mf.Square(), *data, scale=run.alpha, penalty=penalty) for data in zip(x, y, strict=True)]


def integrate(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Integrate a run, and return what the claims look at of every replica, with the status."""
    with jax.enable_x64(True):
        theta, x, y = problem(run)
        if run.time == 0:
            return first_variation(run, theta, x, y), "done"
        conical = run.flow == "conic"
        mus = [_on_sphere(one, run.start) if conical else mf.Particles(one) for one in theta]
        runs = mf.simulate_replicas(
            objectives(run, x, y),
            _flow(run),
            mus,
            times=run.step * (np.array([0, run.steps]) if conical else np.arange(run.steps + 1)),
            observables={"predictions": mf.Predictions()} if conical else OF_PARTICLES,
        )
    failed = [one.status for one in runs if not one.done]
    if failed:
        return {}, failed[0]
    seen = {name: np.stack([one.values[name] for one in runs]) for name in runs[0].values}
    values = {"predictions": seen["predictions"][:, -1], **reference(run)}
    if not conical:
        dissipation = np.mean(np.sum(np.square(seen["velocity"]), axis=3), axis=2)
        values |= {"energy": seen["energy"], "dissipation": dissipation} | _balances(run, seen)
        if run.particles * run.steps <= SHOWN:
            values |= {"path": seen["position"][0], "x": x[0], "y": y[0]}
    return values, "done"


def _flow(run: Parameters) -> mf.Flow:
    if run.flow == "conic":
        balanced = run.start == "balanced"
        return mf.ConicFlow(run.step, growth=0.5 if balanced else 1.0, signed=balanced, sphere=True)
    return mf.RungeKutta(run.step) if run.flow == "runge_kutta" else mf.GradientFlow(run.step)


def _on_sphere(theta: np.ndarray, start: str) -> mf.Particles:
    """Return the measure as masses on a sphere: of all parameters, or of the input weights from a balanced start."""
    moving = theta[:, 1:] if start == "balanced" else theta
    radius = np.linalg.norm(moving, axis=1)
    place = moving / radius[:, None]
    if start == "balanced":
        place = np.column_stack([np.sign(theta[:, 0]), place])
    return mf.Particles(place, radius**2 / len(theta))


def _balances(run: Parameters, seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The balance b = a² − |w|² at both ends, what Euler's steps add to it, and rounding.

    Homogeneity gives a a' − w·w' = −λb for the velocity (a', w'), so that a step of Euler's is exactly
    b ← (1 − 2hλ) b + h² (a'² − |w'|²).
    """
    h, steps = run.step, run.steps
    b, added = _difference(seen["position"]), _difference(seen["velocity"])
    kept = (1 - 2 * h * run.decay) ** np.arange(steps - 1, -1, -1.0)
    added = h**2 * np.einsum("k,rkm->rm", kept, added[:, :-1])
    # Every step rounds θ, its velocity (sums of n and m terms, of the size of |θ| times the residual) and the squares.
    size = np.sum(np.square(seen["position"]), axis=3).max(axis=1)
    residual = 1 + h * np.abs(seen["predictions"]).max(axis=(1, 2)) / run.alpha
    terms = 4 * (run.samples + run.particles + run.dimension + 8)
    rounding = np.finfo(float).eps * terms * steps * size * residual[:, None]
    return {
        "balance_start": b[:, 0],
        "balance_end": b[:, -1],
        "balance_added": added,
        "balance_kept": np.array((1 - 2 * h * run.decay) ** steps),
        "balance_rounding": rounding,
    }


def _difference(theta: np.ndarray) -> np.ndarray:
    return np.square(theta[..., 0]) - np.sum(np.square(theta[..., 1:]), axis=-1)


def reference(run: Parameters) -> dict[str, np.ndarray]:
    """Predictions at the end by the flows on the spheres, and by one with a wrong constant."""
    if run.time == 0:
        return {}
    return _reference(replace(run, flow="euler", steps=1))


@functools.lru_cache(maxsize=64)
def _reference(run: Parameters) -> dict[str, np.ndarray]:
    theta, x, y = problem(run)
    end = np.array([run.time])
    smoothing = SMOOTHING[run.activation]
    options: dict[str, Any] = {"smoothing": smoothing, "strength": run.decay, "scale": run.alpha, "rtol": 1e-13}
    options["step"] = None if smoothing else run.time / math.ceil(run.time / SPHERE_STEP)
    flows = {"half_growth": conic.sphere_flow(theta, x, y, end, growth=1.0, **options)}
    if run.start == "unbalanced":
        flows["sphere"] = conic.sphere_flow(theta, x, y, end, **options)
    if run.start == "balanced" or smoothing:  # also from where it does not hold, while it is cheap
        flows["balanced"] = conic.balanced_flow(theta, x, y, end, **options)
    return {f"{name}_predictions": flow.predictions[0] for name, flow in flows.items()}


def first_variation(run: Parameters, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """m ∇_{θ_j} F, −v_j and ∇F'[μ](θ_j); and d F(μ + ε(ν − μ))/dε beside ∫ F' d(ν − μ)."""
    m = run.particles
    toward = np.random.default_rng([run.seed, m, 1]).normal(size=theta.shape)
    rows = []
    for objective, start, other in zip(objectives(run, x, y), theta, toward, strict=True):
        rows.append(_variations(objective, mf.Particles(start), jnp.asarray(other)))
    values = {name: np.stack([np.asarray(row[name]) for row in rows]) for name in rows[0]}
    phi, slopes = _absolute(run, theta, x)
    size = run.alpha / m * np.sum(phi, axis=1) + np.abs(y)
    # Rounding of sums of n and m terms, every term in absolute value: the standard bound, with room for σ.
    terms = np.finfo(float).eps * (run.samples + m + run.dimension + 16)
    rounding = terms * (np.einsum("rmnp,rn->rmp", slopes, size) / (run.alpha * run.samples) + run.decay * np.abs(theta))
    others, _ = _absolute(run, toward, x)
    both = (np.sum(phi, axis=1) + np.sum(others, axis=1)) / m
    squares = run.decay / 2 * (np.sum(theta**2, axis=(1, 2)) + np.sum(toward**2, axis=(1, 2))) / m
    along = terms * (np.mean(size * both, axis=1) / run.alpha + squares)
    return values | {"gradient_rounding": rounding, "along_rounding": along, "penalty": run.decay * theta}


@eqx.filter_jit
def _variations(objective: mf.Objective, mu: mf.Particles, toward):
    m = mu.m
    both = mf.Particles(jnp.concatenate([mu.position, toward]), jnp.concatenate([mu.mass, jnp.zeros(m)]))
    direction = jnp.concatenate([jnp.full(m, -1 / m), jnp.full(m, 1 / m)])
    along = jax.jvp(
        lambda mass: objective.value(eqx.tree_at(lambda nu: nu.mass, both, mass)), (both.mass,), (direction,)
    )
    return {
        "gradient": jax.grad(lambda theta: objective.value(mu.moved(theta)))(mu.position),
        "variation": jax.vmap(jax.grad(lambda theta: objective.first_variation(mu, theta)))(mu.position),
        "velocity": objective.velocity(mu),
        "along": along[1],
        "along_variation": jnp.dot(direction, objective.first_variation(mu, both.position)),
    }


def _absolute(run: Parameters, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds on |Φ| [R, m, n] and on |∇Φ| [R, m, n, p], every term of a sum in absolute value."""
    a, w = np.abs(theta[..., :1]), np.abs(theta[..., 1:])
    z = w @ np.abs(np.swapaxes(x, 1, 2)) + SMOOTHING[run.activation] * np.linalg.norm(w, axis=2, keepdims=True)
    inner = a[..., None] * np.abs(x[:, None]) + SMOOTHING[run.activation] * a[..., None]
    return a * z, np.concatenate([z[..., None], inner], axis=3)
