"""One run of the tangent-kernel study: test accuracy of methods on one split, of networks against steps."""

import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial.distance import cdist

import meanfield as mf
from simulations.regimes._tangent import Parameters, doubled, draw
from theory import arc_cosine, kernel_flow
from theory.regression import chosen, ridge_path

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

METHODS = ("linear", *(f"features_{count}" for count in FEATURES), "arc_cosine", "tangent", "gaussian")
"""Regressions, in the order of the table."""

NETWORKS = {"lazy": 100.0, "mean_field": 1.0}
"""Networks and their output scale α."""

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


def dataset(run: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(x, label, x_test, label_test): centred or standardised on the training part, then of unit length."""
    sizes = {"n": run.samples, "n_test": run.tested, "dtype": run.precision}
    if run.data == "mnist1d":
        data = mf.datasets.mnist1d(split=run.seed + 1, **sizes)  # number 0 is one split for all seeds
    else:
        data = getattr(mf.datasets, run.data)(split=run.seed, **sizes)
    x, x_test = np.asarray(data.x, float), np.asarray(data.x_test, float)
    if run.data == "mnist1d":
        centre = x.mean(axis=0)
        x, x_test = (part - centre for part in (x, x_test))
        x, x_test = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (x, x_test))
    return x, _label(data.y), x_test, _label(data.y_test)


def _label(y) -> np.ndarray:
    y = np.asarray(y)
    return (y > 0).astype(int) if y.ndim == 1 else y.argmax(axis=1)


def accuracy(run: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Test accuracy of every method (share); of networks and of the infinite one after the same numbers of steps."""
    with jax.enable_x64(run.precision == "float64"):
        x, label, x_test, label_test = dataset(run)
        y, shuffled = np.eye(CLASSES)[label], np.random.default_rng([run.seed, 5]).permutation(label)
        kernels = {method: [kernel(np.concatenate([x, x_test]), x) for kernel in of] for method, of in _methods(run)}
        values = {f"accuracy_{method}": _share(_best(of, label), label_test) for method, of in kernels.items()}
        values["accuracy_shuffled"] = _share(_best(kernels["tangent"], shuffled), label_test)
        whole, cross = np.split(kernels["tangent"][0], [run.samples])
        step = run.share * run.samples / float(np.linalg.eigvalsh(whole)[-1])
        marks = np.unique(np.rint(np.append(0, np.geomspace(1, run.steps, 9)))).astype(int)
        infinite = kernel_flow.test_discrete(whole, cross, y, step, marks)
        curves, status = _networks(run, x, y, x_test, step, marks)
        for name, predictions in (curves | {"infinite": infinite}).items():
            values[f"accuracy_{name}"] = np.array([_share(f, label_test) for f in predictions])
    return {"steps": marks, **values}, status


def _share(f: np.ndarray, label: np.ndarray) -> np.ndarray:
    return np.mean(f.argmax(axis=1) == label)


def _methods(run: Parameters) -> Iterator[tuple[str, list[Kernel]]]:
    """Each method with the kernels it may choose from."""
    yield "linear", [lambda z, x: z @ x.T + 1]
    for count in FEATURES:
        yield f"features_{count}", [functools.partial(_features, seed=run.seed, count=count)]
    yield "arc_cosine", [arc_cosine.conjugate_kernel]
    yield "tangent", [arc_cosine.tangent_kernel]
    yield "gaussian", [functools.partial(_gaussian, width=width) for width in BANDWIDTHS]


def _features(z: np.ndarray, x: np.ndarray, seed: int, count: int) -> np.ndarray:
    """The kernel of random ReLU features, whose mean is the arc-cosine kernel."""
    w = np.random.default_rng([seed, 6, count]).standard_normal((x.shape[1], count), np.float32)
    z, x = (np.maximum(part.astype(np.float32) @ w, 0) for part in (z, x))
    return (z @ x.T).astype(float) / count


def _gaussian(z: np.ndarray, x: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-cdist(z, x, "sqeuclidean") / (2 * width**2))


def _best(kernels: list[np.ndarray], label: np.ndarray) -> np.ndarray:
    """Test predictions of kernel ridge regression; kernel and strength are those that miss fewest training samples
    left out. The rows of a kernel are all samples, those for training first.
    """
    best, predictions = np.inf, np.zeros(0)
    for kernel in kernels:
        known, cross = np.split(kernel, [len(label)])
        path = ridge_path(known, cross, np.eye(CLASSES)[label], STRENGTHS)
        at, misses = chosen(path, label)
        if misses < best:
            best, predictions = misses, path.predictions[at]
    return predictions


def _networks(run: Parameters, x, y, x_test, step: float, marks: np.ndarray) -> tuple[dict[str, np.ndarray], str]:
    """Test predictions [T, n_test, 10] of both networks, which share their initial particles and their steps."""
    x, x_test = (np.pad(part, ((0, 0), (0, WIDTH - part.shape[1]))) for part in (x, x_test))
    tested = len(x_test)
    x_test = np.pad(x_test, ((0, -tested % ROWS), (0, 0)))
    x, y, x_test = (part.astype(run.precision) for part in (x, y, x_test))
    theta = doubled(draw(run, 4, run.particles // 2, CLASSES, WIDTH), CLASSES)
    mu, unit = mf.Particles(theta.astype(run.precision)), mf.Neuron(run.activation, outputs=CLASSES)
    flow, watched, statuses, curves = mf.GradientFlow(step), [mf.Predictions(jnp.asarray(x_test))], [], {}
    for name, alpha in NETWORKS.items():
        objective = mf.Objective(unit, mf.Square(), x, y, scale=alpha)
        trained = mf.simulate(objective, flow, mu, times=step * marks, observables=watched)
        curves[name] = trained.values["predictions"][:, :tested]
        statuses.append(trained.status)
    return curves, next((status for status in statuses if status != "done"), "done")
