"""One run of the tangent-kernel study: kernels at the start, or a network trained on digits, direction by direction."""

import functools
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import arc_cosine, kernel_flow
from theory.activations import ACTIVATIONS
from theory.kernel_fluctuation import kernel_fluctuation

SAMPLES = {"sphere": 10**6, "digits": 1797, "breast_cancer": 569, "mnist1d": 5000}
"""Samples of each data set (count)."""

LAYERS = ("both", "output", "input")

LABELS = ("true", "random", "even")

LEARNT = 3.0
"""A direction counts as learnt in a run if theory says so within this part of its steps (steps / learning time)."""

MOST = 30
"""At most so many directions are looked at, the largest eigenvalues first (count)."""


@dataclass(frozen=True)
class Parameters:
    """A question about the tangent kernel, the data, and the network."""

    part: str = "directions"
    """start (kernels of untrained networks), directions (training, eigenvector by eigenvector) or accuracy (methods
    compared on test data).
    """
    data: str = "digits"
    """sphere for start; digits (odd or even) or breast_cancer for directions; digits (ten classes), breast_cancer or
    mnist1d for accuracy.
    """
    labels: str = "true"
    """For directions: true, random (±1 at random) or even (the same size along every eigenvector of the kernel)."""
    activation: str = "relu"
    """σ, by name."""
    output: str = "signs"
    """Law of the output weights: signs (±1) or gaussian (variance 1). Input weights are N(0, I)."""
    initial: str = "doubled"
    """doubled (pairs ±a, so f = 0) or plain (independent units; for start alone)."""
    particles: int = 1024
    """m, particles (count)."""
    replicas: int = 1
    """Independent networks on the same data, for start and directions (count)."""
    dimension: int = 3
    """d, inputs of the sphere (count); the other data sets have their own."""
    samples: int = 64
    """n, training samples (count)."""
    tested: int = 200
    """Test samples, for accuracy (count)."""
    steps: int = 150
    """Steps of gradient descent (count)."""
    share: float = 0.7
    """Step of descent as a share of n / λ_max, the step that learns the first direction at once (share)."""
    precision: str = "float32"
    """float32 or float64."""
    seed: int = 0
    """Seed of data, split and initial particles (integer)."""

    def __post_init__(self):
        one_of("part", self.part, ("start", "directions", "accuracy"))
        allowed = {
            "start": ("sphere",),
            "directions": ("digits", "breast_cancer"),
            "accuracy": ("digits", "breast_cancer", "mnist1d"),
        }
        one_of(f"part={self.part!r} and data", self.data, allowed[self.part])
        one_of("labels", self.labels, LABELS)
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("output", self.output, ("signs", "gaussian"))
        one_of("initial", self.initial, ("doubled", "plain") if self.part == "start" else ("doubled",))
        one_of("precision", self.precision, ("float32", "float64"))
        for name in ("particles", "replicas", "dimension", "samples", "tested", "steps"):
            positive_count(name, getattr(self, name))
        positive_number("share", self.share)
        if self.share >= 2:
            raise ValueError(f"share={self.share:g}: descent diverges from 2 on; expected less.")
        if self.initial == "doubled" and self.particles % 2:
            raise ValueError(f"particles={self.particles}: expected an even number, since doubled units come in pairs.")
        most = SAMPLES[self.data] - (self.tested if self.part == "accuracy" else 1)
        if self.samples > most:
            beside = f" beside {self.tested} for test" if self.part == "accuracy" else ""
            raise ValueError(f"samples={self.samples}: expected at most {most} of {self.data}{beside}.")
        if self.samples < 2:
            raise ValueError(f"samples={self.samples}: expected at least 2.")
        if self.part == "accuracy" and self.activation != "relu":
            raise ValueError(f"activation={self.activation!r}: accuracy compares with ReLU kernels; expected relu.")


def draw(run: Parameters, purpose: int, count: int, outputs: int, d: int) -> np.ndarray:
    """Output and input weights of independent units, [count, outputs + d], by the law of the run.

    Drawn by numpy: JAX would compile longer than all else that a small run does. Every seed, m, activation, kind of
    labels and purpose has its own numbers.
    """
    stream = [run.seed, purpose, run.particles, list(ACTIVATIONS).index(run.activation), LABELS.index(run.labels)]
    theta = np.random.default_rng(stream).normal(size=(count, outputs + d))
    if run.output == "signs":
        theta[:, :outputs] = np.where(theta[:, :outputs] < 0, -1.0, 1.0)
    return theta


def doubled(theta: np.ndarray, outputs: int) -> np.ndarray:
    """The units (a, w), and behind them their twins (−a, w); the units are the last axis but one."""
    return np.concatenate([theta, theta * np.where(np.arange(theta.shape[-1]) < outputs, -1.0, 1.0)], axis=-2)


