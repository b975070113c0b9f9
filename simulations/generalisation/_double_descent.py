"""One run of the double-descent study: one curve of test risk against the number of parameters."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from simulations.generalisation.digits import images
from theory.double_descent import descended, isotropic_risk, least_squares, tangent_parameters

SIGNAL = 2.0
"""r, length of the linear teacher of the isotropic part (target units)."""

TESTED = 100
"""Test samples of each curve (count)."""

MOMENTUM = 0.99
"""Of the trained networks: 1/(1 − γ) = 100 steps of descent for the price of one."""

ISOTROPIC = (0.25, 0.5, 0.75, 4 / 3, 2.0, 4.0)
"""p/n of isotropic inputs, where risks have a variance."""

FEATURES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0, 10.0)
"""m/n of random features."""

TANGENT = (0.4, 0.6, 1.0, 1.4, 2.0, 4.0)
"""m d/n of tangent models; n/(d + 1) particles are looked at as well."""

PART = {"isotropic": 0, "features": 1, "tangent": 2, "trained": 3}


@dataclass(frozen=True)
class Parameters:
    """Least squares, or a network trained towards it, for several numbers of parameters."""

    part: str = "features"
    """isotropic (normal inputs as they are), features (random features), tangent (tangent models of networks), or
    trained (such models trained by steps of a flow).
    """
    data: str = "teacher"
    """teacher (normal inputs, targets of a network of three neurons) or digits (3 against 8, for features only)."""
    activation: str = "relu"
    """Of the features and networks: relu or tanh."""
    samples: int = 40
    """n, training samples (count)."""
    dimension: int = 5
    """d, inputs of the teacher's data (count)."""
    noise: float = 0.5
    """Standard deviation of training targets about the truth (target units); of digits, share of labels flipped."""
    ridge: float = 0.01
    """λ of the penalty (λ/2)|a|² in the curve with ridge (share of the mean feature, squared)."""
    steps: int = 2000
    """Steps of training (count)."""
    replicas: int = 9
    """Draws of data and features in a curve (count)."""
    seed: int = 0
    """Seed of data, features and networks (integer)."""

    def __post_init__(self):
        one_of("part", self.part, PART)
        one_of("data", self.data, ("teacher", "digits"))
        one_of("activation", self.activation, ("relu", "tanh"))
        for name in ("samples", "dimension", "steps", "replicas"):
            positive_count(name, getattr(self, name))
        for name in ("noise", "ridge"):
            positive_number(name, getattr(self, name), zero=True)
        if self.data == "digits" and self.part != "features":
            raise ValueError(f"data='digits': expected teacher for part={self.part!r}.")
        if self.data == "digits" and self.noise > 1:
            raise ValueError(f"noise={self.noise:g}: expected at most 1, a share of labels, for digits.")
        if self.data == "digits" and self.samples > len(images(3, 8)[1]) // 2:
            most = len(images(3, 8)[1]) // 2
            raise ValueError(f"samples={self.samples}: expected at most {most}, half of the digits 3 and 8.")
        if self.part in ("tangent", "trained") and self.samples < 2 * (self.dimension + 1):
            raise ValueError(
                f"samples={self.samples}: expected at least 2 (d + 1), so that two particles do not suffice."
            )
        if self.part == "isotropic" and self.samples < 20:
            raise ValueError(f"samples={self.samples}: expected at least 20, so that risks near n have a variance.")

    @property
    def widths(self) -> np.ndarray:
        """Numbers of inputs (isotropic), features, or particles, [k]."""
        if self.part in ("isotropic", "features"):
            ratios = ISOTROPIC if self.part == "isotropic" else FEATURES
            return np.unique([max(1, round(ratio * self.samples)) for ratio in ratios])
        whole = self.samples / self.dimension
        smooth = round(self.samples / (self.dimension + 1))
        return np.unique([smooth, *(max(1, round(ratio * whole)) for ratio in TANGENT)])

    @property
    def parameters(self) -> np.ndarray:
        """Numbers of parameters that count, [k]."""
        if self.part in ("isotropic", "features"):
            return self.widths
        homogeneous = self.activation == "relu"
        return np.array([tangent_parameters(int(m), self.dimension, homogeneous) for m in self.widths])

    def generator(self, *stream: int) -> np.random.Generator:
        """Random numbers of one purpose, from the seed and the part."""
        return np.random.default_rng((abs(self.seed), self.seed < 0, PART[self.part], *stream))


