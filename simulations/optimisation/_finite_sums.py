"""Incremental gradients on a linearised network, at the steps of their theorems."""

import functools
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from simulations.optimisation._lazy import Lazy, instance, key_of, walk
from theory.finite_sums import Rate, decaying_bound, decaying_offset, sag, saga, svrg
from theory.temperature import contraction, excess, stationary

METHODS = ("saga", "adapted", "sag", "svrg", "sgd", "decaying")


@dataclass(frozen=True)
class Parameters:
    """A method, and the least-squares problem that it solves."""

    method: str = "saga"
    """saga (step 1/3L), adapted (SAGA with the step 1/(2(λn + L))), sag (1/16L), svrg (1/6L), sgd (the constant step
    1/2L) or decaying (SGD with the steps c/(μ(k + k₀)), k₀ = 2cL/μ).
    """
    ridge: float = 0.05
    """λ, weight decay (unit of the risk); 0 for the methods whose theorem allows it, SAG and those of SGD."""
    noise: float = 0.5
    """σ, standard deviation of the noise in the labels (units of f)."""
    decay: float = 2.0
    """c of the decaying steps (dimensionless)."""
    passes: int = 40
    """Steps over n (count)."""
    particles: int = 3
    """m, particles (count)."""
    dimension: int = 40
    """d, inputs (count)."""
    samples: int = 16
    """n, samples (count)."""
    replicas: int = 16
    """Independent runs from one start (count)."""
    seed: int = 0
    """Seed of data, network and samples drawn (integer)."""

    def __post_init__(self):
        one_of("method", self.method, METHODS)
        for name in ("passes", "particles", "dimension", "samples", "replicas"):
            positive_count(name, getattr(self, name))
        positive_number("decay", self.decay)
        for name in ("ridge", "noise"):
            positive_number(name, getattr(self, name), zero=True)
        if self.method in ("saga", "adapted") and self.ridge == 0:
            raise ValueError(f"ridge={self.ridge:g}: expected above 0 for SAGA, whose theorem asks for it.")
        if self.samples < 2:
            raise ValueError(f"samples={self.samples}: expected at least 2.")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed}: expected at least 0.")


class Harmonic(eqx.Module):
    """Steps first/(1 + k/offset); of one size for an infinite offset."""

    first: jax.Array
    offset: jax.Array

    def __call__(self, step):
        return self.first / (1 + step / self.offset)


def lazy(run: Parameters) -> Lazy:
    """The instance of a run."""
    return instance(run.particles, run.dimension, run.samples, run.ridge, run.noise, run.seed)


def theorem(run: Parameters, name: str | None = None) -> Rate:
    """The rate that is proved for a method, that of the run by default."""
    return _theorem(lazy(run), name or run.method)


@functools.lru_cache(maxsize=256)
def _theorem(one: Lazy, name: str) -> Rate:
    if name == "sag":
        return sag(one.problem, one.start)
    if name == "svrg":
        return svrg(one.problem, one.start, 2.0 * one.problem.n)
    return saga(one.problem, one.start, adapted=name == "adapted")


def step_of(run: Parameters) -> float:
    """The constant step of SGD, and the first of decaying ones, 1/(2L)."""
    return 1 / (2 * lazy(run).problem.smoothness)


def offset(run: Parameters) -> float:
    """k₀ = 2cL/μ of decaying steps: that of their bound for c = 2."""
    return run.decay / 2 * decaying_offset(lazy(run).problem)


def stops(run: Parameters) -> np.ndarray:
    """Numbers of steps of the observations: evenly spaced, for decaying steps in log(k + k₀)."""
    last = run.passes * run.samples
    if run.method == "decaying":
        start = offset(run)
        return np.unique(np.rint(np.geomspace(start, start + last, 33) - start)).astype(int)
    return np.unique(np.rint(np.linspace(0, last, 49))).astype(int)


def sizes(run: Parameters, count: int) -> np.ndarray:
    """The first `count` steps of SGD."""
    longest = step_of(run)
    return longest / (1 + np.arange(count) / offset(run)) if run.method == "decaying" else np.full(count, longest)


def descend(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Excess risk and squared distance to the minimum, [replicas, T]."""
    with jax.enable_x64(True):
        one, seen = lazy(run), stops(run)
        flow, times = _flow(run, seen)
        b, status = walk(one, flow, times, run.replicas, key_of(run))
    if status != "done":
        return {"steps": seen}, status
    return {"steps": seen, "excess": one.problem.excess(b), "distance": one.problem.distance(b)}, "done"


def _flow(run: Parameters, seen: np.ndarray) -> tuple[mf.Flow, np.ndarray]:
    """The flow, and the times of the steps to be seen."""
    if run.method in ("sgd", "decaying"):
        first = jnp.asarray(step_of(run), float)
        schedule = Harmonic(first, jnp.asarray(offset(run) if run.method == "decaying" else np.inf, float))
        times = np.concatenate([[0.0], np.cumsum(sizes(run, seen[-1]))])[seen]
        return mf.ScheduledSGD(schedule, 1, most=1), times
    step = theorem(run).step
    if run.method == "svrg":
        return mf.SVRG(step, epoch=2 * run.samples), seen * step
    return mf.SAGA(step, biased=run.method == "sag"), seen * step


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory: the theorem's bound, or for a constant step of SGD its floor and factor."""
    one, seen = lazy(run), stops(run)
    if run.method == "decaying":
        return {"steps": seen, "distance_bound": decaying_bound(one.problem, one.start, seen)}
    if run.method == "sgd":
        reduced = one.problem.reduced
        return {
            "steps": seen,
            "floor": np.asarray(excess(reduced, stationary(reduced, step_of(run), 1))),
            "factor": np.asarray(contraction(one.problem, step_of(run))),
        }
    bounded = "excess_bound" if run.method == "sag" else "distance_bound"
    return {"steps": seen, bounded: theorem(run).bound(seen), "rate": np.asarray(theorem(run).rate)}
