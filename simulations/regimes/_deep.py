"""One run of the infinite-width study: many random deep networks at a few inputs, or regressions on one split."""

import functools
from dataclasses import dataclass, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from meanfield.arguments import one_of, positive_count, positive_number
from theory.activations import ACTIVATIONS
from theory.deep_fluctuation import deep_fluctuation
from theory.deep_kernels import deep_kernels
from theory.kernel_fluctuation import LONGEST
from theory.regression import chosen, ridge_path

COMPARED = 3
"""The layer (or the last one, if there are fewer) whose kernel is compared with the first order in 1/N (count)."""

APART = 0.95
"""The largest |cosine| of two inputs of networks: constants are taken by differences, which need room."""

DEPTHS = (1, 2, 4, 8, 16, 32, 64, 128)
"""Depths of regressions, up to that of the run (count)."""

STRENGTHS = 10.0 ** np.arange(-8, 1)
"""Ridge strengths to choose from, in units of the kernel's mean diagonal."""

IMAGES = {"digits": 1797, "mnist1d": 5000}
"""Samples of each data set (count)."""


@dataclass(frozen=True)
class Parameters:
    """Random networks, or regression with the kernels of infinitely wide ones."""

    part: str = "networks"
    """networks (random ones at inputs on the unit sphere) or regression (on digits or mnist1d, infinitely wide)."""
    data: str = "digits"
    """Of regression: digits or mnist1d, ten classes each."""
    activation: str = "relu"
    """σ, by name."""
    weight_scale: float = 2**0.5
    """s_w, factor of all weights but the last layer's; √2 keeps norms through layers of ReLU (dimensionless)."""
    bias_scale: float = 0.0
    """s_b, factor of the biases (pre-activation units)."""
    depth: int = 3
    """L, hidden layers; regression compares 1, 2, 4, … up to L (count)."""
    width: int = 64
    """N, units of a hidden layer, for networks (count)."""
    replicas: int = 128
    """Independent networks (count)."""
    dimension: int = 3
    """d, inputs of networks (count)."""
    samples: int = 3
    """n, inputs at which networks are looked at, or training samples of regression (count)."""
    tested: int = 500
    """Test samples of regression (count)."""
    seed: int = 0
    """Seed of inputs and weights, or of the split (integer)."""

    def __post_init__(self):
        one_of("part", self.part, ("networks", "regression"))
        one_of("data", self.data, IMAGES)
        one_of("activation", self.activation, ACTIVATIONS)
        for name in ("depth", "width", "replicas", "dimension", "samples", "tested"):
            positive_count(name, getattr(self, name))
        positive_number("weight_scale", self.weight_scale)
        positive_number("bias_scale", self.bias_scale, zero=True)
        if self.part == "regression" and not 2 <= self.samples <= IMAGES[self.data] - self.tested:
            most = IMAGES[self.data] - self.tested
            raise ValueError(
                f"samples={self.samples}: expected 2 to {most} of {self.data} beside {self.tested} for test."
            )
        if self.part == "networks":
            if self.dimension < 2:
                raise ValueError(f"dimension={self.dimension}: expected at least 2, so that inputs are not parallel.")
            if not 2 <= self.samples <= 8:
                raise ValueError(f"samples={self.samples}: expected 2 to 8 inputs of networks.")
            if self.dimension == 2 and self.samples > 4:
                raise ValueError(f"samples={self.samples}: expected at most 4 inputs in the plane, to be apart.")


def run(parameters: Parameters) -> tuple[dict[str, np.ndarray], str]:
    """Everything the claims look at."""
    return (networks if parameters.part == "networks" else regression)(parameters), "done"


def predict(parameters: Parameters) -> dict[str, np.ndarray]:
    """Return the predictions of theory for a run; of accuracy it says nothing."""
    return limit(parameters) if parameters.part == "networks" else {}


# --- Networks


def inputs(run: Parameters) -> np.ndarray:
    """Inputs on the unit sphere, no two of them parallel; the same for all runs of one seed."""
    random = np.random.default_rng([run.seed, 1])
    while True:
        x = random.normal(size=(run.samples, run.dimension))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        if np.max(np.abs(x @ x.T - np.eye(len(x)))) < APART:
            return x


def limit(run: Parameters) -> dict[str, np.ndarray]:
    """Kernels of the infinitely wide network, and how those of finite ones differ from them to first order in 1/N.

    Scales at which the quadrature of the latter fails leave it out.
    """
    return _limit(replace(run, width=1, replicas=1, tested=1, data="digits"))


@functools.lru_cache(maxsize=64)
def _limit(run: Parameters) -> dict[str, np.ndarray]:
    x, layers = inputs(run), tuple(range(1, run.depth + 1))
    scales = {"weight_scale": run.weight_scale, "bias_scale": run.bias_scale}
    conjugate, tangent = deep_kernels(x, None, layers, run.activation, **scales)
    found = {"x": x, "limit_conjugate": conjugate, "limit_tangent": tangent}
    squares = np.array([1.0, *np.einsum("lii->li", conjugate[: min(COMPARED, run.depth) - 1]).max(axis=1, initial=0)])
    if run.weight_scale**2 * squares.max() + run.bias_scale**2 > LONGEST**2:
        return found
    first = deep_fluctuation(x, (1, min(COMPARED, run.depth)), run.activation, **scales)
    return found | {"limit_variance": first.variance, "limit_shift": first.shift[1], "constant": first.constant}


