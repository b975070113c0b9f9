"""Deep networks of random weights: a Gaussian process and a kernel as their width grows, and what depth does to both.

Outputs, features and tangent kernels of random networks at a few inputs are compared with the recursions in depth, and
with what is of first order in 1/width. Beside them is what the kernels of infinitely wide networks are worth on test
data, depth by depth.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import meanfield as mf
from simulations import Experiment, Study, between, checks, choice, claim, count, grid, number, shared
from simulations.regimes import finite_width as measure
from simulations.regimes.finite_width import COMPARED
from theory.activations import ACTIVATIONS
from theory.deep_fluctuation import deep_fluctuation
from theory.deep_kernels import deep_kernels
from theory.kernel_fluctuation import LONGEST
from theory.prediction import Prediction
from theory.regression import chosen, ridge_path

RELU = {"activation": "relu", "weight_scale": 2**0.5}
ERF = {"activation": "erf", "weight_scale": 1.5, "bias_scale": 0.3}

APART = 0.95
"""The largest |cosine| of two inputs of networks: constants are taken by differences, which need room."""

DEPTHS = (1, 2, 4, 8, 16, 32, 64, 128)
"""Depths of regressions, up to that of the run (count)."""

STRENGTHS = 10.0 ** np.arange(-8, 1)
"""Ridge strengths to choose from, in units of the kernel's mean diagonal."""

IMAGES = {"digits": 1797, "mnist1d": 5000}
"""Samples of each data set (count)."""

SIGMA = "activation σ"
WEIGHTS = "s_w", "factor of all weights but the last layer's; √2 keeps norms through layers of ReLU"
BIASES = "s_b", "factor of the biases"


