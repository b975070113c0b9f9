"""Test accuracy of regressions with several kernels, and of networks against their steps, on splits of data sets."""

import functools
from collections.abc import Callable, Iterator
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from scipy.spatial.distance import cdist

import meanfield as mf
from simulations import Record, Setup, Simulations, choice, count, grid, number
from simulations.study.starts import doubled, independent
from theory import arc_cosine, kernel_flow
from theory.regression import chosen, ridge_path

SAMPLES = {"digits": 1797, "breast_cancer": 569, "mnist1d": 5000}
"""Samples of each data set (count)."""

CLASSES, WIDTH = 10, 64
"""Outputs and inputs of every network (count): with fewer classes or inputs the rest is empty, and one program serves
all data sets.
"""

ROWS = 1000
"""The networks' test inputs are filled up to a multiple of so many rows (count)."""

FEATURES = (256, 4096)
"""Random features (count)."""

STRENGTHS = 10.0 ** np.arange(-6, 1)
"""Ridge strengths λ to choose from."""

BANDWIDTHS = (0.5, 1.0)
"""Bandwidths of the Gaussian kernel to choose from (units of the input, whose length is 1)."""

NONLINEAR = (f"features_{max(FEATURES)}", "arc_cosine", "tangent", "gaussian")
"""The regressions that are compared with the linear one."""

