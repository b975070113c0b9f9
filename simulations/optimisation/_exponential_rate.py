"""One run of the study of exponential rates: descent with weight decay, its equivalent without, and wrong ones."""

import functools
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import exponential_rate, normalised_descent

UNITS = 240
"""Parameters of all particles at most: the analysis of rounding multiplies matrices of twice that size at each step."""

SCHEDULES = ("constant", "drop", "cosine")


@dataclass(frozen=True)
class Parameters:
    """Heavy-ball descent on a network of normalised neurons, with weight decay on the input weights."""

    momentum: float = 0.0
    """γ of the heavy ball (share of the buffer that a step keeps)."""
    strength: float = 0.01
    """ηλ, share of the weights that decay takes in a step of the first rate."""
    rate: float = 0.1
    """η, the first rate (mean-field time a step)."""
    schedule: str = "constant"
    """Rates in time: constant, drop (to a tenth, half way) or cosine (to a tenth of it at the end)."""
    start: str = "rest"
    """The equivalent run starts from rest, or from the buffer that makes its rate exponential from the first step on,
    by the larger or the smaller root.
    """
    batch: int = 0
    """Samples that a step sees (count), the same ones in all runs; 0: all of them."""
    activation: str = "tanh"
    """σ of the neurons: tanh, erf or relu."""
    particles: int = 5
    """m, neurons (count)."""
    dimension: int = 3
    """d, inputs of a neuron (count)."""
    samples: int = 12
    """n, training samples (count)."""
    steps: int = 100
    """Steps that are taken (count)."""
    replicas: int = 3
    """Networks (count), each with samples and a start of its own."""
    seed: int = 0
    """Seed of samples, starts and batches (integer)."""

    def __post_init__(self):
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("start", self.start, ("rest", "larger", "smaller"))
        one_of("activation", self.activation, normalised_descent.ACTIVATIONS)
        for name in ("particles", "dimension", "samples", "steps", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("strength", "rate"):
            positive_number(name, getattr(self, name))
        positive_number("momentum", self.momentum, zero=True)
        if self.momentum >= 1:
            raise ValueError(f"momentum={self.momentum:g}: expected a number of at least 0 and below 1.")
        if not 0 <= self.batch <= self.samples:
            raise ValueError(f"batch={self.batch}: expected 0 for all, or at most samples={self.samples}.")
        if self.particles * (1 + self.dimension) > UNITS:
            raise ValueError(f"particles={self.particles}: expected at most {UNITS // (1 + self.dimension)} here.")
        if self.start != "rest":
            if self.schedule != "constant" or (self.start == "smaller" and self.momentum == 0):
                raise ValueError(f"start={self.start!r}: expected 'rest' for this schedule and momentum.")
            largest = exponential_rate.largest_strength(self.momentum)
            if self.strength > largest:
                raise ValueError(f"strength={self.strength:g}: expected at most {largest:.6g} for real roots.")
        try:
            factors(self)
        except ValueError:
            raise ValueError(f"steps={self.steps}: expected fewer, the equivalent rate leaves float64.") from None

    @property
    def decay(self) -> float:
        """λ."""
        return self.strength / self.rate

    @property
    def beyond(self) -> bool:
        """Return True if no rate that is positive for ever is equivalent."""
        return self.strength > exponential_rate.largest_strength(self.momentum)


def rates(run: Parameters) -> np.ndarray:
    """η_t with decay, [T]."""
    t = np.arange(run.steps) / run.steps
    if run.schedule == "drop":
        return run.rate * np.where(t < 0.5, 1.0, 0.1)
    if run.schedule == "cosine":
        return run.rate * (0.1 + 0.9 * np.cos(np.pi * t / 2) ** 2)
    return np.full(run.steps, run.rate)


def factors(run: Parameters) -> np.ndarray:
    """c_t, by which the weights of both runs differ, [T + 1]."""
    if run.start == "rest":
        return exponential_rate.factors(rates(run), run.decay, run.momentum)
    return exponential_rate.root_factors(run.momentum, run.strength, run.steps, run.start)


class Problem:
    """Samples, starts and test inputs of every replica."""

    def __init__(self, run: Parameters):
        random = np.random.default_rng((abs(run.seed), run.seed < 0))
        shape = (run.replicas, run.samples, run.dimension)
        self.x, self.fresh = random.normal(size=shape), random.normal(size=(32, run.dimension))
        teacher = random.normal(size=(run.replicas, run.dimension, 2))
        self.y = np.tanh(self.x @ teacher) @ np.array([1.0, -1.0])
        self.theta = random.normal(size=(run.replicas, run.particles, 1 + run.dimension))
        # A neuron near the origin turns at once, and by as much as its rounding errors.
        norm = np.linalg.norm(self.theta[..., 1:], axis=-1, keepdims=True)
        self.theta[..., 1:] *= np.maximum(1, np.sqrt(run.dimension) / norm)
        self.keys = [jax.random.key(int(seed)) for seed in random.integers(2**31, size=run.replicas)]

    def objectives(self, run: Parameters) -> list[mf.Objective]:
        unit = mf.units.NormalisedNeuron(run.activation)
        return [
            mf.Objective(unit, mf.Square(), x, y, kernel=mf.integrals.Dense())
            for x, y in zip(self.x, self.y, strict=True)
        ]


class Listed(eqx.Module):
    """A schedule from a list: [T, p], row k for step k."""

    values: jax.Array

    def __call__(self, k):
        return self.values[jnp.minimum(k, len(self.values) - 1)]


def descend(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """All runs of a setting, and how far they are apart."""
    problem, eta, c = Problem(run), rates(run), factors(run)
    with jax.enable_x64(True):
        paths, status = _paths(run, problem, eta, c)
        x, y = _batches(run, problem)
    values = {f"exact_{name}": value for name, value in predict(run).items()}
    values |= {"factors": c, "rates": eta, "equivalent_rates": exponential_rate.equivalent_rates(eta, c)}
    values |= compared(run, problem, paths, c)
    with np.errstate(over="ignore", invalid="ignore"):  # where descent is unstable the bound may be infinite
        values |= bounds(run, problem, paths["decay"], x, y, eta, c)
    return values, status


def _kinds(run: Parameters, eta: np.ndarray, c: np.ndarray) -> dict[str, dict]:
    """Rates of the input weights, and what else is not as in descent without decay, by the name of the run."""
    buffered = {} if run.start == "rest" else {"buffer": exponential_rate.initial_buffer(1.0, run.rate, c[1])}
    same, weights, both = exponential_rate.equivalent_rates(eta, c), (0.0, run.decay), (run.decay, run.decay)
    return {
        "decay": {"rates": eta, "decay": weights},
        "same": {"rates": same, **buffered},
        "plain": {"rates": eta},
        "even": {"rates": eta / c[:-1] ** 2, **buffered},
        "half": {"rates": eta / np.abs(c[:-1]), **buffered},
        "unbuffered": {"rates": same},
        "everywhere": {"rates": eta, "decay": both},
        "decoupled": {"rates": eta, "decoupled": weights},
    }


GROWN = ("same", "even", "half", "unbuffered", "optax_same")
"""Runs without decay that stand for one with it: their weights are larger, by 1/c."""


def _paths(run: Parameters, problem: Problem, eta: np.ndarray, c: np.ndarray) -> tuple[dict[str, np.ndarray], str]:
    """Positions [R, T + 1, m, 1 + d] by the name of the run."""
    kinds, mus = _kinds(run, eta, c), [mf.Particles(theta) for theta in problem.theta]
    objectives, times, watched = problem.objectives(run), np.arange(run.steps + 1.0), [mf.Positions()]
    flows = [_flow(run, eta, theta, **kind) for kind in kinds.values() for theta in problem.theta]
    several = [of * len(kinds) for of in (objectives, mus, problem.keys)]
    runs = mf.simulate_replicas(
        several[0], flows, several[1], times=times, observables=watched, keys=several[2] if run.batch else None
    )
    names = list(kinds)
    if not run.batch:
        flows = [_optax(run, eta, theta, **kinds[name]) for name in ("decay", "same") for theta in problem.theta]
        runs += mf.simulate_replicas(objectives * 2, flows, mus * 2, times=times, observables=watched)
        names += ["optax_decay", "optax_same"]
    # Wrong rates may diverge: what is missing then is infinitely far away.
    paths = np.full((len(runs), run.steps + 1, run.particles, 1 + run.dimension), np.inf)
    for path, one in zip(paths, runs, strict=True):
        seen = np.asarray(one.values["positions"])
        path[: len(seen)] = seen
    needed = {one.status for one in runs[: run.replicas * (1 if run.beyond else 3)]}
    grouped = paths.reshape(len(names), run.replicas, *paths.shape[1:])
    return dict(zip(names, grouped, strict=True)), "; ".join(sorted(needed))


def _columns(run: Parameters, output, weights) -> np.ndarray:
    """[..., 1 + d] of what is `output` for the output weight and `weights` for the others."""
    both = np.broadcast_arrays(output, weights)
    return np.stack([both[0], *[both[1]] * run.dimension], axis=-1).astype(float)


def _flow(run: Parameters, eta, theta, rates, buffer=0.0, decay=(0.0, 0.0), decoupled=(0.0, 0.0)) -> mf.Flow:
    return mf.HeavyBall(
        Listed(jnp.asarray(_columns(run, eta, rates))),
        run.momentum,
        decay=_columns(run, *decay),
        decoupled=_columns(run, *decoupled),
        buffer=_columns(run, 0.0, buffer) * theta,
        batch=run.batch or None,
    )


def _optax(run: Parameters, eta, theta, rates, buffer=0.0, decay=(0.0, 0.0)) -> mf.Flow:
    """Return the flow by optax, its trace set to the start's buffer; arrays are arguments, for one program to serve."""
    arrays = [_columns(run, eta, rates), np.asarray(run.momentum), _columns(run, *decay)]
    update = jax.tree_util.Partial(_optax_update, *map(jnp.asarray, arrays))
    first = jax.tree_util.Partial(_optax_init, jnp.asarray(_columns(run, 0.0, buffer) * theta))
    return mf.OptimiserFlow(optax.GradientTransformation(first, update))


def _chain(values, momentum, decay) -> optax.GradientTransformation:
    decayed, schedule = optax.add_decayed_weights(decay), Listed(-values)
    return optax.chain(decayed, optax.trace(momentum), optax.scale_by_schedule(schedule))


def _optax_init(buffer, theta):
    state: Any = _chain(jnp.zeros(1), 0.0, 0.0).init(theta)
    return state[0], optax.TraceState(buffer), state[2]


def _optax_update(values, momentum, decay, gradient, state, theta):
    return _chain(values, momentum, decay).update(gradient, state, theta)


def _batches(run: Parameters, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Samples [R, T, B, d] and targets [R, T, B] of every step."""
    rows = np.broadcast_to(np.arange(run.samples), (run.replicas, run.steps, run.samples))
    if run.batch:
        rows = np.asarray(_drawn(jnp.stack(problem.keys), jnp.arange(run.steps), run.samples, run.batch))
    replica = np.arange(run.replicas)[:, None, None]
    return problem.x[replica, rows], problem.y[replica, rows]


@functools.partial(jax.jit, static_argnums=(2, 3))
def _drawn(keys, steps, samples: int, batch: int) -> jax.Array:
    """The rows that a flow draws at each step, [R, T, B]."""

    draws = mf.gradients.Minibatch(batch)
    return jax.vmap(lambda key: jax.vmap(lambda k: draws.rows(key, k, samples))(steps))(keys)


def compared(run: Parameters, problem: Problem, paths: dict[str, np.ndarray], c: np.ndarray) -> dict[str, np.ndarray]:
    """Distances from the run with decay, of all parameters and of the function, [R, T + 1], and what is drawn."""
    decay, values = paths["decay"], {}

    def outputs(path: np.ndarray, x: np.ndarray) -> np.ndarray:
        known = np.isfinite(path).all(axis=(-1, -2))
        f = np.full((*path.shape[:-2], len(x)), np.inf)
        f[known] = normalised_descent.outputs(path[known], x, run.activation) if known.any() else 0
        return f

    with np.errstate(over="ignore", invalid="ignore"):
        for name, path in paths.items():
            scaled = path.copy()
            if name in GROWN:
                scaled[..., 1:] *= c[:, None, None]
            if name != "decay":
                values[f"{name}_error"] = _finite(np.linalg.norm((decay - scaled), axis=(2, 3)))
                gap = outputs(path, problem.fresh) - outputs(decay, problem.fresh)
                values[f"{name}_gap"] = _finite(np.abs(gap).max(axis=-1))
            if name in ("decay", "same", "plain"):
                values[f"{name}_norm"] = _finite(np.linalg.norm(path[..., 1:], axis=-1).mean(axis=-1))
                data = zip(path, problem.x, problem.y, strict=True)
                risk = [np.mean((outputs(one, x) - y) ** 2, axis=-1) / 2 for one, x, y in data]
                values[f"{name}_risk"] = _finite(np.stack(risk))
    return values


def bounds(run: Parameters, problem: Problem, paths: np.ndarray, x, y, eta, c) -> dict[str, np.ndarray]:
    """How far rounding may drive them apart: parameters, and the function, [R, T + 1]."""
    roundoff = float(np.finfo(float).eps) / 2
    rows = []
    for path, samples, targets in zip(paths, x, y, strict=True):
        if not np.all(np.isfinite(path)):
            rows.append(np.full((2, run.steps + 1), np.inf))
            continue
        moved = np.concatenate([np.zeros_like(path[:1]), path[:-1] - path[1:]])
        known = normalised_descent.Path(path, moved, samples, targets, eta, run.momentum, run.decay)
        bound = normalised_descent.rounding_bound(known, c, roundoff, run.activation)
        rows.append([bound, normalised_descent.prediction_bound(path, bound, problem.fresh, roundoff)])
    error, gap = np.moveaxis(np.array(rows), 1, 0)
    return {"error_bound": error, "gap_bound": gap}


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """The roots, the strongest decay that has any, when no positive rate is equivalent any more, and half a turn."""
    gamma, strength = run.momentum, run.strength
    real = strength <= exponential_rate.largest_strength(gamma)
    return {
        "roots": np.array(exponential_rate.roots(gamma, strength) if real else (np.nan, np.nan)),
        "largest_strength": np.asarray(exponential_rate.largest_strength(gamma)),
        "lasts": np.asarray(exponential_rate.lasts(gamma, strength)),
        "half_turn": np.asarray(np.inf if real else np.pi / np.arccos((1 + gamma - strength) / (2 * gamma**0.5))),
    }


def _finite(values: np.ndarray) -> np.ndarray:
    """Infinity for what is not a number: it is not near anything."""
    return np.where(np.isnan(values), np.inf, values)
