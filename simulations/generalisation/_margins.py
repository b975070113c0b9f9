"""One run of the margin study: a classifier trained until it is sure, or until it is tested, beside the largest
margins.
"""

import functools
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory import arc_cosine, margin
from theory._cells import count

TESTED = 1000
"""Test samples (count)."""

DIRECTIONS = 400
"""Neurons of the network that labels the control's samples (count)."""

CELLS = 40_000
"""Linear pieces of a neuron over the samples that a certificate may look at (count)."""


@dataclass(frozen=True)
class Parameters:
    """A classifier of clusters, its training, and what is looked at."""

    look: str = "margin"
    """margin (trained to a margin of `target`, beside the largest margins), or error (trained for `steps` decaying
    steps, beside the classifier of largest margin over F2, on test samples).
    """
    layers: str = "both"
    """Trained layers: both (output weights from ±1, in pairs on the same input weights) or output (from 0)."""
    labels: str = "checker"
    """Of the samples: checker (clusters alternate), clusters (random ±1 a cluster), or spread (the sign of a network of
    400 directions).
    """
    clusters: int = 2
    """k, clusters a side (count)."""
    particles: int = 100
    """m, particles (even count)."""
    dimension: int = 3
    """d, inputs with the constant (count)."""
    samples: int = 16
    """n, training samples (count)."""
    alpha: float = 1.0
    """α, output scale (output units)."""
    target: float = 50.0
    """M, the margin to be reached, about (output units)."""
    step: float = 2.0
    """Step over 1/κ, κ the largest value that the kernel will have (share); for error the first of the decaying steps
    (mean-field time).
    """
    steps: int = 400
    """Decaying steps, for error (count)."""
    replicas: int = 1
    """Networks, each with data of its own (count); 1 for margin."""
    seed: int = 0
    """Seed of data and initial particles (integer)."""

    def __post_init__(self):
        one_of("look", self.look, ("margin", "error"))
        one_of("layers", self.layers, ("both", "output"))
        one_of("labels", self.labels, ("checker", "clusters", "spread"))
        for name in ("clusters", "particles", "dimension", "samples", "steps", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("alpha", "target", "step"):
            positive_number(name, getattr(self, name))
        if self.dimension < 3:
            raise ValueError(f"dimension={self.dimension}: expected at least 3, a plane and the constant.")
        if self.samples < 2:
            raise ValueError(f"samples={self.samples}: expected at least 2, since a margin is the least of several.")
        if self.particles % 2:
            raise ValueError(
                f"particles={self.particles}: expected an even number, since a doubled law comes in pairs."
            )
        if self.look == "margin" and self.replicas > 1:
            raise ValueError(f"replicas={self.replicas}: expected 1 for margin, whose time is that of its data.")
        cells = count(self.samples, self.dimension)
        if self.look == "margin" and cells > CELLS:
            raise ValueError(
                f"samples={self.samples}: a certificate in dimension {self.dimension} would look at {cells} cells; "
                f"expected at most {CELLS}, so fewer samples."
            )


def train(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Train the networks of a run, and return what the claims look at with the status."""
    if run.look == "margin":
        return to_a_margin(run)
    return to_a_test(run)


def _key(run: Parameters, replica: int = 0):
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(run.seed), run.replicas), replica)


@eqx.filter_jit
def _problem(key, n: int, d: int, k: int, m: int, dtype: str):
    """(x, y, x_test, y_test, θ) of one replica, θ in pairs ±a."""
    data = mf.datasets.clusters(jax.random.fold_in(key, 0), n, d, n_test=TESTED, k=k, dtype=dtype)
    signs = {"law": "sphere", "output": "signs", "dtype": dtype}
    mu = mf.Particles.doubled(jax.random.fold_in(key, 1), mf.Neuron("relu"), m, d, **signs)
    return data.x, data.y, data.x_test, data.y_test, mu.position


def problem(run: Parameters, replica: int = 0, dtype: str = "float64") -> list[np.ndarray]:
    """(x, y, x_test, y_test, θ at the start) of one replica."""
    with jax.enable_x64(dtype == "float64"):
        parts = _problem(_key(run, replica), run.samples, run.dimension, run.clusters, run.particles, dtype)
        x, y, x_test, y_test, theta = (np.array(part) for part in parts)
    if run.layers == "output":
        theta[:, 0] = 0
    if run.labels == "checker":
        y, y_test = (_checker(part, run.clusters) for part in (x, x_test))
    if run.labels == "spread":
        y, y_test = _spread(np.random.default_rng([run.seed, replica, 1]), x, x_test)
    return [x, y, x_test, y_test, theta]


def _checker(x: np.ndarray, k: int) -> np.ndarray:
    """Labels of clusters that alternate; between two clusters nothing lies, so that any cut between them will do."""
    place = np.floor((x[:, :2] + 0.5) * k)
    return np.where(np.sum(place, axis=1) % 2 == 0, 1.0, -1.0)


def _spread(rng, x: np.ndarray, x_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels by a network of many random neurons above and below its median: no few directions tell."""
    w, a = rng.normal(size=(DIRECTIONS, x.shape[1])), rng.choice([-1.0, 1.0], DIRECTIONS)
    g, g_test = (np.maximum(part @ w.T, 0) @ a for part in (x, x_test))
    middle = np.median(g_test)
    return np.where(g > middle, 1.0, -1.0), np.where(g_test > middle, 1.0, -1.0)


def to_a_margin(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Soft-min descent by short steps, for about as long as a margin of `target` takes."""
    known = largest(run)
    if not known["kernel_margin"]:
        return known, "stopped at t = 0: the features of the start do not separate the samples; raise particles"
    x, y, _, _, theta = problem(run)
    with jax.enable_x64(True):
        time, step = _schedule(run, known)
        objective = mf.Objective(mf.Neuron("relu"), mf.Exponential(), x, y, scale=run.alpha)
        flow = mf.GradientFlow(step)
        seen = mf.simulate(
            objective,
            flow if run.layers == "both" else mf.OutputFlow(flow),
            mf.Particles(theta),
            times=time * np.linspace(0, 1, 13) ** 2,
            observables=WATCHED,
        )
    values = {"times": seen.times, **seen.values, "start": theta, "end": np.asarray(seen.particles.position)}
    return values | {"x": x, "y": y, "moved": run.alpha * seen.values["displacement"]} | known, seen.status


def mean_output(objective, mu):
    """α ∫ |a| dμ."""
    return objective.scale * jnp.dot(mu.mass, jnp.abs(mu.position[:, 0]))


WATCHED = {
    "margin": mf.observables.Margin("none"),
    "in_variation": mf.observables.Margin("variation"),
    "in_output": mf.observables.Margin("output"),
    "displacement": mf.Displacement(),
    "mean_output": mean_output,
}
"""Observed in a run to a margin."""


def _schedule(run: Parameters, known: dict[str, np.ndarray]) -> tuple[float, float]:
    """(final time, step).

    Linear models reach a margin M at the rate γ² of their kernel. With both layers the norm grows at the rate 2γ₁/α,
    once it grows, and the tangent kernel with it: from κ to κ(1 + M/αγ₁).
    """
    slowest, kernel = run.target / known["kernel_margin"] ** 2, known["largest_kernel"]
    if run.layers == "output":
        return float(slowest), float(run.step / kernel)
    rate = 2 * known["variation_upper"] / run.alpha
    longest = 1 / (kernel * (1 + run.target / (run.alpha * known["variation_upper"])))
    return float(np.log1p(rate * slowest) / rate), float(run.step * longest)


def largest(run: Parameters) -> dict[str, np.ndarray]:
    """Largest margins at the samples of a run: over F1, and over the kernel of its start (tangent or output layer)."""
    if run.look == "error":
        return {}
    # What the certificate depends on: the same for all α and both trainings.
    run = replace(run, alpha=1.0, target=1.0, step=1.0)
    return _kernels(run) | _variation(replace(run, layers="both"))


@functools.lru_cache(maxsize=64)
def _variation(run: Parameters) -> dict[str, np.ndarray]:
    x, y, *_ = problem(run)
    lower, upper = margin.variation_margin(x, y, gap=1e-7)
    return {"variation_lower": np.array(lower), "variation_upper": np.array(upper)}


@functools.lru_cache(maxsize=64)
def _kernels(run: Parameters) -> dict[str, np.ndarray]:
    x, y, _, _, theta = problem(run)
    z = x @ theta[:, 1:].T
    features, slopes = np.maximum(z, 0), (z > 0) * theta[:, 0]
    kernel = features @ features.T
    if run.layers == "both":
        kernel += (slopes @ slopes.T) * (x @ x.T)
    kernel /= run.particles
    try:
        best = margin.kernel_margin(kernel, y).upper
    except ValueError:  # too few features to separate the samples
        best = 0.0
    return {"kernel_margin": np.array(best), "largest_kernel": np.diag(kernel).max()}


class Decaying(eqx.Module):
    """Steps first/√(k + 1)."""

    first: jax.Array

    def __call__(self, k):
        return self.first / jnp.sqrt(k + 1.0)


def to_a_test(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Soft-min descent of all replicas, and the classifier of largest margin over F2 on the same samples."""
    data = [problem(run, replica, "float32") for replica in range(run.replicas)]
    unit = mf.Neuron("relu")
    objectives = [mf.Objective(unit, mf.Exponential(), x, y, scale=run.alpha) for x, y, *_ in data]
    flow = mf.GradientFlow(Decaying(jnp.asarray(run.step)))
    time = float(np.sum(run.step / np.sqrt(np.arange(1.0, run.steps + 1))))
    if run.layers == "output":
        flow, time = mf.OutputFlow(mf.GradientFlow(run.step)), run.step * run.steps
    seen = mf.simulate_replicas(
        objectives,
        flow,
        [mf.Particles(theta) for *_, theta in data],
        times=[0.0, time],
        observables=[mf.Predictions()],
    )
    failed = [one.status for one in seen if not one.done]
    if failed:
        return {}, failed[0]
    errors = []
    for (x, y, x_test, y_test, _), one in zip(data, seen, strict=True):
        theta = np.asarray(one.particles.position)
        f = np.maximum(x_test @ theta[:, 1:].T, 0) @ theta[:, 0]
        best = margin.kernel_margin(arc_cosine.conjugate_kernel(x), y)
        known = arc_cosine.conjugate_kernel(x_test, x) @ best.coefficients
        errors.append([_wrong(one.values["predictions"][-1], y), _wrong(f, y_test), _wrong(known, y_test)])
    names = ("train_error", "error", "output_error")
    return dict(zip(names, np.transpose(errors), strict=True)), "done"


def _wrong(f: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((f > 0) != (y > 0)))
