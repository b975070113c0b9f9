"""Stochastic gradient descent on a linearised network at one step and batch, or on the way from one to another."""

import functools
import math
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from simulations.optimisation import _minima
from simulations.optimisation._lazy import Lazy, instance, key_of, walk
from theory.temperature import Moments, excess, first_order, moments, stationary, then

PARTS = ("constant", "schedule", "width")

BLOCK = 4
"""Batches up to a multiple of so many share a program."""

MOST = 40
"""Parameters of a linearised network: its second moments follow from matrices of the order of their square."""

LATE = 33
"""Observations in the later half of a run, which are averaged."""


@dataclass(frozen=True)
class Parameters:
    """A network, how large its steps are, and how many samples each of them sees."""

    part: str = "constant"
    """What is run: constant (a linearised network at one step and batch), schedule (then a step that is divided, and a
    batch that is multiplied, by the same number) or width (a network that fits its data, with noise in its labels).
    """
    fineness: float = 4.0
    """1/(ηL), L being the largest Lipschitz constant of one sample's gradient: sets the step η (dimensionless)."""
    batch: int = 1
    """B, samples of a step (count); even for width."""
    replacement: bool = True
    """Whether the samples of a step are drawn with replacement; always for schedule and width."""
    noise: float = 0.5
    """σ, standard deviation of the noise in the labels: one draw for all of a run, for width a fresh one at every look
    (units of f).
    """
    ridge: float = 0.1
    """λ, weight decay of the linearised network (unit of the risk)."""
    length: float = 10.0
    """How long a linearised network is run: in units of 1/(least eigenvalue of its Hessian)."""
    factor: int = 4
    """q, by which the step is divided or the batch multiplied (count)."""
    dose: float = 0.25
    """s = (ησ²/4B) η k at the end of a run for width (units of θ²)."""
    particles: int = 3
    """m, particles (count)."""
    dimension: int = 3
    """d, inputs (count)."""
    samples: int = 40
    """n, samples (count)."""
    replicas: int = 32
    """Independent runs from one start (count)."""
    seed: int = 0
    """Seed of data, network and samples drawn (integer)."""

    def __post_init__(self):
        one_of("part", self.part, PARTS)
        for name in ("batch", "factor", "particles", "dimension", "samples", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("fineness", "noise", "ridge", "length", "dose"):
            positive_number(name, getattr(self, name))
        if self.fineness <= 0.5:
            raise ValueError(f"fineness={self.fineness:g}: expected above 0.5, where second moments settle.")
        if self.samples < 2:
            raise ValueError(f"samples={self.samples}: expected at least 2.")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed}: expected at least 0.")
        size = self.particles * (self.dimension + 1)
        if self.part != "width" and size > MOST:
            raise ValueError(f"particles={self.particles}: expected m (d + 1) of at most {MOST} here, have {size}.")
        if not self.replacement and -(-self.batch // BLOCK) * BLOCK > self.samples:
            raise ValueError(
                f"batch={self.batch}: expected at most {self.samples // BLOCK * BLOCK} of {self.samples} samples "
                f"without replacement."
            )
        if self.part == "width" and self.batch % 2:
            raise ValueError(f"batch={self.batch}: expected an even number, of which half is taken too.")
        if self.part == "width" and self.samples > size:
            raise ValueError(f"samples={self.samples}: expected at most m (d + 1) = {size}, which a network can fit.")


class Switch(eqx.Module):
    """A schedule of two values, the second from some step on."""

    before: jax.Array
    after: jax.Array
    since: jax.Array

    def __call__(self, step):
        return jnp.where(step < self.since, self.before, self.after)


def lazy(run: Parameters) -> Lazy:
    """The instance of a run."""
    return instance(run.particles, run.dimension, run.samples, run.ridge, run.noise, run.seed)


def step_of(run: Parameters) -> float:
    """η."""
    return 1 / (run.fineness * lazy(run).problem.smoothness)


def stops(run: Parameters) -> np.ndarray:
    """Numbers of steps of the observations; the last `LATE` are those of the later half."""
    problem = lazy(run).problem
    last = max(2 * LATE, math.ceil(run.length / (step_of(run) * problem.convexity)))
    early = np.concatenate([[0], np.geomspace(1, last / 2, 12)])
    return np.concatenate([np.unique(np.rint(early)[:-1]), np.rint(np.linspace(last / 2, last, LATE))]).astype(int)


def pauses(run: Parameters) -> np.ndarray:
    """Steps after the batch was multiplied at which a schedule is looked at: until most of what can be lost is."""
    problem = lazy(run).problem
    mean = np.trace(problem.hessian @ problem.noise) / np.trace(problem.noise)
    last = max(8, math.ceil(1 / (step_of(run) * mean)))
    return np.rint(np.linspace(last / 8, last, 8)).astype(int)


def run(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Values of one run, by its part."""
    with jax.enable_x64(True):
        if run.part == "width":
            return _minima.descend(
                run.fineness, run.batch, run.noise, run.dose, run.replicas, problem_of(run), key_of(run)
            )
        return _schedule(run) if run.part == "schedule" else _constant(run)


def problem_of(run: Parameters) -> _minima.Fitted:
    """The network that fits its data, for width."""
    return _minima.fitted(run.particles, run.dimension, run.samples, run.seed)


def _flow(run: Parameters, step, batch, since: int) -> mf.Flow:
    """Steps and batches (before, after) the step `since`: one program for all of them."""
    most = -(-max(batch) // BLOCK) * BLOCK
    sizes = Switch(jnp.asarray(step[0], float), jnp.asarray(step[1], float), jnp.asarray(since))
    counts = Switch(jnp.asarray(batch[0], float), jnp.asarray(batch[1], float), jnp.asarray(since))
    return mf.ScheduledSGD(sizes, counts, most=most, replacement=run.replacement)


def _constant(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Excess risk [T] and second moments [T, p, p] of b − b*, means over replicas."""
    one, step, seen = lazy(run), step_of(run), stops(run)
    flow = _flow(run, (step, step), (run.batch, run.batch), seen[-1])
    b, status = walk(one, flow, seen * step, run.replicas, key_of(run))
    if status != "done":
        return {"steps": seen}, status
    away = b - one.problem.minimum
    return {
        "steps": seen,
        "excess": one.problem.excess(b).mean(axis=0),
        "second": np.einsum("rti,rtj->ij", away[:, -LATE:], away[:, -LATE:]) / (LATE * run.replicas),
    }, "done"


def _schedule(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Excess risk after a batch was multiplied [8]; after a step was divided, at as many samples [8], and steps [8]."""
    one, step, rest = lazy(run), step_of(run), pauses(run)
    first, q = int(stops(run)[-1]), run.factor
    grown = _flow(run, (step, step), (run.batch, q * run.batch), first)
    decayed = _flow(run, (step, step / q), (run.batch, run.batch), first)
    b, status = walk(one, grown, (first + rest) * step, run.replicas, key_of(run))
    if status != "done":
        return {"pauses": rest}, status
    late = np.union1d(rest, q * rest)
    c, status = walk(one, decayed, first * step + late * step / q, run.replicas, key_of(run))
    if status != "done":
        return {"pauses": rest}, status
    slower = one.problem.excess(c).mean(axis=0)
    return {
        "pauses": rest,
        "grown": one.problem.excess(b).mean(axis=0),
        "decayed": slower[np.searchsorted(late, q * rest)],
        "decayed_steps": slower[np.searchsorted(late, rest)],
    }, "done"


def exact_moments(run: Parameters) -> Moments:
    """Moments at the observations of a constant run."""
    return _exact_moments(_alike(run), run.fineness, run.batch, run.replacement)


def _alike(run: Parameters) -> Parameters:
    """Return the parameters on which the moments depend besides step, batch and replacement."""
    return Parameters(
        noise=run.noise, ridge=run.ridge, length=run.length, particles=run.particles, dimension=run.dimension,
        samples=run.samples, seed=run.seed,
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def _exact_moments(alike: Parameters, fineness: float, batch: int, replacement: bool) -> Moments:
    run = _with(alike, fineness)
    one = lazy(run)
    return moments(one.problem, one.start, step_of(run), batch, stops(run), replacement=replacement)


def _with(alike: Parameters, fineness: float) -> Parameters:
    return replace(alike, fineness=fineness)


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for a run."""
    if run.part == "width":
        return _minima.predict(run.dose, problem_of(run))
    one, step = lazy(run), step_of(run)
    if run.part == "schedule":
        first, rest, q = int(stops(run)[-1]), pauses(run), run.factor
        before = moments(one.problem, one.start, step, run.batch, [first])
        grown = then(one.problem, before, step, q * run.batch, rest)
        decayed = then(one.problem, before, step / q, run.batch, q * rest)
        return {
            "pauses": rest,
            "grown": excess(one.problem, grown.second),
            "decayed": excess(one.problem, decayed.second),
        }
    return {
        "steps": stops(run),
        "excess": excess(one.problem, exact_moments(run).second),
        "stationary": np.asarray(
            excess(one.problem, stationary(one.problem, step, run.batch, replacement=run.replacement))
        ),
        "first_order": np.asarray(first_order(one.problem, step, run.batch)),
    }
