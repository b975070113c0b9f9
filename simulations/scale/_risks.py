"""One run of the study of scaling laws: the risk of networks that differ in particles, samples or training time."""

import functools
import math
import zlib
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import numpy as np
from scipy import linalg
from threadpoolctl import ThreadpoolController

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from simulations._study import canonical
from theory import chaos, circle, compute_frontier
from theory.learning_curve import best_strength, learning_curve
from theory.linear_bound import linear_bound

PARTS = ("mean_field", "lazy", "samples", "teacher")

BOX = (1.5, 2.0, 2.0)
"""Half-widths of the box on which (a, w, b) starts uniformly in mean_field (parameter)."""

NODES = (10, 16, 16)
"""Quadrature nodes of the box, for the limit."""

ROOM = 256
"""Particles come in arrays of a multiple of this, those beyond m without mass: most m share a program."""

FREQUENCIES = np.arange(2, 514, 2)
"""Frequencies of the target in samples; what is beyond has 1e-4 of its power."""

PLACES = 512
"""Places on the circle at which samples is tested."""

SHARED = 128
"""Fewer training samples of teacher come several times over where this is a multiple of them: the mean over samples is
the same, and so is the program.
"""

TESTED = 1000
"""Test inputs of teacher."""

LONGEST = 5000
"""Steps of a descent in mean_field at most: theory keeps all of them."""


