"""Training on digits, eigenvector by eigenvector of the tangent kernel: residuals, and the times in which they fall.

A network at α = √m descends by steps h. As m → ∞ its residual along the eigenvector v_i of the kernel's matrix, with
eigenvalue λ_i, is v_i·(y − u_k) = (1 − hλ_i/n)^k v_i·y after k steps (Arora et al., 2019).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

import meanfield as mf
from simulations import Record, Records, Simulation, choice, count, grid, number, shared
from simulations.study.starts import doubled, filled, independent
from theory import arc_cosine, kernel_flow
from theory.activations import ACTIVATIONS

SAMPLES = {"digits": 1797, "breast_cancer": 569}
"""Samples of each data set (count)."""

LEARNT = 3.0
"""A direction counts as learnt in a run if theory says so within this part of its steps (steps / learning time)."""

MOST = 30
"""At most so many directions are looked at, the largest eigenvalues first (count)."""


@dataclass(frozen=True)
class Spectrum:
    """The problem that a network learns, in the eigenvectors of the limiting kernel."""

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
        """Return v_i·(y − u_k) = (1 − hλ_i/n)^k v_i·y for the eigenvalues given, [T, n]."""
        return (1 - self.step * values / len(self.y)) ** self.marks[:, None] * (self.y @ self.vectors)


class Directions(Simulation):
    """A network of doubled units at α = √m."""

    data: str = choice("digits", "odd or even digits, or tumours", among=tuple(SAMPLES))
    labels: str = choice(
        "true", "true, ±1 at random, or of the same size along every eigenvector", among=("true", "random", "even")
    )
    activation: str = choice("relu", "activation σ", among=tuple(ACTIVATIONS))
    output: str = choice("signs", "law of the output weights, of variance 1", among=("signs", "gaussian"))
    particles: int = count(1024, "m", "particles, in pairs", multiple_of=2)
    samples: int = count(64, "n", "training samples", at_least=2)
    steps: int = count(150, "", "steps of gradient descent")
    share: float = number(
        0.7, "", "step as a share of n / λ_max, the step that learns the first direction at once",
        unit="share", above=0, below=2, batched=False,
    )  # fmt: skip
    """From 2 on descent diverges."""
    precision = "float32"
    sizes = grid(
        smoke=[
            {"labels": labels, "particles": (64, 256, 1024), "steps": 120, "seeds": seeds}
            for labels, seeds in (("true", 32), ("even", 16))
        ],
        default={
            "labels": ("true", "random", "even"),
            "particles": (64, 256, 1024, 4096),
            "samples": 100,
            "steps": 200,
            "seeds": 20,
        },
        large={
            "labels": ("true", "random", "even"),
            "particles": (256, 1024, 4096, 16384),
            "samples": 1000,
            "steps": 10000,
            "seeds": 40,
        },
    )

    def refusal(self):
        if self.samples >= SAMPLES[self.data]:
            return f"samples={self.samples}: expected at most {SAMPLES[self.data] - 1} of {self.data}."
        return None

    @property
    @shared(particles=2)
    def spectrum(self) -> Spectrum:
        """Data, labels and the kernel's spectrum, which are the same at every m."""
        make = partial(mf.datasets.digits, task="parity") if self.data == "digits" else mf.datasets.breast_cancer
        data = make(n=self.samples, n_test=1, split=self.seed, dtype="float32")
        x, y = np.asarray(data.x, float), np.asarray(data.y, float)
        values, vectors = np.linalg.eigh(arc_cosine.tangent_kernel(x, activation=self.activation))
        values, vectors = values[::-1], vectors[:, ::-1]
        if self.labels != "true":
            y = self.generator("labels").choice([-1.0, 1.0], size=self.samples)
        if self.labels == "even":
            y = vectors @ y
        marks = np.unique(np.rint(np.append(0, np.geomspace(1, self.steps, 16)))).astype(int)
        return Spectrum(x, y, values, vectors, self.share * self.samples / values[0], marks)

    def problem(self):
        x, y = (part.astype(np.float32) for part in (self.spectrum.x, self.spectrum.y))
        return mf.Objective(mf.Neuron(self.activation), mf.Square(), x, y, scale=self.particles**0.5)

    def start(self):
        random = self.generator(f"{self.particles} units for {self.labels} labels, {self.activation}")
        theta = independent(random, self.particles // 2, self.spectrum.x.shape[1], output=self.output)
        return mf.Particles(*filled(doubled(theta), 256))

    def flow(self):
        return mf.GradientFlow(self.spectrum.step)

    def times(self):
        return self.spectrum.step * self.spectrum.marks

    def observe(self):
        return [mf.Predictions()]

    def measure(self, run):
        problem = self.spectrum
        return {"residuals": (problem.y - np.asarray(run.values["predictions"], float)) @ problem.vectors}

    def theory(self, start=None):
        """Return what descent with the limiting kernel does, and the steps until a residual has fallen to 1/e."""
        problem = self.spectrum
        kernel = (problem.vectors * problem.values) @ problem.vectors.T
        exact = kernel_flow.train_discrete(kernel, problem.y, problem.step, problem.marks)
        rate = -np.log(np.maximum(np.abs(1 - problem.step * problem.values / self.samples), 1e-12))
        return {
            "steps": problem.marks,
            "y": problem.y,
            "eigenvalues": problem.values,
            "limit_residuals": (problem.y - exact) @ problem.vectors,
            "limit_learnt": 1 / np.maximum(rate, 1e-12),
        }


def _distance(record: Record, exact: np.ndarray) -> float:
    """sup_k ‖(y − u_k) − exact_k‖ / ‖y‖."""
    gap = np.max(np.sum((record["residuals"] - exact) ** 2, axis=1))
    return float(np.sqrt(gap / np.sum(record["y"] ** 2)))


def residual_error(record: Record) -> float:
    """Return the distance of the residuals to their prediction, the largest over the steps, relative to the targets."""
    return _distance(record, record["limit_residuals"])


def slow_error(record: Record) -> float:
    """Return the `residual_error` with a kernel n times smaller, which is wrong."""
    start, decay = _decay(record)
    return _distance(record, start * decay ** (1 / record["samples"]))


def dealt_error(record: Record) -> float:
    """Return the `residual_error` with the eigenvalues dealt wrongly: along v_i the decay of v_{n−1−i}."""
    start, decay = _decay(record)
    return _distance(record, start * decay[:, ::-1])


def _decay(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Predicted residuals at the start [n], and what is left of each after every number of steps [T, n]."""
    q = record["share"] * record["eigenvalues"] / record["eigenvalues"][0]
    return record["limit_residuals"][0], np.abs(1 - q) ** record["steps"][:, None]


def _in_time(record: Record) -> np.ndarray:
    """The directions that theory says are learnt well within the run, the largest eigenvalues first."""
    return np.flatnonzero(record["limit_learnt"] * LEARNT <= record["steps"][-1])[:MOST]


def learning(records: Records) -> Records:
    """Return runs on even labels with enough directions to fit a power to."""
    return Directions.at("residuals", labels="even")(records).where(lambda record: len(_in_time(record)) >= 5)


def learnt(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Return (predicted, measured) steps [I] until the residual along v_i has fallen to 1/e.

    For the directions that should be learnt well within the run. Between two looks, and beyond the last, a residual is
    taken to fall by the same factor at every step.
    """
    steps, predicted, in_time = record["steps"], record["limit_learnt"], _in_time(record)
    residuals = record["residuals"][:, in_time]
    logs = np.log(np.maximum(np.abs(residuals / residuals[0]), 1e-12))
    below = logs <= -1
    after = np.where(below.any(axis=0), below.argmax(axis=0), len(steps) - 1)
    before = np.where(below.any(axis=0), after - 1, 0)
    high, low = (np.take_along_axis(logs, at[None], axis=0)[0] for at in (before, after))
    part = (-1 - high) / np.minimum(low - high, -1e-6)
    return predicted[in_time], steps[before] + part * (steps[after] - steps[before])


def exponent(record: Record, dealt: bool = False) -> float:
    """Return the power p of learning time ∝ rate^p over the directions, by least squares in logarithms.

    `dealt` gives the predictions to the directions in reverse, wrongly.
    """
    predicted, measured = learnt(record)
    return float(-np.polyfit(np.log(predicted[::-1] if dealt else predicted), np.log(measured), 1)[0])


def prefactor(record: Record, dealt: bool = False) -> float:
    """Return predicted over measured learning time, which is measured rate over predicted: the mean over directions.

    Rates are linear in the kernel to first order, so that their mean is less biased than that of times.
    """
    predicted, measured = learnt(record)
    return float(np.mean((predicted[::-1] if dealt else predicted) / measured))


def scatter(record: Record) -> float:
    """Return the root mean square over directions of log(learning time / predicted)."""
    predicted, measured = learnt(record)
    return float(np.sqrt(np.mean(np.log(measured / predicted) ** 2)))


dealt_exponent = partial(exponent, dealt=True)
dealt_prefactor = partial(prefactor, dealt=True)