NETWORKS = {"lazy": 100.0, "mean_field": 1.0}
"""Networks and their output scale α."""

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Accuracy(Simulations):
    """Regressions, and two networks of ReLU units that share their start and their steps."""

    data: str = choice("digits", "ten digits, tumours, or ten kinds of signals", among=tuple(SAMPLES))
    particles: int = count(64, "m", "particles, in pairs", multiple_of=2)
    samples: int = count(300, "n", "training samples", at_least=2)
    tested: int = count(200, "", "test samples")
    steps: int = count(100, "", "steps of gradient descent")
    share: float = number(
        0.4, "", "step as a share of n / λ_max, the step that learns the first direction at once",
        unit="share", above=0, below=2, batched=False,
    )  # fmt: skip
    """From 2 on descent diverges."""
    precision = "float32"
    sizes = grid(
        smoke=[
            {"tested": 1000, "seeds": 7},
            {"data": "breast_cancer", "tested": 269, "seeds": 3},
            {"data": "mnist1d", "tested": 600, "seeds": 3},
        ],
        default=[
            {"particles": 256, "steps": 300, "seeds": 8, **data}
            for data in (
                {"samples": 1000, "tested": 797},
                {"data": "breast_cancer", "samples": 400, "tested": 169},
                {"data": "mnist1d", "samples": 1000, "tested": 1000},
            )
        ],
        large=[
            {"particles": 10000, "steps": 10000, "seeds": 10, **data}
            for data in (
                {"samples": 1000, "tested": 797},
                {"data": "breast_cancer", "samples": 400, "tested": 169},
                {"data": "mnist1d", "samples": 4000, "tested": 1000},
            )
        ],
    )

    def refusal(self):
        most = SAMPLES[self.data] - self.tested
        if self.samples > most:
            return f"samples={self.samples}: expected at most {most} of {self.data} beside {self.tested} for test."
        return None

    @cached_property
    def split(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(x, label, x_test, label_test): centred or standardised on the training part, then of unit length."""
        # Number 0 of mnist1d is its published order, one split for all seeds.
        number = self.seed + (self.data == "mnist1d")
        data = getattr(mf.datasets, self.data)(n=self.samples, n_test=self.tested, split=number, dtype="float32")
        x, x_test = np.asarray(data.x, float), np.asarray(data.x_test, float)
        if self.data == "mnist1d":
            centre = x.mean(axis=0)
            x, x_test = (part - centre for part in (x, x_test))
            x, x_test = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (x, x_test))
        return x, _label(data.y), x_test, _label(data.y_test)

    @cached_property
    def tangent(self) -> np.ndarray:
        """The tangent kernel of all samples, those for training first, with the training samples."""
        x, _, x_test, _ = self.split
        return arc_cosine.tangent_kernel(np.concatenate([x, x_test]), x)

    @cached_property
    def step(self) -> float:
        """The step (mean-field time)."""
        return self.share * self.samples / float(np.linalg.eigvalsh(self.tangent[: self.samples])[-1])

    @property
    def marks(self) -> np.ndarray:
        """Numbers of steps after which networks are looked at."""
        return np.unique(np.rint(np.append(0, np.geomspace(1, self.steps, 9)))).astype(int)

    def setups(self):
        x, label, x_test, _ = self.split
        x, x_test = (np.pad(part, ((0, 0), (0, WIDTH - part.shape[1]))) for part in (x, x_test))
        x_test = np.pad(x_test, ((0, -len(x_test) % ROWS), (0, 0)))
        x, y, x_test = (part.astype(np.float32) for part in (x, np.eye(CLASSES)[label], x_test))
        theta = doubled(independent(self.generator("units"), self.particles // 2, WIDTH, outputs=CLASSES), CLASSES)
        unit, mu = mf.Neuron("relu", outputs=CLASSES), mf.Particles(theta.astype(np.float32))
        flow, watched = mf.GradientFlow(self.step), [mf.Predictions(jnp.asarray(x_test))]
        return {
            name: Setup(mf.Objective(unit, mf.Square(), x, y, scale=alpha), mu, flow, self.step * self.marks, watched)
            for name, alpha in NETWORKS.items()
        }

    def measure(self, runs):
        x, label, x_test, label_test = self.split
        z, values = np.concatenate([x, x_test]), {"steps": self.marks}
        for method, several in self.methods():
            values[f"accuracy_{method}"] = _share(best([kernel(z, x) for kernel in several], label), label_test)
        shuffled = self.generator("shuffled labels").permutation(label)
        values["accuracy_shuffled"] = _share(best([self.tangent], shuffled), label_test)
        for name, run in runs.items():
            predictions = np.asarray(run.values["predictions"])[:, : self.tested]
            values[f"accuracy_{name}"] = np.array([_share(f, label_test) for f in predictions])
        return values

    def theory(self):
        """Return the accuracy of the infinitely wide lazy network after the same numbers of steps."""
        _, label, _, label_test = self.split
        whole, cross = np.split(self.tangent, [self.samples])
        infinite = kernel_flow.test_discrete(whole, cross, np.eye(CLASSES)[label], self.step, self.marks)
        return {"accuracy_infinite": np.array([_share(f, label_test) for f in infinite])}

    def methods(self) -> Iterator[tuple[str, list[Kernel]]]:
        """Yield each method with the kernels it may choose from."""
        yield "linear", [lambda z, x: z @ x.T + 1]
        for size in FEATURES:
            yield f"features_{size}", [functools.partial(self.features, size=size)]
        yield "arc_cosine", [arc_cosine.conjugate_kernel]
        yield "tangent", [lambda z, x: self.tangent]
        yield "gaussian", [functools.partial(_gaussian, width=width) for width in BANDWIDTHS]

    def features(self, z: np.ndarray, x: np.ndarray, size: int) -> np.ndarray:
        """Return the kernel of random ReLU features, whose mean is the arc-cosine kernel."""
        w = self.generator(f"{size} features").standard_normal((x.shape[1], size), np.float32)
        z, x = (np.maximum(part.astype(np.float32) @ w, 0) for part in (z, x))
        return (z @ x.T).astype(float) / size


def _label(y) -> np.ndarray:
    y = np.asarray(y)
    return (y > 0).astype(int) if y.ndim == 1 else y.argmax(axis=1)


def _share(f: np.ndarray, label: np.ndarray) -> np.ndarray:
    return np.mean(f.argmax(axis=1) == label)


def _gaussian(z: np.ndarray, x: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-cdist(z, x, "sqeuclidean") / (2 * width**2))


def best(kernels: list[np.ndarray], label: np.ndarray) -> np.ndarray:
    """Return test predictions of kernel ridge regression, with the kernel and the strength that miss fewest training
    samples left out. The rows of a kernel are all samples, those for training first.
    """
    least, predictions = np.inf, np.zeros(0)
    for kernel in kernels:
        known, cross = np.split(kernel, [len(label)])
        path = ridge_path(known, cross, np.eye(CLASSES)[label], STRENGTHS)
        at, misses = chosen(path, label)
        if misses < least:
            least, predictions = misses, path.predictions[at]
    return predictions


def score(record: Record, method: str) -> float:
    """Return test accuracy (share), of networks at the end of training."""
    return float(np.ravel(record[f"accuracy_{method}"])[-1])


def above_linear(record: Record) -> float:
    """Return that of the worst of the kernels and of the most random features, less that of linear regression."""
    return min(score(record, method) for method in NONLINEAR) - score(record, "linear")