class Networks(Experiment):
    """Independent random networks at a few inputs on the unit sphere."""

    activation: str = choice("relu", SIGMA, among=tuple(ACTIVATIONS))
    weight_scale: float = number(2**0.5, *WEIGHTS, above=0)
    bias_scale: float = number(0.0, *BIASES, unit="pre-activation units", at_least=0)
    depth: int = count(3, "L", "hidden layers")
    width: int = count(64, "N", "units of a hidden layer")
    replicas: int = count(128, "", "networks, over which kernels and moments are means")
    dimension: int = count(3, "d", "inputs", at_least=2)
    samples: int = count(3, "n", "points at which networks are looked at", at_least=2, at_most=8)
    precision = "float32"
    sizes = grid(
        smoke=[
            {**RELU, "depth": 6, "width": (32, 48), "replicas": 480, "seeds": 11},
            {**RELU, "depth": 6, "width": 96, "replicas": 256, "seeds": 11},
            {**ERF, "depth": 3, "width": (24, 32, 96), "replicas": 384, "seeds": 11},
        ],
        default=[
            {**RELU, "depth": 6, "width": (32, 48, 128), "replicas": 512, "seeds": 16},
            {**RELU, "depth": 16, "width": (32, 64, 128), "replicas": 256, "seeds": 8},
            {**RELU, "depth": 16, "width": 256, "replicas": 64, "seeds": 8},
            {**ERF, "depth": 3, "width": (32, 64, 256), "replicas": 1024, "seeds": 16},
        ],
        large=[
            {**law, "width": width, "replicas": replicas, "seeds": 10}
            for law in ({**RELU, "depth": 6}, {**RELU, "depth": 64}, {**ERF, "depth": 3})
            for width, replicas in (((32, 128), 4096), (512, 1024), (2048, 128))
        ],
    )

    def refusal(self):
        if self.dimension == 2 and self.samples > 4:
            return f"samples={self.samples}: expected at most 4 points in the plane, to be apart."
        return None

    @property
    def scales(self) -> dict[str, float]:
        return {"weight_scale": self.weight_scale, "bias_scale": self.bias_scale}

    def points(self) -> np.ndarray:
        """Draw inputs on the unit sphere, no two of them parallel; they are the same for all networks of a seed."""
        random = self.generator("inputs")
        while True:
            x = random.normal(size=(self.samples, self.dimension))
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            if np.max(np.abs(x @ x.T - np.eye(len(x)))) < APART:
                return x

    def weights(self) -> list[np.ndarray]:
        """Draw W_1, the other W, b and a of all networks, a row a network."""
        # By NumPy: JAX would compile longer than all else that a small run does.
        random = self.generator(f"weights of {self.activation}, {self.depth} layers of {self.width}")
        n, layers = self.width, self.depth
        shapes = [(n, self.dimension), (layers - 1, n, n), (layers, n), (n,)]
        return [random.standard_normal((self.replicas, *shape), np.float32) for shape in shapes]

    def run(self):
        known = self.limit()
        scales = [jnp.float32(scale) for scale in self.scales.values()]
        found = _kernels(self.weights(), jnp.asarray(known["x"], jnp.float32), self.activation, *scales)
        conjugate, tangent, outputs = (np.asarray(part, float) for part in found)
        squares = np.einsum("rlii->rli", conjugate)
        lengths = np.sqrt(squares[..., :, None] * squares[..., None, :])
        exact = np.einsum("lii->li", known["limit_conjugate"])
        return known | {
            "outputs": outputs,
            "conjugate": conjugate.mean(axis=0),
            "distance": np.sum((conjugate - known["limit_conjugate"]) ** 2, axis=(2, 3)).mean(axis=0),
            # f is Gaussian given the hidden weights, with variance h·h/N: its excess kurtosis, with less noise than f.
            "kurtosis": 3 * np.mean((squares / exact - 1) ** 2, axis=(0, 2)),
            "deficit": np.mean(1 - conjugate / np.where(lengths > 0, lengths, 1.0), axis=0),
            "tangent": tangent.mean(axis=0),
            "tangent_variance": np.mean((np.einsum("rii->ri", tangent) / np.diag(known["limit_tangent"][-1]) - 1) ** 2),
        }

    @shared(width=1, replicas=1)
    def limit(self) -> dict[str, np.ndarray]:
        """Return kernels of the infinitely wide network, and how those of finite ones differ from them in order 1/N.

        Scales at which the quadrature of the latter fails leave it out.
        """
        x, layers, scales = self.points(), self.depth, self.scales
        conjugate, tangent = deep_kernels(x, None, tuple(range(1, layers + 1)), self.activation, **scales)
        found = {"x": x, "limit_conjugate": conjugate, "limit_tangent": tangent}
        squares = np.array([1.0, *np.einsum("lii->li", conjugate[: min(COMPARED, layers) - 1]).max(axis=1, initial=0)])
        if self.weight_scale**2 * squares.max() + self.bias_scale**2 > LONGEST**2:
            return found
        first = deep_fluctuation(x, (1, min(COMPARED, layers)), self.activation, **scales)
        return found | {"limit_variance": first.variance, "limit_shift": first.shift[1], "constant": first.constant}


@eqx.filter_jit
def _kernels(weights, x, activation: str, weight_scale, bias_scale):
    """Conjugate kernels of all layers [R, L, n, n], tangent kernel [R, n, n] and outputs [R, n] of every network."""

    def of_one(parts):
        first, hidden, biases, output = parts
        scales = {"weight_scale": weight_scale, "bias_scale": bias_scale}
        net = mf.units.DeepNetwork(first, hidden, biases, output, activation, **scales)
        return net.conjugate_kernels(x), net.tangent_kernel(x), net.predict(x)

    return jax.lax.map(of_one, weights)


