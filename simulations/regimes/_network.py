"""One run of the regime studies: its parameters, its data, its particles at the start, and what theory says of it."""

import functools
import math
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import arc_cosine, kernel_flow
from theory.activations import ACTIVATIONS

TESTED = 500
"""Test samples of every problem (count)."""

DIGITS = 1797
"""Images of digits in all (count)."""


@dataclass(frozen=True)
class Parameters:
    """A two-layer network, its data and its training."""

    problem: str = "teacher"
    """Data: teacher (3 alternating neurons on the sphere), random (normal targets on the sphere), digits (ten
    classes).
    """
    activation: str = "relu"
    """σ, by name."""
    initial: str = "doubled"
    """How f starts: doubled (pairs ±a, f = 0), centred (f − f_0 is trained), plain (neither)."""
    output: str = "signs"
    """Law of the output weights: signs (±1) or gaussian (variance 1). Input weights are N(0, I)."""
    particles: int = 1000
    """m, particles (count)."""
    dimension: int = 5
    """d, inputs (count); digits has 64."""
    samples: int = 64
    """n, training samples (count)."""
    alpha: float = 1.0
    """α at m = 1 (output units); the output scale is alpha · m^exponent."""
    exponent: float = 0.0
    """Exponent of m in the output scale: 0 mean-field, 0.5 neural-tangent."""
    time: float = 100.0
    """T, final time (mean-field time, 1 / rate); 0 looks at the start only."""
    flow: str = "euler"
    """euler (gradient descent) or adaptive (the gradient flow to a tolerance)."""
    step: float = 0.5
    """h, step of gradient descent (mean-field time)."""
    tolerance: float = 1e-8
    """Relative tolerance of the adaptive flow (share)."""
    precision: str = "float64"
    """float64 or float32."""
    tangent: bool = False
    """Whether the model linearised at the start is trained beside the network, with the same steps."""
    replicas: int = 1
    """Independent networks whose initial tangent kernels are compared with the limit (count)."""
    seed: int = 0
    """Seed of data and initial particles (integer)."""

    def __post_init__(self):
        one_of("problem", self.problem, ("teacher", "random", "digits"))
        one_of("activation", self.activation, mf.units.activations.ACTIVATIONS)
        one_of("initial", self.initial, ("doubled", "centred", "plain"))
        one_of("output", self.output, ("signs", "gaussian"))
        one_of("flow", self.flow, ("euler", "adaptive"))
        one_of("precision", self.precision, ("float32", "float64"))
        for name in ("particles", "dimension", "samples", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("alpha", "step", "tolerance"):
            positive_number(name, getattr(self, name))
        positive_number("time", self.time, zero=True)
        if not math.isfinite(self.exponent):
            raise ValueError(f"exponent={self.exponent!r}: expected a finite number.")
        if self.initial == "doubled" and self.particles % 2:
            raise ValueError(
                f"particles={self.particles}: expected an even number, since a doubled law comes in pairs."
            )
        if self.problem == "digits" and self.samples > DIGITS - TESTED:
            raise ValueError(
                f"samples={self.samples}: digits has {DIGITS - TESTED} beside its test images, expected fewer."
            )
        if self.flow == "euler" and 0 < self.time < self.step:
            raise ValueError(f"time={self.time:g}: shorter than one step; expected 0, or at least step={self.step:g}.")
        if self.time == 0 and (self.problem == "digits" or self.activation not in ACTIVATIONS):
            raise ValueError(
                f"time=0: compares the tangent kernel of one output with its closed form; expected a problem other "
                f"than digits and one of the activations {', '.join(ACTIVATIONS)}."
            )
        if self.flow == "adaptive" and self.precision == "float32" and self.tolerance < 1e-5:
            raise ValueError(
                f"precision='float32': tolerance={self.tolerance:g} needs float64; raise tolerance or precision."
            )

    @property
    def scale(self) -> float:
        """The output scale α."""
        return self.alpha * self.particles**self.exponent


def dataset(run: Parameters) -> mf.datasets.Dataset:
    """The data of a run: drawn from the seed alone, so that runs of one seed share them."""
    if run.problem == "digits":
        return mf.datasets.digits(n=run.samples, n_test=TESTED, split=run.seed, dtype=run.precision)
    key = jax.random.fold_in(jax.random.key(run.seed), 0)
    *arrays, truth = _synthetic(run.problem, key, run.samples, run.dimension, run.precision)
    return mf.datasets.Dataset(run.problem, *arrays, statement="", truth=truth)


@eqx.filter_jit
def _synthetic(problem: str, key, n: int, d: int, dtype: str):
    make = mf.datasets.teacher if problem == "teacher" else mf.datasets.random_labels
    data = make(key, n, d, n_test=TESTED, dtype=dtype)
    return data.x, data.y, data.x_test, data.y_test, data.truth


def initial_key(run: Parameters):
    """The key of the initial particles: another for every seed and every m."""
    return jax.random.fold_in(jax.random.key(run.seed), 1 + run.particles)


@eqx.filter_jit
def particles(initial: str, output: str, m: int, unit: mf.Neuron, d: int, key, dtype: str) -> mf.Particles:
    """Initial particles by the law of a run."""
    law = mf.Particles.doubled if initial == "doubled" else mf.Particles.gaussian
    return law(key, unit, m, d, output=output, dtype=dtype)


def has_limit(run: Parameters) -> bool:
    """Return True if the infinitely wide lazy network of this run is known in closed form."""
    known = run.activation in ACTIVATIONS and run.problem != "random"
    return known and run.initial != "plain" and run.time > 0


def limit(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for m → ∞ and α → ∞: kernel regression, trained for as long."""
    if not has_limit(run):
        return {}
    # Runs that differ in these alone have one limit: it is worked out once.
    return _limit(replace(run, particles=2, alpha=1.0, exponent=0.0, tangent=False, output="signs", initial="doubled"))


@functools.lru_cache(maxsize=64)
def _limit(run: Parameters) -> dict[str, np.ndarray]:
    with jax.enable_x64(run.precision == "float64"):
        data = dataset(run)
    x, y, x_test, y_test = (np.asarray(part, float) for part in (data.x, data.y, data.x_test, data.y_test))
    kernel, cross = (arc_cosine.tangent_kernel(z, x, run.activation) for z in (x, x_test))
    if run.flow == "euler":
        steps = np.rint(times(run) / run.step).astype(int)
        trained = kernel_flow.train_discrete(kernel, y, run.step, steps)
        tested = kernel_flow.test_discrete(kernel, cross, y, run.step, steps)
    else:
        trained = kernel_flow.train(kernel, y, times(run))
        tested = kernel_flow.test(kernel, cross, y, times(run))
    wrong = (tested > 0) != (y_test > 0) if y.ndim == 1 else tested.argmax(2) != y_test.argmax(1)
    return {
        "risk": np.array([kernel_flow.risk(f, y) for f in trained]),
        "test_risk": np.array([kernel_flow.risk(f, y_test) for f in tested]),
        "test_error": wrong.mean(axis=1),
        "test_predictions": tested[-1],
    }


def times(run: Parameters) -> np.ndarray:
    """0 and log-spaced times, whole steps of gradient descent where that is the flow."""
    grid = np.concatenate([[0.0], np.geomspace(run.time / 300, run.time, 18)])
    if run.flow == "euler":
        grid = np.unique(np.rint(grid / run.step)) * run.step
    return grid
