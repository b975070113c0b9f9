"""A target of one direction among many: what a network gains by finding it, and what data of few dimensions change.

A network on inputs that fill a sphere is compared with kernel regression on the same samples, whose ridge is the best
on the test samples. The same task of k dimensions is learnt in a random subspace of d dimensions, beside the original.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

import meanfield as mf
from simulations import Record, Setup, Simulations, choice, count, flag, grid, number
from simulations.study.starts import doubled, independent
from theory import arc_cosine
from theory.regression import ridge_path

MARKS = np.array([0.0, 1 / 64, 1 / 16, 1 / 4, 1.0])
"""When networks are looked at (share of the final time)."""

STRENGTHS = 10.0 ** np.arange(-7, 0.6, 0.5)
"""Ridge strengths λ; the kernel has the one that is best on the test samples, the network has none to choose."""

MANY = 400
"""Directions of a target that no few of them tell (count)."""

ROUND = 20
"""Inputs are filled up with zeros to a multiple of so many, so that one program serves several d."""

INTRINSIC = 5
"""Dimensions of the subspace in all sizes (count)."""


def units(random: np.random.Generator, m: int, d: int) -> np.ndarray:
    """Draw units (a, w) with a = ±1 and w ~ N(0, I/d)."""
    theta = independent(random, m, d)
    theta[:, 1:] /= np.sqrt(d)
    return theta


@dataclass(frozen=True)
class Task:
    """Samples of a target, and the units that a network starts from."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    clean: np.ndarray
    """Test targets without noise [n_test]."""
    theta: np.ndarray
    direction: np.ndarray
    """The hidden direction [d]."""

    @cached_property
    def kernel(self) -> np.ndarray:
        """Tangent kernel [n, n] of inputs scaled to unit length."""
        return arc_cosine.tangent_kernel(self.x / np.linalg.norm(self.x[0]))

    @cached_property
    def regression(self) -> np.ndarray:
        """Test predictions of regression with this kernel for every strength [S, n_test]."""
        x, z = (part / np.linalg.norm(self.x[0]) for part in (self.x, self.x_test))
        return ridge_path(self.kernel, arc_cosine.tangent_kernel(z, x), self.y, STRENGTHS).predictions

    @property
    def kernel_error(self) -> float:
        """Test error of kernel regression (share of the variance)."""
        return np.mean((self.regression - self.clean) ** 2, axis=1).min() / np.var(self.clean)

    def lifted(self, random: np.random.Generator, d: int) -> "Task":
        """Draw the same task in a random subspace of d dimensions."""
        k = self.x.shape[1]
        frame = np.linalg.qr(random.normal(size=(d, k)))[0]
        # Input weights N(0, I/k) in all d dimensions: those along the subspace are drawn as if there were no others.
        theta = doubled(units(random, len(self.theta) // 2, d))
        theta[:, 1:] *= np.sqrt(d / k)
        return Task(self.x @ frame.T, self.y, self.x_test @ frame.T, self.clean, theta, frame[:, 0])


class HiddenDirection(Simulations):
    """A ReLU network on inputs that fill the sphere of radius √d."""

    target: str = choice("direction", "relu(x₁) + ½|x₁|, or a sum over 400 directions", among=("direction", "many"))
    alpha: float = number(1.0, "α", "output scale", unit="output units", above=0)
    particles: int = count(40, "m", "particles, in pairs", multiple_of=2)
    dimension: int = count(10, "d", "inputs", at_least=2)
    samples: int = count(128, "n", "training samples", at_least=4)
    time: float = number(200.0, "T", "final time", unit="mean-field time", at_least="step")
    step: float = number(0.4, "h", "step of gradient descent", unit="mean-field time", above=0)
    decay: float = number(0.01, "λ", "weight decay", unit="1 / mean-field time", at_least=0)
    noise: float = number(0.1, "", "noise of the training targets", unit="share of their deviation", at_least=0)
    tested: int = count(300, "", "test samples")
    precision = "float32"
    sizes = grid(
        smoke=[
            {"dimension": (5, 10, 20), "seeds": 16},
            {"samples": (64, 256), "seeds": 16},
            {"target": "many", "dimension": 20, "seeds": 16},
        ],
        default=[
            {"samples": 256, "particles": 100, "tested": 1000, **task}
            for task in (
                {"dimension": (5, 10, 20, 40), "seeds": 32},
                {"samples": (64, 128, 512), "seeds": 32},
                {"target": "many", "dimension": 40, "seeds": 16},
            )
        ],
        large=[
            {"samples": 1024, "particles": 1000, "time": 400.0, "tested": 5000, "seeds": 32, **task}
            for task in (
                {"dimension": (5, 10, 20, 40, 80)},
                {"samples": (128, 256, 512, 2048)},
                {"target": "many", "dimension": 80, "seeds": 16},
            )
        ],
    )

    def task(self, d: int) -> Task:
        """Draw inputs on the sphere of radius √d, and a target on them; runs of a seed that share these share it."""
        random = self.generator(f"{self.target} in {d} dimensions, {self.samples} samples")
        x = random.normal(size=(self.samples + self.tested, d))
        x *= np.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True)
        if self.target == "direction":
            clean = np.maximum(x[:, 0], 0) + np.abs(x[:, 0]) / 2
        else:
            w = random.normal(size=(MANY, d)) / np.sqrt(d)
            clean = np.maximum(x @ w.T, 0) @ random.choice([-1.0, 1.0], MANY)
            clean /= np.std(clean)
        n = self.samples
        y = clean[:n] + self.noise * np.std(clean) * random.normal(size=n)
        theta = doubled(units(random, self.particles // 2, d))
        return Task(x[:n], y, x[n:], clean[n:], theta, np.eye(d)[0])

    @cached_property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks that are learnt, by what stands before the names of their errors."""
        return {"": self.task(self.dimension)}

    def setups(self):
        fill = functools.partial(_filled, width=-(-self.dimension // ROUND) * ROUND)
        unit, penalty = mf.Neuron("relu"), mf.WeightDecay(self.decay)
        return {
            name: Setup(
                mf.Objective(unit, mf.Square(), fill(task.x), _single(task.y), scale=self.alpha, penalty=penalty),
                mf.Particles(fill(task.theta, extra=1)),
                mf.GradientFlow(self.step),
                np.unique(self.time * MARKS),
                [mf.TestRisk(fill(task.x_test), _single(task.clean))],
            )
            for name, task in self.tasks.items()
        }

    def measure(self, runs):
        first, run = self.tasks[""], runs[""]
        ends = first.theta, np.asarray(run.particles.position, float)[:, : 1 + self.dimension]
        return {
            "times": run.times,
            "along": np.array([along_direction(theta, first.direction) for theta in ends]),
            **{
                f"{name}net_error": 2 * np.asarray(runs[name].values["test_risk"], float) / np.var(task.clean)
                for name, task in self.tasks.items()
            },
        }

    def theory(self):
        return {f"{name}kernel_error": task.kernel_error for name, task in self.tasks.items()}


class Subspace(HiddenDirection):
    """The task of k dimensions in a subspace of d, or that of d dimensions; beside it the one in k dimensions."""

    intrinsic: int = count(INTRINSIC, "k", "dimensions of the subspace", at_least=2, at_most="dimension")
    inside: bool = flag(True, "inputs lie in the subspace; otherwise they fill all d dimensions")
    sizes = grid(
        smoke=[{"dimension": (5, 10, 20), "seeds": 16}, {"dimension": 20, "inside": False, "seeds": 16}],
        default=[
            {"samples": 256, "particles": 100, "tested": 1000, "seeds": 16, **task}
            for task in ({"dimension": (5, 10, 20, 40)}, {"dimension": 40, "inside": False})
        ],
        large=[
            {"samples": 1024, "particles": 1000, "time": 400.0, "tested": 5000, "seeds": 16, **task}
            for task in ({"dimension": (5, 10, 20, 40, 80)}, {"dimension": 80, "inside": False})
        ],
    )

    @cached_property
    def tasks(self) -> Mapping[str, Task]:
        """The task that is learnt, and the one in k dimensions."""
        small = self.task(self.intrinsic)
        if not self.inside:
            return {"": self.task(self.dimension), "reference_": small}
        random = self.generator(f"subspace of {self.dimension} dimensions")
        return {"": small.lifted(random, self.dimension), "reference_": small}


def _single(part: np.ndarray) -> np.ndarray:
    return part.astype(np.float32)


def _filled(part: np.ndarray, width: int, extra: int = 0) -> np.ndarray:
    return _single(np.pad(part, ((0, 0), (0, width + extra - part.shape[1]))))


def along_direction(theta: np.ndarray, direction: np.ndarray) -> float:
    """Return the share of units along a direction: the mean of cos²(w, direction), weighted by |a||w|."""
    length = np.linalg.norm(theta[:, 1:], axis=1)
    weight = np.abs(theta[:, 0]) * length
    cosine = (theta[:, 1:] @ direction) / np.maximum(length, np.finfo(float).tiny)
    return float(np.sum(weight * cosine**2) / np.maximum(np.sum(weight), np.finfo(float).tiny))


def advantage(record: Record) -> float:
    """Return log(test error of kernel regression / of the network)."""
    return float(np.log(record["kernel_error"] / record["net_error"][-1]))


def excess(record: Record) -> float:
    """Return log(the network's test error in d dimensions / of the same task in k)."""
    return float(np.log(record["net_error"][-1] / record["reference_net_error"][-1]))


def share_along(record: Record, at: int = -1) -> float:
    """Return the share of units along the hidden direction, at the end (or at the start: 0)."""
    return float(record["along"][at])


def inverse_error(record: Record, at: int = -1) -> float:
    """Return the variance of the target over the network's test error, at one look."""
    return float(1 / record["net_error"][at])