@dataclass(frozen=True)
class Sample:
    """Training inputs and targets with errors, test inputs and the truth there."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def sample(run: Parameters, replica: int) -> Sample:
    """The data of one draw: inputs of length about 1."""
    random, n = run.generator(replica, 0), run.samples
    if run.data == "digits":
        pixels, label = images(3, 8)
        order = random.permutation(len(label))
        train, test = order[:n], order[n : n + TESTED]
        x = pixels - pixels[train].mean(axis=0)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        flip = np.where(random.uniform(size=n) < run.noise, -1.0, 1.0)
        return Sample(x[train], label[train] * flip, x[test], label[test])
    d = run.dimension
    x = random.normal(size=(n + TESTED, d)) / np.sqrt(d)
    y = np.maximum(x @ random.normal(size=(d, 3)), 0) @ np.array([1.0, -1.0, 1.0])
    return Sample(x[:n], y[:n] + run.noise * random.normal(size=n), x[n:], y[n:])


def network(run: Parameters, replica: int, m: int, d: int) -> np.ndarray:
    """Particles (a, w) with a = ±1 and normal w, [m, 1 + d]."""
    random = run.generator(replica, 1, m)
    return np.column_stack([random.choice([-1.0, 1.0], m), random.normal(size=(m, d))])


def features(run: Parameters, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """σ(w·x)/√m, and for tangent models a σ'(w·x) x/√m beside it: [n, m] or [n, m (1 + d)]."""
    z = x @ theta[:, 1:].T
    value = np.maximum(z, 0) if run.activation == "relu" else np.tanh(z)
    if run.part == "features":
        return value / np.sqrt(len(theta))
    slope = (z > 0) * 1.0 if run.activation == "relu" else 1 - value**2
    moved = (slope * theta[:, 0])[:, :, None] * x[:, None]
    return np.column_stack([value, moved.reshape(len(x), -1)]) / np.sqrt(len(theta))