class Regression(Experiment):
    """Kernel regression on images of ten classes, with the kernels of infinitely wide networks of every depth."""

    data: str = choice("digits", "images", among=tuple(IMAGES))
    activation: str = choice("relu", SIGMA, among=tuple(ACTIVATIONS))
    weight_scale: float = number(2**0.5, *WEIGHTS, above=0)
    bias_scale: float = number(0.0, *BIASES, unit="pre-activation units", at_least=0)
    depth: int = count(32, "L", "hidden layers of the deepest kernel; 1, 2, 4, … up to it are compared")
    samples: int = count(100, "n", "training samples", at_least=2)
    tested: int = count(500, "", "test samples")
    precision = "float32"
    sizes = grid(
        smoke=[{**RELU, "tested": 250, "seeds": 8}, {**ERF, "tested": 250, "seeds": 5}],
        default=[{**law, "data": tuple(IMAGES), "samples": 300, "tested": 700, "seeds": 8} for law in (RELU, ERF)],
        large=[
            {**law, **images, "depth": 128, "seeds": 10}
            for law in (RELU, ERF)
            for images in ({"samples": 1000, "tested": 797}, {"data": "mnist1d", "samples": 4000, "tested": 1000})
        ],
    )

    def refusal(self):
        most = IMAGES[self.data] - self.tested
        if self.samples > most:
            return f"samples={self.samples}: expected 2 to {most} of {self.data} beside {self.tested} for test."
        return None

    def split(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return (x, label, x_test, label_test), centred on the training part and of unit length."""
        # Number 0 of mnist1d is its published order, one split for all seeds.
        number = self.seed + (self.data == "mnist1d")
        data = getattr(mf.datasets, self.data)(n=self.samples, n_test=self.tested, split=number)
        x, x_test = np.asarray(data.x, float), np.asarray(data.x_test, float)
        centre = x.mean(axis=0)
        x, x_test = (part - centre for part in (x, x_test))
        x, x_test = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (x, x_test))
        return x, np.asarray(data.y).argmax(axis=1), x_test, np.asarray(data.y_test).argmax(axis=1)

    def run(self):
        x, label, x_test, label_test = self.split()
        depths, z = tuple(depth for depth in DEPTHS if depth <= self.depth), np.concatenate([x, x_test])
        scales = {"weight_scale": self.weight_scale, "bias_scale": self.bias_scale}
        kernels = deep_kernels(z, x, depths, self.activation, **scales)
        values = {"depths": np.array(depths), "accuracy_linear": accuracy(z @ x.T + 1, label, label_test)}
        for name, several in zip(("conjugate", "tangent"), kernels, strict=True):
            values[f"accuracy_{name}"] = np.array([accuracy(kernel, label, label_test) for kernel in several])
        return values


def accuracy(kernel: np.ndarray, label: np.ndarray, label_test: np.ndarray) -> float:
    """Return the share of test samples in their class, for the ridge that misses fewest training samples left out."""
    known, cross = np.split(kernel, [len(label)])
    path = ridge_path(known, cross, np.eye(10)[label], STRENGTHS * np.mean(np.diag(known)))
    return float(np.mean(path.predictions[chosen(path, label)[0]].argmax(axis=1) == label_test))


networks = partial(Networks.at, "conjugate", "constant")
"""Networks whose first order in 1/N is known."""

he = networks(activation="relu", bias_scale=0.0, weight_scale=RELU["weight_scale"])
"""ReLU networks without biases that keep norms."""

deep = networks(
    activation="relu", bias_scale=0.0, weight_scale=RELU["weight_scale"], depth=between(2, 8), width=between(31, np.inf)
)
"""Of these, the ones of a few layers, whose kernels scatter little enough for a mean."""

smooth = networks(activation="erf", depth=between(1, np.inf))
"""Networks of at least two layers, whose first order in 1/N is not that of one layer."""

relu_digits, erf_digits = (
    Regression.at("accuracy_tangent", data="digits", **law, depth=between(31, np.inf)) for law in (RELU, ERF)
)
"""Kernels of depths up to 32 and more."""

PROCESS = Prediction(0.0, "=", "random networks, output weights of mean 0", "meanfield")
OUTPUTS = Prediction(1.0, "=", "He-scaled ReLU without biases", "lee2018deep")
MOMENTS = Prediction(1.0, "=", "He-scaled ReLU without biases, mean to first order in 1/N", "yaida2020nongaussian")
KURTOSIS = Prediction(1.0, "=", "ReLU without biases, every N and L", "hanin2020products")
CONSTANT = Prediction(1.0, "=", "equal widths N → ∞, depth fixed", "yaida2020nongaussian")
TANGENT = Prediction(1.0, "=", "ReLU without biases, diagonal, every N and L", "jacot2018neural")
TANGENT_VARIANCE = Prediction(1.0, "=", "ReLU without biases, diagonal, every N and L", "meanfield")
MAP = Prediction(1.0, "=", "ReLU without biases, N → ∞", "cho2009kernel")
OBSERVED = Prediction(0.0, ">=", "an observation on this data set, not a theorem", "meanfield")

CLAIMS = (
    claim(
        "outputs", "covariance of outputs over the recursion's, L layers of ReLU", OUTPUTS, checks.mean,
        select=deep, value=measure.outputs, what="E f f' / K",
        wrong="the recursion with biases of 0.3", control={"value": partial(measure.outputs, bias_scale=0.3)},
    ),
    claim(
        "covariance", "kernel of two inputs over the recursion's, layer 3 of ReLU, first order in 1/N included",
        MOMENTS, checks.mean,
        select=deep, value=measure.covariance, what="K_N / prediction",
        wrong="the recursion at layer 2", control={"value": partial(measure.covariance, layer=2)},
    ),
    claim(
        "kurtosis", "excess kurtosis of outputs over 3(1 + 5/N)^L − 3, ReLU, L = 3", KURTOSIS, checks.mean,
        select=deep, value=measure.kurtosis, what="excess kurtosis / exact",
        wrong="15/N, that of one layer", control={"value": partial(measure.kurtosis, one_layer=True)},
    ),
    claim(
        "kurtosis_constant", "N × excess kurtosis over the recursion's constant, erf", CONSTANT, checks.limit,
        select=smooth, x="width", value=measure.kurtosis_constant, order=1.0, what="N κ / constant",
        wrong="15 L, that of ReLU", control={"value": partial(measure.kurtosis_constant, relu=True)},
    ),
    claim(
        "kernel_constant", "N E‖K_N − K‖² over the recursion's constant, erf: so kernels are 1/N from their limits",
        CONSTANT, checks.limit,
        select=smooth, x="width", value=measure.distance_constant, order=1.0, what="N ‖K_N − K‖² / C",
        wrong="the constants of single layers added up",
        control={"value": partial(measure.distance_constant, added=True)},
    ),
    claim(
        "tangent_mean", "mean tangent kernel at one input over the recursion's, L layers of ReLU", TANGENT, checks.mean,
        select=deep, value=measure.tangent_mean, what="E Θ_N(x, x)/Θ(x, x)",
        wrong="a layer fewer", control={"value": partial(measure.tangent_mean, fewer=1)},
    ),
    claim(
        "tangent_variance", "relative variance of the tangent kernel at one input over its exact value, ReLU",
        TANGENT_VARIANCE, checks.mean,
        select=deep, value=measure.tangent_variance, what="Var Θ_N(x, x) / exact",
        wrong="3/N, that of one layer", control={"value": partial(measure.tangent_variance, layers=1)},
    ),
    claim(
        "correlation", "1 − cosine of two inputs behind L layers over the correlation map's, N → ∞", MAP, checks.limit,
        select=deep, x="width", value=measure.deficit, order=1.0, what="(1 − cosine)/(1 − c_L)",
        wrong="a layer fewer", control={"value": partial(measure.deficit, fewer=1)},
    ),
)  # fmt: skip

SANITY = (
    claim(
        "mean", "mean of the outputs, in standard deviations of the limit", PROCESS, checks.mean,
        select=networks(), value=measure.mean_output, what="mean of f",
        widest=0.1, wrong="their absolute values", control={"value": partial(measure.mean_output, absolute=True)},
    ),
    claim(
        "too_deep", "digits: log(test errors, tangent kernel of the most layers / of one layer), ReLU", OBSERVED,
        checks.mean,
        select=relu_digits, value=measure.log_errors, what="log ratio",
        wrong="two layers", control={"value": partial(measure.log_errors, depth=2)},
    ),
    claim(
        "too_deep_erf", "digits: log(test errors, tangent kernel of the most layers / of one layer), erf", OBSERVED,
        checks.mean,
        select=erf_digits, value=measure.log_errors, what="log ratio",
        wrong="two layers", control={"value": partial(measure.log_errors, depth=2)},
    ),
)  # fmt: skip

STUDY = Study(
    name="infinite_width",
    group="regimes",
    summary="deep random networks against their Gaussian process and tangent kernel, and what depth does to both",
    experiments=(Networks, Regression),
    claims=CLAIMS,
    sanity=SANITY,
)