@dataclass(frozen=True)
class Parameters:
    """One of four questions, and the sizes it is asked at."""

    part: str = "mean_field"
    """mean_field (tanh networks on the line), lazy (tangent models of ReLU networks on the circle, all inputs), samples
    (the same with infinitely many particles, some inputs, noisy labels) or teacher (ReLU networks that learn a neuron).
    """
    particles: int = 64
    """m, particles (count); samples has infinitely many."""
    samples: int = 4
    """n, training samples (count); for lazy the inputs on the circle, a multiple of 4."""
    dimension: int = 16
    """d, inputs of teacher (count)."""
    exponent: float = 0.0
    """Exponent of m in the output scale of mean_field: 0 mean-field, 0.5 neural-tangent."""
    alpha: float = 1.0
    """α at m = 1, for mean_field and teacher: large is lazy (output units)."""
    source: float = 1.75
    """c, source condition of the target on the circle: its power at eigenvalues below λ falls as λ^c."""
    ridge: float = 0.3
    """λ of samples at n = 1, from where it falls as n^(−b/(bc+1)) (kernel units)."""
    noise: float = 0.1
    """Standard deviation of the labels' noise in samples (output units; the target has variance 1)."""
    time: float = 10.0
    """T, final time (mean-field time, 1 / rate)."""
    step: float = 0.5
    """h, step of gradient descent (mean-field time); lazy counts its operations by it and follows the flow exactly."""
    replicas: int = 10
    """Independent networks, or samples of data where there is no network (count)."""
    seed: int = 0
    """Seed of data, initial particles and teacher (integer)."""

    def __post_init__(self):
        one_of("part", self.part, PARTS)
        for name in ("particles", "samples", "dimension", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("alpha", "source", "ridge", "time", "step"):
            positive_number(name, getattr(self, name))
        positive_number("noise", self.noise, zero=True)
        if not math.isfinite(self.exponent):
            raise ValueError(f"exponent={self.exponent!r}: expected a finite number.")
        if self.time < self.step:
            raise ValueError(f"time={self.time:g}: expected at least one step={self.step:g}.")
        if self.part == "lazy" and (self.samples % 4 or self.samples < 8):
            raise ValueError(f"samples={self.samples}: expected a multiple of 4 of at least 8 inputs on the circle.")
        if self.part == "lazy" and not 0.1 <= self.time / self.step <= 1e12:
            raise ValueError(f"time={self.time:g}: expected at most 1e12 steps={self.step:g}.")
        if self.part == "samples" and self.source > 2:
            raise ValueError(f"source={self.source:g}: ridge regression saturates; expected at most 2.")
        if self.part == "teacher" and self.dimension < 3:
            raise ValueError(f"dimension={self.dimension}: expected at least 3 for a teacher on the sphere.")
        if self.part == "teacher" and self.particles % 2:
            raise ValueError(
                f"particles={self.particles}: expected an even number, since a doubled law comes in pairs."
            )
        if self.part == "mean_field" and self.samples < 2:
            raise ValueError(f"samples={self.samples}: expected at least 2 on the line.")
        if self.part == "mean_field" and self.time / self.step > LONGEST:
            raise ValueError(
                f"step={self.step:g}: makes {self.time / self.step:g} steps up to time={self.time:g}; expected at most "
                f"{LONGEST}."
            )

    @property
    def scale(self) -> float:
        """The output scale α."""
        return self.alpha * self.particles**self.exponent

    @property
    def strength(self) -> float:
        """λ of ridge regression at this number of samples."""
        return best_strength(self.samples, circle.CAPACITY, min(self.source, 2.0), self.ridge)


def simulate(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Everything the claims look at, from one run.

    Its matrices are small: threads, when other runs share the cores, make them a hundred times slower.
    """
    parts = {"mean_field": _mean_field, "lazy": _lazy, "samples": _samples, "teacher": _teacher}
    with _threads().limit(limits=1, user_api="blas"):
        values, status = parts[run.part](run)
        return {name: np.asarray(value) for name, value in (values | predict(run)).items()}, status


@functools.cache
def _threads() -> ThreadpoolController:
    """The libraries of linear algebra, looked for once: it takes longer than a small run."""
    return ThreadpoolController()


def predict(run: Parameters) -> dict[str, np.ndarray]:
    """What theory says of the same run."""
    if run.part == "mean_field":
        return {"limit_risk": _limit(_alone(run))[2]}
    if run.part == "lazy":
        risk, variance = _expansion(_alone(run))
        return {"limit_risk": risk, "variance": variance}
    if run.part == "samples":
        spectrum, powers = _spectrum(run.source)
        strengths = run.strength, 2 * run.strength  # the second is a wrong one, for a control
        curve, other = (learning_curve(spectrum, powers, run.samples, at, run.noise) for at in strengths)
        return {"curve": np.array([curve.excess]), "other_curve": np.array([other.excess])}
    return {"bound": np.array([_bound(run.dimension, run.samples)])}


def _alone(run: Parameters) -> Parameters:
    """The run without what its limit does not depend on: it is worked out once for all that share it."""
    return replace(run, particles=2, exponent=0.0, replicas=1, seed=0)


def _random(run: Parameters) -> np.random.Generator:
    """Numbers of its own for every seed and setting, so that any two records are independent.

    NumPy draws them: numbers in JAX take longer to compile than all the rest of a draw.
    """
    return np.random.default_rng([run.seed, zlib.crc32(canonical(replace(run, seed=0)).encode())])


def _masses(m: int) -> np.ndarray:
    return np.where(np.arange(-(-m // ROOM) * ROOM) < m, 1 / m, 0.0)


# --- mean_field: excess risk of m particles over infinitely many


def target(z: np.ndarray) -> np.ndarray:
    """What networks on the line learn: a ramp [n] of inputs [n, 1]."""
    return 0.3 + 0.5 * np.tanh(z[:, 0])


def line(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """(training inputs [n, 1], test inputs [33, 1]) on the line."""
    return np.linspace(-1.5, 1.5, samples)[:, None], np.linspace(-1.5, 1.5, 33)[:, None]


def clock(run: Parameters) -> np.ndarray:
    """Times that are looked at, some per octave of the time (mean-field time)."""
    if run.part == "lazy":
        return np.geomspace(run.step, run.time, 1 + max(4, round(4 * math.log2(run.time / run.step))))
    return np.unique(np.rint(np.append(0, np.geomspace(run.step, run.time, 12)) / run.step)) * run.step


@functools.lru_cache(maxsize=8)
def _limit(run: Parameters) -> tuple[chaos.Descent, np.ndarray, np.ndarray]:
    """(the descent of infinitely many particles, what it predicts on the test inputs [T, q], its test risk [T])."""
    (x, z), steps = line(run.samples), np.rint(clock(run) / run.step).astype(int)
    nodes, mass = chaos.box_nodes(BOX, NODES)
    path = chaos.descend(nodes, mass, x, target(x), step=run.step, steps=int(steps[-1]), scale=run.alpha)
    f = np.stack([chaos.predict(path, z, k) for k in steps])
    return path, f, np.mean((f - target(z)) ** 2, axis=1) / 2


@functools.lru_cache(maxsize=8)
def _response(run: Parameters, time: float) -> tuple[chaos.Response, np.ndarray]:
    path, _, _ = _limit(run)
    psi = chaos.response(path, line(run.samples)[1], round(time / run.step))
    return psi, path.mass @ psi.at(path.position[0])


def _mean_field(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Test risk of trained networks [T], and its part at the end that is linear in the draw, whose mean is zero."""
    x, z = line(run.samples)
    mass = _masses(run.particles)
    theta = _random(run).uniform(-1, 1, (run.replicas, len(mass), len(BOX))) * BOX
    with jax.enable_x64(True):
        objective = mf.Objective(mf.Neuron("tanh", bias=True), mf.Square(), x, target(x), scale=run.scale)
        networks = mf.simulate_replicas(
            objective,
            mf.GradientFlow(run.step),
            [mf.Particles(position, mass) for position in theta],
            times=clock(run),
            observables=[mf.TestRisk(z, target(z))],
        )
    values = {
        "times": np.asarray(networks[0].times),
        "risk": np.mean([network.values["test_risk"] for network in networks], axis=0),
    }
    values["operations"] = 4 * run.particles * run.samples * values["times"] / run.step
    if run.exponent == 0:
        path_z, psi = _limit(_alone(run))[1][-1], _response(_alone(run), float(clock(run)[-1]))
        parts = np.array_split(theta[:, : run.particles].reshape(-1, len(BOX)), max(1, theta[..., 0].size // 20_000))
        moved = np.concatenate([psi[0].at(part) for part in parts]).reshape(run.replicas, run.particles, -1)
        values["linear"] = np.mean((moved.mean(axis=(0, 1)) - psi[1]) * (path_z - target(z)))
    return values, next((network.status for network in networks if not network.done), "done")


# --- lazy: tangent models on the whole circle, by gradient flow, averaged over the phases of the target


@functools.lru_cache(maxsize=4)
def _circle(inputs: int, source: float) -> compute_frontier.Circle:
    return compute_frontier.circle(inputs, source)


@functools.lru_cache(maxsize=8)
def _expansion(run: Parameters) -> tuple[np.ndarray, np.ndarray]:
    problem = _circle(run.samples, run.source)
    return compute_frontier.limit_risk(problem, clock(run)), compute_frontier.variance(problem, clock(run))


@functools.lru_cache(maxsize=4)
def _covariance(inputs: int, source: float) -> np.ndarray:
    """Covariance of the target in the basis of `_reduced`."""
    problem, shifts = _circle(inputs, source), np.arange(inputs)
    return _reduced(np.fft.ifft(problem.power).real[(shifts[:, None] - shifts) % inputs], problem.x)


def _reduced(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A matrix [N, N] of the inputs in an orthonormal basis of what ReLU networks reach on the circle: N/2 even
    functions and two linear ones.
    """
    half, linear = len(x) // 2, x * np.sqrt(2 / len(x))
    top, bottom = matrix[:half], matrix[half:]
    even = (top[:, :half] + top[:, half:] + bottom[:, :half] + bottom[:, half:]) / 2
    mixed = matrix @ linear
    across = (mixed[:half] + mixed[half:]) / np.sqrt(2)
    return np.block([[even, across], [across.T, linear.T @ mixed]])


def _lazy(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Risk [T] of tangent models, the mean over networks, and its linear part, whose mean is zero."""
    problem, times, random = _circle(run.samples, run.source), clock(run), _random(run)
    covariance = _covariance(run.samples, run.source)
    mass, risk, linear = _masses(run.particles), np.zeros(len(times)), np.zeros(len(times))
    for _ in range(run.replicas):
        theta = random.normal(size=(len(mass), 3))
        theta[:, 0] = np.sign(theta[:, 0])
        with jax.enable_x64(True):
            kernel = np.asarray(_kernel(mf.Neuron("relu"), theta, mass, problem.x))
        values, vectors = np.linalg.eigh(_reduced(kernel, problem.x) / run.samples)
        shares = np.sum(vectors * (covariance @ vectors), axis=0)
        risk += np.exp(-2 * np.outer(times, np.maximum(values, 0))) @ shares / 2
        linear += compute_frontier.linear_term(problem, kernel, times)
    operations = 4 * run.particles * run.samples * 2 * times / run.step
    return {
        "times": times,
        "operations": operations,
        "risk": risk / run.replicas,
        "linear": linear / run.replicas,
    }, "done"


@eqx.filter_jit
def _kernel(unit, theta, mass, x):
    return mf.tangent_kernel(unit, mf.Particles(theta, mass), x)


# --- samples: infinitely many lazy particles with weight decay towards the start are ridge regression


@functools.lru_cache(maxsize=8)
def _spectrum(source: float) -> tuple[np.ndarray, np.ndarray]:
    """(eigenvalues, powers of the target) over the circle, cosine and sine of every frequency; total power 1."""
    power = circle.source_power(FREQUENCIES, source)
    power, values = power / power.sum() / 2, circle.eigenvalues(FREQUENCIES)
    return np.concatenate([circle.eigenvalues([0, 1, 1]), values, values]), np.concatenate([np.zeros(3), power, power])


def _samples(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Excess test risk E|f − f_*|², mean over the circle and over independent data."""
    random, places = _random(run), 2 * np.pi * np.arange(PLACES) / PLACES
    size = np.sqrt(4 * _spectrum(run.source)[1][3 : 3 + len(FREQUENCIES)])
    excess = []
    for _ in range(run.replicas):
        phase = random.uniform(0, 2 * np.pi, len(FREQUENCIES))
        angles = random.uniform(0, 2 * np.pi, run.samples)
        y, truth = (np.cos(np.outer(at, FREQUENCIES) + phase) @ size for at in (angles, places))
        y = y + run.noise * random.normal(size=run.samples)
        shifted = circle.kernel(angles[:, None] - angles) + run.samples * run.strength * np.eye(run.samples)
        f = circle.kernel(places[:, None] - angles) @ linalg.solve(shifted, y, assume_a="pos")
        excess.append(np.mean((f - truth) ** 2))
    return {"excess": np.array([np.mean(excess)])}, "done"


# --- teacher: one neuron of unknown direction, by feature learning and by a lazy network


@functools.lru_cache(maxsize=64)
def _bound(dimension: int, samples: int) -> float:
    return linear_bound(lambda z: np.maximum(z, 0), dimension, samples)


def _teacher(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Test risk [T] of ReLU networks trained on inputs on the sphere of radius √d; the teacher is ReLU(u·x)."""
    random = np.random.default_rng([run.seed, run.samples, run.dimension])  # data and start are shared by every α
    direction = random.normal(size=(run.replicas, run.dimension))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    x = random.normal(size=(run.replicas, run.samples + TESTED, run.dimension))
    x *= np.sqrt(run.dimension) / np.linalg.norm(x, axis=2, keepdims=True)
    y = np.maximum(np.einsum("rnd,rd->rn", x, direction), 0)
    theta = random.normal(size=(run.replicas, run.particles // 2, 1 + run.dimension))
    theta[..., 0], theta[..., 1:] = np.sign(theta[..., 0]), theta[..., 1:] / np.sqrt(run.dimension)
    theta = np.concatenate([theta, theta * np.where(np.arange(1 + run.dimension) < 1, -1.0, 1.0)], axis=1)
    n = run.samples
    again = max(1, SHARED // n) if SHARED % n == 0 else 1
    risks, times = [], clock(run)
    for i in range(run.replicas):
        inputs, labels, start = (part[i].astype(np.float32) for part in (x, y, theta))
        data = np.tile(inputs[:n], (again, 1)), np.tile(labels[:n], again)
        objective = mf.Objective(mf.Neuron("relu"), mf.Square(), *data, scale=run.alpha)
        trained = mf.simulate(
            objective,
            mf.GradientFlow(run.step),
            mf.Particles(start),
            times=times,
            observables=[mf.TestRisk(inputs[n:], labels[n:])],
        )
        if not trained.done:
            return {"times": trained.times}, trained.status
        risks.append(trained.values["test_risk"])
    return {"times": times, "risk": np.mean(risks, axis=0)}, "done"