def filled(theta: np.ndarray, multiple: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions and masses of m units and of as many without mass as make a multiple: then most m share a program.

    Units without mass are no part of the network: they add nothing to predictions and kernels.
    """
    m = theta.shape[-2]
    mass = np.zeros(-(-m // multiple) * multiple, dtype)
    mass[:m] = 1 / m
    fill = [(0, 0)] * (theta.ndim - 2) + [(0, len(mass) - m), (0, 0)]
    return np.pad(theta, fill).astype(dtype), mass


# --- Kernels at the start


def start(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """‖K_m − K‖²_F of independent networks, for the kernels of both layers and of either."""
    x = sphere(run)
    pairs = run.initial == "doubled"
    theta = draw(run, 0, run.replicas * run.particles // (1 + pairs), 1, run.dimension)
    theta = theta.reshape(run.replicas, -1, 1 + run.dimension)
    position, mass = filled(doubled(theta, 1) if pairs else theta, 256, run.precision)
    with jax.enable_x64(run.precision == "float64"):
        kernels = np.asarray(_kernels(mf.Neuron(run.activation), position, mass, x.astype(run.precision)), float)
    values = {"x": x}
    for i, layers in enumerate(LAYERS):
        exact = arc_cosine.tangent_kernel(x, activation=run.activation, layers=layers)
        values[f"distance_{layers}"] = np.sum((kernels[:, i] - exact) ** 2, axis=(1, 2))
    # What a wrong limit would be taken for: both layers against the output layer's.
    output = arc_cosine.tangent_kernel(x, activation=run.activation, layers="output")
    values["distance_wrong"] = np.sum((kernels[:, 0] - output) ** 2, axis=(1, 2))
    return values | constants(run), "done"


def sphere(run: Parameters) -> np.ndarray:
    """Inputs on the unit sphere, the same for all runs of one seed."""
    normal = np.random.default_rng([run.seed, 1]).normal(size=(run.samples, run.dimension))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def constants(run: Parameters) -> dict[str, np.ndarray]:
    """C of every layer, with E‖K_m − K‖² = C/m, for independent units."""
    return _constants(replace(run, particles=2, replicas=1, initial="plain"))


@functools.lru_cache(maxsize=256)
def _constants(run: Parameters) -> dict[str, np.ndarray]:
    fourth, x = (1.0 if run.output == "signs" else 3.0), sphere(run)
    return {
        f"constant_{layers}": np.asarray(
            kernel_fluctuation(x, run.activation, layers, fourth_moment=fourth).value  # type: ignore[arg-type]
        )
        for layers in LAYERS
    }


@eqx.filter_jit
def _kernels(unit: mf.Neuron, positions, mass, x):
    def of_one(position):
        mu = mf.Particles(position, mass)
        return jnp.stack([mf.tangent_kernel(unit, mu, x, layers=layers) for layers in LAYERS])

    return jax.lax.map(of_one, positions)


# --- Directions


@dataclass(frozen=True)
class Spectrum:
    """The problem that a run of `directions` learns, in the eigenvectors of the limiting kernel."""

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    """Eigenvalues, the largest first [n]."""
    vectors: np.ndarray
    """Eigenvectors in columns [n, n]."""
    step: float
    """h (mean-field time)."""
    marks: np.ndarray
    """Numbers of steps after which the network is looked at [T]."""

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """v_i·(y − u_k) = (1 − hλ_i/n)^k v_i·y for the eigenvalues given, [T, n]."""
        return (1 - self.step * values / len(self.y)) ** self.marks[:, None] * (self.y @ self.vectors)


def spectrum(run: Parameters) -> Spectrum:
    """Data, labels and the kernel's spectrum; the network's size is no part of it."""
    return _spectrum(replace(run, particles=2, replicas=1))


@functools.lru_cache(maxsize=64)
def _spectrum(run: Parameters) -> Spectrum:
    make = functools.partial(mf.datasets.digits, task="parity") if run.data == "digits" else mf.datasets.breast_cancer
    data = make(n=run.samples, n_test=1, split=run.seed, dtype="float32")
    x = np.asarray(data.x, float)
    values, vectors = np.linalg.eigh(arc_cosine.tangent_kernel(x, activation=run.activation))
    values, vectors = values[::-1], vectors[:, ::-1]
    y, random = np.asarray(data.y, float), np.random.default_rng([run.seed, 3])
    if run.labels != "true":
        y = random.choice([-1.0, 1.0], size=run.samples)
    if run.labels == "even":
        y = vectors @ y
    marks = np.unique(np.rint(np.append(0, np.geomspace(1, run.steps, 16)))).astype(int)
    return Spectrum(x, y, values, vectors, run.share * run.samples / values[0], marks)


def directions(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Networks at α = √m, trained by gradient descent; their residuals y − u_k along every eigenvector, [R, T, n]."""
    problem = spectrum(run)
    theta = draw(run, 2, run.replicas * run.particles // 2, 1, problem.x.shape[1])
    position, mass = filled(doubled(theta.reshape(run.replicas, -1, theta.shape[1]), 1), 256, run.precision)
    with jax.enable_x64(run.precision == "float64"):
        x, y = (part.astype(run.precision) for part in (problem.x, problem.y))
        unit = mf.Neuron(run.activation)
        objective = mf.Objective(unit, mf.Square(), x, y, scale=run.particles**0.5)
        trained = mf.simulate_replicas(
            objective,
            mf.GradientFlow(problem.step),
            [mf.Particles(one, mass) for one in position],
            times=problem.step * problem.marks,
            observables=[mf.Predictions()],
        )
    status = next((one.status for one in trained if not one.done), "done")
    if status != "done":
        return directions_limit(run), status
    f = np.stack([one.values["predictions"] for one in trained]).astype(float)
    return {"residuals": (problem.y - f) @ problem.vectors} | directions_limit(run), status


def directions_limit(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for m → ∞: descent with the limiting kernel."""
    problem = spectrum(run)
    kernel = (problem.vectors * problem.values) @ problem.vectors.T
    exact = kernel_flow.train_discrete(kernel, problem.y, problem.step, problem.marks)
    rate = -np.log(np.maximum(np.abs(1 - problem.step * problem.values / run.samples), 1e-12))
    return {
        "steps": problem.marks,
        "y": problem.y,
        "eigenvalues": problem.values,
        "limit_residuals": (problem.y - exact) @ problem.vectors,
        # Steps until a residual has fallen to 1/e, in theory.
        "limit_learnt": 1 / np.maximum(rate, 1e-12),
    }