def weights(run: Parameters) -> list[np.ndarray]:
    """W_1, the other W, b and a of all networks, a row a network.

    Drawn by numpy: JAX would compile longer than all else that a small run does.
    """
    stream = [run.seed, 2, run.width, run.depth, list(ACTIVATIONS).index(run.activation)]
    random, n, layers = np.random.default_rng(stream), run.width, run.depth
    shapes = [(n, run.dimension), (layers - 1, n, n), (layers, n), (n,)]
    return [random.standard_normal((run.replicas, *shape), np.float32) for shape in shapes]


@eqx.filter_jit
def _kernels(drawn, x, activation: str, weight_scale, bias_scale):
    """Conjugate kernels of all layers [R, L, n, n], tangent kernel [R, n, n] and outputs [R, n] of every network."""

    def of_one(parts):
        first, hidden, biases, output = parts
        net = mf.units.DeepNetwork(
            first, hidden, biases, output, activation, weight_scale=weight_scale, bias_scale=bias_scale
        )
        return net.conjugate_kernels(x), net.tangent_kernel(x), net.predict(x)

    return jax.lax.map(of_one, drawn)


def networks(run: Parameters) -> dict[str, np.ndarray]:
    """Kernels and outputs of independent networks beside their limits."""
    known = limit(run)
    scales = (jnp.float32(run.weight_scale), jnp.float32(run.bias_scale))
    found = _kernels(weights(run), jnp.asarray(known["x"], jnp.float32), run.activation, *scales)
    conjugate, tangent, outputs = (np.asarray(part, float) for part in found)
    squares = np.einsum("rlii->rli", conjugate)
    lengths = np.sqrt(squares[..., :, None] * squares[..., None, :])
    exact = np.einsum("lii->li", known["limit_conjugate"])
    return known | {
        "outputs": outputs,
        "conjugate": conjugate.mean(axis=0),
        "distance": np.sum((conjugate - known["limit_conjugate"]) ** 2, axis=(2, 3)).mean(axis=0),
        # f is Gaussian given the hidden weights, with variance h·h/N: its excess kurtosis, with less noise than f has.
        "kurtosis": 3 * np.mean((squares / exact - 1) ** 2, axis=(0, 2)),
        "deficit": np.mean(1 - conjugate / np.where(lengths > 0, lengths, 1.0), axis=0),
        "tangent": tangent.mean(axis=0),
        "tangent_distance": np.sum((tangent - known["limit_tangent"][-1]) ** 2, axis=(1, 2)).mean(),
        "tangent_wrong": np.sum((tangent - known["limit_conjugate"][-1]) ** 2, axis=(1, 2)).mean(),
    }


# --- Regression


def split(run: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(x, label, x_test, label_test), centred on the training part and of unit length."""
    # Number 0 of mnist1d is its published order, one split for all seeds.
    number = run.seed + (run.data == "mnist1d")
    data = getattr(mf.datasets, run.data)(n=run.samples, n_test=run.tested, split=number, dtype="float32")
    x, x_test = np.asarray(data.x, float), np.asarray(data.x_test, float)
    centre = x.mean(axis=0)
    x, x_test = (part - centre for part in (x, x_test))
    x, x_test = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (x, x_test))
    return x, np.asarray(data.y).argmax(axis=1), x_test, np.asarray(data.y_test).argmax(axis=1)


def regression(run: Parameters) -> dict[str, np.ndarray]:
    """Test accuracy of regression with the conjugate and the tangent kernel at every depth, and with a linear one."""
    x, label, x_test, label_test = split(run)
    depths, z = tuple(depth for depth in DEPTHS if depth <= run.depth), np.concatenate([x, x_test])
    kernels = deep_kernels(
        z, x, depths, run.activation, weight_scale=run.weight_scale, bias_scale=run.bias_scale
    )  # fmt: skip
    values = {"depths": np.array(depths), "accuracy_linear": np.array(accuracy(z @ x.T + 1, label, label_test))}
    for name, several in zip(("conjugate", "tangent"), kernels, strict=True):
        values[f"accuracy_{name}"] = np.array([accuracy(kernel, label, label_test) for kernel in several])
    return values


def accuracy(kernel: np.ndarray, label: np.ndarray, label_test: np.ndarray) -> float:
    """Share of test samples in their class, for the ridge that misses fewest training samples left out."""
    known, cross = np.split(kernel, [len(label)])
    path = ridge_path(known, cross, np.eye(10)[label], STRENGTHS * np.mean(np.diag(known)))
    return float(np.mean(path.predictions[chosen(path, label)[0]].argmax(axis=1) == label_test))