def curve(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Risks at every width in every draw, [k, replicas], with what theory says of them, and how the run ended."""
    known = {"widths": run.widths, "parameters": run.parameters}
    known |= {f"exact_{name}": value for name, value in exact(run).items()}
    if run.part == "isotropic":
        return known | {"excess": _isotropic(run)}, "done"
    if run.part == "trained":
        values, status = _trained(run)
        return known | values, status
    samples = [sample(run, replica) for replica in range(run.replicas)]
    table = np.array(
        [[_solved(run, data, replica, int(m)) for replica, data in enumerate(samples)] for m in run.widths]
    )
    names = ("risk", "ridge_risk", "train_residual", "rounding")
    return known | {name: table[:, :, i] for i, name in enumerate(names)}, "done"


def _isotropic(run: Parameters) -> np.ndarray:
    rows = []
    for p in run.widths:
        truth = np.zeros(p)
        truth[0] = SIGNAL
        row = []
        for replica in range(run.replicas):
            random = run.generator(replica, int(p))
            x = random.normal(size=(run.samples, p))
            y = x @ truth + run.noise * random.normal(size=run.samples)
            row.append(np.sum((least_squares(x, y) - truth) ** 2))
        rows.append(row)
    return np.array(rows)


def _solved(run: Parameters, data: Sample, replica: int, m: int) -> tuple[float, float, float, float]:
    """(test risk, test risk with ridge, residual of training, the rounding to be expected in it)."""
    theta = network(run, replica, m, data.x.shape[1])
    inside, outside = features(run, theta, data.x), features(run, theta, data.x_test)
    free, held = least_squares(inside, data.y), least_squares(inside, data.y, run.ridge)
    risks = [float(np.mean((outside @ a - data.y_test) ** 2)) for a in (free, held)]
    size = np.linalg.norm(inside) * np.linalg.norm(free) + np.linalg.norm(data.y)
    rounding = np.finfo(float).eps * sum(inside.shape) * size
    return risks[0], risks[1], float(np.linalg.norm(inside @ free - data.y)), float(rounding)


def _trained(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Tangent models of all widths and draws as one batch: particles beyond a width have no mass.

    What a network is at its start is added to its targets, and taken off its predictions: the model starts at 0.
    """
    most = int(run.widths[-1])
    objectives, mus, watched, starts = [], [], [], []
    with jax.enable_x64(True):
        unit, flow = mf.Neuron(run.activation), mf.TangentFlow(mf.HeavyBall(step_length(run), momentum=MOMENTUM))
        samples = [sample(run, r) for r in range(run.replicas)]
        seen = [[mf.Predictions(jnp.asarray(data.x_test))] for data in samples]
        for m in run.widths:
            for r, data in enumerate(samples):
                theta = network(run, r, int(m), run.dimension)
                position, mass = np.zeros((most, run.dimension + 1)), np.zeros(most)
                position[:m], mass[:m] = theta, 1 / m
                objectives.append(mf.Objective(unit, mf.Square(), data.x, data.y + _start(run, theta, data.x)))
                mus.append(mf.Particles(position, mass))
                watched.append(seen[r])
                starts.append(_start(run, theta, data.x_test))
        ends = mf.simulate_replicas(objectives, flow, mus, times=[run.steps], observables=watched)
    status = next((end.status for end in ends if not end.done), "done")
    if status != "done":
        return {}, status
    predicted = np.array([end.values["predictions"][-1] for end in ends]) - np.array(starts)
    predicted = predicted.reshape(len(run.widths), run.replicas, TESTED)
    truth = np.array([data.y_test for data in samples])
    return {"risk": np.mean((predicted - truth) ** 2, axis=2), "predictions": predicted}, status


def _start(run: Parameters, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """f of the network at its start."""
    z = x @ theta[:, 1:].T
    return (np.maximum(z, 0) if run.activation == "relu" else np.tanh(z)) @ theta[:, 0] / len(theta)


def step_length(run: Parameters) -> float:
    """1/λ for the largest eigenvalue λ, over all widths and draws, of the kernel over n."""
    pairs = [(r, int(m)) for r in range(run.replicas) for m in run.widths]
    kernels = [features(run, network(run, r, m, run.dimension), sample(run, r).x) for r, m in pairs]
    return run.samples / max(float(np.linalg.norm(inside, 2) ** 2) for inside in kernels)


def exact(run: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for a run: risks, or outputs after training step by step and for ever."""
    if run.part == "isotropic":
        both = [[isotropic_risk(run.samples, int(p), r, run.noise) for p in run.widths] for r in (SIGNAL, 0.0)]
        return {"excess": np.array(both[0]), "noise_excess": np.array(both[1])}
    if run.part != "trained":
        return {}
    step = step_length(run)
    rows = [[_descended(run, r, int(m), step) for r in range(run.replicas)] for m in run.widths]
    names = ("predictions", "limit_predictions", "rounding")
    return {name: np.array([[draw[i] for draw in row] for row in rows]) for i, name in enumerate(names)}


def _descended(run: Parameters, replica: int, m: int, step: float) -> tuple[np.ndarray, np.ndarray, float]:
    """(test predictions after the steps, after infinitely many, a bound on their rounding).

    An error of rounding in one velocity is at most ε |Φᵀ|(|Φ||a| + |y|)/n, momentum makes 1/(1 − γ) of it, and no mode
    lets it grow: after K steps of at most n/|Φ|² errors of a are at most Kε/(1 − γ) (|a| + |y|/|Φ|).
    """
    data = sample(run, replica)
    theta = network(run, replica, m, run.dimension)
    inside, outside = features(run, theta, data.x), features(run, theta, data.x_test)
    a = descended(inside, data.y, step, run.steps, MOMENTUM)
    limit = least_squares(inside, data.y)
    targets = np.linalg.norm(data.y) + np.linalg.norm(_start(run, theta, data.x))
    size = np.linalg.norm(a) + targets / np.linalg.norm(inside, 2)
    error = run.steps * np.finfo(float).eps / (1 - MOMENTUM) * size
    return outside @ a, outside @ limit, float(error * np.linalg.norm(outside, axis=1).max())
